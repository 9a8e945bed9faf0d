"""The store's promises while several threads, with connections of their own, pull at it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from publisher.domain.delivery import DeliveryEvent, Settlement
from publisher.domain.issue import IssueEvent
from publisher.domain.subscription import SubscriptionEvent
from publisher.ports import Store
from publisher.stores import open_store
from tests.contracts.samples import (
    HOST,
    LEASE,
    NOW,
    claim,
    counts,
    new_issue,
    notice,
    people,
    release,
    start,
)


def _together(*tasks: Callable[[], object]) -> list[object]:
    """Run all at once, from one starting line; their answers."""
    line = threading.Barrier(len(tasks))

    def run(task: Callable[[], object]) -> object:
        line.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [future.result() for future in [pool.submit(run, task) for task in tasks]]


def _drain(store: Store, worker: str, sent: list[int]) -> None:
    """Send everything there is, as a worker does: settle the last while starting the next."""
    settled: list[Settlement] = []
    while claims := store.outbox.claim(worker, 7, LEASE, NOW):
        allowed = store.outbox.advance(settled, claims, LEASE, NOW)
        settled = []
        for held in claims:
            if (held.kind, held.id) in allowed:
                sent.append(held.id)
                settled.append(Settlement(held, DeliveryEvent.ACCEPT, 250, "OK"))
    store.outbox.advance(settled, [], LEASE, NOW)


def test_workers_share_the_work_and_repeat_nothing(store: Store, store_url: str) -> None:
    """Two threads of one process and two other processes' connections: each message once."""
    people(store, 200)
    issue = release(store)
    other = open_store(store_url, host=HOST, synchronous="NORMAL")
    sent: list[list[int]] = [[], [], [], []]
    _together(
        *(
            lambda s=s, n=n: _drain(s, f"w{n}", sent[n])
            for n, s in enumerate((store, store, other, other))
        )
    )
    other.close()
    assert Counter(number for one in sent for number in one).most_common(1)[0][1] == 1
    assert sum(map(len, sent)) == 200
    assert counts(store, issue.id) == {"accepted": 200}


def test_whoever_leaves_during_the_send_is_either_sent_to_before_or_never(store: Store) -> None:
    """Each reader's message is accepted or cancelled, and nothing was sent after they left."""
    ids = people(store, 60)
    issue = release(store)
    sent: list[int] = []

    def leave() -> None:
        for reader in ids[::2]:
            store.subscribers.change(reader, SubscriptionEvent.UNSUBSCRIBE, NOW)

    _together(lambda: _drain(store, "w", sent), leave)
    cancelled = store.issues.trouble(issue.id, limit=100)
    assert {one.subscription_id for one in cancelled} <= set(ids[::2])
    assert {one.id for one in cancelled}.isdisjoint(sent)
    assert len(cancelled) + len(sent) == 60
    assert counts(store, issue.id)["accepted"] == len(sent)


@pytest.mark.parametrize("event", [IssueEvent.CANCEL, IssueEvent.PAUSE])
def test_nothing_begins_once_staff_stopped_the_issue(store: Store, event: IssueEvent) -> None:
    """While two workers send: whoever was begun before is sent, whoever was not never is."""
    people(store, 80)
    issue = release(store)
    begun = threading.Event()
    stopped = threading.Event()
    sent: list[list[int]] = [[], []]
    late: list[int] = []

    def drain(worker: int) -> None:
        while claims := store.outbox.claim(f"w{worker}", 5, LEASE, NOW):
            after = stopped.is_set()
            allowed = [number for _, number in store.outbox.advance((), claims, LEASE, NOW)]
            sent[worker] += allowed
            late.extend(allowed if after else ())
            begun.set()
            settled = [
                Settlement(held, DeliveryEvent.ACCEPT, 250, "OK")
                for held in claims
                if held.id in allowed
            ]
            store.outbox.advance(settled, (), LEASE, NOW)

    def stop() -> None:
        begun.wait()
        store.issues.move(issue.id, event, NOW)
        stopped.set()

    _together(lambda: drain(0), lambda: drain(1), stop)
    every = sent[0] + sent[1]
    assert late == []
    assert len(set(every)) == len(every)
    found = counts(store, issue.id)
    assert found.get("accepted", 0) == len(every)
    rest = {"cancelled"} if event is IssueEvent.CANCEL else {"queued", "claimed"}
    assert sum(found.values()) == 80
    assert set(found) <= rest | {"accepted"}


def test_what_is_sent_again_is_sent_again_once(store: Store) -> None:
    """However many of the staff say so at once, and while workers look for work."""
    people(store, 12)
    issue = release(store)
    start(store, claim(store, 12))
    later = NOW + 2 * LEASE
    store.outbox.lapse(later)
    sent: list[list[int]] = [[], []]

    def resend() -> int:
        return store.outbox.resolve(issue.id, "resend", later)

    moved = _together(
        resend,
        resend,
        resend,
        lambda: _drain(store, "w0", sent[0]),
        lambda: _drain(store, "w1", sent[1]),
    )
    assert sum(number for number in moved if isinstance(number, int)) == 12
    _drain(store, "w2", sent[0])
    every = sent[0] + sent[1]
    assert len(every) == len(set(every)) == 12
    assert counts(store, issue.id) == {"accepted": 12}


def test_planners_of_one_slot_make_one_issue(store: Store) -> None:
    """Eight ticks at once: the same issue for all, one delivery for each reader."""
    people(store, 10)
    plan = new_issue(store)
    made = _together(*(lambda: store.issues.create(plan) for _ in range(8)))
    assert len({one.id for one in made}) == 1  # type: ignore[attr-defined]  # issues, all of them
    (issue,) = store.issues.list()
    assert issue.counts == {"queued": 10}


def test_one_notice_and_one_subscription_however_often_asked_at_once(store: Store) -> None:
    """Unique keys decide, not who looked first."""
    added = _together(*(lambda: store.notices.add(notice(), "n", NOW) for _ in range(6)))
    assert sorted(map(bool, added)) == [False] * 5 + [True]
    _together(*(lambda: people(store, 3) for _ in range(4)))
    assert store.subscribers.counts() == {"digest": {"confirmed": 3}}


def test_several_may_migrate_a_new_store_at_once(store_url: str) -> None:
    """Processes that start together find one schema and one beginning."""
    stores = [open_store(store_url, host=HOST) for _ in range(4)]
    _together(*(lambda s=s: s.migrate(NOW) for s in stores))
    assert {one.started_at() for one in stores} == {NOW}
    assert claim(stores[0]) == []
    for one in stores:
        one.close()
