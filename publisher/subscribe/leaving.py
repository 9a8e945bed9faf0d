"""Leaving by one click, and changing one's mind within the minute."""

from __future__ import annotations

from datetime import datetime

from publisher.domain import subscription as rules
from publisher.domain.subscription import Subscription, SubscriptionEvent, SubscriptionState
from publisher.errors import NotAllowed, NotFound
from publisher.ports import Subscribers


def unsubscribe(subscribers: Subscribers, token_id: str, now: datetime) -> Subscription | None:
    """End the subscription that the token names; None when there is none any more.

    Doing it again changes nothing: the minute to undo runs from the first time.
    """
    found = subscribers.by_token(token_id)
    if found is None or found.state is SubscriptionState.UNSUBSCRIBED:
        return found
    try:
        return subscribers.change(found.id, SubscriptionEvent.UNSUBSCRIBE, now)
    except NotFound:
        return None  # forgotten in this moment


def undo(subscribers: Subscribers, token_id: str, now: datetime) -> Subscription | None:
    """Take an unsubscription back; look at the state to see whether the minute was over.

    None when the subscription is gone. One that was never confirmed stays ended: undoing
    must not stand in for confirming.
    """
    found = subscribers.by_token(token_id)
    if found is None or not may_undo(found, now):
        return found
    try:
        return subscribers.change(found.id, SubscriptionEvent.UNDO, now)
    except (NotFound, NotAllowed):
        return subscribers.by_token(token_id)


def may_undo(found: Subscription, now: datetime) -> bool:
    """Whether the page may still offer to take the unsubscription back."""
    return (
        found.state is SubscriptionState.UNSUBSCRIBED
        and found.confirmed_at is not None
        and found.unsubscribed_at is not None
        and rules.may_undo(found.unsubscribed_at, now)
    )
