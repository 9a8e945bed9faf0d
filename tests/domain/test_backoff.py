"""Slower by steps, and back by steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.backoff import (
    BURST,
    CALM,
    FORGOTTEN,
    HIGHEST,
    PROOF,
    SPACING,
    Backoff,
    Heard,
)

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
FAST, OK = Heard.TOO_FAST, Heard.ACCEPTED


def slowed(level: int) -> Backoff:
    backoff = Backoff(NOW)
    for step in range(level):
        backoff = backoff.after(FAST, NOW + step * BURST)
    return backoff


def test_each_complaint_is_one_step_down_to_one_message_a_minute() -> None:
    """Half, a quarter, one connection, one message a minute; no further."""
    found = [(slowed(level).connections(8), slowed(level).spacing) for level in range(6)]
    none = timedelta(0)
    assert found == [(8, none), (4, none), (2, none), (1, none), (1, SPACING), (1, SPACING)]
    assert timedelta(minutes=1) == SPACING


def test_a_burst_is_one_step() -> None:
    """Ten connections that hear the same at once are one complaint."""
    backoff = Backoff(NOW)
    for _ in range(10):
        backoff = backoff.after(FAST, NOW + timedelta(seconds=1))
    assert backoff.level == 1


@pytest.mark.parametrize("level", range(1, HIGHEST + 1))
def test_a_level_is_taken_back_once_it_has_proved_itself(level: int) -> None:
    """After a calm minute and enough accepted messages, one level and no more."""
    backoff = slowed(level)
    quick = backoff
    for _ in range(PROOF[level] * 3):
        quick = quick.after(OK, backoff.at + CALM / 2)
    assert quick.level == level  # however many: not within the minute
    for _ in range(PROOF[level] - 1):
        backoff = backoff.after(OK, backoff.at + CALM)
    assert backoff.level == level
    assert backoff.after(OK, backoff.at + CALM).level == level - 1


def test_messages_are_spaced_from_the_last_that_left() -> None:
    """At the slowest only; a clock that was set back holds nothing up for more than a minute."""
    fast, slow = slowed(3).sent(NOW), slowed(4).sent(NOW)
    assert fast.next_at(NOW) == NOW
    assert slow.next_at(NOW) == NOW + SPACING
    assert slow.next_at(NOW + SPACING * 3) == NOW + SPACING * 3
    earlier = NOW - timedelta(days=9)
    assert slow.next_at(earlier) == earlier + SPACING
    assert Backoff(NOW, 4).next_at(NOW) == NOW


def test_time_alone_heals() -> None:
    """Nobody sent to it for hours: it is asked afresh, level by level."""
    assert slowed(4).faded(slowed(4).at + FORGOTTEN - BURST).level == 4
    assert slowed(4).faded(slowed(4).at + FORGOTTEN).level == 3
    assert slowed(4).faded(slowed(4).at + 10 * FORGOTTEN).level == 0
    assert slowed(4).faded(NOW - timedelta(days=400)).level == 4


@given(
    st.lists(st.tuples(st.sampled_from(Heard), st.floats(-100, 4000)), max_size=60),
    st.integers(1, 64),
)
def test_no_history_leaves_the_table(history: list[tuple[Heard, float]], most: int) -> None:
    """Levels stay in range, change by one with each answer, and leave a connection open."""
    backoff, now = Backoff(NOW), NOW
    for heard, seconds in history:
        now += timedelta(seconds=seconds)
        before = backoff.faded(now)
        backoff = backoff.after(heard, now)
        assert 0 <= backoff.level <= HIGHEST
        assert abs(backoff.level - before.level) <= 1
        assert backoff.level >= before.level or heard is OK
        assert 1 <= backoff.connections(most) <= most
        assert backoff.connections(most) >= slowed(HIGHEST).connections(most)
