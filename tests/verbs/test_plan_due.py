"""Which slots are due, missed or not there at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from publisher.domain.article import Article
from publisher.domain.cadence import Cadence, CadenceKind, parse
from publisher.domain.issue import IssueKind, SlotId
from publisher.domain.journal import Journal, Newsletter
from publisher.errors import UsageError
from publisher.plan import MISSED, MISSED_ARTICLE, Plan, Skip, Step, due, pick, slot_id
from publisher.ports import Store
from tests.factories import article, journal, newsletter, numbered
from tests.verbs.conftest import BEGINNING

CUTOFF = timedelta(hours=48)
TUESDAY = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # 09:00 in Berlin


def steps(
    store: Store,
    now: datetime,
    *,
    of: Journal | None = None,
    articles: tuple[Article, ...] = (),
    started_at: datetime = BEGINNING,
    seen: dict[str, datetime] | None = None,
) -> tuple[Step, ...]:
    """What is due in this store."""
    return due(of or journal(), store.issues, articles, started_at, now, CUTOFF, seen=seen or {})


def keys(found: tuple[Step, ...]) -> list[tuple[type[Step], str]]:
    """Each step's class and slot key."""
    return [(type(step), step.slot.key) for step in found]


def record(store: Store, key: str, at: datetime, cadence: str = "weekly") -> None:
    """Put a slot on record."""
    kind = IssueKind.EACH if cadence == "each" else IssueKind.DIGEST
    store.issues.skip(SlotId("weekly", kind, cadence, key), at, "nothing new", at)


def with_newsletter(**overrides: object) -> Journal:
    """The sample journal with its newsletter changed."""
    return journal(newsletters=(newsletter(**overrides),))


EACH = (Cadence(CadenceKind.EACH),)


def test_slot_is_due_from_its_very_instant(store: Store) -> None:
    """A slot is planned at its instant, not a moment before, where there is no lead."""
    start = TUESDAY - timedelta(hours=1)
    assert steps(store, TUESDAY - timedelta(microseconds=1), started_at=start) == ()
    assert keys(steps(store, TUESDAY, started_at=start)) == [(Plan, "2026-11-24T09:00")]


def test_lead_plans_ahead(store: Store) -> None:
    """With a lead of a day the slot is planned a day before."""
    ahead = with_newsletter(lead=timedelta(hours=24))
    found = steps(store, TUESDAY - timedelta(hours=24), of=ahead)
    assert keys(found) == [(Plan, "2026-11-24T09:00")]


def test_recorded_slot_is_done(store: Store) -> None:
    """Nothing is due for a slot on record, even one that made no issue."""
    record(store, "2026-11-24T09:00", TUESDAY)
    assert steps(store, TUESDAY) == ()


def test_only_the_newest_missed_slot_is_caught_up(store: Store) -> None:
    """After three weeks away the newest slot is planned, the two before it are skipped."""
    record(store, "2026-11-03T09:00", TUESDAY - timedelta(days=21))
    found = steps(store, TUESDAY + timedelta(hours=5))
    assert keys(found) == [
        (Skip, "2026-11-10T09:00"),
        (Skip, "2026-11-17T09:00"),
        (Plan, "2026-11-24T09:00"),
    ]
    assert isinstance(found[0], Skip)
    assert found[0].reason == MISSED


def test_slot_older_than_the_cutoff_is_skipped(store: Store) -> None:
    """At the cutoff a missed slot is still caught up; after it, it is skipped."""
    assert keys(steps(store, TUESDAY + CUTOFF)) == [(Plan, "2026-11-24T09:00")]
    late = TUESDAY + CUTOFF + timedelta(seconds=1)
    assert keys(steps(store, late)) == [(Skip, "2026-11-24T09:00")]


def test_new_newsletter_has_missed_nothing(store: Store) -> None:
    """Where nothing is on record, older slots do not exist."""
    assert keys(steps(store, TUESDAY)) == [(Plan, "2026-11-24T09:00")]


def test_slots_before_the_store_began_do_not_exist(store: Store) -> None:
    """A store that begins after the slot owes nothing for it."""
    assert steps(store, TUESDAY, started_at=TUESDAY + timedelta(seconds=1)) == ()


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        (datetime(2026, 10, 25, tzinfo=UTC), "2026-10-25T01:30"),
        (datetime(2027, 3, 28, tzinfo=UTC), "2027-03-28T01:30"),
    ],
    ids=["autumn", "spring"],
)
def test_clock_change_nights_have_one_slot(store: Store, day: datetime, utc: str) -> None:
    """01:30 in London occurs twice in autumn and never in spring; the slot occurs once."""
    london = with_newsletter(cadences=(parse("weekly on Sunday at 01:30"),))
    london = journal(newsletters=london.newsletters, time_zone="Europe/London")
    planned: set[str] = set()
    for minute in range(0, 24 * 60, 15):
        now = day + timedelta(minutes=minute)
        for step in steps(store, now, of=london, started_at=day):
            assert isinstance(step, Plan)
            planned.add(step.slot.key)
            store.issues.skip(
                slot_id(step.newsletter, step.cadence, step.slot), step.slot.at, "x", now
            )
    assert planned == {utc}


def test_two_cadences_are_two_slots(store: Store) -> None:
    """Weekly and monthly at the same moment are planned each for its own readers."""
    both = with_newsletter(
        cadences=(parse("weekly on Tuesday at 09:00"), parse("monthly on the 24th at 09:00"))
    )
    found = steps(store, TUESDAY, of=both)
    assert [(step.cadence.kind.value, step.slot.key) for step in found] == [
        ("weekly", "2026-11-24T09:00"),
        ("monthly", "2026-11-24T09:00"),
    ]


# --- each article -------------------------------------------------------------------------------


def test_each_article_is_due_when_public(store: Store) -> None:
    """Each article's slot is its id; drafts and scheduled ones are not due."""
    now = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)
    public, scheduled, draft = numbered(3, published_at=now - timedelta(hours=1))
    found = steps(
        store,
        now,
        of=with_newsletter(cadences=EACH),
        articles=(
            public,
            article(id=scheduled.id, published_at=now + timedelta(hours=1)),
            article(id=draft.id, draft=True, published_at=now),
        ),
    )
    assert keys(found) == [(Plan, public.id)]
    assert found[0].slot.at == public.published_at


def test_several_articles_at_once_are_all_due(store: Store) -> None:
    """Articles do not stand in for each other as digests do."""
    now = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)
    two = numbered(2, published_at=now - timedelta(hours=1))
    found = steps(store, now, of=with_newsletter(cadences=EACH), articles=two)
    assert sorted(keys(found), key=str) == sorted(((Plan, a.id) for a in two), key=str)


def test_each_article_counts_from_its_first_sighting(store: Store) -> None:
    """Dated a week ago but merged today: on time; seen a week ago and missed: skipped."""
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    record(store, "x", now - timedelta(days=20), "each")
    late, missed = numbered(2, published_at=now - timedelta(days=7))
    found = steps(
        store,
        now,
        of=with_newsletter(cadences=EACH),
        articles=(late, missed),
        seen={late.id: now, missed.id: now - timedelta(days=7)},
    )
    assert {step.slot.key: type(step) for step in found} == {late.id: Plan, missed.id: Skip}
    assert [step.reason for step in found if isinstance(step, Skip)] == [MISSED_ARTICLE]


@pytest.mark.parametrize(
    "why",
    ["too late", "other topic", "before since", "before the store", "recorded", "new newsletter"],
)
def test_each_article_that_is_not_sent(store: Store, why: str) -> None:
    """Each clause of the rule keeps an article from going out by itself."""
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    one = article(published_at=now - timedelta(days=1))
    options: dict[str, object] = {}
    seen: dict[str, datetime] = {}
    started_at = BEGINNING
    if why == "too late":
        one = article(published_at=now - timedelta(days=15))
        seen = {one.id: now}
    elif why == "other topic":
        options["topics"] = ("sleep",)
    elif why == "before since":
        options["since"] = one.published_at
    elif why == "before the store":
        started_at = one.published_at + timedelta(seconds=1)
    elif why == "recorded":
        record(store, one.id, one.published_at, "each")
    else:
        one = article(published_at=now - timedelta(days=3))
    of = with_newsletter(cadences=EACH, **options)
    assert steps(store, now, of=of, articles=(one,), started_at=started_at, seen=seen) == ()


# --- a slot as people name it ---------------------------------------------------------------------


def picked(named: str | None, now: datetime, one: Newsletter | None = None) -> str:
    """The key of the slot that is picked."""
    found = pick(journal(), one or newsletter(), (article(),), now, CUTOFF, named)
    return found[1].key


def test_without_a_name_the_slot_at_hand() -> None:
    """The newest slot while it may be caught up, then the next one."""
    assert picked(None, TUESDAY) == "2026-11-24T09:00"
    assert picked(None, TUESDAY + CUTOFF) == "2026-11-24T09:00"
    assert picked(None, TUESDAY + CUTOFF + timedelta(hours=1)) == "2026-12-01T09:00"
    assert picked(None, TUESDAY - timedelta(hours=1)) == "2026-11-24T09:00"


def test_named_by_day_or_civil_time() -> None:
    """A day or the whole key name the same slot."""
    assert picked("2026-11-17", TUESDAY) == "2026-11-17T09:00"
    assert picked("2026-11-17T09:00", TUESDAY) == "2026-11-17T09:00"


def test_named_by_article() -> None:
    """Where each article is sent, its id or slug names the slot."""
    each = newsletter(cadences=EACH)
    assert picked("car-nk-cells", TUESDAY, each) == article().id
    assert picked(article().id, TUESDAY, each) == article().id


@pytest.mark.parametrize("named", ["2026-11-18", "2026-11-17T10:00", "soon", "2026-13-01"])
def test_slots_that_are_not(named: str) -> None:
    """What is no slot is refused with the slots near by."""
    with pytest.raises(UsageError, match="2026-11-17T09:00, 2026-12-01T09:00"):
        picked(named, TUESDAY)


def test_each_needs_a_name() -> None:
    """There is no slot at hand where each article is its own."""
    with pytest.raises(UsageError, match="name one"):
        picked(None, TUESDAY, newsletter(cadences=EACH))
    with pytest.raises(UsageError, match="an article's id or slug"):
        picked("nothing", TUESDAY, newsletter(cadences=EACH))
