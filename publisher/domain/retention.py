"""How long people are kept who are no readers, and for how long it is known who received what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Retention:
    """None means never.

    `unconfirmed`: after asking and never confirming; `left`: after leaving every newsletter.
    `deliveries`: after an issue was planned it is forgotten who received it; the counts stay.
    """

    unconfirmed: timedelta | None = timedelta(days=30)
    left: timedelta | None = timedelta(days=1095)
    deliveries: timedelta = timedelta(days=1825)
