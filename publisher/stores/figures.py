"""What became of an issue, counted by the database, or row by row where only we can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import BigInteger, Connection, and_, func, or_, select, type_coerce

from publisher.domain.delivery import DeliveryState
from publisher.domain.figures import MOST_ANSWERS, WIDTHS, Answer, Counts, Figures, largest, width
from publisher.domain.issue import IssueState
from publisher.domain.providers import PROVIDERS
from publisher.stores.bounces import SqlBounces
from publisher.stores.database import Database
from publisher.stores.tables import (
    delivery,
    instant,
    issue,
    state_is,
    subscriber,
    subscription,
)

_ROWS = 10_000
"""Rows in memory at a time."""
_REACHED = (DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)
_TROUBLED = (DeliveryState.DEFERRED, DeliveryState.REFUSED, DeliveryState.UNKNOWN)


class SqlFigures:
    """`ports.Reckoning` on SQL."""

    def __init__(self, database: Database, bounces: SqlBounces) -> None:
        self._database = database
        self._bounces = bounces

    def of(self, issue_id: int) -> Figures:
        """The figures of one issue. Memory does not grow with its audience."""
        with self._database.read() as connection:
            first, last = connection.execute(
                select(func.min(delivery.c.settled_at), func.max(delivery.c.settled_at)).where(
                    delivery.c.issue_id == issue_id
                )
            ).one()
            long = width(first, last) if first is not None else WIDTHS[0]
            figures = Figures(
                width=long,
                moments=_moments(connection, issue_id, int(long.total_seconds()) * 1_000_000),
                domains=largest(_domains(connection, issue_id)),
                answers=_answers(connection, issue_id),
                left=_left(connection, issue_id),
            )
        return replace(figures, bounces=self._bounces.counts(issue_id))


def _moments(
    connection: Connection, issue_id: int, ticks: int
) -> tuple[tuple[datetime, Counts], ...]:
    """`ticks` are microseconds."""
    number = type_coerce(delivery.c.settled_at, BigInteger) // ticks
    rows = connection.execute(
        select(number.label("at"), delivery.c.state, func.count())
        .where(delivery.c.issue_id == issue_id, delivery.c.settled_at.is_not(None))
        .group_by("at", delivery.c.state)
        .order_by("at", delivery.c.state)
    )
    found: dict[int, dict[str, int]] = {}
    for at, state, count in rows:
        found.setdefault(int(at), {})[state] = count
    return tuple((instant(at * ticks), counts) for at, counts in found.items())


def _domains(connection: Connection, issue_id: int) -> Mapping[str, Counts]:
    """By provider, or by the part behind the `@`; "" where the reader is known no more."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = connection.execution_options(yield_per=_ROWS).execute(
        select(subscriber.c.key, delivery.c.state)
        .select_from(delivery)
        .outerjoin(subscription, subscription.c.id == delivery.c.subscription_id)
        .outerjoin(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(delivery.c.issue_id == issue_id)
    )
    for key, state in rows:
        domain = (key or "").rpartition("@")[2]
        found[PROVIDERS.get(domain, domain)][state] += 1
    return {name: dict(counts) for name, counts in found.items()}


def _answers(connection: Connection, issue_id: int) -> tuple[Answer, ...]:
    number = func.count().label("number")
    d = delivery.c
    rows = connection.execute(
        select(d.state, d.code, d.reply, number)
        .where(d.issue_id == issue_id, state_is(d.state, *_TROUBLED))
        .group_by(d.state, d.code, d.reply)
        .order_by(number.desc(), d.code, d.reply)
        .limit(MOST_ANSWERS)
    )
    return tuple(Answer(*row) for row in rows)


def _left(connection: Connection, issue_id: int) -> int:
    own = connection.execute(select(issue).where(issue.c.id == issue_id)).one()
    if own.released_at is None:
        return 0
    following = connection.scalar(
        select(func.min(issue.c.released_at)).where(
            issue.c.newsletter == own.newsletter,
            issue.c.cadence == own.cadence,
            issue.c.released_at > own.released_at,
            ~state_is(issue.c.state, IssueState.CANCELLED),
        )
    )
    s = subscription.c
    until = [s.unsubscribed_at < following] if following is not None else []
    query = (
        select(func.count())
        .select_from(delivery)
        .join(subscription, s.id == delivery.c.subscription_id)
        .where(
            delivery.c.issue_id == issue_id,
            state_is(delivery.c.state, *_REACHED),
            or_(delivery.c.settled_at.is_(None), s.unsubscribed_at >= delivery.c.settled_at),
            and_(s.unsubscribed_at.is_not(None), *until),
        )
    )
    return connection.scalar(query) or 0
