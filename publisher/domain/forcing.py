"""A rule that somebody set aside for one issue, on the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Forcing:
    """Who let an issue pass a rule that it breaks, when and why."""

    rule: str
    reason: str
    by: str
    at: datetime
