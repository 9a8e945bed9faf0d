"""Which of several transports a message leaves by: in proportion, and in order of need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from math import log

_SCALE = 2**48  # exact in a float, so that a chance is never 1


@dataclass(frozen=True, slots=True)
class Route:
    """`transports` in order; those with a weight share the mail, each of the others steps in.

    Without any weight the first takes everything. Whoever has no weight is used only while all
    before it fail.
    """

    name: str
    transports: tuple[str, ...]
    weights: Mapping[str, float] = field(default_factory=dict)

    def order(self, key: str) -> tuple[str, ...]:
        """The transports for one message, the best first.

        The same key always gives the same order: a message that is tried again comes from where
        it came first, which is what greylisting looks at. When one fails, its share goes to the
        others in proportion and nobody else's moves (weighted rendezvous hashing).
        """
        if len(self.transports) == 1:
            return self.transports
        shares = [name for name in self.transports if self.weights.get(name)]
        rest = [name for name in self.transports if not self.weights.get(name)]
        if len(shares) > 1:
            shares.sort(key=lambda name: self._score(name, key), reverse=True)
        return (*shares, *rest)

    def active(self, up: Callable[[str], bool]) -> tuple[str, ...]:
        """Those that new mail may leave by now: the shares that are up, else the next that is."""
        shares = tuple(name for name in self.transports if self.weights.get(name) and up(name))
        if shares:
            return shares
        return next(((name,) for name in self.transports if up(name)), ())

    def _score(self, name: str, key: str) -> float:
        digest = blake2b(f"{name}\0{key}".encode(), digest_size=6).digest()
        chance = (int.from_bytes(digest) + 1) / (_SCALE + 1)
        return -self.weights[name] / log(chance)


def choose(route: Route, key: str, up: Callable[[str], bool]) -> str | None:
    """The transport for one message, or None while all of its route are down."""
    return next((name for name in route.order(key) if up(name)), None)
