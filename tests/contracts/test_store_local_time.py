"""What any store promises about deliveries that wait for their reader's own time, and pauses."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from publisher.domain.cadence import local_instant
from publisher.domain.delivery import DeliveryState
from publisher.domain.issue import IssueEvent
from publisher.domain.subscription import Wishes
from publisher.ports import Store
from tests.contracts.samples import NOW, admit, claim, counts, defer, new_issue, one, row, start

LIMIT = timedelta(hours=72)
SOON = NOW.replace(hour=9, microsecond=0)
LATER = SOON.replace(hour=14)
"""09:00 at the journal (UTC here) and in New York."""


@pytest.fixture
def issue(store: Store) -> int:
    """An issue for somebody in New York, somebody nowhere, and somebody who pauses."""
    admit(store, row("york"), row("nowhere"), row("lost"), row("pauses"))
    for name, wishes in (
        ("york", Wishes(time_zone="America/New_York")),
        ("lost", Wishes(time_zone="Atlantis/Deep")),
        ("pauses", Wishes(paused_until=NOW + timedelta(days=1))),
    ):
        store.subscribers.wish(one(store, name).id, wishes)
    made = store.issues.create(new_issue(store, local_time=True, slot_at=SOON))
    assert (made.audience, dict(made.excluded)) == (3, {"paused": 1})
    store.issues.move(made.id, IssueEvent.RELEASE, NOW - timedelta(hours=5))
    return made.id


def test_nothing_is_claimed_before_its_time(store: Store, issue: int) -> None:
    """Each in its hour; what waits is neither pending nor finished, and has a next time."""
    early = SOON - timedelta(seconds=1)
    assert store.outbox.wake(early, LIMIT) == 0
    assert claim(store, now=early) == []
    assert store.outbox.next_due() == SOON
    assert store.outbox.wake(SOON, LIMIT) == 2
    assert store.outbox.pending() == store.outbox.pending(issue) == 2
    assert {c.address for c in claim(store, now=SOON)} == {
        "nowhere@example.org",
        "lost@example.org",
    }
    assert store.outbox.next_due() == LATER
    assert local_instant("2026-11-24T09:00", UTC) == SOON
    assert store.outbox.finish(SOON) == []
    assert store.outbox.wake(LATER, LIMIT) == 1
    (last,) = claim(store, now=LATER)
    assert (last.address, last.dated_at, last.first_due_at) == ("york@example.org", LATER, LATER)


def test_a_paused_issue_sleeps_on(store: Store, issue: int) -> None:
    """Nothing wakes before staff say so."""
    store.issues.move(issue, IssueEvent.PAUSE, NOW)
    assert store.outbox.wake(LATER, LIMIT) == 0
    assert store.outbox.next_due() is None


def test_patience_counts_from_the_readers_time(store: Store, issue: int) -> None:
    """What the server defers is tried as long as anybody else's."""
    store.outbox.wake(LATER, LIMIT)
    held = start(store, claim(store, now=LATER), LATER)
    defer(store, held, LATER + timedelta(hours=70))
    store.outbox.wake(SOON + LIMIT, LIMIT)  # all but the one in New York are too old now
    assert counts(store, issue)[str(DeliveryState.REFUSED)] == 2
    assert counts(store, issue)[str(DeliveryState.DEFERRED)] == 1


def test_cancelling_ends_what_waits(store: Store, issue: int) -> None:
    """Also what would have left hours later."""
    store.issues.move(issue, IssueEvent.CANCEL, NOW)
    assert counts(store, issue) == {"cancelled": 3}
    assert store.outbox.wake(LATER, LIMIT) == 0
