"""What one destination may still be sent: the value that all workers share, and its one step.

Times are whole milliseconds of the store's clock. A permit counts in every window from when it is
given out until the window's length after its message was answered: whenever within that time the
server counts the message, no window of its log holds more than may be. So a limit is never
exceeded, at the price of a little less than it allows.

Whether a window has room, and when it has again, is decided by pyrate-limiter's sliding window;
what is kept for it is ours (docs/decisions/0058-shared-limits.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pyrate_limiter import Rate, SlidingWindowLog

HOLD = 30_000
"""A worker that was not heard of for so long is gone, and its permits count as used."""
BLOCK = 8
"""A worker is given the eighth part of the room, so that others find some too."""
LARGEST = 100
"""Permits that are given out at once, at most."""
SOON = 1000
"""When to ask again where only permits that are out stand in the way: they may come back."""
SOONEST = 50
QUANTA = {1_000: 20, 60_000: 1_000, 3_600_000: 60_000, 86_400_000: 300_000}
"""Length of a window → what its times are rounded up to: some hundred numbers hold a day."""

_WINDOW = SlidingWindowLog()


@dataclass(frozen=True, slots=True)
class Ask:
    """What a worker says and wants.

    `windows`: (length, most). `holding`: its permits that are not answered, `answered`: (how long
    ago, how many) since it last said so. `seats`: connections that it wants to have, of
    `most_seats` over all workers; `using`: that it has. `wants`: further permits.
    """

    windows: tuple[tuple[int, int], ...] = ()
    wants: int = 0
    holding: int = 0
    answered: tuple[tuple[int, int], ...] = ()
    most_seats: int | None = None
    seats: int = 0
    using: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """`permits` more, or none before `again_in`; `seats` in all; and how things stand now."""

    permits: int
    again_in: int
    seats: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class Standing:
    """`at`: now; `out`: permits that are not answered; by window what was let go: (when, how many),
    in order.
    """

    at: int
    out: int
    logs: Mapping[int, Sequence[tuple[int, int]]]

    def turn(self, span: int, most: int, place: int) -> int:
        """When about the `place`-th message from now on may go, for this window alone."""
        log = [(when, n) for when, n in self.logs.get(span, ()) if when >= self.at - span]
        log.append((self.at, self.out))
        total = sum(number for _, number in log)
        behind = place - max(most - total, 0)
        if behind <= 0:
            return self.at
        rounds, rest = divmod(behind - 1, most)
        passed = max(total - most, 0) + rest
        first = self.at
        for when, number in log:
            passed -= number
            if passed < 0:
                first = when
                break
        return max(self.at, first + span * (1 + rounds) + 1)


@dataclass(slots=True)
class Allowance:
    """`out` and `seats`: worker → (how many, until when it keeps them); a worker with no seat waits
    for one. `logs`: length of a window → time → messages that were answered then.
    """

    at: int
    out: dict[str, tuple[int, int]] = field(default_factory=dict)
    seats: dict[str, tuple[int, int]] = field(default_factory=dict)
    logs: dict[int, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None, now: int) -> Allowance:
        """What `render` wrote, as it is now; nothing was let go where there is no text.

        Where the clock was set back, everything moves back with it: no time has passed.
        """
        if text is None:
            return cls(now)
        read = json.loads(text)
        back = max(0, read["at"] - now)
        allowance = cls(
            now,
            {worker: (n, until - back) for worker, (n, until) in read["out"].items()},
            {worker: (n, until - back) for worker, (n, until) in read["seats"].items()},
            {int(span): {when - back: n for when, n in log} for span, log in read["logs"].items()},
        )
        allowance._lapse()
        return allowance

    def render(self) -> str:
        """For the store."""
        return json.dumps(
            {
                "at": self.at,
                "out": self.out,
                "seats": self.seats,
                "logs": {span: sorted(log.items()) for span, log in self.logs.items()},
            },
            separators=(",", ":"),
        )

    def step(self, worker: str, ask: Ask) -> Reply:
        """Note what this worker says, and give it what may be had."""
        for span, _ in ask.windows:
            self.logs.setdefault(span, {})
        for age, number in ask.answered:
            self._note(self.at - max(age, 0), number)
        self.out[worker] = (ask.holding, self.at + HOLD)
        permits, again_in = self._permits(ask)
        self.out[worker] = (ask.holding + permits, self.at + HOLD)
        if not ask.holding + permits:
            del self.out[worker]
        seats = self._seats(worker, ask)
        return Reply(permits, again_in, seats, self.standing())

    def standing(self) -> Standing:
        """How things stand now."""
        logs = {span: sorted(log.items()) for span, log in self.logs.items()}
        return Standing(self.at, self._total(), logs)

    def _permits(self, ask: Ask) -> tuple[int, int]:
        """(how many may be had now, else when to ask again)."""
        if not ask.wants:
            return 0, 0
        out, give, again_in = self._total(), ask.wants, 0
        for span, most in ask.windows:
            log = sorted(self.logs[span].items())
            # What is out may be counted by the server at any time up to now.
            if out:
                log.append((max(self.at, log[-1][0]) if log else self.at, out))
            rate = Rate(most, span)
            start = _WINDOW.window_start(rate, self.at)
            within = sum(number for when, number in log if when >= start)
            decision = _WINDOW.decide([rate], [within], 1, self.at, _newest(log))
            if decision.allowed:
                give = min(give, max(1, min((most - within) // BLOCK, LARGEST)))
                continue
            wait = decision.retry_after_ms or 0
            if out:
                wait = min(wait, SOON, span // 4)
            again_in = max(again_in, wait, SOONEST)
        return (0, again_in) if again_in else (give, 0)

    def _seats(self, worker: str, ask: Ask) -> int:
        self.seats.pop(worker, None)
        if ask.most_seats is None or not ask.seats:
            return 0
        others = [number for number, _ in self.seats.values()]
        given = max(0, min(ask.seats, ask.most_seats - sum(others)))
        if 0 in others:  # somebody waits: nobody keeps more than an equal share
            given = min(given, max(1, ask.most_seats // (len(others) + 1)))
        self.seats[worker] = (max(given, ask.using), self.at + HOLD)
        return given

    def _lapse(self) -> None:
        """Forget who is gone, and what no window reaches any more."""
        for worker, (number, until) in list(self.out.items()):
            if until <= self.at:
                self._note(until, number)
                del self.out[worker]
        self.seats = {w: (n, until) for w, (n, until) in self.seats.items() if until > self.at}
        for span, log in self.logs.items():
            self.logs[span] = {when: n for when, n in log.items() if when >= self.at - span}

    def _note(self, when: int, number: int) -> None:
        for span, log in self.logs.items():
            quantum = QUANTA[span]
            slot = -(-when // quantum) * quantum
            log[slot] = log.get(slot, 0) + number

    def _total(self) -> int:
        return sum(number for number, _ in self.out.values())


def _newest(log: Sequence[tuple[int, int]]) -> Callable[[int], int | None]:
    """Asked by pyrate-limiter: when the message so many places before the newest was let go."""

    def when(offset: int) -> int | None:
        for stamp, number in reversed(log):
            if offset < number:
                return stamp
            offset -= number
        return None

    return when
