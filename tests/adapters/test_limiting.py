"""Sliding windows on a real store: never more than allowed, whatever happens between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.domain.limits import EVERY_OTHER, WHOLE, WINDOWS, LimitPolicy, Limits
from publisher.limiting import REMEMBERED, WindowLimiter
from publisher.ports import Store
from publisher.stores import open_store

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
SECOND, MINUTE, HOUR, DAY = WINDOWS


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('s') / 's.db'}", synchronous="NORMAL")
    opened.migrate(NOW)
    yield opened
    opened.close()


_serial = iter(range(1_000_000))


def limiter(store: Store, policy: LimitPolicy, name: str | None = None) -> WindowLimiter:
    return WindowLimiter(name or f"t{next(_serial)}", policy, UTC_ZONE, store.traffic)


def total(*per: int | None, **more: object) -> LimitPolicy:
    return LimitPolicy(Limits((*per, None, None, None, None)[:4], **more))  # type: ignore[arg-type]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.tuples(*[st.none() | st.integers(1, 6)] * 4),
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.001, 0.4, 1.0, 7.0, 61.0, 1800.0, 40000.0]),
            st.sampled_from(["commit", "restart", ""]),
        ),
        max_size=60,
    ),
)
def test_no_window_ever_holds_more(
    store: Store,
    per: tuple[int | None, int | None, int | None, int | None],
    steps: list[tuple[float, str]],
) -> None:
    """In any second, minute, hour and day, however often the process begins anew (its second
    apart, which nothing remembers); and who is told to wait may go at the time that was said.
    """
    policy, name = total(*per), f"t{next(_serial)}"
    one, now, went = limiter(store, policy, name), NOW, []
    restarts = []
    for seconds, what in steps:
        now += timedelta(seconds=seconds)
        again = one.take(WHOLE, now)
        if again is None:
            went.append(now)
        else:
            assert now < again <= now + DAY + MINUTE
        if what:
            one.commit(now)
        if what == "restart":
            restarts.append(now)
            one = limiter(store, policy, name)
    for span, most in zip(WINDOWS, per, strict=True):
        for start in went:
            if span == SECOND and any(start <= at < start + span for at in restarts):
                continue
            within = [at for at in went if start <= at < start + span]
            assert most is None or len(within) <= most, (span, most, within)


def test_who_waits_as_long_as_told_goes(store: Store) -> None:
    """The instants that `take` names are late enough: nobody asks in a circle."""
    one, now, asked = limiter(store, total(2, 3, 5)), NOW, 0
    for _ in range(16):
        while (again := one.take(WHOLE, now)) is not None:
            assert again > now
            now, asked = again, asked + 1
    assert asked <= 2 * 16
    assert NOW + 3 * HOUR <= now <= NOW + 3 * HOUR + 5 * MINUTE


def test_a_refusal_takes_nothing_anywhere(store: Store) -> None:
    """A full destination costs the whole nothing, and the other way round."""
    policy = LimitPolicy(Limits((None, 3, None, None)), {"a.org": Limits((None, 1, None, None))})
    one = limiter(store, policy)
    assert one.take("a.org", NOW) is None
    for _ in range(5):
        assert one.take("a.org", NOW) is not None
    assert one.take(WHOLE, NOW) is None
    assert one.take(WHOLE, NOW) is None
    assert one.take(WHOLE, NOW) is not None
    assert one.take("a.org", NOW + 2 * MINUTE) is None


def test_a_kill_before_the_commit_is_the_only_loss(store: Store) -> None:
    """What was committed counts in the next process, in its hour and its day."""
    policy = total(None, None, 5, 6)
    one = limiter(store, policy, "killed")
    assert [one.take(WHOLE, NOW) for _ in range(4)] == [None] * 4
    one.commit(NOW)
    again = limiter(store, policy, "killed")
    assert again.take(WHOLE, NOW + MINUTE) is None
    free = again.take(WHOLE, NOW + MINUTE)
    assert free is not None
    assert NOW + HOUR <= free <= NOW + HOUR + 2 * MINUTE


def test_a_limit_that_was_lowered_holds_from_now_on(store: Store) -> None:
    """Five were let go; of three allowed there is room when all but two are an hour old."""
    before = limiter(store, total(None, None, 9), "lowered")
    for minute in range(5):
        assert before.take(WHOLE, NOW + minute * MINUTE) is None
    before.commit(NOW)
    after = limiter(store, total(None, None, 3), "lowered")
    assert after.take(WHOLE, NOW + 10 * MINUTE) is not None
    assert after.take(WHOLE, NOW + 2 * HOUR) is None


def test_a_warm_up_allows_more_each_day(store: Store) -> None:
    """Each day's number in 24 hours; afterwards as many as may be."""
    policy = total(warm_up=(2, 4), warm_up_from=date(2026, 11, 24))
    one = limiter(store, policy)
    went: list[int] = []
    for hour in range(72):
        while one.take(WHOLE, NOW + hour * HOUR) is None and len(went) < 500:
            went.append(hour)
    assert went[:2] == [0, 0]
    assert went[2:4] == [16, 16]  # midnight in the journal's zone: the second day
    assert went.count(24) + went.count(25) == 2
    assert len([hour for hour in went if hour < 40]) == 6
    assert len(went) == 500  # after the last day nothing is limited


def test_a_clock_set_back_blocks_nobody_for_long(store: Store) -> None:
    """A day of waiting at most, however far it went."""
    one = limiter(store, total(None, 1, 2))
    assert one.take(WHOLE, NOW) is None
    assert one.take(WHOLE, NOW - timedelta(days=400)) is None
    again = one.take(WHOLE, NOW - timedelta(days=400))
    assert again is not None
    assert again <= NOW - timedelta(days=400) + HOUR + MINUTE


def test_turns_and_spacing(store: Store) -> None:
    """The place in the line says about when; evenly, one each so often."""
    one = limiter(store, LimitPolicy(domains={"a.org": Limits((None, 2, 60, None))}))
    assert one.spacing("a.org", NOW) == MINUTE
    assert one.spacing(WHOLE, NOW) == timedelta(0)
    assert one.turn(WHOLE, 1000, NOW) == NOW
    assert [one.turn("a.org", place, NOW) - NOW for place in (1, 2, 3, 5, 121)] == [
        timedelta(0),
        timedelta(0),
        MINUTE,
        2 * MINUTE,
        2 * HOUR,
    ]
    assert one.take("a.org", NOW) is None
    assert one.take("a.org", NOW) is None
    assert one.turn("a.org", 1, NOW + MINUTE / 2) == NOW + MINUTE


def test_memory_does_not_grow_with_the_domains(store: Store) -> None:
    """Of the rest the store knows: a limit that was used up stays so."""
    policy = LimitPolicy(domains={EVERY_OTHER: Limits((None, None, 1, None))})
    one = limiter(store, policy)
    for number in range(REMEMBERED + 200):
        assert one.take(f"d{number}.org", NOW) is None
        if number % 100 == 0:
            one.commit(NOW)
    one.commit(NOW)
    assert one.take("last.org", NOW) is None
    assert len(one._windows) <= REMEMBERED + 200
    assert "d0.org" not in one._windows
    assert one.take("d0.org", NOW + MINUTE) is not None
