"""Which lane a message leaves by: routes, their order, and transports that fail and recover."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from publisher.dispatch.connection import Connection
from publisher.dispatch.lane import Lane
from publisher.dispatch.report import Failed, Limited
from publisher.dispatch.throttle import Throttle
from publisher.dispatch.travel import Travel
from publisher.domain.backoff import Backoff
from publisher.domain.breaker import Breaker, BreakerEvent, Circuit
from publisher.domain.deferral import Deferral, meaning
from publisher.domain.delivery import Claim, DeliveryEvent, OutboxKind, Settlement
from publisher.domain.limits import WHOLE, LimitPolicy
from publisher.domain.route import Route, choose
from publisher.ports import Transport

LIMITED_LOOK_UP = 0.05
"""Seconds after which a silent ledger looks up where limits may let something go at any time."""
WAKING = timedelta(seconds=2)
"""How often it is asked, where something is limited, what has waited for long enough."""
SLOWING = frozenset({DeliveryEvent.DEFER, DeliveryEvent.RETURN})
"""What may come of our being too fast."""


class Roads:
    """The lanes of one drain. Used by the ledger's thread alone."""

    def __init__(
        self, transports: Mapping[str, Transport], travel: Travel, clock: Callable[[], datetime]
    ) -> None:
        self.lanes = {
            name: Lane(name, transport, transport.connections)
            for name, transport in transports.items()
        }
        self._travel = travel
        self._clock = clock
        self._breakers: dict[str, Breaker] = {}
        self._routes: dict[int, Route] = {}  # of the issues that are drained
        self._missing: dict[str, str] = {}
        self._limited: dict[str, datetime] = {}
        self._failures: dict[str, str] = {}  # also of those that have recovered since

    def begin(self) -> None:
        """Take up what is known: who fails, who says that we are too fast, and the limits."""
        traffic, now = self._travel.traffic, self._clock()
        backoffs = {} if traffic is None else traffic.backoffs()
        for name, lane in self.lanes.items():
            slow = {d: b for (t, d), b in backoffs.items() if t == name and b.faded(now).level}
            if slow or not self._policy(name).empty:
                lane.throttle = self._throttle(lane, slow)
        self._breakers = {} if traffic is None else dict(traffic.breakers())
        for name, breaker in self._breakers.items():
            if name in self.lanes and breaker.state is not Circuit.CLOSED:
                self.lanes[name].failed = breaker.reason
        # Where nobody else could take their mail, they are tried as if nothing were known.
        alone = [name for name in self._breakers if not self._others(name)]
        for name in alone:
            if name in self.lanes:
                self.lanes[name].failed = None

    @property
    def throttled(self) -> bool:
        """Whether anything is limited, or slowed down."""
        return any(lane.throttle is not None for lane in self.lanes.values())

    def failed(self) -> tuple[Failed, ...]:
        """Transports that could not be used, with those that took their mail."""
        found = [Failed(n, why, self._others(n)) for n, why in self._failures.items()]
        found += [
            Failed(name, lane.failed, self._others(name))
            for name, lane in self.lanes.items()
            if lane.failed and name not in self._failures
        ]
        return (*found, *(Failed(name, why) for name, why in self._missing.items()))

    def limited(self) -> tuple[Limited, ...]:
        """Transports that may send nothing for a while."""
        now = self._clock()
        return tuple(Limited(name, until) for name, until in self._limited.items() if until > now)

    # --- issues and claims ----------------------------------------------------------------------

    def attach(self, issue_id: int, route: str) -> None:
        """Let the lanes that this issue leaves by now claim of it, and no others."""
        found = self._travel.route(route)
        self._routes[issue_id] = found
        there = [name for name in found.transports if name in self.lanes]
        if not there:
            self.miss(found.transports[0])
        active = found.active(partial(self._up, OutboxKind.DELIVERY))
        for name in there:
            sources = self.lanes[name].sources
            if name in active and issue_id not in sources:
                sources.append(issue_id)
            elif name not in active and issue_id in sources:
                sources.remove(issue_id)

    def lane(self, claim: Claim, route: str, *, room: int) -> Lane | None:
        """Where it leaves; None while there is no way. `room`: claims that a lane takes in hand.

        What is tried again goes by the transport it went by before, however many wait there.
        """
        found = self._travel.route(route)
        up = partial(self._up, claim.kind)
        if len(found.transports) == 1:
            name: str | None = found.name if found.name in self.lanes else found.transports[0]
            if name not in self.lanes:
                self.miss(str(name))
                return None
            return self.lanes[name] if up(name) else None
        key = f"{claim.kind}:{claim.id}"
        name = choose(found, key, lambda n: up(n) and (bool(claim.attempts) or self._has(n, room)))
        name = name or choose(found, key, up)
        if name is None and not any(n in self.lanes for n in found.transports):
            self.miss(found.transports[0])
        return None if name is None else self.lanes[name]

    def miss(self, name: str) -> None:
        """The settings lost a transport that mail waits for."""
        self._missing[name] = (
            f"the settings name no transport '{name}': add [transports.{name}] or choose another"
        )

    def _up(self, kind: OutboxKind, name: str) -> bool:
        lane = self.lanes.get(name)
        if lane is None or lane.failed is not None:
            return False
        if lane.throttle is None:
            return True
        until = lane.throttle.closed_until(kind)
        if until is not None:
            self._limited[name] = until
        return until is None

    def _has(self, name: str, room: int) -> bool:
        return self.lanes[name].waiting < room

    def _others(self, name: str) -> tuple[str, ...]:
        """Who takes over for a transport: of every route that it is in."""
        return tuple(
            dict.fromkeys(
                other
                for route in self._travel.routes.values()
                if name in route.transports
                for other in route.transports
                if other != name and self._up(OutboxKind.NOTICE, other)
            )
        )

    # --- failing and recovering -------------------------------------------------------------------

    def fail(self, lane: Lane, reason: str) -> list[Claim]:
        """Use it no more for now; the claims that waited for it, for another lane or the queue."""
        issues = list(lane.sources)
        claims = lane.fail(reason)
        self._failures[lane.name] = reason
        self._step(lane.name, BreakerEvent.FAILED, reason)
        for issue_id in issues:
            self.attach(issue_id, self._routes[issue_id].name)
        return claims

    def probe(self, connect: Callable[[Lane, tuple[float, ...]], Connection]) -> None:
        """Let one connection try each failed transport whose time has come."""
        for name, breaker in self._breakers.items():
            lane = self.lanes.get(name)
            if lane is None or lane.probe is not None or lane.failed is None:
                continue
            if breaker.due(self._clock()) and not lane.connections:
                self._step(name, BreakerEvent.DUE)
                lane.probe = connect(lane, ())
                lane.probe.start()
                return  # the dictionary has changed; the others have their turn next time

    def opened(self, lane: Lane, connection: Connection) -> None:
        """A session could be had, perhaps by the connection that tries whether it can again."""
        probing = connection is lane.probe
        if lane.name in self._breakers and (probing or lane.failed is None):
            self._step(lane.name, BreakerEvent.WORKED)
        if not probing:
            return
        lane.probe = None
        lane.connections.add(connection)
        lane.failed, lane.most = None, lane.transport.connections
        issues = {i for each in self.lanes.values() for i in each.sources}
        for issue_id in sorted(issues):
            self.attach(issue_id, self._routes[issue_id].name)

    def _step(self, name: str, event: BreakerEvent, reason: str = "") -> None:
        before = self._breakers.get(name, Breaker())
        after = before.after(event, self._clock(), reason)
        if after.state is Circuit.CLOSED:
            self._breakers.pop(name, None)
        else:
            self._breakers[name] = after
        if after != before and self._travel.traffic is not None:
            self._travel.traffic.keep_breaker(name, after)

    # --- limits and back-off --------------------------------------------------------------------

    def close(self) -> list[Claim]:
        """Stop claiming for lanes that may send nothing for a while; the claims they had."""
        back: list[Claim] = []
        for lane in self.lanes.values():
            if lane.throttle is None:
                continue
            if lane.throttle.idle:
                lane.ready.extend(lane.throttle.drop(lambda _: True))
                lane.throttle = None
            elif not self._up(OutboxKind.NOTICE, lane.name):
                back += self._empty(lane, lambda _: True)
            elif not self._up(OutboxKind.DELIVERY, lane.name):
                back += self._empty(lane, lambda claim: claim.kind is OutboxKind.DELIVERY)
        return back

    def _empty(self, lane: Lane, unwanted: Callable[[Claim], bool]) -> list[Claim]:
        issues = list(lane.sources)
        lane.sources.clear()
        for issue_id in issues:
            self.attach(issue_id, self._routes[issue_id].name)
        return lane.drop(unwanted) if lane.waiting else []

    def commit(self) -> None:
        """Before anything more leaves: remember what limits have counted. Raises StoreError."""
        for lane in self.lanes.values():
            if lane.throttle is not None:
                lane.throttle.commit()

    def hear(self, lane: Lane, settlement: Settlement) -> list[tuple[Claim, datetime]]:
        """What a settlement says about our pace; claims that must wait for their turn now.

        Costs nothing where nobody ever complained.
        """
        throttle = lane.throttle
        name = WHOLE if throttle is None else throttle.done(settlement.claim)
        if settlement.event is DeliveryEvent.ACCEPT:
            if throttle is not None:
                throttle.accepted(name)
            return []
        if settlement.event not in (DeliveryEvent.DEFER, DeliveryEvent.RETURN):
            return []
        if not settlement.code or meaning(settlement.code, settlement.reply) is not Deferral.RATE:
            return []
        if throttle is None:
            throttle = lane.throttle = self._throttle(lane, {})
        started = settlement.event is DeliveryEvent.DEFER
        domain = settlement.claim.address.rpartition("@")[2].lower() if started else ""
        throttle.too_fast(name if started else WHOLE, domain)
        waiting = list(lane.ready)
        lane.ready.clear()
        put = [(claim, lane.put(claim)) for claim in waiting]
        return [(claim, due) for claim, due in put if due is not None]

    def _policy(self, name: str) -> LimitPolicy:
        return self._travel.policies.get(name) or LimitPolicy()

    def _throttle(self, lane: Lane, backoffs: Mapping[str, Backoff]) -> Throttle:
        return Throttle(
            self._policy(lane.name),
            self._travel.limiters.get(lane.name),
            backoffs,
            most=lambda: lane.most,
            clock=self._clock,
            zone=self._travel.zone,
            keep=partial(self._keep_backoff, lane.name),
        )

    def _keep_backoff(self, transport: str, destination: str, new: Backoff) -> None:
        if self._travel.traffic is not None:
            self._travel.traffic.keep_backoff(transport, destination, new)
