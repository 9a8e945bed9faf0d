"""Shares, order, and what a failing transport's share becomes; and its circuit breaker."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.breaker import (
    TRANSITIONS,
    WAITS,
    Breaker,
    BreakerEvent,
    Circuit,
)
from publisher.domain.route import Route, choose

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
NAMES = ("main", "second", "third", "backup")
KEYS = [str(number) for number in range(4000)]


def test_shares_are_in_proportion() -> None:
    """3 to 1 to 1, within what chance allows; whoever has no weight gets none."""
    route = Route("r", NAMES, {"main": 3, "second": 1, "third": 1})
    found = Counter(route.order(key)[0] for key in KEYS)
    assert set(found) == {"main", "second", "third"}
    assert abs(found["main"] - 2400) < 150
    assert abs(found["second"] - 800) < 120


@given(st.text(max_size=20), st.sets(st.sampled_from(NAMES)))
def test_a_failing_transports_share_alone_moves(key: str, down: set[str]) -> None:
    """Everybody else's message leaves by where it would have left."""
    route = Route("r", NAMES, {"main": 3, "second": 1, "third": 1})
    order = route.order(key)
    assert sorted(order) == sorted(NAMES)
    assert order[-1] == "backup"
    assert order == route.order(key)
    found = choose(route, key, lambda name: name not in down)
    assert found == next((name for name in order if name not in down), None)
    if order[0] not in down:
        assert found == order[0]


def test_without_weights_it_is_an_order() -> None:
    """The first takes everything; the next only while it fails."""
    route = Route("r", NAMES)
    assert {route.order(key) for key in KEYS[:50]} == {NAMES}
    assert choose(route, "1", lambda name: name != "main") == "second"
    assert choose(route, "1", lambda _: False) is None
    assert choose(Route("main", ("main",)), "1", lambda _: True) == "main"


def test_active_transports() -> None:
    """The shares that are up; else the next in order; else none."""
    route = Route("r", NAMES, {"main": 1, "second": 1})
    assert route.active(lambda _: True) == ("main", "second")
    assert route.active(lambda name: name != "main") == ("second",)
    assert route.active(lambda name: name not in ("main", "second")) == ("third",)
    assert route.active(lambda _: False) == ()


# --- the circuit breaker ------------------------------------------------------------------------


def test_the_table_is_whole() -> None:
    """Every event has an answer in every state."""
    assert set(TRANSITIONS) == {(c, e) for c in Circuit for e in BreakerEvent}


def test_it_is_left_alone_for_longer_each_time() -> None:
    """30 s, then minutes; one success and it is as if nothing had been."""
    breaker, now = Breaker(), NOW
    for wait in (*WAITS, WAITS[-1]):
        breaker = breaker.after(BreakerEvent.FAILED, now, "down")
        assert breaker.state is Circuit.OPEN
        assert (breaker.since, breaker.reason) == (NOW, "down")
        assert breaker.probe_at == now + wait
        assert not breaker.due(now + wait - timedelta(seconds=1))
        assert breaker.after(BreakerEvent.FAILED, now, "again") == breaker
        now += wait
        assert breaker.due(now)
        breaker = breaker.after(BreakerEvent.DUE, now)
        assert breaker.state is Circuit.PROBING
    assert breaker.after(BreakerEvent.WORKED, now) == Breaker()


def test_a_clock_that_was_set_back_leaves_nobody_alone_for_ever() -> None:
    """A probe that would be due in a year is due now."""
    breaker = Breaker().after(BreakerEvent.FAILED, NOW)
    assert breaker.due(NOW - timedelta(days=365))
    assert not Breaker().due(NOW)


@given(st.lists(st.tuples(st.sampled_from(BreakerEvent), st.integers(0, 900)), max_size=40))
def test_no_history_leaves_the_breaker_stuck(history: list[tuple[BreakerEvent, int]]) -> None:
    """Whatever happened: closed means forgotten, otherwise a probe comes within ten minutes."""
    breaker, now = Breaker(), NOW
    for event, seconds in history:
        now += timedelta(seconds=seconds)
        breaker = breaker.after(event, now)
        if breaker.state is Circuit.CLOSED:
            assert breaker == Breaker()
        else:
            assert breaker.failures >= 1
            assert breaker.due(now + WAITS[-1])


@pytest.mark.parametrize("event", [BreakerEvent.DUE, BreakerEvent.WORKED])
def test_a_closed_circuit_stays_closed(event: BreakerEvent) -> None:
    """Nothing but a failure opens it."""
    assert Breaker().after(event, NOW) == Breaker()
