"""Dates that exist, say their offset, and follow each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from publisher.checks.rules import error
from publisher.domain.finding import Finding, Place

FIRST_YEAR, LAST_YEAR = 1800, 2999
"""Outside these a year is a slip of the finger (and datetime's own ends are near)."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt]|[ \t]+)(\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?"
    r"[ \t]*([Zz]|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_HOW = "write a date as 2026-11-24, or a time as 2026-11-24T09:00:00+01:00"


def day(written: str, place: Place) -> date | Finding:
    """The civil date in `written`, or what is wrong with it."""
    if not _DATE.fullmatch(written):
        return error("impossible-date", place, f"{written!r} is not a date", "write 2026-11-24")
    return _day(written, place)


def instant(written: str, zone: ZoneInfo, place: Place) -> datetime | Finding:
    """The instant in `written` as aware UTC, or what is wrong with it.

    A bare date is 00:00 in `zone`; where the clocks skip that hour, the moment they do.
    Fractions of a second are dropped: no feed keeps them.
    """
    if _DATE.fullmatch(written):
        found = _day(written, place)
        if isinstance(found, Finding):
            return found
        return midnight(found, zone)
    parts = _TIME.fullmatch(written)
    if parts is None:
        return error("impossible-date", place, f"{written!r} is not a date", _HOW)
    civil, clock, offset = parts.groups()
    found = _day(civil, place)
    if isinstance(found, Finding):
        return found
    if offset is None:
        return error(
            "time-without-offset",
            place,
            f"{written!r} does not say which time this is",
            "add the offset from UTC, such as +01:00 or Z, or write the date alone",
        )
    try:
        return datetime.fromisoformat(f"{civil}T{clock}{offset.upper()}").astimezone(UTC)
    except ValueError as reason:
        return error("impossible-date", place, f"there is no {written}: {reason}", _HOW)


def midnight(civil: date, zone: ZoneInfo) -> datetime:
    """00:00 of a civil date in `zone`, as aware UTC."""
    return datetime.combine(civil, time(), tzinfo=zone).astimezone(UTC)


def _day(written: str, place: Place) -> date | Finding:
    try:
        found = date.fromisoformat(written)
    except ValueError as reason:
        return error("impossible-date", place, f"there is no {written}: {reason}", _HOW)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        return error("impossible-date", place, f"{written!r} cannot be meant", _HOW)
    return found


def order(
    published_at: datetime,
    updated: tuple[datetime, Place] | None,
    notices: Iterable[tuple[date, Place]],
    zone: ZoneInfo,
) -> Iterator[Finding]:
    """An update, a correction or a withdrawal that comes before what it changes."""
    if updated and updated[0] < published_at:
        yield error("date-order", updated[1], "updated comes before published", _ORDER)
    first_day = published_at.astimezone(zone).date()
    for civil, place in notices:
        if civil < first_day:
            yield error("date-order", place, "this notice comes before published", _ORDER)


_ORDER = "published never moves; check both dates"
