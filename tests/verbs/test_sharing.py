"""Several workers on one store: limits, back-off and circuit breakers that they keep together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.dispatch import Travel
from publisher.dispatch.roads import Roads
from publisher.domain.backoff import Backoff
from publisher.domain.breaker import Breaker, BreakerEvent
from publisher.domain.delivery import DeliveryEvent, Settlement
from publisher.domain.issue import IssueState
from publisher.domain.limits import LimitPolicy, Limits
from publisher.transports.memory import MemoryTransport
from tests.transports.timed import TimedRelay, fullest
from tests.verbs.outbox import (
    ACCEPTED,
    NOW,
    QUICK,
    Clock,
    Post,
    never,
    open_at,
    readers,
    release,
    subscribe,
)
from tests.verbs.test_travel import ROUTE, Hurried, routed, smtp, travel


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def post(path: Path) -> Iterator[Post]:
    store = open_at(path)
    yield Post(store, routed("both"), Clock())
    store.close()


def test_limits_hold_over_workers_on_one_file(path: Path) -> None:
    """Each with a store of its own, as in a process of its own: by the sink's watch no second is
    too full, and there are never more sessions than may be; everybody gets one.
    """
    clock, speed = Hurried(4), 4
    policy = LimitPolicy(Limits((6, None, None, None), connections=2))
    stores = [open_at(path) for _ in range(3)]
    subscribe(stores[0], "weekly", readers(60))
    issue = release(stores[0], routed("main"))
    with TimedRelay(clock=lambda: time.monotonic() * speed) as relay:

        def work(place: int) -> None:
            post = Post(stores[place], routed("main"), Clock())
            limit = time.monotonic() + 60
            while post.state(issue) is not IssueState.FINISHED and time.monotonic() < limit:
                one = smtp("main", relay)
                post.dispatcher(one, travel=travel(post, main=policy), clock=clock).drain(never())
                time.sleep(0.02)

        threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(one.recipient for one in relay.received) == readers(60)
        assert fullest(relay.whole, timedelta(seconds=1)) <= 6
        assert 1 <= relay.most_sessions <= 2
    assert Post(stores[0], routed("main"), Clock()).counts(issue) == {ACCEPTED: 60}
    for store in stores:
        store.close()


def roads(post: Post, way: Travel) -> Roads:
    """One of two workers, ready to send what was claimed."""
    names = ("main", "backup")
    found = Roads({n: MemoryTransport(n) for n in names}, way, post.clock, worker="w")
    found.begin()
    return found


def test_one_is_told_to_slow_down_and_all_do(post: Post) -> None:
    """Within two seconds where anything is limited; what was in hand waits for its turn."""
    way = travel(post)
    one, other = roads(post, way), roads(post, way)
    subscribe(post.store, "weekly", readers(3))
    release(post.store, post.journal)
    first, second, third = post.store.outbox.claim("x", 3, QUICK.lease, NOW)
    for claim in (second, third):
        other.lanes["main"].put(claim)
    late = Settlement(first, DeliveryEvent.DEFER, 451, "4.7.1 too many messages, slow down")
    for step in range(4):
        post.clock.now = NOW + timedelta(seconds=10 * step)
        one.hear(one.lanes["main"], late)
    assert post.store.traffic.backoffs()["main", "example.org"].level == 4
    claims, held = other.look()
    lane = other.lanes["main"]
    assert (claims, len(held) + lane.waiting) == ([], 2)
    assert lane.throttle is not None
    assert lane.throttle.release(5) == []
    # A step of the other begins where the first one ended, not where it began itself.
    post.clock.now += timedelta(seconds=10)
    other.hear(lane, late)
    assert post.store.traffic.backoffs()["main", "example.org"].level == 4
    post.store.traffic.change_backoff("main", "example.org", lambda _: Backoff(NOW, 0))
    other.look()
    assert lane.throttle.idle
    other.close()
    assert other.lanes["main"].throttle is None


def test_one_finds_a_transport_down_and_all_leave_it_alone(post: Post) -> None:
    """One of them asks again; when it answers, all of them use it."""
    way = travel(post)
    one, other = roads(post, way), roads(post, way)
    subscribe(post.store, "weekly", readers(2))
    issue = release(post.store, post.journal)
    claims = list(post.store.outbox.claim("x", 2, QUICK.lease, NOW))
    for each in (one, other):
        each.attach(issue.id, "both")
    for claim in claims:
        other.lanes["main"].put(claim)
    one.fail(one.lanes["main"], "no route")
    assert other.look()[0] == claims
    assert other.lanes["main"].failed == "no route"
    assert [list(lane.sources) for lane in other.lanes.values()] == [[], [issue.id]]
    post.clock.now = NOW + timedelta(seconds=31)
    assert one._step("main", BreakerEvent.DUE)
    assert not other._step("main", BreakerEvent.DUE)
    one._step("main", BreakerEvent.WORKED)
    assert not other._step("main", BreakerEvent.DUE)  # it did not know yet
    assert other.look() == ([], [])
    assert other.lanes["main"].failed is None
    assert [list(lane.sources) for lane in other.lanes.values()] == [[issue.id], []]
    assert post.store.traffic.breakers() == {}


def test_alone_everybody_is_alone(post: Post) -> None:
    """Without anything that is shared, a drain knows what it learns by itself."""
    one = roads(post, Travel(ROUTE))
    one.fail(one.lanes["main"], "no route")
    assert one.look() == ([], [])
    assert one.lanes["main"].failed == "no route"
    assert one._step("main", BreakerEvent.FAILED, "again")


def test_a_failure_of_another_changes_nothing_where_it_works(post: Post) -> None:
    """Whoever has a session goes on with it; and where nobody takes over, it is tried anyway."""
    alone = roads(post, travel(post, {}))
    one = roads(post, travel(post))
    failed = Breaker().after(BreakerEvent.FAILED, NOW, "no route")
    post.store.traffic.change_breaker("main", lambda _: failed)
    assert alone.look() == ([], [])
    assert alone.lanes["main"].failed is None
    assert one.look() == ([], [])
    assert one.lanes["main"].failed == "no route"


def test_permits_of_a_message_that_was_cancelled_go_to_others(post: Post) -> None:
    """It was released and its reader left: the next may go in its place."""
    subscribe(post.store, "weekly", readers(4))
    release(post.store, post.journal)
    way = travel(post, main=LimitPolicy(Limits((None, None, 2, None))))
    lane = roads(post, way).lanes["main"]
    assert lane.throttle is not None
    claims = post.store.outbox.claim("x", 4, QUICK.lease, NOW)
    assert [lane.put(claim) for claim in claims] == [None] * 4
    (first,) = lane.throttle.release(1)
    lane.throttle.untake(first)
    lane.throttle.untake(first)  # once more changes nothing
    for _ in range(2):
        (one,) = lane.throttle.release(4)
        assert lane.throttle.done(one) == ""
    assert lane.throttle.release(4) == []
