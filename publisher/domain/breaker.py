"""A circuit breaker: a transport that fails is left alone for a while, then asked again.

| state | FAILED | DUE | WORKED |
|---|---|---|---|
| closed | open | closed | closed |
| open | open | probing | closed |
| probing | open, for longer | probing | closed |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WAITS = tuple(timedelta(seconds=s) for s in (30, 60, 120, 300, 600))
"""How long it stays open after the first, second, … failure in a row; the last repeats."""


class Circuit(StrEnum):
    """Whether mail may go through."""

    CLOSED = "closed"  # it works
    OPEN = "open"  # it does not, and is left alone
    PROBING = "probing"  # one connection tries whether it does again


class BreakerEvent(StrEnum):
    """What can happen to a transport."""

    FAILED = "failed"  # no session could be had
    DUE = "due"  # it was left alone for long enough
    WORKED = "worked"  # a session was opened


C, E = Circuit, BreakerEvent

TRANSITIONS: dict[tuple[Circuit, BreakerEvent], Circuit] = {
    (C.CLOSED, E.FAILED): C.OPEN,
    (C.CLOSED, E.DUE): C.CLOSED,
    (C.CLOSED, E.WORKED): C.CLOSED,
    (C.OPEN, E.FAILED): C.OPEN,
    (C.OPEN, E.DUE): C.PROBING,
    (C.OPEN, E.WORKED): C.CLOSED,
    (C.PROBING, E.FAILED): C.OPEN,
    (C.PROBING, E.DUE): C.PROBING,
    (C.PROBING, E.WORKED): C.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Breaker:
    """`since`: when it first failed; `probe_at`: when it is asked again; `reason`: what it said."""

    state: Circuit = Circuit.CLOSED
    failures: int = 0
    since: datetime | None = None
    probe_at: datetime | None = None
    reason: str = ""

    def after(self, event: BreakerEvent, now: datetime, reason: str = "") -> Breaker:
        """One step of the table."""
        state = TRANSITIONS[self.state, event]
        if event is BreakerEvent.FAILED:
            if self.state is Circuit.OPEN and self.probe_at is not None and now < self.probe_at:
                return self  # told again of the same failure
            wait = WAITS[min(self.failures, len(WAITS) - 1)]
            return Breaker(state, self.failures + 1, self.since or now, now + wait, reason)
        if event is BreakerEvent.WORKED:
            return Breaker()
        # Meanwhile nobody else asks; if nobody hears of this one any more, somebody does.
        probe_at = self.probe_at if state is Circuit.CLOSED else now + WAITS[0]
        return Breaker(state, self.failures, self.since, probe_at, self.reason)

    def due(self, now: datetime) -> bool:
        """Whether it is time to ask again. A clock set back by more than a wait asks at once."""
        if self.state is Circuit.CLOSED or self.probe_at is None:
            return False
        return now >= self.probe_at or self.probe_at - now > WAITS[-1]
