"""Journalling one by one, where the short ways will not do: who may go, and why others may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, select
from sqlalchemy.sql.dml import ReturningUpdate

from publisher.domain.delivery import Claim, DeliveryState, OutboxKind
from publisher.domain.issue import IssueState
from publisher.domain.subscription import SubscriptionState
from publisher.stores import lanes
from publisher.stores.lanes import Lane
from publisher.stores.tables import (
    delivery,
    issue,
    notice,
    subscriber,
    subscription,
    suppression,
)

_WHY_DELIVERY = (
    select(
        delivery.c.id,
        delivery.c.fence,
        delivery.c.state,
        issue.c.state.label("issue_state"),
        subscription.c.state.label("subscription_state"),
        exists().where(suppression.c.key == subscriber.c.key).label("suppressed"),
    )
    .join_from(delivery, issue)
    .join(subscription, subscription.c.id == delivery.c.subscription_id)
    .join(subscriber)
    .where(delivery.c.id.in_(bindparam("ids", expanding=True)))
)
_WHY_NOTICE = select(notice.c.id, notice.c.fence, notice.c.state).where(
    notice.c.id.in_(bindparam("ids", expanding=True)), lanes.notice_blocked()
)


def start(
    connection: Connection, lane: Lane, claims: Sequence[Claim], until: datetime, now: datetime
) -> set[tuple[OutboxKind, int]]:
    """The conditional update of the design, and what becomes of those it did not change."""
    done = change(connection, lane, lane.start, claims, until)
    halted = {claim.id: claim for claim in claims if (claim.kind, claim.id) not in done}
    if halted:
        _halt(connection, lane, halted, now)
    return done


def change(
    connection: Connection,
    lane: Lane,
    statement: ReturningUpdate[Any],
    claims: Sequence[Claim],
    until: datetime,
) -> set[tuple[OutboxKind, int]]:
    """Carry out `lane.start` or `lane.started`; which of the claims' rows it changed."""
    values = {
        "ids": [claim.id for claim in claims],
        "pairs": [(claim.id, claim.fence) for claim in claims],
        "until": until,
    }
    return {(lane.kind, number) for number in connection.scalars(statement, values)}


def _halt(connection: Connection, lane: Lane, halted: Mapping[int, Claim], now: datetime) -> None:
    """Cancel what may never be sent, give back what only waits, leave alone what is not ours."""
    ours = lane.kind is OutboxKind.DELIVERY
    cancelled, returned = [], []
    for one in connection.execute(_WHY_DELIVERY if ours else _WHY_NOTICE, {"ids": list(halted)}):
        claim = halted[one.id]
        if one.fence != claim.fence or one.state != DeliveryState.CLAIMED:
            continue
        why = _why_delivery(one) if ours else "suppressed"
        if why is None:
            returned.append(row(claim) | {"due": None})
        else:
            cancelled.append(row(claim) | {"why": why, "at": now})
    if cancelled:
        connection.execute(lane.cancel, cancelled)
    if returned:
        connection.execute(lane.give_back, returned)


def _why_delivery(found: Any) -> str | None:
    """Why a claimed delivery is never sent; None when it only waits for its issue."""
    if found.subscription_state != SubscriptionState.CONFIRMED:
        return "unsubscribed"
    if found.suppressed:
        return "suppressed"
    return "issue cancelled" if found.issue_state == IssueState.CANCELLED else None


def row(claim: Claim) -> dict[str, Any]:
    """What a claim's own row is found by."""
    return {"row_id": claim.id, "row_fence": claim.fence}
