"""How fast something goes lately, and how long the rest will take."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WINDOW = 15.0
"""Seconds over which a rate is measured: long enough to stand still, short enough to be true."""
GAP = 0.25
"""Seconds between two samples at least, which bounds their number."""


@dataclass(slots=True)
class Speed:
    """Samples of (seconds on any clock that does not go back, how many are done)."""

    samples: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, at: float, done: int) -> None:
        """So many are done now; the first sample is the beginning."""
        if self.samples and at - self.samples[-1][0] < GAP:
            return
        self.samples.append((at, done))
        while len(self.samples) > 2 and at - self.samples[1][0] >= WINDOW:
            self.samples.popleft()

    def rate(self) -> float | None:
        """How many a second; None while nobody can know."""
        if len(self.samples) < 2:
            return None
        (began, first), (at, last) = self.samples[0], self.samples[-1]
        return (last - first) / (at - began)

    def left(self, rest: int) -> float | None:
        """Seconds that so many more take; None while nobody can know."""
        rate = self.rate()
        return rest / rate if rate else None
