"""A relay with a watch: when each message came, and how many sessions there were at once."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from tests.transports.relay import Answer, Relay


class TimedRelay(Relay):
    """`clock` gives seconds; `whole` is when each message was there."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.whole: list[float] = []
        self.most_sessions = 0
        self._open: set[int] = set()
        super().__init__()

    def answer(self, verb: str) -> Answer:
        if verb in ("BODY", "BDAT"):
            self.whole.append(self.clock())
        return super().answer(verb)

    def say(self, line: socket.socket, answer: Answer) -> bool:
        if isinstance(answer, str) and answer.startswith("220"):
            self._open.add(id(line))
            self.most_sessions = max(self.most_sessions, len(self._open))
        if isinstance(answer, str) and answer.startswith("221"):
            self._open.discard(id(line))  # before the client hears it, and lets another begin
        return super().say(line, answer)

    def _serve(self, line: socket.socket) -> None:
        try:
            super()._serve(line)
        finally:
            self._open.discard(id(line))


def fullest(times: Sequence[float], span: timedelta) -> int:
    """How many there were within the fullest window of this length."""
    found, first, ordered = 0, 0, sorted(times)
    for last, at in enumerate(ordered):
        while at - ordered[first] >= span.total_seconds():
            first += 1
        found = max(found, last - first + 1)
    return found
