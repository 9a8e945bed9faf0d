"""How long people are kept who are no readers, and for how long it is known who received what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SHELVED_AFTER = timedelta(days=30)
"""How long after an issue was over its deliveries stay among those under way."""


@dataclass(frozen=True, slots=True)
class Retention:
    """None means never.

    `unconfirmed`: after asking and never confirming; `left`: after leaving every newsletter.
    `deliveries`: after an issue was planned it is forgotten who received it; the counts stay.
    """

    unconfirmed: timedelta | None = timedelta(days=30)
    left: timedelta | None = timedelta(days=1095)
    deliveries: timedelta = timedelta(days=1825)

    def ends(self, now: datetime) -> tuple[datetime, datetime, datetime]:
        """Instants before which (asking, leaving, planning) it is over."""

        def ago(span: timedelta | None) -> datetime:
            return LONG_AGO if span is None or span > now - LONG_AGO else now - span

        return ago(self.unconfirmed), ago(self.left), ago(self.deliveries)


LONG_AGO = datetime.fromisoformat("1970-01-01T00:00+00:00")
"""Before every journal."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What retention took away: people who never confirmed, people who had left, and of how many
    deliveries it was forgotten whom they were for. `more`: it was not all, for now.
    """

    unconfirmed: int = 0
    left: int = 0
    deliveries: int = 0
    more: bool = False

    def __add__(self, other: Erased) -> Erased:
        return Erased(
            self.unconfirmed + other.unconfirmed,
            self.left + other.left,
            self.deliveries + other.deliveries,
            other.more,
        )

    def __bool__(self) -> bool:
        return bool(self.unconfirmed or self.left or self.deliveries)

    def __str__(self) -> str:
        said = [
            f"{number:,} {words}"
            for number, words in (
                (self.unconfirmed, "who never confirmed"),
                (self.left, "who had left"),
                (self.deliveries, "deliveries no longer linked to a person"),
            )
            if number
        ]
        return ", ".join(said) or "nothing"
