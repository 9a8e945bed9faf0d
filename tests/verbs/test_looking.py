"""What comes next, without writing anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from publisher.domain.article import Article
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.journal import Approval
from publisher.domain.template import TemplateSet
from publisher.plan import Upcoming, first_seen, upcoming
from publisher.ports import Store
from tests.verbs.readers import admit, reader
from tests.verbs.test_plan import CUTOFF, EACH, MONTHLY, TUESDAY, TWO, WEEKLY, Press

MONDAY = TUESDAY - timedelta(days=1)


def look(press: Press, now: datetime = MONDAY, articles: tuple[Article, ...] = TWO) -> Upcoming:
    """The first of what comes."""
    seen = first_seen(press.store.sightings.known(), articles, now)
    found = upcoming(
        press.journal, press.store.issues, articles, seen, press.templates, now, CUTOFF
    )
    return next(iter(found))


def test_the_next_slot_is_shown_as_planning_would_make_it(
    store: Store, templates: TemplateSet, dump: Callable[[], str]
) -> None:
    """The same articles and readers as the plan then has; the store is as it was."""
    admit(store, [reader("ann"), reader("bo"), reader("cy", topics=("sleep",))])
    press = Press(store, templates)
    before = dump()
    found = look(press)
    assert dump() == before
    assert found.slot is not None
    assert found.preview is not None
    assert (found.slot.key, found.issue) == ("2026-11-24T09:00", None)
    issue = press.plan(TWO)
    assert found.preview.readers == issue.audience
    assert tuple((a.id, a.version) for a in found.preview.digest.articles) == issue.articles


def test_an_issue_on_record_is_shown_until_it_is_over(store: Store, templates: TemplateSet) -> None:
    """A draft and an approved issue are shown; a skipped one gives way to the next slot."""
    admit(store, [reader("ann")])
    press = Press(store, templates)
    press.offer(approval=Approval.REQUIRED, lead=timedelta(hours=24))
    issue = press.plan(TWO, MONDAY, of=WEEKLY.slot_on(TUESDAY.date(), press.journal.zone))
    found = look(press)
    assert found.issue is not None
    assert (found.issue.id, found.issue.state) == (issue.id, IssueState.DRAFT)
    store.issues.move(issue.id, IssueEvent.SKIP, TUESDAY, reason="late")
    after = look(press, TUESDAY + timedelta(hours=1))
    assert after.slot is not None
    assert (after.slot.key, after.issue) == ("2026-12-01T09:00", None)


def test_each_article_shows_the_next_that_is_scheduled(
    store: Store, templates: TemplateSet
) -> None:
    """The first one to come that the newsletter offers; none, where none is scheduled."""
    admit(store, [reader("ann", cadence="each")])
    press = Press(store, templates)
    press.offer(cadences=(EACH, MONTHLY), topics=("sleep",))
    later = replace(TWO[1], published_at=TUESDAY + timedelta(days=2))
    draft = replace(TWO[1], id="tag:j,2026:d", published_at=TUESDAY, draft=True)
    found = look(press, articles=(TWO[0], draft, later))
    assert found.slot is not None
    assert found.preview is not None
    assert found.slot.key == later.id
    assert [a.id for a in found.preview.digest.articles] == [later.id]
    assert look(press).slot is None
    press.plan((later,), later.published_at, of=found.slot, cadence=EACH)
    assert look(press, articles=(later,)).issue is not None


def test_what_a_new_store_finds_counts_as_on_time() -> None:
    """Only the first reading of all does; afterwards an old article is one that comes late."""
    date = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
    assert first_seen({}, TWO, MONDAY) == {article.id: date for article in TWO}
    assert first_seen({TWO[0].id: date}, TWO, MONDAY)[TWO[1].id] == MONDAY
