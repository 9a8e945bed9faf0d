"""Which lane a message leaves by: routes, their order, and transports that fail and recover."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
        self,
        transports: Mapping[str, Transport],
        travel: Travel,
        clock: Callable[[], datetime],
        *,
        worker: str,
        waits: Sequence[float] = (),
    ) -> None:
        self.lanes = {
            name: Lane(name, transport, transport.connections)
            for name, transport in transports.items()
        }
        self._travel = travel
        self._clock = clock
        self._worker = worker
        self._waits = waits
        self._breakers: dict[str, Breaker] = {}
        self._routes: dict[int, Route] = {}  # of the issues that are drained
        self._missing: dict[str, str] = {}
        self._limited: dict[str, datetime] = {}
        self._failures: dict[str, str] = {}  # also of those that have recovered since

    def begin(self) -> None:
        """Take up what is known: who fails, who says that we are too fast, and the limits."""
        backoffs = self._slow()
        for name, lane in self.lanes.items():
            slow = backoffs.get(name, {})
            if slow or not self._policy(name).empty:
                lane.throttle = self._throttle(lane, slow)
        self._breakers = self._open()
        for name, breaker in self._breakers.items():
            if name in self.lanes:
                self.lanes[name].failed = breaker.reason
        # Where nobody else could take their mail, they are tried as if nothing were known.
        alone = [name for name in self._breakers if not self._others(name)]
        for name in alone:
            if name in self.lanes:
                self.lanes[name].failed = None

    def look(self) -> tuple[list[Claim], list[tuple[Claim, datetime]]]:
        """Hear what other workers found out since: claims for other lanes, and claims to hold."""
        if self._travel.traffic is None:
            return [], []
        held: list[tuple[Claim, datetime]] = []
        backoffs = self._slow()
        for name, lane in self.lanes.items():
            slow = backoffs.get(name, {})
            if lane.throttle is not None:
                lane.throttle.hear_of(slow)
            elif slow:
                held += self._slow_down(lane, slow)
        claims: list[Claim] = []
        before, self._breakers = self._breakers, self._open()
        for name, lane in self.lanes.items():
            now = self._breakers.get(name)
            if now is None and lane.failed is not None and lane.probe is None:
                self._recover(lane)
            elif now is not None and name not in before and not lane.connections:
                claims += self._hear_of_failure(lane, now.reason)
        return claims, held

    def _hear_of_failure(self, lane: Lane, reason: str) -> list[Claim]:
        """Of another worker: where somebody else takes its mail, nobody here finds out anew."""
        if lane.failed is not None or not self._others(lane.name):
            return []
        return self._leave_alone(lane, reason)

    def _slow(self) -> Mapping[str, Mapping[str, Backoff]]:
        """Back-offs in force, by transport."""
        traffic, now = self._travel.traffic, self._clock()
        found: dict[str, dict[str, Backoff]] = {}
        for (name, destination), each in ({} if traffic is None else traffic.backoffs()).items():
            if each.faded(now).level:
                found.setdefault(name, {})[destination] = each
        return found

    def _open(self) -> dict[str, Breaker]:
        traffic = self._travel.traffic
        return {} if traffic is None else dict(traffic.breakers())

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
        if len(found.transports) == 1:
            name: str | None = self._only(found)
            if name not in self.lanes:
                self.miss(str(name))
                return None
            return self.lanes[name] if self._up(claim.kind, name) else None
        up = partial(self._up, claim.kind)
        key = f"{claim.kind}:{claim.id}"
        name = choose(found, key, lambda n: up(n) and (bool(claim.attempts) or self._has(n, room)))
        name = name or choose(found, key, up)
        if name is None and not any(n in self.lanes for n in found.transports):
            self.miss(found.transports[0])
        return None if name is None else self.lanes[name]

    def straight(self, route: str) -> Lane | None:
        """Where all claims of this route leave, if that is one transport without limits."""
        found = self._travel.route(route)
        if len(found.transports) != 1:
            return None
        lane = self.lanes.get(self._only(found))
        if lane is None or lane.failed is not None or lane.throttle is not None:
            return None
        return lane

    def _only(self, route: Route) -> str:
        return route.name if route.name in self.lanes else route.transports[0]

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
        self._failures[lane.name] = reason
        self._step(lane.name, BreakerEvent.FAILED, reason)
        return self._leave_alone(lane, reason)

    def _leave_alone(self, lane: Lane, reason: str) -> list[Claim]:
        issues = list(lane.sources)
        claims = lane.fail(reason)
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
                if self._step(name, BreakerEvent.DUE):
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
        self._recover(lane)

    def _recover(self, lane: Lane) -> None:
        lane.failed, lane.most = None, lane.transport.connections
        issues = {i for each in self.lanes.values() for i in each.sources}
        for issue_id in sorted(issues):
            self.attach(issue_id, self._routes[issue_id].name)

    def _step(self, name: str, event: BreakerEvent, reason: str = "") -> bool:
        """One step, of all workers' common breaker; whether it was ours: only one asks again."""
        now, ours = self._clock(), False

        def step(before: Breaker) -> Breaker:
            nonlocal ours
            ours = event is not BreakerEvent.DUE or before.due(now)
            return before.after(event, now, reason) if ours else before

        known, traffic = self._breakers.get(name, Breaker()), self._travel.traffic
        after = step(known) if traffic is None else traffic.change_breaker(name, step)
        if after.state is Circuit.CLOSED:
            self._breakers.pop(name, None)
        else:
            self._breakers[name] = after
        return ours

    # --- limits and back-off --------------------------------------------------------------------

    def close(self) -> list[Claim]:
        """Stop claiming for lanes that may send nothing for a while; the claims they had."""
        back: list[Claim] = []
        for lane in self.lanes.values():
            if lane.throttle is None:
                continue
            if lane.throttle.idle:
                lane.ready.extend(lane.throttle.drop(lambda _: True))
                lane.throttle.leave()
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

    def renew(self) -> None:
        """Tell other workers what became of permits. Raises StoreError."""
        for lane in self.lanes.values():
            if lane.throttle is not None:
                lane.throttle.renew()

    def leave(self) -> None:
        """Give back what limits gave us. Raises StoreError."""
        for lane in self.lanes.values():
            if lane.throttle is not None:
                lane.throttle.leave()

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
        held = [] if throttle is not None else self._slow_down(lane, {})
        throttle = lane.throttle
        assert throttle is not None  # noqa: S101 - it was, or was made just now
        started = settlement.event is DeliveryEvent.DEFER
        domain = settlement.claim.address.rpartition("@")[2].lower() if started else ""
        throttle.too_fast(name if started else WHOLE, domain)
        return held

    def _slow_down(self, lane: Lane, slow: Mapping[str, Backoff]) -> list[tuple[Claim, datetime]]:
        """Put a throttle on a lane that had none; claims that must wait for their turn now."""
        lane.throttle = self._throttle(lane, slow)
        for connection in lane.connections:
            lane.reclaim(connection)
        waiting = list(lane.ready)
        lane.ready.clear()
        put = [(claim, lane.put(claim)) for claim in waiting]
        return [(claim, due) for claim, due in put if due is not None]

    def _policy(self, name: str) -> LimitPolicy:
        return self._travel.policies.get(name) or LimitPolicy()

    def _throttle(self, lane: Lane, backoffs: Mapping[str, Backoff]) -> Throttle:
        make = self._travel.limiter
        return Throttle(
            self._policy(lane.name),
            None if make is None else make(lane.name, self._worker),
            backoffs,
            most=lambda: lane.most,
            opened=lambda: len(lane.connections),
            clock=self._clock,
            zone=self._travel.zone,
            waits=self._waits,
            change=partial(self._change_backoff, lane.name),
        )

    def _change_backoff(
        self, transport: str, destination: str, step: Callable[[Backoff | None], Backoff]
    ) -> Backoff | None:
        traffic = self._travel.traffic
        return None if traffic is None else traffic.change_backoff(transport, destination, step)
