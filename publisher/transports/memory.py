"""A transport that keeps what it is given: for tests and rehearsals."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from publisher.domain.message import Envelope
from publisher.domain.outcome import ACCEPTED, Outcome, OutcomeKind
from publisher.errors import TransportUnavailable
from publisher.transports.chosen import read
from publisher.transports.own import MemoryOptions


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that was handed over, and what was answered."""

    envelope: Envelope
    message: bytes
    outcome: Outcome


def connect(name: str, options: Mapping[str, object]) -> MemoryTransport:
    """The entry point. Raises SettingsError for options it does not understand."""
    chosen = read(MemoryOptions, name, options)
    return MemoryTransport(name, connections=chosen.connections, keep=chosen.keep)


class MemoryTransport:
    """Answers from `script`, in order, then ACCEPTED for ever.

    An exception in the script is raised instead: TransportUnavailable stands for a session
    lost before the last byte. `openings` does the same for `open()` (None: it succeeds).
    """

    def __init__(
        self,
        name: str = "default",
        *,
        connections: int = 1,
        keep: int = 10_000,
        script: Iterable[Outcome | Exception] = (),
        openings: Iterable[Exception | None] = (),
    ) -> None:
        self.name = name
        self.connections = connections
        self._kept: deque[Sent] = deque(maxlen=keep)
        self._script = iter(script)
        self._openings = iter(openings)
        self._lock = threading.Lock()

    @property
    def sent(self) -> tuple[Sent, ...]:
        """What was handed over so far, oldest first."""
        with self._lock:
            return tuple(self._kept)

    def open(self) -> MemorySender:
        """Begin a session."""
        with self._lock:
            answer = next(self._openings, None)
        if answer is not None:
            raise answer
        return MemorySender(self)

    def check(self) -> str:
        """One sentence."""
        return f"'{self.name}' keeps messages in memory; nobody receives them"

    def take(self, message: bytes, envelope: Envelope) -> Outcome:
        """Answer one message as the script says, and keep it."""
        with self._lock:
            answer = next(self._script, ACCEPTED)
            if isinstance(answer, Exception):
                raise answer
            self._kept.append(Sent(envelope, message, answer))
            return answer


class MemorySender:
    """One session."""

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport
        self.usable = True

    def send(self, message: bytes, envelope: Envelope) -> Outcome:
        """Hand over one message. An unanswered one ends the session, as it would on a line."""
        if not self.usable:
            raise TransportUnavailable(f"transport '{self._transport.name}': the session is closed")
        try:
            outcome = self._transport.take(message, envelope)
        except TransportUnavailable:
            self.usable = False
            raise
        self.usable = outcome.kind is not OutcomeKind.UNKNOWN
        return outcome

    def close(self) -> None:
        """End the session."""
        self.usable = False
