"""What people see while mails leave."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.speed import WINDOW, Speed
from publisher.formats import progress


def steady(rate: float, seconds: int = 10) -> Speed:
    pace = Speed()
    for second in range(seconds + 1):
        pace.note(float(second), int(rate * second))
    return pace


def test_a_line_says_how_many_how_fast_how_long_and_to_whom() -> None:
    """Counts by outcome, and the domains that are large enough to name nobody."""
    by_domain = {
        "gmail.com": {"accepted": 1200, "deferred": 3},
        "example.org": {"accepted": 7},
        "tiny.example": {"accepted": 1},
    }
    text = progress.line(
        1211, 10_000, steady(120), {"accepted": 1208, "deferred": 3, "returned": 9}, by_domain
    )
    assert text == (
        "1,211 of 10,000 (120 a second, about 2 minutes left): 1,208 accepted, 3 deferred; "
        "gmail.com 1,203 (3 deferred), example.org 7, others 1"
    )


def test_many_domains_are_counted_together() -> None:
    """Four by name, however many there are."""
    by_domain = {f"d{n}.example": {"accepted": 100 - n} for n in range(30)}
    text = progress.domains(by_domain)
    assert text.startswith("d0.example 100, d1.example 99, d2.example 98, d3.example 97, others ")
    assert text.count("example") == 4


def test_nothing_is_claimed_that_nobody_knows() -> None:
    """No rate from one look; no time left when nothing moves."""
    assert progress.pace(0, 10, Speed()) == ""
    assert progress.pace(0, 10, steady(0)) == "standing still"
    assert progress.pace(10, 10, steady(5)) == "5.0 a second"
    assert progress.line(0, 10, Speed(), {}, {}) == "0 of 10"


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 1000)), max_size=200))
def test_a_rate_is_of_late_and_memory_is_bounded(steps: list[tuple[float, int]]) -> None:
    """Whatever was seen: no negative rate, few samples, none older than needed."""
    pace, at, done = Speed(), 0.0, 0
    for seconds, more in steps:
        at, done = at + seconds, done + more
        pace.note(at, done)
        rate = pace.rate()
        assert rate is None or rate >= 0
        assert len(pace.samples) <= 4 * WINDOW + 3
    assert progress.settled({"accepted": 2, "returned": 5}) == 2


def test_an_old_rate_is_forgotten() -> None:
    """What was fast ten minutes ago says nothing about now."""
    pace = steady(1000)
    for second in range(11, 60):
        pace.note(float(second), 10_000 + (second - 10))
    rate = pace.rate()
    assert rate is not None
    assert 0.9 < rate < 1.1
