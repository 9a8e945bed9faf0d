"""Limits that several workers keep together: never more than allowed, whatever happens between."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from publisher.domain.limits import EVERY_OTHER, WHOLE, WINDOWS, LimitPolicy, Limits
from publisher.limiting import SharedLimiter, shared
from publisher.limiting.allowance import HOLD, LARGEST
from publisher.ports import Store
from publisher.stores import open_store
from publisher.stores.sql import SqlStore
from publisher.stores.tables import allowance

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
SECOND, MINUTE, HOUR, DAY = WINDOWS
HELD = timedelta(milliseconds=HOLD)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('s') / 's.db'}", synchronous="NORMAL")
    opened.migrate(NOW)
    yield opened
    opened.close()


_serial = itertools.count()


def limiter(store: Store, policy: LimitPolicy, name: str = "", worker: str = "") -> SharedLimiter:
    name, worker = name or f"t{next(_serial)}", worker or f"w{next(_serial)}"
    return SharedLimiter(name, policy, UTC_ZONE, store.traffic, worker)


def total(*per: int | None, **more: object) -> LimitPolicy:
    return LimitPolicy(Limits((*per, None, None, None, None)[:4], **more))  # type: ignore[arg-type]


def go(one: SharedLimiter, destination: str, now: datetime, most: int = 1) -> int:
    """How many of `most` messages may go now; they are answered at once."""
    for number in range(most):
        one.fetch({destination: most - number}, now)
        if one.take(destination, now) is not None:
            return number
        one.answered(destination, now)
    return most


@dataclass
class World:
    """Workers on one store, what they have under way, and when each message came to the sink.

    `now` is the clock that can be set back, `true` the time that has passed.
    """

    store: Store
    policy: LimitPolicy
    name: str = field(default_factory=lambda: f"t{next(_serial)}")
    now: datetime = NOW
    true: timedelta = timedelta(0)
    under_way: list[list[timedelta]] = field(default_factory=lambda: [[], [], []])
    came: list[timedelta] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workers = [self.worker() for _ in range(3)]

    def worker(self) -> SharedLimiter:
        return limiter(self.store, self.policy, self.name)

    def wait(self, seconds: float) -> None:
        """Time passes; no message takes for long, and a worker shows signs of life meanwhile."""
        if seconds > 2:
            for place in range(3):
                while self.under_way[place]:
                    self.answer(place, late=True)
        self.now += timedelta(seconds=seconds)
        self.true += timedelta(seconds=seconds)
        for each in self.workers:
            each.renew(self.now)

    def send(self, place: int) -> None:
        """As many as may be, up to four at once."""
        one = self.workers[place]
        one.fetch({WHOLE: 4}, self.now)
        while len(self.under_way[place]) < 4 and one.take(WHOLE, self.now) is None:
            self.under_way[place].append(self.true)

    def answer(self, place: int, *, late: bool) -> None:
        """The oldest: it came to the sink as soon as it left, or just now."""
        if self.under_way[place]:
            began = self.under_way[place].pop(0)
            self.came.append(self.true if late else began)
            self.workers[place].answered(WHOLE, self.now)

    def kill(self, place: int, *, late: bool) -> None:
        """With all it had under way; another takes its place."""
        self.came += [self.true if late else each for each in self.under_way[place]]
        self.under_way[place] = []
        self.workers[place] = self.worker()

    def held(self, per: tuple[int | None, ...]) -> None:
        """Whether no window was ever fuller than it may be, by the sink's own times."""
        for place in range(3):
            self.kill(place, late=True)
        came = sorted(self.came)
        for span, most in zip(WINDOWS, per, strict=True):
            for first, last in zip(came, came[most:] if most else [], strict=False):
                assert last - first >= span, (span, most, came)

    def step(self, what: str, place: int, late: bool) -> None:
        match what:
            case "send":
                self.send(place)
            case "answer":
                self.answer(place, late=late)
            case "kill":
                self.kill(place, late=late)
            case "leave":
                while self.under_way[place]:
                    self.answer(place, late=late)
                self.workers[place].leave(self.now)
            case _:
                self.now -= timedelta(hours=3 if late else 0, seconds=20)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.tuples(*[st.none() | st.integers(1, 12)] * 4),
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.0, 0.001, 0.3, 1.0, 7.0, 31.0, 61.0, 1800.0, 40000.0]),
            st.sampled_from(["send", "send", "send", "answer", "answer", "kill", "leave", "back"]),
            st.integers(0, 2),
            st.booleans(),
        ),
        max_size=60,
    ),
)
def test_no_window_ever_holds_more(
    store: Store,
    per: tuple[int | None, int | None, int | None, int | None],
    steps: list[tuple[float, str, int, bool]],
) -> None:
    """Three workers, killed and begun anew, with a clock that is set back: in any second, minute,
    hour and day the sink meets no more, whenever it counts a message that is under way.
    """
    world = World(store, total(*per))
    for seconds, what, place, late in steps:
        world.wait(seconds)
        world.step(what, place, late)
    world.held(per)


@pytest.mark.parametrize("seed", range(4))
def test_nor_do_workers_that_send_as_fast_as_they_may(store: Store, seed: int) -> None:
    """For minutes at the limit, with slow and quick answers; and most of it is used."""
    chance = random.Random(seed)  # noqa: S311 - no secrets
    per = ((3, 25, None, None), (5, None, 300, None), (None, 30, None, 200), (4, 40, 90, 95))[seed]
    world = World(store, total(*per))
    while world.true < 5 * MINUTE:
        world.wait(chance.choice((0.05, 0.05, 0.2, 1.5)))
        for place in range(3):
            for _ in range(chance.randrange(5)):
                world.answer(place, late=chance.random() < 0.5)
            world.send(place)
        if chance.random() < 0.005:
            world.step("back", 0, chance.random() < 0.5)
    world.held(per)
    allowed = min(n * (5 * MINUTE / span + 1) for n, span in zip(per, WINDOWS, strict=True) if n)
    assert len(world.came) >= allowed * 0.5


def test_limits_are_used_up_by_workers_together(store: Store) -> None:
    """What one does not use, another may: in a minute all of it leaves, and no more."""
    name, policy = f"t{next(_serial)}", total(None, 40)
    workers = [limiter(store, policy, name) for _ in range(4)]
    went: Counter[int] = Counter()
    for number in range(80):
        went[number % 4] += go(workers[number % 4], WHOLE, NOW)
    for worker in workers:
        worker.leave(NOW)
    went[4] += go(limiter(store, policy, name), WHOLE, NOW, 40)
    assert sum(went.values()) == 40
    assert min(went[place] for place in range(4)) > 1


def test_most_messages_ask_nobody(store: Store) -> None:
    """Permits come in blocks: a thousand messages of a day's limit cost some dozen commits."""
    one, asked = limiter(store, total(None, None, None, 100_000)), 0
    exchange = store.traffic.exchange

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(store.traffic, name)

        def exchange(self, *args: object) -> object:
            nonlocal asked
            asked += 1
            return exchange(*args)  # type: ignore[arg-type]

    one._traffic = Counting()  # type: ignore[assignment]
    assert go(one, WHOLE, NOW, 1000) == 1000
    assert asked == 1000 / LARGEST


def test_who_waits_as_long_as_told_goes(store: Store) -> None:
    """The instants that `take` names are late enough: nobody asks in a circle."""
    one, now, asked = limiter(store, total(2, 3, 5)), NOW, 0
    for _ in range(16):
        while go(one, WHOLE, now) == 0:
            again = one.take(WHOLE, now)
            assert again is not None
            assert again > now
            now, asked = again, asked + 1
            one.renew(now)
    assert asked <= 4 * 16
    assert NOW + 3 * HOUR <= now <= NOW + 3 * HOUR + 5 * MINUTE


def test_a_refusal_takes_nothing_anywhere(store: Store) -> None:
    """A full destination costs the whole nothing, and the other way round."""
    policy = LimitPolicy(Limits((None, 3, None, None)), {"a.org": Limits((None, 1, None, None))})
    one = limiter(store, policy)
    assert go(one, "a.org", NOW, 5) == 1
    assert go(one, WHOLE, NOW, 5) == 2
    assert go(one, "a.org", NOW + 2 * MINUTE) == 1


def test_what_does_not_leave_is_given_back(store: Store) -> None:
    """A message that was cancelled in the last moment, and permits that nobody used."""
    name, policy = f"t{next(_serial)}", total(None, None, 8)
    one, other = limiter(store, policy, name), limiter(store, policy, name)
    for _ in range(8):
        one.fetch({WHOLE: 8}, NOW)
        assert one.take(WHOLE, NOW) is None
    assert go(other, WHOLE, NOW) == 0
    for _ in range(3):
        one.untake(WHOLE)
    for _ in range(5):
        one.answered(WHOLE, NOW)
    one.leave(NOW)
    assert go(limiter(store, policy, name), WHOLE, NOW, 8) == 3


def test_a_killed_worker_has_used_what_it_held(store: Store) -> None:
    """Nobody knows what it sent; so its permits count, until its time is over and a window's."""
    name, policy = f"t{next(_serial)}", total(None, 3)
    killed, other = limiter(store, policy, name), limiter(store, policy, name)
    for _ in range(3):
        killed.fetch({WHOLE: 3}, NOW)
        assert killed.take(WHOLE, NOW) is None
    assert go(other, WHOLE, NOW + MINUTE) == 0
    assert go(other, WHOLE, NOW + MINUTE + HELD + 2 * SECOND) == 1


def test_a_worker_that_slept_uses_no_old_permit(store: Store) -> None:
    """Its permits are others' meanwhile; nor does it use any where the clock was set back."""
    name, policy = f"t{next(_serial)}", total(None, None, 800)
    one = limiter(store, policy, name)
    one.fetch({WHOLE: 5}, NOW)
    assert one.take(WHOLE, NOW) is None
    assert one.take(WHOLE, NOW + HELD) is not None
    one.fetch({WHOLE: 5}, NOW + HELD)
    assert one.take(WHOLE, NOW + HELD) is None
    assert one.take(WHOLE, NOW) is not None


def test_a_warm_up_allows_more_each_day(store: Store) -> None:
    """Each day's number in 24 hours; afterwards as many as may be."""
    one = limiter(store, total(warm_up=(2, 4), warm_up_from=date(2026, 11, 24)))
    went: list[int] = []
    for hour in range(72):
        now = NOW + hour * HOUR
        one.renew(now)
        went += [hour] * go(one, WHOLE, now, 500 - len(went))
    assert went[:2] == [0, 0]
    assert went[2:4] == [16, 16]  # midnight in the journal's zone: the second day
    assert went.count(24) + went.count(25) == 2
    assert len([hour for hour in went if hour < 40]) == 6
    assert len(went) == 500  # after the last day nothing is limited


def test_turns_and_spacing(store: Store) -> None:
    """The place in the line says about when; evenly, one each so often."""
    one = limiter(store, LimitPolicy(domains={"a.org": Limits((None, 2, 60, None))}))
    assert one.spacing("a.org", NOW) == MINUTE
    assert one.spacing(WHOLE, NOW) == timedelta(0)
    assert one.turn(WHOLE, 1000, NOW) == NOW
    soon = timedelta(milliseconds=2)
    turns = [one.turn("a.org", place, NOW) - NOW for place in (1, 2, 3, 5, 121)]
    for found, wanted in zip(
        turns, (timedelta(0), timedelta(0), MINUTE, 2 * MINUTE, 2 * HOUR), strict=True
    ):
        assert wanted <= found <= wanted + soon
    assert go(one, "a.org", NOW, 2) == 2
    one.leave(NOW)
    after = one.turn("a.org", 1, NOW + MINUTE / 2)
    assert NOW + MINUTE <= after <= NOW + MINUTE + soon


def test_seats_are_shared(store: Store) -> None:
    """Of three connections everybody who waits gets some, and nobody more than there are."""
    name, policy = f"t{next(_serial)}", total(connections=3)
    one, other, third = (limiter(store, policy, name) for _ in range(3))
    assert one.seats(WHOLE, 3, 5, 0, NOW) == 3
    assert one.seats(WHOLE, 3, 5, 3, NOW) == 3
    assert other.seats(WHOLE, 3, 2, 0, NOW) == 0
    now = NOW + 4 * SECOND
    one.renew(now)
    assert one.seats(WHOLE, 3, 5, 3, now) == 1  # it has three still, and begins no other
    assert other.seats(WHOLE, 3, 2, 0, now) == 0
    now += 4 * SECOND
    assert one.seats(WHOLE, 3, 5, 1, now) == 1
    one.renew(now)
    assert other.seats(WHOLE, 3, 2, 0, now) == 2
    assert third.seats(WHOLE, 3, 2, 0, now) == 0
    one.seats(WHOLE, 3, 0, 0, now)
    one.leave(now)
    other.renew(now + 4 * SECOND)
    assert third.seats(WHOLE, 3, 2, 0, now + 4 * SECOND) == 1
    # Who was killed has none once its time is over.
    assert third.seats(WHOLE, 3, 3, 1, now + 5 * SECOND + HELD) == 3


def test_who_is_told_to_slow_down_shares_one_a_minute(store: Store) -> None:
    """A destination without limits of its own, for two workers together."""
    name, policy = f"t{next(_serial)}", LimitPolicy()
    one, other = limiter(store, policy, name), limiter(store, policy, name)

    def goes(who: SharedLimiter, now: datetime) -> bool:
        who.fetch({"a.org": 1}, now, ["a.org"])
        if who.take("a.org", now) is not None:
            return False
        who.answered("a.org", now)
        who.renew(now)
        return True

    assert go(one, "a.org", NOW, 5) == 5
    assert goes(one, NOW)
    one.renew(NOW + 3 * SECOND)
    assert not goes(other, NOW + 4 * SECOND)
    assert goes(other, NOW + MINUTE + 2 * SECOND)
    one.fetch({"a.org": 1}, NOW + MINUTE + 2 * SECOND)
    assert one.take("a.org", NOW + MINUTE + 2 * SECOND) is None


def test_memory_does_not_grow_with_the_domains(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the rest the store knows: a limit that was used up stays so, for a day."""
    monkeypatch.setattr(shared, "REMEMBERED", 20)
    policy = LimitPolicy(domains={EVERY_OTHER: Limits((None, None, 1, None))})
    one = limiter(store, policy, "many")
    for number in range(60):
        assert go(one, f"d{number}.org", NOW) == 1
        if number % 10 == 0:
            one.renew(NOW + SECOND * number / 10)
    one.leave(NOW + 3 * MINUTE)
    again = limiter(store, policy, "many")
    assert go(again, "d0.org", NOW + 4 * MINUTE) == 0
    assert go(again, "last.org", NOW + 4 * MINUTE) == 1
    for number in range(60):
        again.turn(f"d{number}.org", 1, NOW + 4 * MINUTE)
    assert len(again._accounts) <= 22
    again.leave(NOW + 2 * DAY)
    assert isinstance(store, SqlStore)
    with store.database.read() as connection:
        rows = select(func.count()).where(allowance.c.transport == "many")
        assert (connection.scalar(rows) or 0) <= 2
