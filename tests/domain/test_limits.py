"""Which limits hold for whom, on which day and at which hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.limits import (
    EVERY_OTHER,
    NO_LIMITS,
    WHOLE,
    WINDOWS,
    LimitPolicy,
    Limits,
    QuietHours,
)
from publisher.domain.providers import DIRECT, PROVIDERS

LONDON = ZoneInfo("Europe/London")
DAY = date(2026, 12, 1)


def test_nothing_is_limited_unless_somebody_says_so() -> None:
    """One relay needs none of it."""
    assert LimitPolicy().empty
    assert LimitPolicy().destination("gmail.com") == WHOLE
    assert list(LimitPolicy().limits(WHOLE).windows(DAY)) == []
    assert not LimitPolicy(direct=True).empty
    assert not LimitPolicy(total=Limits(connections=1)).empty


def test_whose_limits_a_domain_has() -> None:
    """Its own, else its provider's, else every other's, each domain by itself."""
    own, google, other = (Limits((None, n, None, None)) for n in (1, 2, 3))
    policy = LimitPolicy(domains={"gmail.com": own, "google": google, EVERY_OTHER: other})
    found = {d: policy.destination(d) for d in ("gmail.com", "googlemail.com", "x.org", "y.org")}
    assert found == {
        "gmail.com": "gmail.com",
        "googlemail.com": "google",
        "x.org": "x.org",
        "y.org": "y.org",
    }
    assert [policy.limits(name) for name in found.values()] == [own, google, other, other]


def test_sending_directly_brings_the_shipped_ones() -> None:
    """For the large providers, all domains of one together; a journal's own stand over them."""
    policy = LimitPolicy(direct=True)
    assert policy.destination("hotmail.com") == policy.destination("live.com") == "microsoft"
    assert policy.destination("example.org") == WHOLE
    for domain, provider in PROVIDERS.items():
        assert domain == domain.lower()
        assert policy.destination(domain) == provider
        limits = policy.limits(provider)
        assert limits.connections == DIRECT[provider].connections
        assert dict(limits.windows(DAY)) == {
            WINDOWS[1]: DIRECT[provider].per_minute,
            WINDOWS[2]: DIRECT[provider].per_hour,
        }
    own = Limits(connections=40)
    assert LimitPolicy(domains={"google": own}, direct=True).limits("google") == own
    assert set(DIRECT) == set(PROVIDERS.values())


def test_a_warm_up_is_a_schedule_by_day() -> None:
    """The day's number, or the day's limit where that is less; afterwards the limit alone."""
    limits = Limits((None, None, None, 300), warm_up=(50, 200, 1000), warm_up_from=DAY)
    found = [dict(limits.windows(DAY + timedelta(days=n)))[WINDOWS[3]] for n in range(-1, 5)]
    assert found == [50, 50, 200, 300, 300, 300]
    assert list(Limits(warm_up=(5,), warm_up_from=DAY).windows(DAY + timedelta(days=1))) == []
    assert NO_LIMITS.warming(DAY) is None


@pytest.mark.parametrize(
    ("start", "end", "clock", "until"),
    [
        ("22:00", "07:00", "2026-12-01T23:30", "2026-12-02T07:00"),
        ("22:00", "07:00", "2026-12-02T06:59", "2026-12-02T07:00"),
        ("22:00", "07:00", "2026-12-02T07:00", None),
        ("22:00", "07:00", "2026-12-02T21:59", None),
        ("12:00", "14:00", "2026-12-02T12:00", "2026-12-02T14:00"),
        ("12:00", "14:00", "2026-12-02T14:00", None),
    ],
)
def test_quiet_hours(start: str, end: str, clock: str, until: str | None) -> None:
    """From the start, until the end, over midnight too."""
    quiet = QuietHours(time.fromisoformat(start), time.fromisoformat(end))
    now = datetime.fromisoformat(clock).replace(tzinfo=LONDON).astimezone(UTC)
    found = quiet.until(now, LONDON)
    assert found == (datetime.fromisoformat(until).replace(tzinfo=LONDON) if until else None)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - made UTC below
    st.times(),
    st.times(),
)
def test_quiet_hours_end_within_a_day(naive: datetime, start: time, end: time) -> None:
    """Whatever the hours and the changes of the clock: later than now, a day and an hour at most."""
    now = naive.replace(tzinfo=UTC)
    found = QuietHours(start, end).until(now, LONDON)
    assert found is None or now < found <= now + timedelta(hours=25)
