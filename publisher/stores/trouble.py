"""What did not arrive, one by one: for people to read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, null, select

from publisher.domain.delivery import DeliveryState, OutboxKind, message_id
from publisher.ports import Trouble
from publisher.stores import shelf
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

    def some(d: Table) -> Select[Any]:
        return (
            select(
                d.c.id,
                d.c.subscription_id,
                d.c.state,
                d.c.attempts,
                d.c.code,
                d.c.reply,
                d.c.reason,
                (d.c.due_at if d is delivery else null()).label("due_at"),
                issue.c.nonce,
            )
            .join_from(d, issue, issue.c.id == d.c.issue_id)
            .where(d.c.issue_id == issue_id, state_is(d.c.state, *states), d.c.id > after)
        )

    found = shelf.union(some).subquery()
    rows = connection.execute(select(found).order_by(found.c.id).limit(limit))
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
