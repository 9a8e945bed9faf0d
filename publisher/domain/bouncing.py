"""What bounces lead to, as a journal has decided; of what kinds they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class BounceKind(StrEnum):
    """What a bounce says. Only HARD and SOFT ones are about the person's address."""

    HARD = "hard"  # there is no such mailbox, and there will be none
    SOFT = "soft"  # full, busy, or a policy that is not ours to know
    BLOCK = "block"  # they will not have mail from our server or domain
    CONTENT = "content"  # they will not have this very message
    AUTO_REPLY = "auto-reply"  # a person is away: no bounce at all


@dataclass(frozen=True, slots=True)
class BouncePolicy:
    """When bounces end in a suppression, and when they stop an issue.

    `soft_sends` deliveries in a row that bounced softly, the first at least `soft_span` before
    the last, suppress the address. Each `block_limit`-th block of an issue pauses it.
    """

    soft_sends: int = 3
    soft_span: timedelta = timedelta(days=14)
    block_limit: int = 3

    def suppresses(self, kind: BounceKind, earlier: Sequence[datetime], now: datetime) -> bool:
        """Whether this bounce ends it.

        `earlier`: instants of the soft bounces of other deliveries, since the last that arrived.
        """
        if kind is BounceKind.HARD:
            return True
        if kind is not BounceKind.SOFT or len(earlier) + 1 < self.soft_sends:
            return False
        return now - min(earlier, default=now) >= self.soft_span

    def pauses(self, blocks: int) -> bool:
        """Whether the issue must stop now that it has met so many blocks (≥ 1)."""
        return blocks % self.block_limit == 0
