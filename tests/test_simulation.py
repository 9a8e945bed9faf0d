"""What the benchmark's simulation must get right whatever the times are."""

from __future__ import annotations

import pytest

from benchmarks.simulation import Place, Provider, Times, last, play

FREE = (0.0, 0.0)


def test_a_worker_that_only_waits_sends_as_its_connections_allow() -> None:
    """Ten connections, a tenth of a second each: a hundred a second, whoever commits."""
    only_travel = Times(worker=FREE, database=FREE, sink=0.0, flush=0.0, travel=0.1)
    assert play(only_travel, Place(1), 1, 10, 20).rate == pytest.approx(100, rel=0.1)
    assert play(only_travel, Place(1), 2, 10, 20).rate == pytest.approx(200, rel=0.1)


def test_one_processor_is_the_limit_of_all_workers_together() -> None:
    """A millisecond of it for each message is a thousand a second, and it is busy all the time."""
    busy = Times(worker=FREE, database=(0.0, 0.001), sink=0.0, flush=0.0, travel=0.001)
    for workers in (1, 4):
        played = play(busy, Place(1), workers, 10, 2)
        assert played.rate == pytest.approx(1000, rel=0.05)
        assert played.processors == pytest.approx(1, abs=0.05)


def test_one_flush_of_the_log_serves_all_who_wait() -> None:
    """With one connection each, workers commit together: twice the workers, twice the rate."""
    slow = Times(worker=FREE, database=FREE, sink=0.0, flush=0.01)
    assert play(slow, Place(1), 1, 1).rate == pytest.approx(100, rel=0.1)
    assert play(slow, Place(1), 8, 1).rate > 390
    assert play(slow, Place(1), 8, 1).commits == pytest.approx(1, rel=0.05)


def test_what_is_deferred_comes_back_later() -> None:
    """Without deferrals an issue takes as long as the slower of the two; with them, an hour more."""
    assert last(36_000, 100, Provider(10, 0.0)) == pytest.approx((0.9, 1.0), rel=0.05)
    most, whole = last(36_000, 100, Provider(10, 0.05))
    assert most == pytest.approx(0.95, abs=0.1)
    assert whole > 1.05
