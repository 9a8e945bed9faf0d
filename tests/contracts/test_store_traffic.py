"""The store's promises about limits, back-off and circuit breakers."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from publisher.domain.backoff import Backoff
from publisher.domain.breaker import Breaker, BreakerEvent
from publisher.domain.issue import IssueEvent
from publisher.ports import Store
from publisher.stores.sql import SqlStore
from tests.contracts.samples import (
    NOW,
    admit,
    claim,
    counts,
    notice,
    people,
    release,
    row,
    start,
)

MINUTE = timedelta(minutes=1)
LIMIT = timedelta(hours=72)


def test_what_a_limit_holds_back_waits_its_time_and_burns_nothing(store: Store) -> None:
    """Queued, not deferred; not claimed before its time; others are; it never grows too old."""
    people(store, 3)
    issue = release(store)
    first, second, third = claim(store)
    later = NOW + LIMIT * 2
    store.outbox.give_back([first, second, third], NOW, [later, None, NOW + MINUTE])
    assert counts(store, issue.id) == {"queued": 3}
    assert store.outbox.held(issue.id) == (2, NOW + MINUTE)
    assert store.outbox.next_due() == NOW + MINUTE
    assert store.outbox.pending(issue.id) == 1
    assert [one.id for one in claim(store)] == [second.id]
    assert store.outbox.wake(NOW + MINUTE, LIMIT) == 1
    (again,) = claim(store, now=NOW + MINUTE)
    assert (again.id, again.attempts) == (third.id, 0)
    assert store.outbox.finish(NOW) == []
    assert store.outbox.wake(later, LIMIT) == 1
    (last,) = claim(store, now=later)
    assert (last.id, last.attempts) == (first.id, 0)
    assert store.outbox.held(issue.id) == (0, None)
    assert len(start(store, [last], later)) == 1


def test_a_claim_does_not_look_through_what_is_held_back(store: Store) -> None:
    """The index tells those without a time apart, however many have one."""
    people(store, 1)
    issue = release(store)
    assert isinstance(store, SqlStore)
    with store.database.read() as connection:
        if not store.database.is_sqlite:
            return  # PostgreSQL chooses by the sizes of tables; test_store_postgres asks it
        plan = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT id FROM delivery WHERE state = 'queued' "
                "AND due_at IS NULL AND issue_id = :issue ORDER BY id LIMIT 200"
            ),
            {"issue": issue.id},
        ).all()
        assert "delivery_state (issue_id=? AND state=? AND due_at=?)" in plan[0].detail
        assert len(plan) == 1  # no sorting


def test_a_notice_is_held_back_too(store: Store) -> None:
    """The same outbox, the same times."""
    store.notices.add(notice(), "n", NOW)
    (held,) = claim(store)
    store.outbox.give_back([held], NOW, [NOW + MINUTE])
    assert claim(store) == []
    assert store.outbox.next_due() == NOW + MINUTE
    assert store.outbox.wake(NOW + MINUTE, LIMIT) == 1
    assert len(claim(store, now=NOW + MINUTE)) == 1


def test_staff_and_readers_reach_what_is_held_back(store: Store) -> None:
    """It is cancelled with its issue, and sleeps while that is paused."""
    admit(store, row("ada"), row("bob"))
    issue = release(store)
    held = claim(store)
    store.outbox.give_back(held, NOW, [NOW + MINUTE, NOW + MINUTE])
    store.issues.move(issue.id, IssueEvent.PAUSE, NOW)
    assert store.outbox.wake(NOW + MINUTE, LIMIT) == 0
    assert store.outbox.next_due() is None
    store.issues.move(issue.id, IssueEvent.RESUME, NOW)
    store.issues.move(issue.id, IssueEvent.CANCEL, NOW)
    assert counts(store, issue.id) == {"cancelled": 2}
    assert store.outbox.wake(NOW + MINUTE, LIMIT) == 0


def test_breakers_are_kept_until_they_close(store: Store) -> None:
    """One for each transport, the last word counts."""
    assert store.traffic.breakers() == {}
    failed = Breaker().after(BreakerEvent.FAILED, NOW, "no route to host")
    probing = failed.after(BreakerEvent.DUE, NOW + MINUTE)
    store.traffic.keep_breaker("main", failed)
    store.traffic.keep_breaker("other", failed)
    store.traffic.keep_breaker("main", probing)
    assert store.traffic.breakers() == {"main": probing, "other": failed}
    store.traffic.keep_breaker("main", probing.after(BreakerEvent.WORKED, NOW))
    assert list(store.traffic.breakers()) == ["other"]


def test_back_offs_are_kept_until_they_are_over(store: Store) -> None:
    """By transport and destination."""
    store.traffic.keep_backoff("main", "example.org", Backoff(NOW, 1))
    store.traffic.keep_backoff("main", "", Backoff(NOW, 4, 2, NOW + MINUTE))
    store.traffic.keep_backoff("main", "example.org", Backoff(NOW, 2))
    assert store.traffic.backoffs() == {
        ("main", "example.org"): Backoff(NOW, 2),
        ("main", ""): Backoff(NOW, 4, 2, NOW + MINUTE),
    }
    store.traffic.keep_backoff("main", "", Backoff(NOW, 0))
    assert list(store.traffic.backoffs()) == [("main", "example.org")]


def test_what_was_let_go_is_counted_by_minute_and_forgotten_after_a_day(store: Store) -> None:
    """Each spending adds; destinations and transports do not mix."""
    spend, spent = store.traffic.spend, store.traffic.spent
    spend("main", {("a", NOW): 2, ("b", NOW): 1}, NOW)
    spend("main", {("a", NOW): 3, ("a", NOW + MINUTE): 4}, NOW)
    spend("other", {("a", NOW): 9}, NOW)
    assert spent("main", "a", NOW - MINUTE) == [(NOW, 5), (NOW + MINUTE, 4)]
    assert spent("main", "a", NOW + MINUTE) == [(NOW + MINUTE, 4)]
    assert spent("main", "b", NOW - MINUTE) == [(NOW, 1)]
    spend("main", {}, NOW + timedelta(hours=26))
    assert spent("main", "a", NOW - MINUTE) == []
