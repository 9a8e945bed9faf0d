"""Which message may leave next by a transport that is limited, or that says we are too fast.

A lane without limits has no throttle and pays nothing for this. Behind a throttle, claims wait by
destination: one that is limited holds up nobody else. What would wait for longer than HORIZON
is sent back to the store with the time at which its turn comes.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from publisher.dispatch.patience import patiently
from publisher.domain.backoff import PROOF, Backoff, Heard
from publisher.domain.delivery import Claim, OutboxKind
from publisher.domain.limits import WHOLE, LimitPolicy
from publisher.ports import Limiter

HORIZON = timedelta(seconds=30)
"""How far ahead claims are kept in hand; also how soon a limited transport is looked at again."""
KEPT = 1000
"""Claims of one destination that are kept in hand at most; of all, twice as many."""
SOON = timedelta(seconds=5)
"""When the surplus of a destination without a rate (but with few connections) comes again."""
FARTHEST = timedelta(hours=6)
"""No message is sent back for longer: limits may have been raised by then."""
DISTINCT = 3
"""So many destinations in a row that complain mean the whole transport."""


@dataclass(slots=True)
class _Destination:
    ready: deque[Claim] = field(default_factory=deque)
    under_way: int = 0
    blocked_until: datetime | None = None
    last_due: datetime | None = None  # of what was sent back


class Throttle:
    """The claims in hand of one lane. Used by the ledger's thread alone.

    `most` is the number of connections that the transport may have here, `opened` that it has;
    `change` makes a step of a back-off that all workers share (None: nobody does), `waits` are
    the pauses before a store that fails is asked again.
    """

    def __init__(
        self,
        policy: LimitPolicy,
        limiter: Limiter | None,
        backoffs: Mapping[str, Backoff],
        *,
        most: Callable[[], int],
        opened: Callable[[], int],
        clock: Callable[[], datetime],
        zone: ZoneInfo,
        waits: Sequence[float],
        change: Callable[[str, Callable[[Backoff | None], Backoff]], Backoff | None],
    ) -> None:
        self._policy = policy
        self._limiter = limiter
        self._backoffs = dict(backoffs)
        self._most = most
        self._opened = opened
        self._clock = clock
        self._zone = zone
        self._waits = waits
        self._change = change
        self._destinations: OrderedDict[str, _Destination] = OrderedDict()
        self._of: dict[tuple[OutboxKind, int], str] = {}  # claims under way
        self._complaining: set[str] = set()
        self._carried: dict[object, Counter[str]] = {}

    # --- what is in hand ----------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether it could as well not be there."""
        return self._policy.empty and not self._backoffs

    @property
    def waiting(self) -> int:
        """Claims in hand."""
        return sum(len(each.ready) for each in self._destinations.values())

    def low(self) -> bool:
        """Whether more should be claimed: too few of those in hand may go now."""
        if self.waiting >= 2 * KEPT or self.closed_until(OutboxKind.NOTICE) is not None:
            return False
        now, most = self._clock(), self._most()
        # One that has every connection waits for them alone, not for its turn.
        free = sum(
            len(each.ready)
            for name, each in self._destinations.items()
            if each.ready and (each.under_way >= most or self._free(name, each, now))
        )
        return free < 2 * most

    def closed_until(self, kind: OutboxKind) -> datetime | None:
        """When anything of this kind may leave again; None: now, or before HORIZON is over."""
        now = self._clock()
        until = self._next_at(WHOLE, now)
        if kind is OutboxKind.DELIVERY:
            until = max(until, self._quiet_until(now) or now)
        if self._limiter is not None:
            until = max(until, self._limiter.turn(WHOLE, 1, now))
        return until if until - now > HORIZON else None

    def add(self, claim: Claim) -> datetime | None:
        """Take it in hand (None), or the instant before which it need not be claimed again."""
        now = self._clock()
        name = self._name(claim)
        if len(self._destinations) >= 2 * KEPT:
            self._forget_idle()
        place = self._destinations.setdefault(name, _Destination())
        spacing = self._spacing(name, now)
        if spacing:
            due = self._turn(name, len(place.ready) + 1, now)
            if due - now <= HORIZON and len(place.ready) < KEPT:
                place.ready.append(claim)
                return None
            due = max(due, place.last_due + spacing) if place.last_due else due
            place.last_due = due
            return min(due, now + FARTHEST)
        if name != WHOLE and len(place.ready) >= KEPT:
            return now + SOON
        place.ready.append(claim)
        return None

    def drop(self, unwanted: Callable[[Claim], bool]) -> list[Claim]:
        """Take the unwanted claims out."""
        dropped: list[Claim] = []
        for place in self._destinations.values():
            dropped += (claim for claim in place.ready if unwanted(claim))
            place.ready = deque(claim for claim in place.ready if not unwanted(claim))
        return dropped

    def _forget_idle(self) -> None:
        for name in [n for n, d in self._destinations.items() if not (d.ready or d.under_way)]:
            del self._destinations[name]

    # --- what may go ----------------------------------------------------------------------------

    def release(self, room: int) -> list[Claim]:
        """Up to `room` claims that may leave now, taking turns between destinations."""
        now, released = self._clock(), list[Claim]()
        quiet = self._quiet_until(now) is not None
        if room > 0 and self._limiter is not None:
            self._fetch(self._limiter, room, now, quiet=quiet)
        stuck: set[str] = set()
        while len(released) < room and self._room(WHOLE, len(self._of), now):
            name = next((n for n in self._destinations if n not in stuck), None)
            if name is None:
                break
            place = self._destinations[name]
            self._destinations.move_to_end(name)
            if not self._may_go(name, place, now, quiet=quiet):
                stuck.add(name)
                continue
            claim = place.ready.popleft()
            place.under_way += 1
            self._of[claim.kind, claim.id] = name
            for each in {name, WHOLE} & self._backoffs.keys():
                if self._backoffs[each].spacing:
                    self._step(each, lambda known: (known or Backoff(now)).sent(now))
            released.append(claim)
        return released

    def _fetch(self, limiter: Limiter, room: int, now: datetime, *, quiet: bool) -> None:
        """Have permits in hand for as many destinations as may be released to."""
        ready = (
            (name, len(place.ready))
            for name, place in self._destinations.items()
            if self._ready(name, place, now, quiet=quiet)
        )
        wants = dict(islice(ready, room))
        if wants:
            spaced = [name for name, each in self._backoffs.items() if each.faded(now).spacing]
            patiently(self._waits, lambda _: limiter.fetch(wants, now, spaced))

    def done(self, claim: Claim) -> str:
        """Its server has answered, or its connection is gone; the name of its destination."""
        name = self._part(claim)
        if name is None:
            return self._name(claim)
        if self._limiter is not None:
            self._limiter.answered(name, self._clock())
        return name

    def untake(self, claim: Claim) -> None:
        """It was released, and does not leave after all."""
        name = self._part(claim)
        if name is not None and self._limiter is not None:
            self._limiter.untake(name)

    def _part(self, claim: Claim) -> str | None:
        name = self._of.pop((claim.kind, claim.id), None)
        if name is None:
            return None
        place = self._destinations.get(name)
        if place is not None:
            place.under_way -= 1
            if not (place.ready or place.under_way or place.blocked_until or place.last_due):
                del self._destinations[name]
        return name

    def connections(self, most: int) -> int:
        """How many of `most` may be open: fewer while the whole transport backs off, or where
        other workers have theirs.
        """
        now = self._clock()
        backoff = self._backoffs.get(WHOLE)
        most = most if backoff is None else backoff.faded(now).connections(most)
        wanted = max(self._opened(), self.waiting + len(self._of))
        return self._shared(WHOLE, most, wanted, self._opened(), now)

    def _shared(self, name: str, most: int, wanted: int, using: int, now: datetime) -> int:
        """How many of `most` here, where all workers together may only have so many."""
        limits = [self._policy.limits(name).connections]
        if (backoff := self._backoffs.get(name)) is not None and backoff.faded(now).alone:
            limits.append(1)
        given = [each for each in limits if each is not None]
        if not given:
            return most
        whole = min(given)
        most = min(most, whole)
        if self._limiter is None:
            return most
        limiter, wanted = self._limiter, min(wanted, most)
        return patiently(self._waits, lambda _: limiter.seats(name, whole, wanted, using, now))

    def worn(self, connection: object, claim: Claim) -> bool:
        """Whether this session has carried as much to the destination as one may; else count it."""
        name = self._of.get((claim.kind, claim.id), WHOLE)
        most = self._policy.limits(name).messages_per_connection
        if most is None or name == WHOLE:
            return False
        carried = self._carried.setdefault(connection, Counter())
        if carried[name] >= most:
            return True
        carried[name] += 1
        return False

    def renewed(self, connection: object) -> None:
        """It has a new session, or is gone."""
        self._carried.pop(connection, None)

    def renew(self) -> None:
        """Report what was answered, and that we live. Raises StoreError."""
        if (limiter := self._limiter) is not None:
            patiently(self._waits, lambda _: limiter.renew(self._clock()))

    def leave(self) -> None:
        """Give back what limits gave us. Raises StoreError."""
        if (limiter := self._limiter) is not None:
            patiently(self._waits, lambda _: limiter.leave(self._clock()))

    # --- what was said --------------------------------------------------------------------------

    def accepted(self, name: str) -> None:
        """A message to this destination arrived."""
        if self._complaining:
            self._complaining.clear()
        for each in {name, WHOLE}:
            if each in self._backoffs:
                self._hear(each, Heard.ACCEPTED)

    def too_fast(self, name: str, domain: str) -> None:
        """A destination says that we are; WHOLE: the server did before it knew whom it was for."""
        before = WHOLE if name == WHOLE and not domain else (name or domain)
        self._hear(before, Heard.TOO_FAST)
        self._complaining.add(before)
        if len(self._complaining) >= DISTINCT and before != WHOLE:
            self._complaining.clear()
            self._hear(WHOLE, Heard.TOO_FAST)

    def hear_of(self, backoffs: Mapping[str, Backoff]) -> None:
        """What is known by all workers now."""
        now = self._clock()
        known = {name: each.faded(now).level for name, each in self._backoffs.items()}
        self._backoffs = dict(backoffs)
        if known != {name: each.faded(now).level for name, each in backoffs.items()}:
            self._resort()

    def _hear(self, name: str, heard: Heard) -> None:
        now = self._clock()
        known = self._backoffs.get(name) or Backoff(now)
        guess = known.after(heard, now)
        if guess.level == known.level and guess.accepted > PROOF[guess.level]:
            self._backoffs[name] = guess  # counted, but not worth a commit for each
            return
        self._step(name, lambda shared: (shared or Backoff(now)).after(heard, now))
        if self._level(name) != known.level:
            self._resort()

    def _level(self, name: str) -> int:
        return self._backoffs[name].level if name in self._backoffs else 0

    def _step(self, name: str, step: Callable[[Backoff | None], Backoff]) -> None:
        """From where all workers know it to be."""
        new = patiently(self._waits, lambda _: self._change(name, step))
        if new is None:
            new = step(self._backoffs.get(name))
        if new.level:
            self._backoffs[name] = new
        else:
            self._backoffs.pop(name, None)

    def _next_at(self, name: str, now: datetime) -> datetime:
        """When back-off lets another one leave for it."""
        backoff = self._backoffs.get(name)
        return now if backoff is None else backoff.faded(now).next_at(now)

    def _resort(self) -> None:
        """A domain that backs off waits by itself; one that has recovered, with the others."""
        claims: Iterable[Claim] = self.drop(lambda _: True)
        for claim in claims:
            name = self._name(claim)
            self._destinations.setdefault(name, _Destination()).ready.append(claim)

    # --- one destination ------------------------------------------------------------------------

    def _name(self, claim: Claim) -> str:
        domain = claim.address.rpartition("@")[2].lower()
        name = self._policy.destination(domain)
        return domain if name == WHOLE and domain in self._backoffs else name

    def _may_go(self, name: str, place: _Destination, now: datetime, *, quiet: bool) -> bool:
        """Whether its first may leave now; then its limits have counted it."""
        if not self._ready(name, place, now, quiet=quiet):
            return False
        if self._limiter is None:
            return True
        place.blocked_until = self._limiter.take(name, now)
        return place.blocked_until is None

    def _ready(self, name: str, place: _Destination, now: datetime, *, quiet: bool) -> bool:
        """Whether its first would leave now if there were a permit."""
        if not place.ready or (quiet and place.ready[0].kind is OutboxKind.DELIVERY):
            return False
        return self._free(name, place, now)

    def _free(self, name: str, place: _Destination, now: datetime) -> bool:
        if place.blocked_until is not None and now < place.blocked_until:
            return False
        if name == WHOLE:
            return True
        wanted = place.under_way + len(place.ready)
        return place.under_way < self._shared(
            name, self._most(), wanted, place.under_way, now
        ) and self._room(name, place.under_way, now)

    def _room(self, name: str, under_way: int, now: datetime) -> bool:
        """Whether one more may be under way, as far as back-off says."""
        most = self._most()
        if (backoff := self._backoffs.get(name)) is not None:
            most = min(most, backoff.faded(now).connections(most))
            if self._next_at(name, now) > now:
                return False
        return under_way < most

    def _spacing(self, name: str, now: datetime) -> timedelta:
        """What lies between two messages to it on the average; 0: nobody knows."""
        if name == WHOLE:
            return timedelta(0)
        backoff = self._backoffs.get(name)
        slow = backoff.faded(now).spacing if backoff else timedelta(0)
        return max(slow, self._limiter.spacing(name, now)) if self._limiter else slow

    def _turn(self, name: str, place: int, now: datetime) -> datetime:
        turn = self._limiter.turn(name, place, now) if self._limiter else now
        backoff = self._backoffs.get(name)
        if backoff is None or not (gap := backoff.faded(now).spacing):
            return turn
        return max(turn, self._next_at(name, now) + gap * (place - 1))

    def _quiet_until(self, now: datetime) -> datetime | None:
        quiet = self._policy.total.quiet
        return None if quiet is None else quiet.until(now, self._zone)
