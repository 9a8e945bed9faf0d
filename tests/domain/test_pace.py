"""How long sending takes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from publisher.domain import pace
from tests.factories import NOW, issue


def test_the_last_issue_that_tells_sets_the_pace() -> None:
    """100 people in 50 seconds: 1,000 take 500; an issue to three people tells nothing."""
    few = issue(released_at=NOW, finished_at=NOW + timedelta(seconds=9), audience=3)
    many = issue(released_at=NOW, finished_at=NOW + timedelta(seconds=50), audience=100)
    assert pace.seconds(1000, 1, [few, many]) == 500
    assert pace.seconds(1000, 2, [few]) == 1000 / (2 * pace.PER_SECOND)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a minute"),
        (60, "less than a minute"),
        (61, "about 2 minutes"),
        (5401, "about 2 hours"),
    ],
)
def test_durations_are_rounded_up(seconds: float, words: str) -> None:
    """Nobody is told less than it takes."""
    assert pace.lasting(seconds) == words
