"""A slot becomes one issue: the right articles, the right readers, once."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.domain.article import Article
from publisher.domain.cadence import Cadence, CadenceKind, Slot, parse
from publisher.domain.forcing import Forcing
from publisher.domain.issue import Issue, IssueEvent, IssueState
from publisher.domain.journal import Approval, Journal
from publisher.domain.subscription import SubscriptionEvent
from publisher.domain.template import TemplateSet
from publisher.errors import BlockedByFindings, NotAllowed, NotFound, StoreError, UsageError
from publisher.plan import NO_READERS, NOTHING_NEW, approve, lapse, plan, reshape, sight
from publisher.ports import Library, Store
from publisher.stores import open_store
from tests.factories import article, journal, newsletter, numbered
from tests.verbs.readers import admit, reader

WEEKLY = parse("weekly on Tuesday at 09:00")
MONTHLY = parse("monthly on the 1st at 09:00")
EACH = Cadence(CadenceKind.EACH)
CUTOFF = timedelta(hours=48)
TUESDAY = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
NONCES = (f"nonce-{number}" for number in itertools.count())


def slot(day: datetime = TUESDAY) -> Slot:
    """The weekly slot of a Tuesday."""
    return WEEKLY.slot_on(day.date(), journal().zone)


class Press:
    """One journal with its store, for planning again and again."""

    def __init__(self, store: Store, templates: TemplateSet) -> None:
        self.store = store
        self.templates = templates
        self.newsletter = newsletter()

    @property
    def journal(self) -> Journal:
        """The sample journal with this newsletter."""
        return journal(newsletters=(self.newsletter,))

    def offer(self, **overrides: object) -> None:
        """Change the newsletter."""
        self.newsletter = newsletter(**overrides)

    def plan(
        self,
        articles: tuple[Article, ...],
        at: datetime = TUESDAY,
        *,
        of: Slot | None = None,
        cadence: Cadence = WEEKLY,
        retry_skipped: bool = True,
        forced: tuple[Forcing, ...] = (),
    ) -> Issue:
        """Plan the Tuesday's slot, at its own instant unless said otherwise."""
        return plan(
            self.newsletter,
            cadence,
            of or slot(at),
            journal=self.journal,
            library=Library(articles, ()),
            templates=self.templates,
            store=self.store,
            now=at,
            nonce=lambda: next(NONCES),
            retry_skipped=retry_skipped,
            forced=forced,
        )

    def reshape(self, issue: Issue, articles: tuple[Article, ...], **shape: object) -> Issue:
        """Edit an issue from today's articles."""
        return reshape(
            issue.id,
            journal=self.journal,
            library=Library(articles, ()),
            templates=self.templates,
            store=self.store,
            now=TUESDAY,
            **shape,  # type: ignore[arg-type]  # the tests' own shorthand
        )


@pytest.fixture
def press(store: Store, templates: TemplateSet) -> Press:
    """Three readers: two of everything, one of sleep."""
    admit(store, [reader("ann"), reader("bo"), reader("cy", topics=("sleep",))])
    return Press(store, templates)


def ids(issue: Issue) -> list[str]:
    """The articles of an issue."""
    return [article_id for article_id, _ in issue.articles]


FRIDAY = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
TWO = (
    article(published_at=FRIDAY),
    article(
        id="tag:j,2026:sleep",
        slug="sleep",
        title="Sleep well",
        category="sleep",
        published_at=FRIDAY,
    ),
)


def test_issue_freezes_articles_and_audience(press: Press) -> None:
    """All readers get what their topics leave; equal readers share one edition."""
    issue = press.plan(TWO)
    assert (issue.number, issue.state, issue.audience) == (1, IssueState.APPROVED, 3)
    assert issue.counts == {"queued": 3}
    assert issue.articles == tuple((a.id, a.version) for a in sorted(TWO, key=lambda a: a.id))
    first, second = press.store.issues.editions(issue.id)
    assert [len(first.articles), len(second.articles)] == [2, 1]
    assert second.articles[0][0] == "tag:j,2026:sleep"
    assert TWO[0].title not in second.html + second.text


def test_slot_key_and_cadence_are_plain(press: Press) -> None:
    """A slot is named by local civil time, a cadence by its kind."""
    name = press.plan(TWO).slot
    assert (name.cadence, name.key) == ("weekly", "2026-11-24T09:00")


def test_planning_again_shows_the_same_issue(press: Press) -> None:
    """A doubled tick is harmless, whatever the content says by then."""
    first = press.plan(TWO)
    assert press.plan(numbered(3)) == first
    assert len(press.store.issues.list()) == 1


def test_first_edition_has_all_articles_even_for_nobody(press: Press) -> None:
    """The archive shows all articles though every reader chose one topic or language."""
    for name in ("ann", "bo"):
        found = press.store.subscribers.by_address(f"{name}@example.org")[0]
        press.store.subscribers.change(found.id, SubscriptionEvent.UNSUBSCRIBE, TUESDAY)
    issue = press.plan(TWO)
    whole, mine = press.store.issues.editions(issue.id)
    assert (len(whole.articles), len(mine.articles), issue.audience) == (2, 1, 1)
    assert issue.excluded == {"unsubscribed": 2}


def test_languages_are_editions(press: Press) -> None:
    """A reader's language makes an edition of its own, the journal's stays first."""
    admit(press.store, [reader("di", language="de"), reader("ed", language="en")])
    editions = press.store.issues.editions(press.plan((TWO[0],)).id)
    assert [edition.language for edition in editions] == ["en", "de"]


def test_readers_whose_topics_leave_nothing_are_counted(press: Press) -> None:
    """Not in the audience, but counted so."""
    issue = press.plan((TWO[0],))
    assert (issue.audience, issue.excluded) == (2, {"no topics": 1})


def test_nothing_new_is_recorded(press: Press) -> None:
    """No article: the slot is skipped, with the reason, and needs no number."""
    issue = press.plan(())
    assert (issue.state, issue.reason, issue.number) == (IssueState.SKIPPED, NOTHING_NEW, None)


def test_nobody_to_write_to_is_recorded(store: Store, templates: TemplateSet) -> None:
    """No reader: no issue."""
    press = Press(store, templates)
    issue = press.plan(TWO)
    assert (issue.state, issue.reason) == (IssueState.SKIPPED, NO_READERS)
    admit(store, [reader("ann")])
    assert press.plan(TWO).audience == 1


def test_first_reader_gets_no_backlog(store: Store, templates: TemplateSet) -> None:
    """What passed while nobody was subscribed is past; what came late since is not."""
    press = Press(store, templates)
    old, new, late = numbered(3)
    old = replace(old, published_at=TUESDAY - timedelta(days=3))
    press.plan((old,))
    admit(store, [reader("ann")])
    new = replace(new, published_at=TUESDAY + timedelta(days=1))
    late = replace(late, published_at=TUESDAY - timedelta(days=2))
    sight(store.sightings, (late,), TUESDAY + timedelta(days=2))
    issue = press.plan((old, new, late), TUESDAY + timedelta(days=7))
    assert ids(issue) == [new.id, late.id]


def test_explicit_since_brings_the_backlog(store: Store, templates: TemplateSet) -> None:
    """`since` in the settings means what it says, though a slot passed without readers."""
    press = Press(store, templates)
    press.offer(since=datetime(2026, 1, 1, tzinfo=UTC))
    press.plan(TWO)
    admit(store, [reader("ann")])
    assert len(ids(press.plan(TWO, TUESDAY + timedelta(days=7)))) == 2


def test_skipped_slot_is_tried_again_by_hand_only(press: Press) -> None:
    """Staff may plan a slot that made none; the schedule leaves it."""
    skipped = press.plan(())
    assert press.plan(()) == skipped
    assert press.plan(TWO, retry_skipped=False) == skipped
    assert press.plan(TWO).state is IssueState.APPROVED


def test_two_at_once_make_one_issue(tmp_path: Path, press: Press) -> None:
    """Two processes plan the same slot: one issue, each reader once."""
    with ThreadPoolExecutor(4) as pool:
        issues = list(pool.map(lambda _: press.plan(TWO), range(8)))
    assert {issue.id for issue in issues} == {issues[0].id}
    assert press.store.issues.get(issues[0].id).counts == {"queued": 3}


def test_two_slots_at_once_get_two_numbers(press: Press) -> None:
    """Another slot that takes the number meanwhile only costs another rendering."""
    press.offer(cadences=(WEEKLY, MONTHLY, EACH))
    admit(press.store, [reader("mo", cadence="monthly"), reader("ea", cadence="each")])
    month = Slot("2026-12-01T09:00", datetime(2026, 12, 1, 8, tzinfo=UTC))
    one = Slot(TWO[0].id, TWO[0].published_at)
    jobs = [(WEEKLY, slot()), (MONTHLY, month), (EACH, one)]
    with ThreadPoolExecutor(3) as pool:
        issues = list(pool.map(lambda job: press.plan(TWO, cadence=job[0], of=job[1]), jobs))
    assert sorted(issue.number or 0 for issue in issues) == [1, 2, 3]
    for issue in issues:
        assert f"/issues/weekly/{issue.number}/" in press.store.issues.editions(issue.id)[0].html


def test_number_that_is_always_taken_gives_up(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that never lets go of a number ends in an error, not in a loop."""
    press.plan(TWO)
    monkeypatch.setattr(type(press.store.issues), "next_number", lambda *_: 1)
    with pytest.raises(StoreError, match="taken"):
        press.plan(numbered(2, published_at=TUESDAY), TUESDAY + timedelta(days=7))


def test_each_article_goes_to_those_who_want_each(press: Press) -> None:
    """An issue of one article, for the readers of that cadence alone."""
    press.offer(cadences=(WEEKLY, EACH))
    admit(press.store, [reader("ea", cadence="each")])
    one = Slot(TWO[0].id, TWO[0].published_at)
    issue = press.plan(TWO, cadence=EACH, of=one)
    assert (ids(issue), issue.audience, issue.slot.cadence) == ([TWO[0].id], 1, "each")


# --- which articles -----------------------------------------------------------------------------


def test_default_since_is_one_cadence_before_the_first_slot(press: Press) -> None:
    """The first issue covers the week up to its slot; later ones are not bounded anew."""
    inside = article(published_at=TUESDAY - timedelta(days=7) + timedelta(seconds=1))
    edge = article(id="tag:edge", slug="edge", published_at=TUESDAY - timedelta(days=7))
    assert ids(press.plan((inside, edge))) == [inside.id]
    late = article(id="tag:late", slug="late", published_at=TUESDAY - timedelta(days=6))
    assert ids(press.plan((inside, edge, late), TUESDAY + timedelta(days=7))) == [late.id]


def test_carried_articles_stay_out_and_skipped_slots_count_as_first(press: Press) -> None:
    """A skipped first slot still bounds; what one issue carried no later one does."""
    press.plan((), TUESDAY - timedelta(days=7))
    old = article(published_at=TUESDAY - timedelta(days=13), id="tag:old", slug="old")
    sight(press.store.sightings, (old,), TUESDAY)
    first = press.plan((old, *TWO))
    assert set(ids(first)) == {old.id, *(a.id for a in TWO)}
    edited = replace(TWO[0], version="f" * 64, updated_at=TUESDAY + timedelta(days=1))
    assert press.plan((old, edited, TWO[1]), TUESDAY + timedelta(days=7)).reason == NOTHING_NEW


def test_too_late_articles_stay_out(press: Press) -> None:
    """First seen fourteen days and a second after its date: too late; a second before: not."""
    press.offer(since=datetime(2026, 1, 1, tzinfo=UTC))
    sight(press.store.sightings, (article(id="tag:first"),), TUESDAY - timedelta(days=20))
    just, late = numbered(2, published_at=TUESDAY - timedelta(days=15))
    sight(press.store.sightings, (just,), just.published_at + timedelta(days=14))
    sight(press.store.sightings, (late,), late.published_at + timedelta(days=14, seconds=1))
    assert ids(press.plan((just, late))) == [just.id]


def test_new_store_takes_its_first_content_as_on_time(press: Press) -> None:
    """On the very first sight an old article is bounded by `since` alone."""
    press.offer(since=datetime(2026, 1, 1, tzinfo=UTC))
    old = article(published_at=datetime(2026, 2, 1, tzinfo=UTC))
    assert ids(press.plan((old,))) == [old.id]


def test_draft_is_not_seen(press: Press) -> None:
    """A draft's sighting begins when it is no draft any more."""
    draft = article(draft=True)
    assert sight(press.store.sightings, (draft, article(id="tag:x")), TUESDAY).keys() == {"tag:x"}
    later = TUESDAY + timedelta(days=1)
    assert sight(press.store.sightings, (article(),), later)[article().id] == later


def test_over_the_maximum_the_newest_go_and_the_rest_wait(press: Press) -> None:
    """The rest goes with the next issue."""
    press.offer(maximum=2, since=datetime(2026, 11, 1, tzinfo=UTC))
    four = numbered(4)
    first = press.plan(four)
    assert ids(first) == [four[0].id, four[1].id]
    assert set(first.waiting) == {four[2].id, four[3].id}
    assert ids(press.plan(four, TUESDAY + timedelta(days=7))) == [four[2].id, four[3].id]


def test_under_the_minimum_all_wait(press: Press) -> None:
    """None goes, and all go once there are enough."""
    press.offer(minimum=2)
    few = press.plan((TWO[0],))
    assert few.state is IssueState.SKIPPED
    assert few.reason == "1 new, fewer than the minimum of 2; they wait for the next slot"
    newer = replace(TWO[1], published_at=TUESDAY + timedelta(days=1))
    issue = press.plan((TWO[0], newer), TUESDAY + timedelta(days=7))
    assert ids(issue) == [newer.id, TWO[0].id]


def test_planned_ahead_takes_what_is_scheduled_before_the_slot(press: Press) -> None:
    """With a lead, an article scheduled between now and the slot is in."""
    press.offer(approval=Approval.REQUIRED, lead=timedelta(hours=24))
    soon = article(published_at=TUESDAY - timedelta(hours=1))
    later = article(id="tag:later", slug="later", published_at=TUESDAY + timedelta(seconds=1))
    issue = press.plan((soon, later), TUESDAY - timedelta(hours=24), of=slot())
    assert (ids(issue), issue.state) == ([soon.id], IssueState.DRAFT)


def test_blocked_issue_writes_nothing(press: Press) -> None:
    """An article without key takeaway blocks, with its finding; the slot stays open."""
    with pytest.raises(BlockedByFindings) as caught:
        press.plan((replace(TWO[0], key_takeaway=""),))
    assert caught.value.findings
    assert press.store.issues.list() == []
    assert press.plan(TWO).number == 1


# --- what staff decide ----------------------------------------------------------------------------


def test_edit_changes_words_order_and_articles(press: Press) -> None:
    """Subject, preheader, introduction and order are staff's; an approval is void."""
    three = (*TWO, article(id="tag:zz", slug="zz", title="Third", published_at=FRIDAY))
    issue = press.plan(three)
    changed = press.reshape(
        issue,
        three,
        subject="  Our own words ",
        preheader="Short",
        intro="Dear reader",
        order=["zz", "sleep"],
        drop=["car-nk-cells"],
    )
    assert (changed.state, changed.subject) == (IssueState.DRAFT, "Our own words")
    assert changed.hash != issue.hash
    whole, mine = press.store.issues.editions(issue.id)
    assert [a for a, _ in whole.articles] == ["tag:zz", "tag:j,2026:sleep"]
    assert "Dear reader" in whole.html
    assert "Dear reader" in mine.text
    assert TWO[0].title not in whole.html


def test_edit_keeps_what_is_not_named(press: Press) -> None:
    """A second edit adds to the first; an empty text returns the journal's own words."""
    issue = press.plan(TWO)
    press.reshape(issue, TWO, subject="Ours", intro="Hello")
    kept = press.reshape(issue, TWO, preheader="Short")
    assert (kept.shaping.subject, kept.shaping.intro) == ("Ours", "Hello")
    back = press.reshape(issue, TWO, subject="")
    assert back.shaping.subject is None
    assert back.subject == issue.subject


def test_edit_with_nothing_left_for_some_cancels_theirs(press: Press) -> None:
    """Dropping the only sleep article leaves its reader out."""
    changed = press.reshape(press.plan(TWO), TWO, drop=["sleep"])
    assert changed.counts == {"queued": 2, "cancelled": 1}


def test_withdrawn_article_leaves_with_an_edit(press: Press) -> None:
    """What is gone from the content, or a draft again, is gone from the issue."""
    issue = press.plan(TWO)
    changed = press.reshape(issue, (TWO[0], replace(TWO[1], draft=True)), subject="Ours")
    assert changed.shaping.dropped == (TWO[1].id,)


def test_edit_refuses_what_cannot_be(press: Press) -> None:
    """Unknown articles, an empty issue, a blocked edition, a sent or unknown issue."""
    issue = press.plan(TWO)
    with pytest.raises(UsageError, match="no article of this issue"):
        press.reshape(issue, TWO, drop=["nothing"])
    with pytest.raises(UsageError, match="cancel it instead"):
        press.reshape(issue, TWO, drop=["sleep", article().id])
    with pytest.raises(BlockedByFindings):
        press.reshape(issue, (replace(TWO[0], key_takeaway=""), TWO[1]), subject="x")
    assert press.store.issues.get(issue.id) == issue
    press.store.issues.move(issue.id, IssueEvent.RELEASE, TUESDAY)
    with pytest.raises(NotAllowed):
        press.reshape(issue, TWO, subject="x")
    with pytest.raises(NotFound):
        press.reshape(replace(issue, id=99), TWO, subject="x")


def test_edit_needs_the_newsletter(press: Press) -> None:
    """A newsletter that left the settings is named, with those that are there."""
    issue = press.plan(TWO)
    press.offer(slug="other")
    with pytest.raises(NotFound, match="there is: other"):
        press.reshape(issue, TWO, subject="x")


def draft(press: Press) -> Issue:
    """A draft planned a day ahead."""
    press.offer(approval=Approval.REQUIRED, lead=timedelta(hours=24))
    return press.plan(TWO, TUESDAY - timedelta(hours=24), of=slot())


@pytest.mark.parametrize(
    ("late", "state"),
    [
        (timedelta(hours=-3), IssueState.APPROVED),
        (CUTOFF, IssueState.APPROVED),
        (CUTOFF + timedelta(seconds=1), IssueState.SKIPPED),
    ],
    ids=["in time", "within the cutoff", "too late"],
)
def test_approval_in_time_late_and_too_late(
    press: Press, late: timedelta, state: IssueState
) -> None:
    """Late approval sends at once within the cutoff; after it the slot is skipped."""
    issue = draft(press)
    found = approve(press.store, issue.id, by="Dr Lind", now=TUESDAY + late, cutoff=CUTOFF)
    assert found.state is state
    if state is IssueState.APPROVED:
        assert found.approved_by == "Dr Lind"
    else:
        assert found.reason is not None
        assert "not approved within 48 hours" in found.reason
        again = press.plan(TWO, TUESDAY + timedelta(days=7))
        assert set(ids(again)) == {a.id for a in TWO}


def test_late_skip_is_not_planned_again(press: Press) -> None:
    """A slot that was skipped for its approval is staff's to free, not planning's."""
    issue = draft(press)
    approve(press.store, issue.id, by="x", now=TUESDAY + timedelta(days=3), cutoff=CUTOFF)
    assert press.plan(TWO).id == issue.id


def test_old_slot_planned_by_hand_may_still_be_approved(press: Press) -> None:
    """Lateness counts from planning where that came after the slot."""
    press.offer(approval=Approval.REQUIRED)
    now = TUESDAY + timedelta(days=5)
    issue = press.plan(TWO, now, of=slot())
    assert approve(press.store, issue.id, by="x", now=now, cutoff=CUTOFF).state == "approved"


def test_lapse_tells_overdue_from_too_late(press: Press) -> None:
    """Before the slot nothing; after it overdue; after the cutoff skipped, once."""
    issue = draft(press)
    issues = press.store.issues
    assert lapse(issues, TUESDAY - timedelta(hours=1), CUTOFF).overdue == ()
    assert [i.id for i in lapse(issues, TUESDAY, CUTOFF).overdue] == [issue.id]
    after = lapse(issues, TUESDAY + CUTOFF + timedelta(seconds=1), CUTOFF)
    assert [i.state for i in after.skipped] == [IssueState.SKIPPED]
    assert lapse(issues, TUESDAY + timedelta(days=9), CUTOFF).skipped == ()


def test_approve_needs_a_draft(press: Press) -> None:
    """What is approved already cannot be approved again."""
    issue = press.plan(TWO)
    with pytest.raises(NotAllowed):
        approve(press.store, issue.id, by="x", now=TUESDAY, cutoff=CUTOFF)


def test_restart_neither_loses_nor_doubles(tmp_path: Path, press: Press) -> None:
    """Another process over the same file finds the same issue."""
    issue = press.plan(TWO)
    other = open_store(f"sqlite:///{tmp_path / 'store.db'}", synchronous="NORMAL")
    try:
        again = Press(other, press.templates).plan(TWO)
    finally:
        other.close()
    assert again == issue
