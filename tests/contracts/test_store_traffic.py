"""The store's promises about limits, back-off and circuit breakers."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

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
    """One for each transport; each step begins where the last one, of any worker, ended."""
    change = store.traffic.change_breaker
    assert store.traffic.breakers() == {}
    failed = change("main", lambda was: was.after(BreakerEvent.FAILED, NOW, "no route to host"))
    assert failed == Breaker().after(BreakerEvent.FAILED, NOW, "no route to host")
    change("other", lambda _: failed)
    probing = change("main", lambda was: was.after(BreakerEvent.DUE, NOW + MINUTE))
    assert store.traffic.breakers() == {"main": probing, "other": failed}
    assert probing == failed.after(BreakerEvent.DUE, NOW + MINUTE)
    change("main", lambda was: was.after(BreakerEvent.WORKED, NOW))
    assert list(store.traffic.breakers()) == ["other"]


def test_back_offs_are_kept_until_they_are_over(store: Store) -> None:
    """By transport and destination; each step begins where the last one ended."""
    change = store.traffic.change_backoff
    assert change("main", "example.org", lambda was: was or Backoff(NOW, 1)) == Backoff(NOW, 1)
    change("main", "", lambda _: Backoff(NOW, 4, 2, NOW + MINUTE))
    change("main", "example.org", lambda was: Backoff(NOW, was.level + 1) if was else Backoff(NOW))
    assert store.traffic.backoffs() == {
        ("main", "example.org"): Backoff(NOW, 2),
        ("main", ""): Backoff(NOW, 4, 2, NOW + MINUTE),
    }
    change("main", "", lambda _: Backoff(NOW, 0))
    assert list(store.traffic.backoffs()) == [("main", "example.org")]


def test_allowances_change_one_step_at_a_time(store: Store) -> None:
    """Twenty threads add one each, to two destinations at once in either order: none is lost."""
    traffic, pairs = store.traffic, [("a", "b"), ("b", "a")]

    def add(text: str | None, _: datetime) -> tuple[str, int]:
        return str(int(text or 0) + 1), int(text or 0)

    def once(number: int) -> Mapping[str, int]:
        return traffic.exchange("main", dict.fromkeys(pairs[number % 2], add), NOW)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(once, range(20)))
    assert sorted(answer["a"] for answer in answers) == list(range(20))
    read = traffic.allowance("main", "b", lambda text, _: text, NOW)
    assert read == "20"
    assert traffic.allowance("other", "b", lambda text, _: text, NOW) is None


def test_allowances_are_by_the_clock_that_all_share(store: Store) -> None:
    """PostgreSQL's own, whatever a worker's says; SQLite's workers share their machine's."""
    (at,) = store.traffic.exchange("main", {"a": lambda _, at: ("x", at)}, NOW).values()
    seen = store.traffic.allowance("main", "a", lambda _, at: at, NOW)
    if isinstance(store, SqlStore) and store.database.is_sqlite:
        assert at == seen == NOW
    else:
        assert timedelta(0) <= seen - at < timedelta(hours=1)
        assert abs(at - datetime.now(UTC)) < timedelta(hours=1)


def test_allowances_are_forgotten_after_a_day(store: Store) -> None:
    """What nobody touched since; one that was is kept."""
    assert isinstance(store, SqlStore)
    store.traffic.exchange("main", {"a": lambda _, __: ("x", 0), "b": lambda _, __: ("x", 0)}, NOW)
    with store.database.change() as connection:
        connection.execute(
            text("UPDATE allowance SET at = at - 93600000000 WHERE destination = 'a'")
        )
    store.traffic.forget(NOW)
    assert store.traffic.allowance("main", "a", lambda text, _: text, NOW) is None
    assert store.traffic.allowance("main", "b", lambda text, _: text, NOW) == "x"
