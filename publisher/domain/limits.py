"""How fast mail may leave: through a transport, and to one recipient domain through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from publisher.domain.providers import DIRECT, PROVIDERS

WINDOWS = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
"""The sliding windows that a limit may be set for, in the order of `Limits.per`."""

EVERY_OTHER = "*"
"""The domain that stands for each domain that has no limits of its own."""

WHOLE = ""
"""The name of everything that leaves by a transport, beside the names of destinations."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times between which no issue is sent; `end` may be the next morning."""

    start: time
    end: time

    def until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When they end, if `now` (aware) is within them; `now`'s own zone."""
        local = now.astimezone(zone)
        clock = local.time()
        overnight = self.start > self.end
        if overnight:
            within = clock >= self.start or clock < self.end
        else:
            within = self.start <= clock < self.end
        if not within:
            return None
        day = local.date()
        if overnight and clock >= self.start:
            day += timedelta(days=1)
        end = datetime.combine(day, self.end, zone)
        return max(end.astimezone(now.tzinfo), now + timedelta(seconds=1))


@dataclass(frozen=True, slots=True)
class Limits:
    """`per`: messages in each of WINDOWS, at most. None: no limit.

    `warm_up`: messages on the first, second, … day from `warm_up_from` (a local date) on; after
    the last of them `per` alone holds. `connections` counts messages under way at once.
    """

    per: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    connections: int | None = None
    messages_per_connection: int | None = None
    warm_up: tuple[int, ...] = ()
    warm_up_from: date | None = None
    quiet: QuietHours | None = None

    def windows(self, today: date) -> Iterator[tuple[timedelta, int]]:
        """The windows that are limited on this local day, the shortest first, each with its most.

        A day of the schedule before the first, when nothing should leave yet, counts as the first.
        """
        for window, most in zip(WINDOWS, self.per, strict=True):
            if window == WINDOWS[-1] and (step := self.warming(today)) is not None:
                yield window, step if most is None else min(step, most)
            elif most is not None:
                yield window, most

    def warming(self, today: date) -> int | None:
        """What the schedule allows today; None once it is over, or where there is none."""
        if self.warm_up_from is None or not self.warm_up:
            return None
        day = max(0, (today - self.warm_up_from).days)
        return self.warm_up[day] if day < len(self.warm_up) else None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """All limits of one transport.

    `domains`: a recipient domain, the name of one of PROVIDERS, or EVERY_OTHER, each with its
    limits. `direct`: this machine talks to the mailbox providers itself (or its own mail server
    does), so those of PROVIDERS that have no limits in `domains` get the shipped ones.
    """

    total: Limits = NO_LIMITS
    domains: Mapping[str, Limits] = field(default_factory=dict)
    direct: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is limited at all."""
        return self.total == NO_LIMITS and not self.domains and not self.direct

    def destination(self, domain: str) -> str:
        """The name under which this domain's (in lower case) messages are counted together."""
        if domain in self.domains:
            return domain
        provider = PROVIDERS.get(domain)
        if provider is not None and (self.direct or provider in self.domains):
            return provider
        return domain if EVERY_OTHER in self.domains else WHOLE

    def limits(self, destination: str) -> Limits:
        """The limits of a destination; those of the whole transport for WHOLE."""
        if destination == WHOLE:
            return self.total
        if destination in self.domains:
            return self.domains[destination]
        if self.direct and destination in DIRECT:
            rates = DIRECT[destination]
            return Limits(
                (None, rates.per_minute, rates.per_hour, None),
                rates.connections,
                rates.messages_per_connection,
            )
        return self.domains.get(EVERY_OTHER, NO_LIMITS)
