"""How a destination that says "too fast" is treated: slower by steps, and back by steps.

| level | connections | messages |
|---|---|---|
| 0 | all | as fast as they go |
| 1 | half | |
| 2 | a quarter | |
| 3 | one | |
| 4 | one | one a minute |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

HIGHEST = 4
SPACING = timedelta(minutes=1)
"""Between two messages at the highest level."""

BURST = timedelta(seconds=5)
"""Complaints so soon after a step are about what was under way already: one burst, one step."""
CALM = timedelta(minutes=1)
"""How long nothing may have been said against us before a level is taken back."""
PROOF = (0, 20, 20, 20, 3)
"""Messages that must have been accepted at each level before it is taken back."""
FORGOTTEN = timedelta(minutes=30)
"""A level is also taken back for each such time without a complaint."""


class Heard(Enum):
    """What a destination says about our pace."""

    TOO_FAST = auto()
    ACCEPTED = auto()


@dataclass(frozen=True, slots=True)
class Backoff:
    """`at`: when the level last changed, or the last complaint came; `accepted` since then.

    `sent_at`: when the last message left, known where messages are spaced.
    """

    at: datetime
    level: int = 0
    accepted: int = 0
    sent_at: datetime | None = None

    def after(self, heard: Heard, now: datetime) -> Backoff:
        """One more answer."""
        was = self.faded(now)
        if heard is Heard.TOO_FAST:
            if was.level and timedelta(0) <= now - was.at < BURST:
                return replace(was, accepted=0)
            return Backoff(now, min(was.level + 1, HIGHEST), sent_at=now)
        if not was.level:
            return was
        accepted = was.accepted + 1
        if accepted >= PROOF[was.level] and now - was.at >= CALM:
            return Backoff(now, was.level - 1)
        return replace(was, accepted=accepted)

    def faded(self, now: datetime) -> Backoff:
        """As it is now: time alone heals too. A clock that was set back heals nothing."""
        steps = max(0, (now - self.at) // FORGOTTEN)
        if not steps or not self.level:
            return self
        return Backoff(self.at + steps * FORGOTTEN, max(0, self.level - steps))

    def sent(self, now: datetime) -> Backoff:
        """A message leaves."""
        return replace(self, sent_at=now)

    def next_at(self, now: datetime) -> datetime:
        """When another may leave. A clock that was set back holds nothing up for longer."""
        if self.sent_at is None or not self.spacing:
            return now
        return max(now, min(self.sent_at, now) + self.spacing)

    def connections(self, most: int) -> int:
        """How many of `most` (≥ 1) may be used at once; never none."""
        if self.alone:
            return 1
        return max(1, most >> self.level)

    @property
    def alone(self) -> bool:
        """Whether one connection is all that is left: one of all workers together."""
        return self.level >= HIGHEST - 1

    @property
    def spacing(self) -> timedelta:
        """What must lie between two messages."""
        return SPACING if self.level >= HIGHEST else timedelta(0)
