"""Issues that leave at the slot's time where each reader lives, pauses, and the month's articles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.article import Article
from publisher.domain.cadence import Slot, local_instant, opens_at, parse
from publisher.domain.delivery import DeliveryEvent, Settlement
from publisher.domain.issue import Issue, IssueEvent, IssueState
from publisher.domain.journal import Newsletter
from publisher.domain.subscription import SubscriptionEvent, Wishes
from publisher.domain.template import TemplateSet
from publisher.plan import due, pick, plan
from publisher.plan.slots import Plan
from publisher.ports import Library, Store
from publisher.release import opens_at as issue_opens_at
from tests import factories
from tests.factories import journal, newsletter
from tests.verbs.readers import admit, reader

WEEKLY = parse("weekly on Tuesday at 09:00")
MONTHLY = parse("monthly on the 1st at 09:00")
DAY = datetime(2026, 11, 24, tzinfo=UTC)
OPENING = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
"""09:00 of 24 November in Kiritimati (UTC+14)."""
ZONES = {
    "kiri": "Pacific/Kiritimati",
    "tokyo": "Asia/Tokyo",
    "nobody": None,
    "lost": "Atlantis/Deep",
    "york": "America/New_York",
    "niue": "Pacific/Niue",
}
LEASE = timedelta(minutes=1)


def numbered(count: int) -> tuple[Article, ...]:
    return factories.numbered(count, published_at=datetime(2026, 11, 20, tzinfo=UTC))


def local(**overrides: object) -> Newsletter:
    return newsletter(cadences=(WEEKLY, MONTHLY), local_time=True, **overrides)


def planned(
    store: Store,
    templates: TemplateSet,
    news: Newsletter,
    slot: Slot,
    now: datetime,
    count: int = 3,
) -> Issue:
    cadence = MONTHLY if slot.key.endswith("-01T09:00") else WEEKLY
    return plan(
        news,
        cadence,
        slot,
        journal=journal(newsletters=(news,)),
        library=Library(numbered(count), ()),
        templates=templates,
        store=store,
        now=now,
        nonce=lambda: "0" * 32,
    )


def people(store: Store, **zones: str | None) -> None:
    admit(store, [reader(name) for name in zones])
    for name, zone in zones.items():
        (found,) = store.subscribers.by_address(f"{name}@example.org")
        store.subscribers.wish(found.id, Wishes(time_zone=zone))


def leaving(store: Store, now: datetime) -> list[str]:
    """Who is sent to now, with what is due."""
    store.outbox.wake(now, timedelta(hours=72))
    claims = store.outbox.claim("w", 100, LEASE, now)
    store.outbox.advance([], claims, LEASE, now)
    store.outbox.advance(
        [Settlement(c, DeliveryEvent.ACCEPT, 250, "OK") for c in claims], [], LEASE, now
    )
    assert all(c.dated_at <= now < c.dated_at + timedelta(hours=2) for c in claims)
    return sorted(c.address.partition("@")[0] for c in claims)


def test_each_reader_gets_it_at_nine_where_they_live(store: Store, templates: TemplateSet) -> None:
    """From Kiritimati to Niue, 25 hours; who has no zone gets it at the journal's nine."""
    people(store, **ZONES)
    slot = WEEKLY.slot_on(DAY.date(), journal().zone)
    made = planned(store, templates, local(), slot, OPENING)
    store.issues.move(made.id, IssueEvent.RELEASE, OPENING)
    hours = {
        0: ["kiri"],
        5: ["tokyo"],
        13: ["lost", "nobody"],  # 09:00 in Berlin
        19: ["york"],
        25: ["niue"],
    }
    for hour in range(27):
        now = OPENING + timedelta(hours=hour)
        assert leaving(store, now) == hours.get(hour, []), hour
        store.outbox.finish(now)
        left = [h for h in hours if h > hour]
        assert store.outbox.pending() == 0
        assert store.outbox.next_due() == (OPENING + timedelta(hours=left[0]) if left else None)
        state = store.issues.get(made.id).state
        assert state is (IssueState.SENDING if left else IssueState.FINISHED)


def test_who_leaves_before_their_nine_gets_nothing(store: Store, templates: TemplateSet) -> None:
    """Waiting for one's own time is no reason to be mailed after leaving."""
    people(store, york="America/New_York")
    slot = WEEKLY.slot_on(DAY.date(), journal().zone)
    made = planned(store, templates, local(), slot, OPENING)
    store.issues.move(made.id, IssueEvent.RELEASE, OPENING)
    (found,) = store.subscribers.by_address("york@example.org")
    store.subscribers.change(found.id, SubscriptionEvent.UNSUBSCRIBE, OPENING)
    assert leaving(store, OPENING + timedelta(hours=30)) == []
    assert store.outbox.finish(OPENING + timedelta(hours=30)) == [made.id]


def test_planned_late_it_goes_at_once(store: Store, templates: TemplateSet) -> None:
    """Whose nine has passed is not kept waiting for a day."""
    people(store, **ZONES)
    slot = WEEKLY.slot_on(DAY.date(), journal().zone)
    now = slot.at + timedelta(hours=20)
    made = planned(store, templates, local(), slot, now)
    store.issues.move(made.id, IssueEvent.RELEASE, now)
    store.outbox.wake(now, timedelta(hours=72))
    claims = store.outbox.claim("w", 100, LEASE, now)
    assert len(claims) == len(ZONES)
    assert {c.dated_at for c in claims} == {now}


def test_a_slot_opens_where_the_day_begins(store: Store, templates: TemplateSet) -> None:
    """It is due then, it is released then, and takes what was public then."""
    people(store, york="America/New_York")
    news = local()
    home = journal(newsletters=(news,))
    articles = numbered(2)
    late = replace(articles[0], published_at=OPENING + timedelta(hours=1))
    steps = due(home, store.issues, articles, DAY - timedelta(days=9), OPENING, timedelta(hours=48))
    weekly = [s for s in steps if isinstance(s, Plan) and s.cadence == WEEKLY]
    assert [s.slot.key for s in weekly] == ["2026-11-24T09:00"]
    before = OPENING - timedelta(seconds=1)
    keys = [
        s.slot.key
        for s in due(
            home, store.issues, articles, DAY - timedelta(days=9), before, timedelta(hours=200)
        )
        if s.cadence == WEEKLY
    ]
    assert keys == ["2026-11-17T09:00"]
    assert pick(home, news, articles, OPENING, timedelta(hours=48))[1].key == "2026-11-24T09:00"
    made = plan(
        news,
        WEEKLY,
        weekly[0].slot,
        journal=home,
        library=Library((late, articles[1]), ()),
        templates=templates,
        store=store,
        now=OPENING,
        nonce=lambda: "0" * 32,
    )
    assert [article_id for article_id, _ in made.articles] == [articles[1].id]
    assert made.slot_at == weekly[0].slot.at
    assert issue_opens_at(home, made) == OPENING
    assert issue_opens_at(journal(newsletters=()), made) == made.slot_at


@given(
    st.sampled_from(sorted(available_timezones())),
    st.integers(0, 17 * 365 * 24 * 60),
)
def test_no_zone_comes_before_the_opening(name: str, minutes: int) -> None:
    """Whatever the clocks do: never before the slot opens, never more than 26 hours after it."""
    civil = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    key = civil.strftime("%Y-%m-%dT%H:%M")
    here = Slot(key, local_instant(key, ZoneInfo("Europe/Berlin")))
    opening = opens_at(here, local_time=True)
    there = local_instant(key, ZoneInfo(name))
    assert opening <= there <= opening + timedelta(hours=27)


@pytest.mark.parametrize(
    ("key", "zone", "instant"),
    [
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:30"),  # skipped: half past three
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30"),  # twice: the first
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T07:30"),
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30"),
        ("2011-12-30T09:00", "Pacific/Apia", "2011-12-30T19:00"),  # a day that never was
    ],
)
def test_clocks_that_jump(key: str, zone: str, instant: str) -> None:
    """Times that never come, and times that come twice (PEP 495)."""
    assert local_instant(key, ZoneInfo(zone)).isoformat()[:16] == instant


def test_other_slots_open_at_their_instant() -> None:
    """An article that goes by itself waits for nobody's morning."""
    slot = Slot("tag:journal.example.org,2026:a/1", DAY)
    assert local().opens_at(slot) == DAY
    assert newsletter().opens_at(Slot("2026-11-24T09:00", DAY)) == DAY


def test_who_pauses_is_left_out_until_the_day(store: Store, templates: TemplateSet) -> None:
    """No issue whose slot comes before it, every issue from it on; counted as paused."""
    people(store, ann=None, bob=None)
    (ann,) = store.subscribers.by_address("ann@example.org")
    slot = WEEKLY.slot_on(DAY.date(), journal().zone)
    news = newsletter(cadences=(WEEKLY, MONTHLY))
    store.subscribers.wish(ann.id, Wishes(paused_until=slot.at + timedelta(seconds=1)))
    made = planned(store, templates, news, slot, slot.at)
    assert (made.audience, dict(made.excluded)) == (1, {"paused": 1})
    store.subscribers.wish(ann.id, Wishes(paused_until=slot.at + timedelta(days=7)))
    after = WEEKLY.slot_on(DAY.date() + timedelta(days=7), journal().zone)
    fresh = replace(numbered(1)[0], id="tag:x,2026:new", published_at=DAY + timedelta(days=1))
    made = plan(
        news,
        WEEKLY,
        after,
        journal=journal(newsletters=(news,)),
        library=Library((*numbered(3), fresh), ()),
        templates=templates,
        store=store,
        now=after.at,
        nonce=lambda: "1" * 32,
    )
    assert (made.audience, dict(made.excluded)) == (2, {})


def test_a_monthly_reader_gets_the_months_articles_once(
    store: Store, templates: TemplateSet
) -> None:
    """Four weekly issues and one monthly one: each of the two readers gets each article once."""
    people(store, ann=None, bob=None)
    (bob,) = store.subscribers.by_address("bob@example.org")
    store.subscribers.wish(bob.id, Wishes(cadence="monthly"))
    news = newsletter(
        cadences=(WEEKLY, MONTHLY), maximum=50, since=datetime(2026, 11, 1, tzinfo=UTC)
    )
    base = numbered(1)[0]
    articles = tuple(
        replace(
            base,
            id=f"tag:x,2026:{day}",
            slug=f"d{day}",
            title=f"Of the {day}",
            published_at=datetime(2026, 11, day, 7, tzinfo=UTC),
        )
        for day in range(2, 30, 3)
    )
    home = journal(newsletters=(news,))
    got: dict[str, list[str]] = {"weekly": [], "monthly": []}
    now = datetime(2026, 11, 2, tzinfo=UTC)
    while now < datetime(2027, 1, 4, tzinfo=UTC):
        for step in due(
            home,
            store.issues,
            articles,
            datetime(2026, 11, 1, tzinfo=UTC),
            now,
            timedelta(hours=48),
        ):
            made = plan(
                news,
                step.cadence,
                step.slot,
                journal=home,
                library=Library(articles, ()),
                templates=templates,
                store=store,
                now=now,
                nonce=partial(str, now),
            )
            if made.state is IssueState.SKIPPED:
                continue
            assert made.audience == 1
            got[step.cadence.kind.value] += [article_id for article_id, _ in made.articles]
        now += timedelta(hours=6)
    everything = sorted(article.id for article in articles)
    assert sorted(got["weekly"]) == everything
    assert sorted(got["monthly"]) == everything
