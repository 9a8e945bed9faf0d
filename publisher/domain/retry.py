"""When a deferred message is tried again, and when staff must look at a transport."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from publisher.domain.outcome import OutcomeKind

STEPS = tuple(timedelta(minutes=m) for m in (5, 15, 30, 60))
"""Waits after the first, second, … deferral (RFC 5321 §4.5.4.1), of which jitter adds ≤ 20%."""
SHORTEST, LONGEST = timedelta(hours=2), timedelta(hours=4)
"""Every wait after those is somewhere between: spread wide, so that no crowd comes back at once."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`limit`: how long after it was first due a message may still be deferred."""

    steps: tuple[timedelta, ...] = STEPS
    limit: timedelta = timedelta(hours=72)

    def due(
        self, attempts: int, now: datetime, jitter: float, asked: timedelta = timedelta(0)
    ) -> datetime:
        """When to try again after `attempts` (≥ 1) deferrals; `jitter` in [0, 1) spreads it.

        `asked`: how long the server itself said to wait, which may lengthen a wait, to LONGEST.
        """
        if attempts <= len(self.steps):
            wait = self.steps[attempts - 1] * (1 + 0.2 * jitter)
        else:
            wait = SHORTEST + (LONGEST - SHORTEST) * jitter
        return now + max(wait, min(asked, LONGEST))

    def expired(self, first_due_at: datetime, now: datetime) -> bool:
        """Whether a message has been deferred for too long."""
        return now - first_due_at >= self.limit


UNKNOWN_IN_A_ROW = 3
UNKNOWN_SHARE = 0.001


@dataclass(frozen=True, slots=True)
class Doubt:
    """Counts unanswered messages; tells when an issue must pause.

    Pauses at three in a row on a transport, or at 0.1% of the issue, where one or two
    stray ones of a small issue do not count as a share.
    """

    audience: int
    in_a_row: int = 0
    total: int = 0

    def after(self, kind: OutcomeKind) -> Doubt:
        """The counts after one more outcome."""
        if kind is OutcomeKind.UNKNOWN:
            return replace(self, in_a_row=self.in_a_row + 1, total=self.total + 1)
        return replace(self, in_a_row=0)

    @property
    def must_pause(self) -> bool:
        """Whether the transport may no longer be trusted with this issue."""
        share = max(UNKNOWN_IN_A_ROW, ceil(self.audience * UNKNOWN_SHARE))
        return self.in_a_row >= UNKNOWN_IN_A_ROW or self.total >= share
