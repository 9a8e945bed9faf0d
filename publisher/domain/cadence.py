"""When issues are due: cadences, their slots, and what happens to them across DST.

A slot is named by local civil time, not by an instant: the night the clocks go back
has 02:30 twice but only one slot called `2026-10-25T02:30`, and the night they go
forward still has its 02:30 slot, an hour later by the sun.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class CadenceKind(StrEnum):
    """How often: with each article, once a week, or once a month."""

    EACH = "each"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


AHEAD = timedelta(hours=26)
"""How long before the journal's own slot it may be that time elsewhere: UTC-12 behind UTC+14."""
_EARLIEST = timezone(timedelta(hours=14))


@dataclass(frozen=True, slots=True)
class Slot:
    """The moment an issue is due: its `key` (local civil time) and the instant, in UTC."""

    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Cadence:
    """`weekly on Tuesday at 09:00`, `monthly on the 1st at 09:00` or `each article`.

    `weekday` counts from Monday = 0; `day` is 1 to 31, and the last day stands in for a day
    that a month lacks.
    """

    kind: CadenceKind
    weekday: int = 0
    day: int = 1
    hour: int = 9
    minute: int = 0

    def __str__(self) -> str:
        at = f"{self.hour:02d}:{self.minute:02d}"
        if self.kind is CadenceKind.WEEKLY:
            return f"weekly on {WEEKDAYS[self.weekday].capitalize()} at {at}"
        if self.kind is CadenceKind.MONTHLY:
            return f"monthly on the {_ordinal(self.day)} at {at}"
        return "each article"

    def slot_on(self, day: date, zone: ZoneInfo) -> Slot:
        """The slot at this cadence's time on a local calendar day.

        A time that the clocks skip is taken with the offset before the jump (PEP 495, fold=0),
        so 02:30 goes out at 03:30 summer time; a time that occurs twice is its first.
        """
        civil = datetime.combine(day, time(self.hour, self.minute))
        key = civil.isoformat(timespec="minutes")
        return Slot(key, local_instant(key, zone))

    def slots(self, after: datetime, until: datetime, zone: ZoneInfo) -> Iterator[Slot]:
        """Slots with `after < slot.at <= until`, oldest first. None for `each article`."""
        if self.kind is CadenceKind.EACH:
            return
        day = after.astimezone(zone).date() - timedelta(days=1)
        last = until.astimezone(zone).date()
        while day <= last:
            if self._falls_on(day):
                slot = self.slot_on(day, zone)
                if after < slot.at <= until:
                    yield slot
            day += timedelta(days=1)

    def next(self, after: datetime, zone: ZoneInfo) -> Slot:
        """The first slot later than `after`. ValueError for `each article`."""
        for slot in self.slots(after, after + timedelta(days=63), zone):
            return slot
        raise ValueError(f"'{self}' has no slots of its own")

    def previous(self, before: datetime, zone: ZoneInfo) -> Slot:
        """The last slot earlier than `before`. ValueError for `each article`."""
        found = list(self.slots(before - timedelta(days=63), before - timedelta.resolution, zone))
        if not found:
            raise ValueError(f"'{self}' has no slots of its own")
        return found[-1]

    def _falls_on(self, day: date) -> bool:
        if self.kind is CadenceKind.WEEKLY:
            return day.weekday() == self.weekday
        return day.day == min(self.day, _last_day(day))


def local_instant(key: str, zone: tzinfo) -> datetime:
    """When it is a slot's civil time in a zone, in UTC; `slot_on` says how clocks that jump count.

    Raises ValueError for a key that is no civil time.
    """
    return datetime.fromisoformat(key).replace(tzinfo=zone, fold=0).astimezone(UTC)


def opens_at(slot: Slot, *, local_time: bool) -> datetime:
    """When the first reader may get a slot's issue.

    With `local_time` each gets it when the slot's civil time has come where they live, and it
    comes first in UTC+14 (Kiritimati). A slot that is no civil time opens at its instant.
    """
    if local_time:
        with suppress(ValueError):
            return min(slot.at, local_instant(slot.key, _EARLIEST))
    return slot.at


def parse(text: str) -> Cadence:
    """Read a cadence as people write it in the settings.

    Raises ValueError with a sentence that says what is expected.
    """
    words = " ".join(text.lower().split())
    if words in ("each", "each article"):
        return Cadence(CadenceKind.EACH)
    if match := re.fullmatch(r"weekly on ([a-z]+) at (\d{1,2}):(\d{2})", words):
        name, hour, minute = match[1], int(match[2]), int(match[3])
        if name not in WEEKDAYS:
            raise ValueError(
                f"'{match[1]}' is not a weekday: write it out in English, e.g. Tuesday"
            )
        _check_time(hour, minute)
        return Cadence(CadenceKind.WEEKLY, WEEKDAYS.index(name), hour=hour, minute=minute)
    if match := re.fullmatch(
        r"monthly on the (\d{1,2})(?:st|nd|rd|th)? at (\d{1,2}):(\d{2})", words
    ):
        day, hour, minute = int(match[1]), int(match[2]), int(match[3])
        if not 1 <= day <= 31:
            raise ValueError(f"a month has no day {day}: write 1st to 31st")
        _check_time(hour, minute)
        return Cadence(CadenceKind.MONTHLY, day=day, hour=hour, minute=minute)
    raise ValueError(
        f"'{text}' is not a cadence: write 'weekly on Tuesday at 09:00', "
        "'monthly on the 1st at 09:00' or 'each article'"
    )


def _check_time(hour: int, minute: int) -> None:
    if hour > 23 or minute > 59:
        raise ValueError(f"{hour:02d}:{minute:02d} is not a time of day: write 00:00 to 23:59")


def _last_day(day: date) -> int:
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return (following - timedelta(days=1)).day


def _ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number % 10, 'th')}"
