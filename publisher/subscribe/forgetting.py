"""Forgetting a person: everything but the keyed hash, files of mails included."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from publisher.domain.retention import Erased, Retention
from publisher.domain.subscription import (
    Forgotten,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    address_key,
)
from publisher.ports import Eraser, Subscribers

AT_ONCE = 200
"""People whom one round of retention erases at most: each is a transaction of its own."""
UNLINKED_AT_ONCE = 20_000
"""Deliveries that one round unlinks at most."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """What forgetting took away, and how many files of mails with it."""

    forgotten: Forgotten
    files: int


def forget(
    subscribers: Subscribers,
    erasers: Collection[Eraser],
    address: str,
    why: Suppression | None,
    now: datetime,
    *,
    by_address: bool = True,
) -> Farewell | None:
    """Erase everything about an address, and files of mails to it; None when nothing is known.

    With `why`, a keyed hash stays, so that nobody brings them back. What is being sent in this
    moment arrives. `by_address` also looks through all files for mails to this address, which
    finds what an earlier, interrupted forgetting left. Doing it again is harmless.
    Raises SettingsError where a key is needed and there is none; nothing is erased then.
    """
    key = address_key(address)
    # Files first: their names come from rows that are gone afterwards.
    told = subscribers.forget(key, why, now, dry_run=True)
    known = told.message_ids if told is not None else ()
    addresses = (key,) if by_address else ()
    files = sum(each.erase(known, addresses) for each in erasers)
    if told is None:
        return Farewell(Forgotten(0, 0, 0), files) if files else None
    done = subscribers.forget(key, why, now)
    if done is None:
        return Farewell(told, files)  # somebody else did in this moment
    late = [each for each in done.message_ids if each not in known]
    files += sum(each.erase(late, ()) for each in erasers) if late else 0
    return Farewell(done, files)


def retain(
    subscribers: Subscribers, erasers: Collection[Eraser], retention: Retention, now: datetime
) -> Erased:
    """One round of what retention asks for. Raises SettingsError where a key is missing.

    Of those who had left, a keyed hash stays: an old file cannot bring them back, a new
    confirmed opt-in can.
    """
    unconfirmed, left, deliveries = retention.ends(now)
    keys = subscribers.overdue(unconfirmed, left, AT_ONCE)
    gone = 0
    for key in keys:
        had_left = any(
            each.state is SubscriptionState.UNSUBSCRIBED for each in subscribers.by_address(key)
        )
        why = Suppression("", SuppressionReason.LEFT, now, "retention") if had_left else None
        forget(subscribers, erasers, key, why, now, by_address=False)
        gone += had_left
    unlinked = subscribers.unlink(deliveries, UNLINKED_AT_ONCE)
    more = len(keys) == AT_ONCE or unlinked == UNLINKED_AT_ONCE
    erased = Erased(len(keys) - gone, gone, unlinked, more)
    if erased:
        subscribers.count_erased(erased, now)
    return erased
