"""What is waiting to leave through one transport, and its connections."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from publisher.dispatch.connection import Connection
from publisher.domain.delivery import Claim
from publisher.ports import Transport


@dataclass(slots=True)
class Lane:
    """`ready` are claims in hand, `sources` issues that may hold more, oldest first.

    `most` is how many connections it may have; it shrinks when one cannot be opened, and a
    lane with none is `failed` for the rest of the drain.
    """

    name: str
    transport: Transport
    most: int
    ready: deque[Claim] = field(default_factory=deque)
    sources: deque[int] = field(default_factory=deque)
    connections: set[Connection] = field(default_factory=set)
    idle: list[Connection] = field(default_factory=list)
    busy: dict[Connection, Claim] = field(default_factory=dict)
    failed: str | None = None

    @property
    def low(self) -> bool:
        """Whether more should be claimed before the connections run dry."""
        return self.failed is None and len(self.ready) < 2 * self.most

    def spawn(self, make: Callable[[Lane], Connection]) -> None:
        """Start as many connections as may be and have something to do."""
        while len(self.connections) < self.most and (
            len(self.connections) - len(self.busy) < len(self.ready)
        ):
            connection = make(self)
            self.connections.add(connection)
            connection.start()

    def fail(self, reason: str) -> list[Claim]:
        """Stop using the transport; the claims that were waiting for it."""
        self.failed = reason
        self.sources.clear()
        return self.drop(lambda _: True)

    def drop(self, unwanted: Callable[[Claim], bool]) -> list[Claim]:
        """Take the unwanted claims out of `ready`."""
        dropped = [claim for claim in self.ready if unwanted(claim)]
        self.ready = deque(claim for claim in self.ready if not unwanted(claim))
        return dropped

    def dismiss_idle(self) -> None:
        """Tell connections that wait for an order that there is none."""
        for connection in self.idle:
            connection.give(None)
        self.idle.clear()
