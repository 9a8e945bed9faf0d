"""Who joined an audience and who left it, counted by reason; no name and no address is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, false, func, or_, select

from publisher.domain.issue import IssueKind, SlotId
from publisher.domain.subscription import SubscriptionState
from publisher.errors import NotFound
from publisher.ports import Turnover
from publisher.stores import shelf
from publisher.stores.planning import (
    ALREADY_SENT,
    already_sent,
    cadence_is,
    paused,
    suppressed_ids,
    topics_value,
)
from publisher.stores.tables import issue, state_is, subscription

SINCE = "subscribed since"
TOPIC = "other topic"
WISHES = "other wishes"
FORGOTTEN = "forgotten"
CHANGED = "changed since"

S = subscription.c


def count(
    connection: Connection,
    issue_id: int,
    default_cadence: str,
    categories: Collection[str],
    earlier: tuple[int, Collection[str]] | None,
) -> Turnover:
    """See `ports.Issues.turnover`."""
    this = _of(connection, issue_id)
    out = _out(connection, this, default_cadence, categories)
    if earlier is None:
        removed = _counted(connection, this, out.why(), and_(out.any(), _got(issue_id)))
        if this.slot.kind is IssueKind.CORRECTION:
            return Turnover({}, removed)  # nobody receives a mistake afterwards
        joined = case((S.confirmed_at > this.planned_at, SINCE), else_=WISHES)
        return Turnover(
            added=_counted(connection, this, joined, and_(~out.any(), ~_got(issue_id))),
            removed=removed,
        )
    before_id, others = earlier
    before = _of(connection, before_id)
    why = case(
        (S.confirmed_at > before.planned_at, SINCE),
        (_without(connection, this.slot.newsletter, others), TOPIC),
        else_=WISHES,
    )
    then, now = _got(before_id), _got(issue_id)
    added = _counted(connection, this, why, and_(~then, now))
    removed = _counted(connection, this, out.why(), and_(then, ~now))
    # Whom a delivery was for is not known once the person is forgotten: only how many there are.
    gone = _nobodys(connection, before_id) - _nobodys(connection, issue_id)
    if gone > 0:
        removed[FORGOTTEN] = gone
    elif gone < 0:
        added[FORGOTTEN] = -gone
    return Turnover(added, removed)


@dataclass(frozen=True, slots=True)
class _Planned:
    slot: SlotId
    slot_at: datetime
    planned_at: datetime


def _of(connection: Connection, issue_id: int) -> _Planned:
    i = issue.c
    query = select(i.newsletter, i.kind, i.cadence, i.slot_key, i.slot_at, i.planned_at).where(
        i.id == issue_id
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no issue {issue_id}: see `publisher issue list`")
    slot = SlotId(row.newsletter, IssueKind(row.kind), row.cadence, row.slot_key)
    return _Planned(slot, row.slot_at, row.planned_at)


class _Out:
    """Why a subscription is not in an audience, the first reason first."""

    def __init__(self, reasons: Mapping[str, ColumnElement[bool]]) -> None:
        self._reasons = reasons

    def any(self) -> ColumnElement[bool]:
        return or_(*self._reasons.values())

    def why(self) -> ColumnElement[str]:
        return case(*((when, name) for name, when in self._reasons.items()), else_=CHANGED)


def _out(
    connection: Connection, this: _Planned, default_cadence: str, categories: Collection[str]
) -> _Out:
    gone = {
        "unsubscribed": state_is(S.state, SubscriptionState.UNSUBSCRIBED),
        "unconfirmed": state_is(S.state, SubscriptionState.PENDING),
        "suppressed": suppressed_ids(),
    }
    if this.slot.kind is IssueKind.CORRECTION:
        return _Out(gone)  # whatever they read, and how often: they received the mistake
    return _Out(
        gone
        | {
            "other cadence": ~func.coalesce(
                cadence_is(this.slot.cadence, default_cadence), false()
            ),
            "paused": paused(this.slot_at),
            ALREADY_SENT: already_sent(this.slot),
            TOPIC: _without(connection, this.slot.newsletter, categories),
        }
    )


def _without(
    connection: Connection, newsletter: str, categories: Collection[str]
) -> ColumnElement[bool]:
    """The reader's topics have none of the `categories`."""
    wanted = set(categories)
    chosen = connection.scalars(
        select(S.topics).where(S.newsletter == newsletter, S.topics.is_not(None)).distinct()
    )
    empty = [text for text in chosen if not wanted & set(topics_value(text) or ())]
    return and_(S.topics.is_not(None), S.topics.in_(empty))


def _got(issue_id: int) -> ColumnElement[bool]:
    return shelf.either(
        lambda d: (
            select(d.c.id)
            .where(d.c.subscription_id == S.id, d.c.issue_id == issue_id)
            .correlate(subscription)
            .exists()
        )
    )


def _nobodys(connection: Connection, issue_id: int) -> int:
    return shelf.counted(
        connection,
        lambda d: select(func.count()).where(
            d.c.issue_id == issue_id, d.c.subscription_id.is_(None)
        ),
    )


def _counted(
    connection: Connection, this: _Planned, why: ColumnElement[str], where: ColumnElement[bool]
) -> dict[str, int]:
    rows = connection.execute(
        select(why.label("why"), func.count())
        .where(S.newsletter == this.slot.newsletter, where)
        .group_by("why")
    ).all()
    return {str(row[0]): int(row[1]) for row in sorted(rows, key=lambda row: str(row[0]))}
