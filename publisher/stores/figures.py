"""What became of an issue, counted by the database, or row by row where only we can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Select,
    Subquery,
    Table,
    Text,
    and_,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)

from publisher.domain.delivery import DeliveryState
from publisher.domain.figures import (
    COARSE,
    COMPLAINT,
    MOST_ANSWERS,
    UNSUBSCRIBED,
    WIDTHS,
    Answer,
    Counts,
    Figures,
    Timeline,
    largest,
    width,
)
from publisher.domain.issue import IssueState
from publisher.domain.providers import PROVIDERS
from publisher.stores import shelf
from publisher.stores.database import Database
from publisher.stores.tables import (
    bounce,
    complaint,
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

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, issue_id: int) -> Figures:
        """The figures of one issue. Memory does not grow with its audience."""
        every = _every(issue_id)
        settled = select(every.c.settled_at.label("at"), every.c.state.label("kind")).where(
            every.c.settled_at.is_not(None)
        )
        with self._database.read() as connection:
            returned: CompoundSelect[Any] = union_all(
                *_came_back(issue_id, bounce, bounce.c.kind),
                *_came_back(issue_id, complaint, literal(COMPLAINT, Text)),
                *_left(connection, issue_id, every),
            )
            return Figures(
                settled=_timeline(connection, settled.subquery(), WIDTHS[0]),
                returned=_timeline(connection, returned.subquery(), COARSE),
                domains=largest(_domains(connection, every)),
                answers=_answers(connection, every),
            )


def _every(issue_id: int) -> Subquery:
    """The deliveries of an issue, wherever they are."""
    names = ("subscription_id", "state", "settled_at", "code", "reply")
    return shelf.union(
        lambda d: select(*(d.c[name] for name in names)).where(d.c.issue_id == issue_id)
    ).subquery()


def _timeline(connection: Connection, happened: FromClause, least: timedelta) -> Timeline:
    """`happened` has the columns `at` and `kind`."""
    first, last = connection.execute(select(func.min(happened.c.at), func.max(happened.c.at))).one()
    if first is None:
        return Timeline()
    long = width(first, last, least)
    ticks = int(long.total_seconds()) * 1_000_000
    number = (type_coerce(happened.c.at, BigInteger) // ticks).label("number")
    rows = connection.execute(
        select(number, happened.c.kind, func.count())
        .group_by(number, happened.c.kind)
        .order_by(number, happened.c.kind)
    )
    found: dict[int, dict[str, int]] = {}
    for place, kind, count in rows:
        found.setdefault(int(place), {})[kind] = count
    return Timeline(long, tuple((instant(at * ticks), counts) for at, counts in found.items()))


def _came_back(issue_id: int, table: Table, kind: ColumnElement[str]) -> Iterator[Select[Any, str]]:
    """Each mail once in a kind, however often it was told."""
    for d in shelf.BOTH:
        yield (
            select(func.min(table.c.at).label("at"), kind.label("kind"))
            .join_from(table, d, table.c.delivery_id == d.c.id)
            .where(d.c.issue_id == issue_id)
            .group_by(d.c.id, kind)
        )


def _domains(connection: Connection, every: Subquery) -> Mapping[str, Counts]:
    """By provider, or by the part behind the `@`; "" where the reader is known no more."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = connection.execution_options(yield_per=_ROWS).execute(
        select(subscriber.c.key, every.c.state)
        .select_from(every)
        .outerjoin(subscription, subscription.c.id == every.c.subscription_id)
        .outerjoin(subscriber, subscriber.c.id == subscription.c.subscriber_id)
    )
    for key, state in rows:
        domain = (key or "").rpartition("@")[2]
        found[PROVIDERS.get(domain, domain)][state] += 1
    return {name: dict(counts) for name, counts in found.items()}


def _answers(connection: Connection, every: Subquery) -> tuple[Answer, ...]:
    number = func.count().label("number")
    d = every.c
    rows = connection.execute(
        select(d.state, d.code, d.reply, number)
        .where(state_is(d.state, *_TROUBLED))
        .group_by(d.state, d.code, d.reply)
        .order_by(number.desc(), d.code, d.reply)
        .limit(MOST_ANSWERS)
    )
    return tuple(Answer(*row) for row in rows)


def _left(connection: Connection, issue_id: int, every: Subquery) -> list[Select[Any]]:
    own = connection.execute(select(issue).where(issue.c.id == issue_id)).one_or_none()
    if own is None or own.released_at is None:
        return []
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
        select(s.unsubscribed_at.label("at"), literal(UNSUBSCRIBED, Text).label("kind"))
        .select_from(every)
        .join(subscription, s.id == every.c.subscription_id)
        .where(
            state_is(every.c.state, *_REACHED),
            or_(every.c.settled_at.is_(None), s.unsubscribed_at >= every.c.settled_at),
            and_(s.unsubscribed_at.is_not(None), *until),
        )
    )
    return [query]
