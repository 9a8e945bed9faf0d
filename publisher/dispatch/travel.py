"""How mail gets over several transports and how fast, as the settings say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from publisher.domain.limits import LimitPolicy
from publisher.domain.route import Route
from publisher.ports import Limiter, Traffic


@dataclass(frozen=True, slots=True)
class Travel:
    """`routes` by name (one that is not there is a transport alone); limits by transport.

    `limiter` gives what keeps a transport's limits, for a worker's name; without it only what
    one worker can keep alone is kept: back-off, and connections. `traffic` keeps what is learnt
    about transports; without it a drain begins knowing nothing.
    `zone` is the one of quiet hours.
    """

    routes: Mapping[str, Route] = field(default_factory=dict)
    policies: Mapping[str, LimitPolicy] = field(default_factory=dict)
    limiter: Callable[[str, str], Limiter] | None = None
    traffic: Traffic | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def route(self, name: str) -> Route:
        """The route of this name, or the transport of this name as one."""
        return self.routes.get(name) or Route(name, (name,))
