"""When issues are due, also on the nights when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.cadence import WEEKDAYS, Cadence, CadenceKind, parse

LONDON = ZoneInfo("Europe/London")
NEW_YORK = ZoneInfo("America/New_York")
ZONES = st.sampled_from([LONDON, NEW_YORK, ZoneInfo("UTC"), ZoneInfo("Australia/Lord_Howe")])
TIMES = {"hour": st.integers(0, 23), "minute": st.integers(0, 59)}
WEEKLY = st.builds(Cadence, st.just(CadenceKind.WEEKLY), weekday=st.integers(0, 6), **TIMES)
MONTHLY = st.builds(Cadence, st.just(CadenceKind.MONTHLY), day=st.integers(1, 31), **TIMES)
INSTANTS = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001 (given its zone by `timezones`)
    datetime(2035, 1, 1),  # noqa: DTZ001 (given its zone by `timezones`)
    timezones=st.just(UTC),
)
EACH = Cadence(CadenceKind.EACH)


@given(WEEKLY | MONTHLY | st.just(EACH))
def test_what_is_written_is_read_back(cadence: Cadence) -> None:
    """`str` and `parse` are inverses, but for what `each article` has no use for."""
    assert parse(str(cadence)) == cadence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("weekly on Tuesday at 09:00", Cadence(CadenceKind.WEEKLY, weekday=1)),
        ("  WEEKLY on   sunday at 7:05", Cadence(CadenceKind.WEEKLY, weekday=6, hour=7, minute=5)),
        ("monthly on the 1st at 09:00", Cadence(CadenceKind.MONTHLY)),
        ("monthly on the 31 at 23:59", Cadence(CadenceKind.MONTHLY, day=31, hour=23, minute=59)),
        ("each", EACH),
        ("Each Article", EACH),
    ],
)
def test_people_may_write_it_in_several_ways(text: str, expected: Cadence) -> None:
    """Case and blanks do not matter, nor the ending of an ordinal."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("weekly on tue at 09:00", "not a weekday"),
        ("weekly on Tuesday at 24:00", "24:00 is not a time of day"),
        ("monthly on the 1st at 09:60", "09:60 is not a time of day"),
        ("monthly on the 0th at 09:00", "no day 0"),
        ("monthly on the 32nd at 09:00", "no day 32"),
        ("daily at 09:00", "is not a cadence: write"),
    ],
)
def test_a_wrong_cadence_says_what_is_expected(text: str, words: str) -> None:
    """The sentence names the mistake and the way to write it."""
    with pytest.raises(ValueError, match=words):
        parse(text)


@pytest.mark.parametrize(
    ("day", "ending"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd")],
)
def test_ordinals_are_english(day: int, ending: str) -> None:
    """11th to 13th are irregular."""
    assert f"the {ending} at" in str(Cadence(CadenceKind.MONTHLY, day=day))


@pytest.mark.parametrize(
    ("zone", "day", "time", "expected"),
    [
        # London goes forward at 01:00 UTC: 01:30 does not exist and goes out at 02:30 summer time.
        (LONDON, date(2026, 3, 29), (1, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # … and back at 01:00 UTC: 01:30 occurs twice, the first is meant.
        (LONDON, date(2026, 10, 25), (1, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (LONDON, date(2026, 3, 29), (9, 0), datetime(2026, 3, 29, 8, 0, tzinfo=UTC)),
        (LONDON, date(2026, 10, 25), (9, 0), datetime(2026, 10, 25, 9, 0, tzinfo=UTC)),
        (NEW_YORK, date(2026, 3, 8), (2, 30), datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),
        (NEW_YORK, date(2026, 11, 1), (1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        (NEW_YORK, date(2026, 3, 8), (9, 0), datetime(2026, 3, 8, 13, 0, tzinfo=UTC)),
        (NEW_YORK, date(2026, 11, 1), (9, 0), datetime(2026, 11, 1, 14, 0, tzinfo=UTC)),
    ],
)
def test_slots_on_the_nights_when_clocks_change(
    zone: ZoneInfo, day: date, time: tuple[int, int], expected: datetime
) -> None:
    """One slot a day, named by civil time, at the right instant, in both directions."""
    cadence = Cadence(CadenceKind.WEEKLY, weekday=day.weekday(), hour=time[0], minute=time[1])
    around = list(cadence.slots(expected - timedelta(days=2), expected + timedelta(days=2), zone))
    assert [(slot.key, slot.at) for slot in around] == [
        (f"{day.isoformat()}T{time[0]:02d}:{time[1]:02d}", expected)
    ]


@given(WEEKLY | MONTHLY, ZONES, INSTANTS)
def test_slots_are_ordered_unique_and_civil(
    cadence: Cadence, zone: ZoneInfo, after: datetime
) -> None:
    """Over a year: keys and instants rise, all lie in the range, each names its civil time."""
    until = after + timedelta(days=366)
    slots = list(cadence.slots(after, until, zone))
    assert [slot.key for slot in slots] == sorted({slot.key for slot in slots})
    assert [slot.at for slot in slots] == sorted({slot.at for slot in slots})
    assert all(after < slot.at <= until for slot in slots)
    wanted = 52 if cadence.kind is CadenceKind.WEEKLY else 12
    assert wanted <= len(slots) <= wanted + 1
    for slot in slots:
        civil = datetime.fromisoformat(slot.key)
        assert (civil.hour, civil.minute) == (cadence.hour, cadence.minute)
        assert abs(slot.at.astimezone(zone).replace(tzinfo=None) - civil) <= timedelta(hours=1)


@given(WEEKLY | MONTHLY, ZONES, INSTANTS)
def test_next_and_previous_are_neighbours(cadence: Cadence, zone: ZoneInfo, at: datetime) -> None:
    """Nothing lies between an instant and its next or previous slot; a slot is not its own."""
    following, before = cadence.next(at, zone), cadence.previous(at, zone)
    assert before.at < at < following.at
    between = list(cadence.slots(before.at, following.at, zone))
    assert [slot for slot in between if slot.at not in (at, following.at)] == []
    assert cadence.previous(following.at, zone).at <= at
    assert cadence.next(before.at, zone).at >= at


def test_a_range_can_be_cut_anywhere() -> None:
    """`after < at <= until`: a slot on the edge belongs to the range that ends with it."""
    cadence = parse("weekly on Tuesday at 09:00")
    at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    tick = timedelta.resolution
    assert [slot.at for slot in cadence.slots(at - tick, at, LONDON)] == [at]
    assert list(cadence.slots(at, at + tick, LONDON)) == []


def test_the_31st_is_the_last_day_of_every_month() -> None:
    """Short months send on their last day, leap years included."""
    cadence = parse("monthly on the 31st at 09:00")
    slots = cadence.slots(
        datetime(2028, 1, 1, tzinfo=UTC), datetime(2028, 7, 1, tzinfo=UTC), LONDON
    )
    assert [slot.key[5:10] for slot in slots] == [
        "01-31",
        "02-29",
        "03-31",
        "04-30",
        "05-31",
        "06-30",
    ]


def test_each_article_has_no_slots() -> None:
    """Its issues are named by articles, not by times."""
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert list(EACH.slots(now, now + timedelta(days=99), LONDON)) == []
    with pytest.raises(ValueError, match="no slots"):
        EACH.next(now, LONDON)
    with pytest.raises(ValueError, match="no slots"):
        EACH.previous(now, LONDON)


def test_weekdays_begin_with_monday() -> None:
    """As `date.weekday` counts them."""
    assert WEEKDAYS[date(2026, 11, 23).weekday()] == "monday"
