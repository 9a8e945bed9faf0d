"""What is waiting to leave through one transport, and its connections."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from publisher.dispatch.connection import Connection
from publisher.dispatch.throttle import Throttle
from publisher.domain.delivery import Claim
from publisher.ports import Transport


@dataclass(slots=True)
class Lane:
    """`ready` are claims in hand, `sources` issues that may hold more, oldest first.

    `most` is how many connections it may have; it shrinks when one cannot be opened, and a
    lane with none is `failed` until `probe`, one connection that tries again, succeeds. Where
    something is limited, claims wait in `throttle` and come to `ready` when they may leave.
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
    throttle: Throttle | None = None
    probe: Connection | None = None

    @property
    def waiting(self) -> int:
        """Claims in hand that are not under way."""
        return len(self.ready) + (0 if self.throttle is None else self.throttle.waiting)

    @property
    def low(self) -> bool:
        """Whether more should be claimed before the connections run dry."""
        if self.throttle is not None:
            return self.failed is None and not self.ready and self.throttle.low()
        return self.failed is None and len(self.ready) < 2 * self.most

    def put(self, claim: Claim) -> datetime | None:
        """Take a claim in hand (None), or say when its turn comes: then it is not taken."""
        if self.throttle is not None:
            return self.throttle.add(claim)
        self.ready.append(claim)
        return None

    def release(self) -> None:
        """Let out of the throttle what may leave now, as far as there are idle connections."""
        if self.throttle is not None and (room := len(self.idle) - len(self.ready)) > 0:
            self.ready.extend(self.throttle.release(room))

    def prepare(self, forget: Callable[[Connection], None]) -> None:
        """Put sessions for what was released at the end of `idle`, in its order.

        A session that has carried as much to a destination as one may begins anew; `forget` is
        called with it before.
        """
        if self.throttle is None:
            return
        chosen: list[Connection] = []
        for claim in self.ready:
            while self.idle and self.throttle.worn(self.idle[-1], claim):
                connection = self.idle.pop()
                self.throttle.renewed(connection)
                forget(connection)
                connection.renew()
            if not self.idle:
                break
            chosen.append(self.idle.pop())
        self.idle += reversed(chosen)

    def part(self, connection: Connection) -> None:
        """It is gone."""
        self.connections.discard(connection)
        if self.probe is connection:
            self.probe = None
        if self.throttle is not None:
            self.throttle.renewed(connection)

    def spawn(self, make: Callable[[Lane], Connection]) -> None:
        """Start as many connections as may be and have something to do."""
        wanted = self.waiting
        while len(self.connections) < self.allowed and (
            len(self.connections) - len(self.busy) < wanted
        ):
            connection = make(self)
            self.connections.add(connection)
            connection.start()

    @property
    def allowed(self) -> int:
        """How many connections it may have open now."""
        return self.most if self.throttle is None else self.throttle.connections(self.most)

    def shrink(self) -> None:
        """Close idle connections that are more than may be."""
        while self.idle and len(self.connections) > self.allowed:
            connection = self.idle.pop()
            self.connections.discard(connection)
            connection.give(None)

    def fail(self, reason: str) -> list[Claim]:
        """Stop using the transport; the claims that were waiting for it."""
        self.failed = reason
        self.sources.clear()
        return self.drop(lambda _: True)

    def drop(self, unwanted: Callable[[Claim], bool]) -> list[Claim]:
        """Take the unwanted claims that are not under way out of it."""
        dropped = [claim for claim in self.ready if unwanted(claim)]
        self.ready = deque(claim for claim in self.ready if not unwanted(claim))
        for connection in self.connections:
            following = connection.following
            if following is not None and unwanted(following.claim):
                connection.following = None
                dropped.append(following.claim)
        if self.throttle is not None:
            for claim in dropped:
                self.throttle.untake(claim)
            dropped += self.throttle.drop(unwanted)
        return dropped

    def dismiss_idle(self) -> None:
        """Tell connections that wait for an order that there is none."""
        for connection in self.idle:
            if connection.following is None:
                connection.give(None)
        self.idle = [each for each in self.idle if each.following is not None]

    def reclaim(self, connection: Connection) -> None:
        """What its server was told of, or should have been, leaves by any connection."""
        if connection.following is not None:
            self.ready.appendleft(connection.following.claim)
            connection.following = None

    def coming(self) -> Iterator[Claim]:
        """What may start next, as far as there are idle connections."""
        free = 0
        for connection in self.idle:
            if connection.following is None:
                free += 1
            else:
                yield connection.following.claim
        yield from islice(self.ready, free)

    @property
    def can_start(self) -> bool:
        """Whether a connection waits for an order that there is."""
        return bool(self.idle) and (
            bool(self.ready) or any(each.following is not None for each in self.idle)
        )
