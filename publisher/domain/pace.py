"""How long sending takes, in numbers and in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from math import ceil

from publisher.domain.issue import Issue

PER_SECOND = 5
"""Messages a connection is reckoned to carry each second until an issue has shown its own pace."""
TELLING = 50
"""An issue to fewer people says nothing about the pace."""


def seconds(people: int, connections: int, past: Iterable[Issue]) -> float:
    """Seconds that `people` mails take, by the pace of the first of `past` that tells, or reckoned.

    `past` are finished issues, the newest first.
    """
    for issue in past:
        if issue.released_at and issue.finished_at and issue.audience >= TELLING:
            took = max(issue.finished_at - issue.released_at, timedelta(seconds=1))
            return took.total_seconds() / issue.audience * people
    return people / (PER_SECOND * connections)


def lasting(seconds: float) -> str:
    """`about 2 minutes`, always rounded up."""
    if seconds <= 60:
        return "less than a minute"
    if seconds <= 5400:
        return f"about {ceil(seconds / 60)} minutes"
    return f"about {ceil(seconds / 3600)} hours"
