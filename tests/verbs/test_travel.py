"""Several transports, limits and back-off: real servers, checked from what they received."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from publisher import transports as kinds
from publisher.dispatch import Bounds, Travel
from publisher.domain.backoff import Backoff
from publisher.domain.breaker import Breaker, BreakerEvent, Circuit
from publisher.domain.delivery import DeliveryState
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.journal import Journal
from publisher.domain.limits import EVERY_OTHER, LimitPolicy, Limits, QuietHours
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.route import Route
from publisher.errors import NotAllowed
from publisher.limiting import SharedLimiter
from publisher.ports import Transport
from publisher.transports.memory import MemoryTransport
from tests import factories
from tests.transports.relay import Act, Relay
from tests.verbs.outbox import (
    ACCEPTED,
    DEFERRED,
    NOW,
    QUEUED,
    QUICK,
    REFUSED,
    UNKNOWN,
    Post,
    never,
    open_at,
    readers,
    release,
    subscribe,
)

ROUTE = {"both": Route("both", ("main", "backup"))}
SOON = replace(QUICK, lease=timedelta(seconds=6), batch=20)
"""Bounds under which a failed transport is looked at every two seconds."""


@dataclass
class Hurried:
    """A clock that runs so many times as fast as the wall's."""

    speed: float = 1.0
    began: float = 0.0

    def __post_init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=(time.monotonic() - self.began) * self.speed)


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    from tests.verbs.outbox import Clock

    store = open_at(tmp_path / "journal.db")
    yield Post(store, routed("both"), Clock())
    store.close()


def routed(route: str) -> Journal:
    return replace(factories.journal(), newsletters=(factories.newsletter(transport=route),))


def smtp(name: str, relay: Relay | int, **options: Any) -> Transport:
    port = relay if isinstance(relay, int) else relay.port
    given = {"host": "127.0.0.1", "port": port, "security": "none", "connections": 2}
    return kinds.connect(name, "smtp", {**given, **options})


def got(*relays: Relay) -> list[str]:
    """Everybody who was accepted for, by all relays' own logs; each as often as it was."""
    return sorted(one.recipient for relay in relays for one in relay.received if one.accepted)


def travel(post: Post, routes: Mapping[str, Route] = ROUTE, **policies: LimitPolicy) -> Travel:
    zone = ZoneInfo("UTC")
    traffic = post.store.traffic

    def limiter(name: str, worker: str) -> SharedLimiter:
        return SharedLimiter(name, policies.get(name, LimitPolicy()), zone, traffic, worker)

    return Travel(routes, policies, limiter, traffic, zone)


def drained(post: Post, *transports: Transport, until: Callable[[], bool], **more: Any) -> None:
    """Drain again and again, as a worker does, until something is so; at most a minute."""
    limit = time.monotonic() + 60
    while not until():
        assert time.monotonic() < limit, post.store.issues.list()[0].counts
        post.dispatcher(*transports, **more).drain(never())
        time.sleep(0.02)


# --- routes -------------------------------------------------------------------------------------


def test_mail_goes_through_the_next_while_the_first_is_down(post: Post) -> None:
    """Nobody is lost, nothing is repeated, the failure is in the report with who stepped in."""
    subscribe(post.store, "weekly", readers(30))
    issue = release(post.store, post.journal)
    with Relay() as gone:
        port = gone.port
    with Relay() as backup:
        report = post.dispatcher(
            smtp("main", port), smtp("backup", backup), travel=travel(post)
        ).drain(never())
        assert got(backup) == readers(30)
    assert post.counts(issue) == {ACCEPTED: 30}
    assert [(one.transport, one.instead) for one in report.failed] == [("main", ("backup",))]
    assert "cannot be reached" in report.failed[0].reason
    breaker = post.store.traffic.breakers()["main"]
    assert breaker.state is Circuit.OPEN
    assert breaker.probe_at == NOW + timedelta(seconds=30)


def test_a_server_that_dies_in_the_middle_of_a_run(post: Post) -> None:
    """What it has accepted stays so; what it never answered is unknown and goes by no other; the
    rest goes by the next; then by the first again, once a probe has found it well.
    """
    subscribe(post.store, "weekly", readers(400))
    issue = release(post.store, post.journal)
    with Relay() as backup:
        first = Relay()
        dying = threading.Event()

        def die() -> None:
            while len(first.received) < 60:
                time.sleep(0.002)
            dying.set()
            first.close()

        killer = threading.Thread(target=die)
        killer.start()
        report = post.dispatcher(
            smtp("main", first), smtp("backup", backup), travel=travel(post), bounds=SOON
        ).drain(never())
        killer.join()
        counts = post.counts(issue)
        arrived = Counter(got(first, backup))
        assert counts.get(ACCEPTED, 0) + counts.get(UNKNOWN, 0) == 400
        assert counts.get(UNKNOWN, 0) <= 2  # one for each open connection
        assert set(arrived.values()) == {1}
        assert 400 - counts.get(UNKNOWN, 0) <= len(arrived) <= 400
        assert len(got(backup)) >= 300
        assert [one.transport for one in report.failed] == ["main"]
        assert not set(got(backup)) & {one.recipient for one in first.received}


def test_a_transport_that_recovers_takes_its_mail_back(post: Post) -> None:
    """It is asked again with one connection; from then on new claims go by the first choice."""
    subscribe(post.store, "weekly", readers(3000))
    issue = release(post.store, post.journal)
    failed = Breaker().after(BreakerEvent.FAILED, NOW - timedelta(seconds=60), "down")
    post.store.traffic.change_breaker("main", lambda _: failed)
    with Relay() as main, Relay() as backup:
        report = post.dispatcher(
            smtp("main", main),
            smtp("backup", backup, connections=1),
            travel=travel(post),
            bounds=replace(SOON, lease=timedelta(seconds=5)),
            clock=Hurried(20),
        ).drain(never())
        assert got(main, backup) == readers(3000)
        assert got(main)
        assert got(backup)
    assert post.counts(issue) == {ACCEPTED: 3000}
    assert report.failed == ()
    assert post.store.traffic.breakers() == {}


def test_a_transport_that_rests_is_not_asked(post: Post) -> None:
    """Another process found it down a moment ago: its mail goes by the next at once."""
    subscribe(post.store, "weekly", readers(5))
    issue = release(post.store, post.journal)
    post.store.traffic.change_breaker(
        "main", lambda _: Breaker().after(BreakerEvent.FAILED, NOW, "down")
    )
    main = MemoryTransport("main", openings=[AssertionError("asked")])
    with Relay() as backup:
        report = post.dispatcher(main, smtp("backup", backup), travel=travel(post)).drain(never())
        assert got(backup) == readers(5)
    assert post.counts(issue) == {ACCEPTED: 5}
    assert [(one.transport, one.reason) for one in report.failed] == [("main", "down")]


def test_alone_it_is_tried_whatever_was_known(post: Post) -> None:
    """Where nobody else can take over, leaving it alone would help nobody."""
    subscribe(post.store, "weekly", readers(3))
    issue = release(post.store, post.journal)
    post.store.traffic.change_breaker(
        "main", lambda _: Breaker().after(BreakerEvent.FAILED, NOW, "down")
    )
    with Relay() as main:
        one = {"both": Route("both", ("main",))}
        report = post.dispatcher(smtp("main", main), travel=travel(post, one)).drain(never())
        assert got(main) == readers(3)
    assert post.counts(issue) == {ACCEPTED: 3}
    assert report.failed == ()
    assert post.store.traffic.breakers() == {}


def test_all_down_loses_nothing(post: Post) -> None:
    """Both are reported, everything stays queued, no attempt is burnt."""
    subscribe(post.store, "weekly", readers(5))
    issue = release(post.store, post.journal)
    with Relay() as gone, Relay() as away:
        ports = gone.port, away.port
    transports = smtp("main", ports[0]), smtp("backup", ports[1])
    for _ in range(2):
        report = post.dispatcher(*transports, travel=travel(post)).drain(never())
        assert {one.transport for one in report.failed} == {"main", "backup"}
        assert {one.instead for one in report.failed} == {()}
    assert post.counts(issue) == {QUEUED: 5}
    with Relay() as main:
        report = post.dispatcher(smtp("main", main), transports[1], travel=travel(post)).drain(
            never()
        )
        assert got(main) == readers(5)


def test_shares_and_the_unknown(post: Post) -> None:
    """Mail is shared by weight; what one never answered goes by no other, also after a resend."""
    subscribe(post.store, "weekly", readers(200))
    issue = release(post.store, post.journal)
    routes = {"both": Route("both", ("main", "backup"), {"main": 3, "backup": 1})}
    with Relay(script={"BODY": [Act.DROP]}) as main, Relay() as backup:
        report = post.dispatcher(
            smtp("main", main), smtp("backup", backup), travel=travel(post, routes)
        ).drain(never())
        assert post.counts(issue) == {ACCEPTED: 199, UNKNOWN: 1}
        (lost,) = {one.recipient for one in main.received if not one.accepted}
        assert lost not in got(main, backup)
        assert sorted([*got(main, backup), lost]) == readers(200)
        assert 110 < len(got(main)) < 190
        assert report.failed == ()
        post.store.outbox.resolve(issue.id, "resend", NOW)
        post.dispatcher(
            smtp("main", main), smtp("backup", backup), travel=travel(post, routes)
        ).drain(never())
        assert lost in got(main)
    assert post.counts(issue) == {ACCEPTED: 200}


def test_a_greylisted_message_comes_back_by_the_same_way(post: Post) -> None:
    """Greylisting looks at where a message comes from: the same transport, five minutes later."""
    subscribe(post.store, "weekly", readers(20))
    issue = release(post.store, post.journal)
    routes = {"both": Route("both", ("main", "backup"), {"main": 1, "backup": 1})}
    grey = {"RCPT": ["450 4.2.0 Greylisted for 300 seconds"] * 20}
    with Relay(script=grey) as main, Relay(script=grey) as backup:
        first, second = smtp("main", main), smtp("backup", backup)
        post.dispatcher(first, second, travel=travel(post, routes)).drain(never())
        counts = post.counts(issue)
        assert counts == {DEFERRED: 20}
        asked = {
            relay: {c for c in relay.commands if c.startswith("RCPT")} for relay in (main, backup)
        }
        assert all(asked.values())
        assert post.store.traffic.backoffs() == {}
        for relay in (main, backup):
            relay._script.clear()
        post.clock.forward(minutes=5, seconds=1)
        post.dispatcher(first, second, travel=travel(post, routes)).drain(never())
        for relay in (main, backup):
            assert {c for c in relay.commands if c.startswith("RCPT")} == asked[relay]
        assert got(main, backup) == readers(20)


def test_a_route_whose_transports_the_settings_lost(post: Post) -> None:
    """It is said which, and everything stays queued."""
    subscribe(post.store, "weekly", readers(2))
    issue = release(post.store, post.journal)
    report = post.dispatcher(MemoryTransport("other"), travel=travel(post)).drain(never())
    assert [one.transport for one in report.failed] == ["main"]
    assert "add [transports.main]" in report.failed[0].reason
    assert post.counts(issue) == {QUEUED: 2}


# --- limits -------------------------------------------------------------------------------------


def per(
    second: int | None = None,
    minute: int | None = None,
    hour: int | None = None,
    day: int | None = None,
    **more: Any,
) -> Limits:
    return Limits((second, minute, hour, day), **more)


def test_a_limited_domain_starves_nobody(post: Post) -> None:
    """Three an hour to one domain, of two hundred in front; everybody else goes at once."""
    crowd = [f"reader{n}@crowd.example.org" for n in range(200)]
    others = [f"reader{n}@small{n % 7}.example.org" for n in range(40)]
    subscribe(post.store, "weekly", [*crowd, *others])
    issue = release(post.store, post.journal)
    policy = LimitPolicy(domains={"crowd.example.org": per(hour=3)})
    way = travel(post, main=policy)
    with Relay() as main:
        report = post.dispatcher(
            smtp("main", main), travel=way, bounds=replace(QUICK, batch=30)
        ).drain(never())
        went = got(main)
        assert sorted(others) == sorted(set(went) - set(crowd))
        assert len(set(went) & set(crowd)) == 3
        assert len(went) == len(set(went)) == 43
        held, first = post.store.outbox.held(issue.id)
        assert held == 197
        assert first is not None
        assert NOW + timedelta(minutes=19) <= first <= NOW + timedelta(hours=1, minutes=21)
        assert post.counts(issue) == {ACCEPTED: 43, QUEUED: 197}
        assert report.limited == ()
        assert post.state(issue) is IssueState.SENDING
        # Nothing more goes until it may; then three, and no attempt was burnt meanwhile.
        post.clock.now = NOW + timedelta(minutes=59)
        post.dispatcher(smtp("main", main), travel=way).drain(never())
        assert len(got(main)) == 43
        post.clock.now = NOW + timedelta(hours=2, minutes=30)
        post.dispatcher(smtp("main", main), travel=way).drain(never())
        assert len(got(main)) == 46
    assert {one.attempts for one in post.store.outbox.claim("x", 500, SOON.lease, NOW)} <= {0}


def test_a_rate_is_kept_over_drains_and_restarts(post: Post) -> None:
    """A hundred a minute at the most by the server's own log, however often a process begins."""
    subscribe(post.store, "weekly", readers(30))
    issue = release(post.store, post.journal)
    policy = LimitPolicy(total=per(minute=10))
    clock = Hurried(speed=100)  # six seconds are ten minutes
    stamps: list[datetime] = []
    with Relay() as main:
        limit = time.monotonic() + 60
        while post.state(issue) is not IssueState.FINISHED:
            assert time.monotonic() < limit
            before = len(got(main))
            post.dispatcher(
                smtp("main", main), travel=travel(post, main=policy), clock=clock
            ).drain(never())
            stamps += [clock()] * (len(got(main)) - before)
            time.sleep(0.02)
        assert got(main) == readers(30)
    assert post.counts(issue) == {ACCEPTED: 30}
    assert stamps[-1] - stamps[0] >= timedelta(minutes=2)


def test_a_transport_that_may_send_nothing_lets_the_next_one(post: Post) -> None:
    """A new server on its first day takes five; the rest goes by the old one."""
    subscribe(post.store, "weekly", readers(40))
    issue = release(post.store, post.journal)
    policy = LimitPolicy(total=Limits(warm_up=(5, 10), warm_up_from=NOW.date()))
    with Relay() as main, Relay() as backup:
        report = post.dispatcher(
            smtp("main", main), smtp("backup", backup), travel=travel(post, main=policy)
        ).drain(never())
        assert len(got(main)) == 5
        assert got(main, backup) == readers(40)
        assert [one.transport for one in report.limited] == ["main"]
        assert report.limited[0].until > NOW + timedelta(hours=15)
    assert post.counts(issue) == {ACCEPTED: 40}


def test_quiet_hours_are_for_issues(post: Post) -> None:
    """A confirmation goes at night, a digest in the morning; nothing is claimed meanwhile."""
    subscribe(post.store, "weekly", readers(5))
    issue = release(post.store, post.journal)
    quiet = QuietHours(clock_time(7), clock_time(9, 30))  # NOW is 08:00 UTC
    way = travel(post, {}, main=LimitPolicy(total=Limits(quiet=quiet)))
    journal = routed("main")
    notice = Notice(NoticeKind.CONFIRMATION, "k", "new@example.org", "s", "t", transport="main")
    post.store.notices.add(notice, "n", NOW)
    with Relay() as main:
        report = post.dispatcher(smtp("main", main), travel=way, journal=journal).drain(never())
        assert got(main) == ["new@example.org"]
        assert [one.until for one in report.limited] == [NOW + timedelta(hours=1, minutes=30)]
        assert post.counts(issue) == {QUEUED: 5}
        assert post.store.outbox.held(issue.id) == (0, None)
        post.clock.now = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
        post.dispatcher(smtp("main", main), travel=way, journal=journal).drain(never())
        assert got(main) == sorted([*readers(5), "new@example.org"])


def test_connections_and_messages_per_connection_of_a_domain(post: Post) -> None:
    """Never more at once than allowed, and a new session after so many to it."""
    crowd = [f"reader{n}@crowd.example.org" for n in range(60)]
    subscribe(post.store, "weekly", [*crowd, *readers(60)])
    release(post.store, post.journal)
    limits = Limits(connections=1, messages_per_connection=7)
    way = travel(post, main=LimitPolicy(domains={"crowd.example.org": limits}))
    with Relay() as main:
        post.dispatcher(smtp("main", main, connections=4), travel=way).drain(never())
        assert got(main) == sorted([*crowd, *readers(60)])
        for session in main.sessions:
            to_crowd = [c for c in session.commands if c.startswith("RCPT") and "crowd" in c]
            assert len(to_crowd) <= 7
        assert len(main.sessions) >= 60 / 7


def test_every_other_domain_by_itself(post: Post) -> None:
    """Two an hour to each of many domains; memory and claims stay bounded."""
    people = [f"reader{n}@d{n % 25}.example.org" for n in range(100)]
    subscribe(post.store, "weekly", people)
    issue = release(post.store, post.journal)
    way = travel(post, main=LimitPolicy(domains={EVERY_OTHER: per(hour=2)}))
    with Relay() as main:
        post.dispatcher(smtp("main", main), travel=way).drain(never())
        by_domain = Counter(one.rpartition("@")[2] for one in got(main))
        assert set(by_domain.values()) == {2}
        assert len(by_domain) == 25
    assert post.store.outbox.held(issue.id)[0] == 50


# --- back-off -----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["RCPT", "BODY"])
def test_too_fast_means_fewer_connections_then_one_a_minute(post: Post, verb: str) -> None:
    """Each complaint is a step; the message itself is deferred; others' domains go on."""
    crowd = [f"reader{n}@crowd.example.org" for n in range(40)]
    subscribe(post.store, "weekly", [*crowd, *readers(30)])
    issue = release(post.store, post.journal)
    way = travel(post)

    class Slow(Relay):
        def answer(self, asked: str) -> Any:
            last = self.sessions[-1].commands if self.sessions else []
            crowded = any("crowd" in c for c in last[-3:] if c.startswith("RCPT"))
            if asked == verb and crowded:
                return "451 4.7.1 Too many messages, slow down"
            return super().answer(asked)

    with Slow() as main:
        one = smtp("main", main, connections=1)
        for step in range(4):
            post.clock.now = NOW + timedelta(seconds=10 * step)
            post.dispatcher(one, travel=way, bounds=replace(QUICK, batch=5)).drain(
                _after(main, 3 + step)
            )
        levels = post.store.traffic.backoffs()
        assert levels["main", "crowd.example.org"].level >= 2
    counts = post.counts(issue)
    assert counts.get(REFUSED, 0) == 0
    assert counts.get(DEFERRED, 0) >= 1


def _after(relay: Relay, number: int) -> threading.Event:
    """A stop that comes once the relay has had so many messages' envelopes more."""
    stop, before = threading.Event(), len(relay.commands)

    def watch() -> None:
        limit = time.monotonic() + 20
        while time.monotonic() < limit and len(relay.commands) < before + 3 * number:
            time.sleep(0.005)
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    return stop


def test_at_the_slowest_one_message_a_minute_leaves(post: Post) -> None:
    """By the server's log: one at once, the next a minute later, until it has proved itself."""
    subscribe(post.store, "weekly", readers(12))
    issue = release(post.store, post.journal)
    post.store.traffic.change_backoff("main", "example.org", lambda _: Backoff(NOW, 4))
    with Relay() as main:
        one = smtp("main", main)
        for minute, expected in ((0, 1), (0.5, 1), (1.1, 2), (2.2, 3)):
            post.clock.now = NOW + timedelta(minutes=minute)
            post.dispatcher(one, travel=travel(post)).drain(never())
            assert len(got(main)) == expected, minute
        assert post.store.traffic.backoffs()["main", "example.org"].level == 3
        assert post.store.outbox.held(issue.id)[0] >= 1
        post.clock.now = NOW + timedelta(minutes=40)
        drained(
            post,
            one,
            until=lambda: post.state(issue) is IssueState.FINISHED,
            travel=travel(post),
        )
        assert got(main) == readers(12)


def test_a_421_to_the_greeting_of_everything_slows_the_transport(post: Post) -> None:
    """A session that ends with 421 before it has taken anything means all of us; the message goes
    back to the queue and burns nothing.
    """
    subscribe(post.store, "weekly", readers(6))
    issue = release(post.store, post.journal)
    script = {"MAIL": ["421 4.7.0 Too many connections, try later"]}
    with Relay(script=script) as main:
        post.dispatcher(smtp("main", main, connections=1), travel=travel(post)).drain(never())
        assert got(main) == readers(6)
    assert post.counts(issue) == {ACCEPTED: 6}
    assert post.store.traffic.backoffs()["main", ""].level == 1


def test_a_session_that_ends_after_its_share_is_no_complaint(post: Post) -> None:
    """Some servers say 421 after so many messages: nothing is slowed down."""
    subscribe(post.store, "weekly", readers(30))
    issue = release(post.store, post.journal)
    script = {"MAIL": [*(["250 ok"] * 9), "421 2.0.0 enough for one session"] * 3}
    with Relay(script=script) as main:
        post.dispatcher(smtp("main", main, connections=1), travel=travel(post)).drain(never())
        assert got(main) == readers(30)
    assert post.counts(issue) == {ACCEPTED: 30}
    assert post.store.traffic.backoffs() == {}


def test_nothing_limited_has_no_throttle(post: Post) -> None:
    """One relay and no limits: the fast path, with nothing to ask for a message."""
    from publisher.dispatch.roads import Roads

    transport = MemoryTransport("main")
    roads = Roads({"main": transport}, travel(post), post.clock, worker="w")
    roads.begin()
    assert not roads.throttled
    assert roads.lanes["main"].throttle is None


def test_the_bounds_of_travel_are_stated() -> None:
    """A minute is the slowest pace, and half a minute the farthest look ahead."""
    from publisher.dispatch import throttle

    assert timedelta(seconds=30) == throttle.HORIZON
    assert Bounds().batch == 200


# --- staff, at any time -------------------------------------------------------------------------


class Fickle(Relay):
    """Puts every fifth reader off and refuses every seventh, each the first time it hears of them."""

    def __init__(self, known: set[str]) -> None:
        self.known = known  # shared between servers: a retry may come to another
        super().__init__()

    def answer(self, verb: str) -> Any:
        if verb == "RCPT":
            return Deciding(self)
        return super().answer(verb)

    def say(self, line: Any, answer: Any) -> bool:
        return super().say(line, answer() if isinstance(answer, Deciding) else answer)


class Deciding:
    """An answer that is known only once the command has been noted."""

    def __init__(self, relay: Fickle) -> None:
        self.relay = relay

    def __call__(self) -> str:
        asked = [s.commands[-1] for s in self.relay.sessions if s.commands]
        for command in asked:
            if command.startswith("RCPT") and command not in self.relay.known:
                self.relay.known.add(command)
                number = int(command.partition("reader")[2][:5])
                if number % 5 == 0:
                    return "450 4.2.0 later"
                if number % 7 == 0:
                    return "550 5.2.1 not today"
        return "250 ok"


def test_staff_at_any_time_and_a_second_worker_double_nothing(post: Post) -> None:
    """Two workers send by two servers while staff pause, resume and retry all the time: in the end
    everybody has it once, by the servers' own logs.
    """
    subscribe(post.store, "weekly", readers(105))
    issue = release(post.store, post.journal)
    routes = {"both": Route("both", ("main", "backup"), {"main": 1, "backup": 1})}
    known: set[str] = set()
    over = threading.Event()
    failures: list[BaseException] = []
    with Fickle(known) as main, Fickle(known) as backup:

        def work() -> None:
            try:
                while not over.is_set():
                    post.dispatcher(
                        smtp("main", main, connections=1),
                        smtp("backup", backup, connections=1),
                        travel=travel(post, routes),
                        bounds=replace(QUICK, batch=9),
                    ).drain(over)
                    time.sleep(0.01)
            except BaseException as error:  # noqa: BLE001 (the main thread asserts on it)
                failures.append(error)

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        limit = time.monotonic() + 90
        while post.counts(issue) != {ACCEPTED: 105} and not failures and time.monotonic() < limit:
            _meddle(post, issue.id)
            time.sleep(0.2)
        over.set()
        for worker in workers:
            worker.join()
        assert failures == []
        assert got(main, backup) == readers(105)
    assert post.counts(issue) == {ACCEPTED: 105}


def _meddle(post: Post, issue_id: int) -> None:
    """What staff may do, allowed at that moment or not."""
    for act in (
        lambda: post.store.issues.move(issue_id, IssueEvent.PAUSE, NOW),
        lambda: post.store.outbox.retry(issue_id, DeliveryState.DEFERRED, NOW),
        lambda: post.store.outbox.retry(issue_id, DeliveryState.REFUSED, NOW),
        lambda: post.store.outbox.resolve(issue_id, "accepted", NOW),
        lambda: post.store.issues.move(issue_id, IssueEvent.RESUME, NOW),
    ):
        with suppress(NotAllowed):
            act()
        time.sleep(0.005)
