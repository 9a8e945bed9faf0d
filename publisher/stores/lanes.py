"""The two lanes of the outbox, deliveries and notices: the same statements over two tables.

Every statement is built once and compiled once (SQLAlchemy caches by its identity), because
these run for every message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    Update,
    and_,
    bindparam,
    exists,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from publisher.domain.delivery import (
    TRANSITIONS,
    DeliveryEvent,
    DeliveryState,
    OutboxKind,
)
from publisher.domain.issue import IssueState
from publisher.domain.notice import NoticeKind
from publisher.domain.subscription import SubscriptionState, SuppressionReason
from publisher.stores.tables import (
    Instant,
    delivery,
    issue,
    notice,
    state_is,
    state_value,
    subscriber,
    subscription,
    suppression,
)

S, E = DeliveryState, DeliveryEvent

SETTLING = (E.ACCEPT, E.DEFER, E.REFUSE, E.LOSE, E.RETURN)
"""What may become of a message that was started."""

BURNING = frozenset({E.ACCEPT, E.DEFER, E.REFUSE, E.LOSE})
"""Events after which the server has had the message, or said no to it: an attempt is gone."""

WAITING = frozenset({E.DEFER, E.RETURN})
"""Events after which a message has another turn."""

FREED: Mapping[str, Any] = {"leased_by": null(), "leased_until": null()}


@dataclass(frozen=True, slots=True)
class Lane:
    """One table of the outbox and its statements.

    `claim` wants worker, until, number (and issue, low and high for deliveries); `start` and
    `started` (what an unheard commit did start) want pairs of (id, fence), ids and until;
    `start_one` wants until and, as `settle[event]` and `give_back` do, row_id and row_fence;
    `give_back` wants due besides.
    """

    kind: OutboxKind
    table: Table
    claim: ReturningUpdate[Any]
    start: ReturningUpdate[Any]
    start_one: Update
    started: ReturningUpdate[Any]
    settle: Mapping[DeliveryEvent, Update]
    give_back: Update
    cancel: Update
    renew: Update


def deliveries() -> Lane:
    """Messages of issues."""
    d = delivery.c
    mine = and_(d.issue_id == bindparam("issue"), d.id.between(bindparam("low"), bindparam("high")))
    eligible = exists().where(
        subscription.c.id == d.subscription_id,
        state_is(subscription.c.state, SubscriptionState.CONFIRMED),
        subscriber.c.id == subscription.c.subscriber_id,
        issue.c.id == d.issue_id,
        state_is(issue.c.state, IssueState.SENDING),
        ~exists().where(suppression.c.key == subscriber.c.key),
    )
    return _lane(
        OutboxKind.DELIVERY,
        delivery,
        mine,
        eligible,
        (d.attempts, d.first_due_at, d.departs_at, d.subscription_id, d.edition_id),
    )


def notices() -> Lane:
    """Mails outside any issue."""
    n = notice.c
    return _lane(
        OutboxKind.NOTICE,
        notice,
        None,
        ~notice_blocked(),
        (
            n.attempts,
            n.first_due_at,
            n.created_at,
            n.address,
            n.nonce,
            n.newsletter,
            n.transport,
        ),
    )


def notice_blocked() -> ColumnElement[bool]:
    """The notice's address is suppressed.

    A confirmation may go where mail once bounced: opting in anew is what lifts that.
    """
    return exists().where(
        suppression.c.key == notice.c.address_key,
        or_(
            notice.c.kind != str(NoticeKind.CONFIRMATION),
            suppression.c.reason != str(SuppressionReason.BOUNCE),
        ),
    )


def _lane(
    kind: OutboxKind,
    table: Table,
    within: ColumnElement[bool] | None,
    eligible: ColumnElement[bool],
    wanted: tuple[ColumnElement[Any], ...],
) -> Lane:
    c = table.c
    # What waits for a limit, or its reader's own time, is queued with `due_at` until a sweep
    # wakes it: the index tells it apart, and nothing looks through it.
    next_ones = select(c.id).where(state_is(c.state, S.QUEUED), c.due_at.is_(None))
    next_ones = next_ones.order_by(c.id)
    if within is not None:
        # The same order, named as the index has it: PostgreSQL would sort all that is queued else.
        next_ones = next_ones.where(within).order_by(None).order_by(c.due_at, c.id)
    # SKIP LOCKED is for PostgreSQL; SQLite has one writer and leaves it out.
    next_ones = (
        next_ones.limit(bindparam("number")).with_for_update(skip_locked=True).correlate(None)
    )
    one = and_(c.id == bindparam("row_id"), c.fence == bindparam("row_fence"))
    until = bindparam("until", type_=Instant)
    # The ids alone choose the rows; the pairs then test each one's fence.
    several = and_(
        c.id.in_(bindparam("ids", expanding=True)),
        tuple_(c.id, c.fence).in_(bindparam("pairs", expanding=True)),
    )
    return Lane(
        kind=kind,
        table=table,
        claim=update(table)
        .where(c.id.in_(next_ones))
        .values(
            state=state_value(S.CLAIMED),
            fence=c.fence + literal_column("1"),
            leased_by=bindparam("worker"),
            leased_until=until,
        )
        .returning(c.id, c.fence, *wanted),
        start=update(table)
        .where(several, state_is(c.state, S.CLAIMED), eligible)
        .values(state=state_value(S.SENDING), leased_until=until)
        .returning(c.id),
        start_one=update(table)
        .where(one, state_is(c.state, S.CLAIMED), eligible)
        .values(state=state_value(S.SENDING), leased_until=until),
        started=update(table)
        .where(several, state_is(c.state, S.SENDING))
        .values(leased_until=until)
        .returning(c.id),
        settle={event: _settle(table, event, one) for event in SETTLING},
        give_back=update(table)
        .where(one, state_is(c.state, S.CLAIMED))
        .values(state=state_value(S.QUEUED), due_at=bindparam("due", type_=Instant), **FREED),
        cancel=update(table)
        .where(one, state_is(c.state, S.CLAIMED))
        .values(
            state=state_value(S.CANCELLED),
            reason=bindparam("why"),
            settled_at=bindparam("at", type_=Instant),
            **FREED,
        ),
        renew=update(table)
        .where(
            state_is(c.state, S.CLAIMED, S.SENDING),
            c.leased_by == bindparam("worker"),
        )
        .values(leased_until=until),
    )


def _settle(table: Table, event: DeliveryEvent, one: ColumnElement[bool]) -> Update:
    c = table.c
    # From the table of states: where a started message may be when this comes to pass.
    sources = [s for s in (S.SENDING, S.UNKNOWN) if (s, event) in TRANSITIONS]
    return (
        update(table)
        .where(one, state_is(c.state, *sources))
        .values(
            state=state_value(TRANSITIONS[S.SENDING, event]),
            attempts=c.attempts + literal_column("1") if event in BURNING else c.attempts,
            code=bindparam("said"),
            reply=bindparam("words"),
            due_at=bindparam("due", type_=Instant) if event in WAITING else null(),
            settled_at=bindparam("at", type_=Instant),
            **FREED,
        )
    )
