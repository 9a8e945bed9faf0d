"""Leaving by one click, and changing one's mind within the minute."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from publisher.domain import subscription as rules
from publisher.domain.subscription import (
    Subscription,
    SubscriptionEvent,
    SubscriptionState,
    address_key,
)
from publisher.errors import NotAllowed, NotFound
from publisher.ports import Subscribers

LONGEST_REASON = 500
"""Characters of a reason that are kept."""


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


def all_of(subscribers: Subscribers, token_id: str) -> tuple[Subscription, ...]:
    """Every subscription of whoever has the one that a token names; that one first."""
    found = subscribers.by_token(token_id)
    if found is None:
        return ()
    others = subscribers.by_address(address_key(found.address))
    return (found, *(each for each in others if each.id != found.id))


def unsubscribe_all(subscribers: Subscribers, token_id: str, now: datetime) -> Subscription | None:
    """End every subscription of whoever has this one, all at the same instant."""
    for each in all_of(subscribers, token_id):
        if each.state is not SubscriptionState.UNSUBSCRIBED:
            with suppress(NotFound):
                subscribers.change(each.id, SubscriptionEvent.UNSUBSCRIBE, now)
    return subscribers.by_token(token_id)


def undo(subscribers: Subscribers, token_id: str, now: datetime) -> Subscription | None:
    """Take back what one click ended; look at the state to see whether the minute was over.

    None when the subscription is gone. One that was never confirmed stays ended: undoing
    must not stand in for confirming.
    """
    found = subscribers.by_token(token_id)
    if found is None or not may_undo(found, now):
        return found
    for each in all_of(subscribers, token_id):
        if each.unsubscribed_at == found.unsubscribed_at and may_undo(each, now):
            with suppress(NotFound, NotAllowed):
                subscribers.change(each.id, SubscriptionEvent.UNDO, now)
    return subscribers.by_token(token_id)


def give_reason(subscribers: Subscribers, token_id: str, reason: str) -> None:
    """Keep why somebody left, where they have; nothing of anybody who has not."""
    found = subscribers.by_token(token_id)
    words = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    if found is not None and found.state is SubscriptionState.UNSUBSCRIBED and words:
        subscribers.give_reason(found.id, words[:LONGEST_REASON])


def may_undo(found: Subscription, now: datetime) -> bool:
    """Whether the page may still offer to take the unsubscription back."""
    return (
        found.state is SubscriptionState.UNSUBSCRIBED
        and found.confirmed_at is not None
        and found.unsubscribed_at is not None
        and rules.may_undo(found.unsubscribed_at, now)
    )
