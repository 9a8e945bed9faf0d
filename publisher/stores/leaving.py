"""What leaving a newsletter does to the store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from publisher.domain.delivery import DeliveryState
from publisher.domain.subscription import SubscriptionState
from publisher.stores.tables import delivery, state_is, subscription


def leave(connection: Connection, subscriber_id: int, newsletter: str, now: datetime) -> bool:
    """End the subscription to this newsletter, if there is one that is not ended."""
    c = subscription.c
    found = connection.scalar(
        select(c.id).where(
            c.subscriber_id == subscriber_id,
            c.newsletter == newsletter,
            ~state_is(c.state, SubscriptionState.UNSUBSCRIBED),
        )
    )
    if found is None:
        return False
    connection.execute(
        update(subscription)
        .where(c.id == found)
        .values(state=str(SubscriptionState.UNSUBSCRIBED), unsubscribed_at=now)
    )
    cancel_unsent(connection, found, now)
    return True


def cancel_unsent(connection: Connection, subscription_id: int, now: datetime) -> None:
    """Cancel what has not started."""
    D = DeliveryState  # noqa: N806 (the table of states by its short name, as in domain/)
    connection.execute(
        update(delivery)
        .where(
            delivery.c.subscription_id == subscription_id,
            state_is(delivery.c.state, D.QUEUED, D.CLAIMED, D.DEFERRED),
        )
        .values(
            state=str(D.CANCELLED),
            reason="unsubscribed",
            settled_at=now,
            due_at=None,
            leased_by=None,
            leased_until=None,
        )
    )
