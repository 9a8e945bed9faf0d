"""Wake-ups: word that a part of an issue, or a notice, may have something to send.

They may be repeated or lost: whether a message leaves is decided by its own row alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

PART = 5000
"""Ids of deliveries in one part: some seconds of work, so that several workers share an issue."""


@dataclass(frozen=True, slots=True)
class Wakeup:
    """Deliveries of `issue_id` with ids in `part` (`id // PART`); without an issue, notices.

    `due_at`: nothing can leave before.
    """

    issue_id: int | None = None
    newsletter: str | None = None
    part: int = 0
    due_at: datetime | None = None

    @property
    def key(self) -> str:
        """Equal for wake-ups that say the same."""
        return "notices" if self.issue_id is None else f"issue-{self.issue_id}-{self.part}"


@dataclass(frozen=True, slots=True)
class Share:
    """A process's share of sending: `concurrency` wake-ups at once, of these `newsletters` alone
    if any are named; `drained`: it ends when nothing waits.
    """

    concurrency: int = 1
    newsletters: tuple[str, ...] = ()
    drained: bool = False


ALL = Share()
"""One worker for everything, for good."""

NOTICES = Wakeup()
"""Notices are waiting."""


def bounds(part: int) -> tuple[int, int]:
    """The first and the last id of a part."""
    return part * PART, part * PART + PART - 1


def parts(first: int, last: int) -> Iterator[int]:
    """The parts that hold the ids from `first` to `last`."""
    return iter(range(first // PART, last // PART + 1))
