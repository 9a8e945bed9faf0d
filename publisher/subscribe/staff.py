"""What staff do to a subscription in a person's name: confirm, change, end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from publisher.domain.journal import Journal
from publisher.domain.subscription import (
    Consent,
    Subscription,
    SubscriptionEvent,
    SubscriptionState,
    Wishes,
    address_key,
)
from publisher.errors import NotAllowed
from publisher.ports import Store, Subscribers
from publisher.subscribe import addresses


@dataclass(frozen=True, slots=True)
class Changes:
    """What `edit` changes; None leaves it, and an empty text means the usual one again.

    `paused_until` is only looked at where `pause` is set; None then ends a pause.
    """

    topics: str | None = None
    cadence: str | None = None
    language: str | None = None
    time_zone: str | None = None
    pause: bool = False
    paused_until: datetime | None = None

    def __bool__(self) -> bool:
        return self != Changes()


def wishes(journal: Journal, before: Subscription, changes: Changes) -> Wishes:
    """What `before` becomes. Raises UsageError for what the newsletter does not offer."""
    newsletter = journal.newsletter(before.newsletter)
    now = Wishes(
        before.topics, before.cadence, before.language, before.time_zone, before.paused_until
    )
    if changes.topics is not None:
        now = replace(now, topics=addresses.topics_of(journal, newsletter, changes.topics))
    if changes.cadence is not None:
        now = replace(now, cadence=addresses.cadence_of(newsletter, changes.cadence))
    if changes.language is not None:
        now = replace(now, language=addresses.language_of(changes.language))
    if changes.time_zone is not None:
        now = replace(now, time_zone=addresses.time_zone_of(changes.time_zone))
    if changes.pause:
        now = replace(now, paused_until=changes.paused_until)
    return now


def confirm(store: Store, found: Subscription, agreed: Consent, now: datetime) -> Subscription:
    """Confirm what is pending, on evidence other than the link. Raises NotAllowed."""
    if found.state is SubscriptionState.UNSUBSCRIBED:
        raise NotAllowed("they unsubscribed; only they can come back, through the form")
    if found.state is SubscriptionState.CONFIRMED:
        return found
    suppressed = store.suppressions.find(address_key(found.address))
    if suppressed is not None and not suppressed.reason.lifted_by_opting_in:
        raise NotAllowed(
            f"the address is suppressed ({suppressed.reason}): first lift that with "
            "publisher suppressions remove ADDRESS --reason …"
        )
    return store.subscribers.change(found.id, SubscriptionEvent.CONFIRM, now, agreed=agreed)


def end(subscribers: Subscribers, found: Subscription, reason: str, now: datetime) -> Subscription:
    """End a subscription in their name; `reason` is kept with it where it is given."""
    done = subscribers.change(found.id, SubscriptionEvent.UNSUBSCRIBE, now)
    return subscribers.give_reason(found.id, reason) if reason else done
