"""The store's promises about notices, sightings and itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from publisher.domain.delivery import DeliveryEvent, DeliveryState, OutboxKind, message_id
from publisher.domain.notice import NoticeKind
from publisher.domain.subscription import SuppressionReason
from publisher.errors import NotFound
from publisher.ports import Store
from tests.contracts.samples import (
    HOST,
    NOW,
    claim,
    counts,
    defer,
    notice,
    people,
    release,
    settle,
    start,
    suppress,
)


def test_a_notice_asked_for_twice_is_one_mail(store: Store) -> None:
    """Its key is unique; what was added comes back whole."""
    assert store.notices.add(notice(), "n1", NOW)
    assert not store.notices.add(notice(subject="again"), "n2", NOW)
    (held,) = claim(store)
    assert store.notices.get(held.id) == notice()
    assert store.notices.state("staff:1") is DeliveryState.CLAIMED
    assert store.notices.state("staff:2") is None
    assert store.notices.counts() == {"claimed": 1}
    with pytest.raises(NotFound):
        store.notices.get(held.id + 1)


def test_notices_are_claimed_before_deliveries(store: Store) -> None:
    """Confirmations do not wait behind a campaign; each claim holds all that a sender needs."""
    people(store, 2)
    issue = release(store)
    store.notices.add(notice(), "n1", NOW - timedelta(minutes=5))
    first, second = claim(store, 2)
    assert (first.kind, second.kind) == (OutboxKind.NOTICE, OutboxKind.DELIVERY)
    assert first.message_id == message_id("n1", OutboxKind.NOTICE, first.id, HOST)
    assert (first.address, first.token_id, first.newsletter, first.transport) == (
        "staff@example.org",
        "",
        "digest",
        "relay",
    )
    assert first.dated_at == first.first_due_at == NOW - timedelta(minutes=5)
    assert (first.issue_id, first.edition_id) == (None, None)
    assert counts(store, issue.id) == {"claimed": 1, "queued": 1}


def test_notices_only_and_one_issue_only(store: Store) -> None:
    """`notices_only` leaves deliveries alone; `issue_id` leaves notices alone."""
    people(store, 1)
    issue = release(store)
    store.notices.add(notice(), "n1", NOW)
    assert store.outbox.pending() == 2
    assert [c.kind for c in claim(store, notices_only=True)] == [OutboxKind.NOTICE]
    store.notices.add(notice("staff:2"), "n2", NOW)
    assert [c.kind for c in claim(store, issue_id=issue.id)] == [OutboxKind.DELIVERY]
    assert store.outbox.pending(issue.id) == 1


def test_a_notice_takes_the_same_steps(store: Store) -> None:
    """Deferred, woken, sent; given back; lapsed into doubt: as a delivery does."""
    store.notices.add(notice(), "n1", NOW)
    defer(store, start(store, claim(store)), NOW + timedelta(minutes=5))
    assert store.outbox.next_due() == NOW + timedelta(minutes=5)
    assert store.outbox.wake(NOW, timedelta(hours=72)) == 0
    later = NOW + timedelta(minutes=6)
    assert store.outbox.wake(later, timedelta(hours=72)) == 1
    held = claim(store, now=later)
    assert held[0].attempts == 1
    store.outbox.give_back(held, later)
    held = start(store, claim(store, now=later), later)
    lapsed = store.outbox.lapse(later + timedelta(hours=1))
    assert (lapsed.requeued, lapsed.unknown) == (0, ((None, 1),))
    settle(store, held)
    assert store.notices.counts() == {"accepted": 1}


def test_a_notice_that_is_deferred_for_too_long_is_refused(store: Store) -> None:
    """Its age counts from its creation."""
    store.notices.add(notice(), "n1", NOW)
    defer(store, start(store, claim(store)), NOW + timedelta(hours=100))
    assert store.outbox.wake(NOW + timedelta(hours=72), timedelta(hours=72)) == 0
    assert store.notices.state("staff:1") is DeliveryState.REFUSED
    assert store.outbox.next_due() is None


@pytest.mark.parametrize("kind", list(NoticeKind))
@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_a_suppressed_address_gets_no_notice_but_a_way_back_from_bounces(
    store: Store, kind: NoticeKind, reason: SuppressionReason
) -> None:
    """Only a confirmation may go where mail bounced: opting in anew is what lifts that."""
    store.notices.add(notice(kind=kind, address="Staff@example.org"), "n1", NOW)
    suppress(store, "staff", reason)
    sent = start(store, claim(store))
    allowed = kind is NoticeKind.CONFIRMATION and reason is SuppressionReason.BOUNCE
    assert bool(sent) is allowed
    assert store.notices.counts() == ({"sending": 1} if allowed else {"cancelled": 1})


def test_a_notice_whose_fence_is_old_is_left_alone(store: Store) -> None:
    """Somebody else's claim is neither started nor cancelled."""
    store.notices.add(notice(), "n1", NOW)
    old = claim(store)
    store.outbox.lapse(NOW + timedelta(hours=1))
    new = claim(store, now=NOW + timedelta(hours=1))
    suppress(store, "staff")
    assert start(store, old) == []
    assert store.notices.counts() == {"claimed": 1}
    settle(store, old, DeliveryEvent.RETURN)
    assert start(store, new) == []
    assert store.notices.counts() == {"cancelled": 1}


def test_sightings_keep_the_first_instant(store: Store) -> None:
    """A known article keeps the moment it was first seen, to the microsecond."""
    store.sightings.add({})
    store.sightings.add({"a": NOW, "b": NOW})
    store.sightings.add({"a": NOW + timedelta(days=1), "c": NOW + timedelta(days=1)})
    assert store.sightings.known() == {"a": NOW, "b": NOW, "c": NOW + timedelta(days=1)}


def test_a_store_remembers_its_beginning(store: Store) -> None:
    """Migrating again changes neither the beginning nor what is stored."""
    people(store, 1)
    store.migrate(NOW + timedelta(days=1))
    assert store.started_at() == NOW
    assert store.subscribers.counts() == {"digest": {"confirmed": 1}}
    assert "subscriptions: 1" in store.check()
