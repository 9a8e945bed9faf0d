"""What did not arrive, one by one: for people to read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from publisher.domain.delivery import DeliveryState, OutboxKind, message_id
from publisher.ports import Trouble
from publisher.stores.tables import delivery, issue, state_is


def find(
    connection: Connection,
    host: str,
    issue_id: int,
    states: Collection[DeliveryState],
    after: int,
    limit: int,
) -> Sequence[Trouble]:
    """Up to `limit` deliveries of an issue in `states` with ids beyond `after`, in their order."""
    d = delivery.c
    rows = connection.execute(
        select(
            d.id,
            d.subscription_id,
            d.state,
            d.attempts,
            d.code,
            d.reply,
            d.reason,
            d.due_at,
            issue.c.nonce,
        )
        .join_from(delivery, issue, issue.c.id == d.issue_id)
        .where(d.issue_id == issue_id, state_is(d.state, *states), d.id > after)
        .order_by(d.id)
        .limit(limit)
    )
    return [
        Trouble(
            id=row.id,
            subscription_id=row.subscription_id,
            state=DeliveryState(row.state),
            attempts=row.attempts,
            code=row.code,
            reply=row.reason or row.reply,
            due_at=row.due_at,
            message_id=message_id(row.nonce, OutboxKind.DELIVERY, row.id, host),
        )
        for row in rows
    ]
