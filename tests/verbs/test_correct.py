"""A correction reaches exactly those who received the mistake, each once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import pytest

from publisher.build import build
from publisher.correct import Trace, plan, trace
from publisher.dispatch import Dispatcher
from publisher.domain.article import Article, Correction, CorrectionKind, Withdrawal
from publisher.domain.delivery import DeliveryEvent, Settlement
from publisher.domain.issue import ArchivedIssue, Issue, IssueEvent, IssueKind, IssueState
from publisher.domain.journal import Journal
from publisher.domain.subscription import SubscriptionEvent, Suppression, SuppressionReason
from publisher.domain.template import TemplateSet
from publisher.errors import BlockedByFindings, UsageError
from publisher.formats.email import links
from publisher.plan import approve, lapse, reshape
from publisher.plan import plan as plan_slot
from publisher.ports import Library, Store
from publisher.release import Report, release
from publisher.site import Tree
from publisher.templates import shipped_dir
from publisher.transports.memory import MemoryTransport
from tests.factories import article, journal, newsletter, numbered
from tests.verbs.outbox import KEYS, QUICK, never
from tests.verbs.readers import admit, reader
from tests.verbs.test_plan import TUESDAY, WEEKLY, slot

WEEKLIES = (newsletter(), newsletter(slug="other", title="The Other", list_id="other.example.org"))
JOURNAL = journal(newsletters=WEEKLIES)
WRONG = article(published_at=TUESDAY - timedelta(days=4))
RIGHT = replace(
    WRONG,
    version="f" * 64,
    corrections=(
        Correction(
            date(2026, 11, 25), CorrectionKind.CORRECTION, "We said nine.", "Six people slept."
        ),
    ),
)
REASON = "The trial that it rested on was retracted."
GONE = replace(RIGHT, version="e" * 64, withdrawn=Withdrawal(date(2026, 11, 25), REASON))
LATER = TUESDAY + timedelta(days=2)
NONCE = (f"{number:032x}" for number in count())


class World:
    """Two newsletters, a store, and everybody's mailbox."""

    def __init__(self, store: Store, templates: TemplateSet) -> None:
        self.store = store
        self.templates = templates
        self.transport = MemoryTransport()

    def send(self, which: int, *articles: Article, at: int = 0) -> Issue:
        """Plan and send the Tuesday's issue of a newsletter."""
        when = TUESDAY + timedelta(weeks=at)
        issue = plan_slot(
            WEEKLIES[which],
            WEEKLY,
            slot(when),
            journal=JOURNAL,
            library=Library(articles, ()),
            templates=self.templates,
            store=self.store,
            now=when,
            nonce=lambda: next(NONCE),
        )
        return self.drain(issue)

    def drain(self, issue: Issue) -> Issue:
        """Release an approved issue and send it."""
        self.store.issues.move(issue.id, IssueEvent.RELEASE, TUESDAY)
        Dispatcher(
            journal=JOURNAL,
            keys=KEYS,
            outbox=self.store.outbox,
            issues=self.store.issues,
            notices=self.store.notices,
            transports={"default": self.transport},
            clock=lambda: TUESDAY,
            jitter=lambda: 0.0,
            worker=f"w{issue.id}",
            bounds=QUICK,
        ).drain(never())
        return self.store.issues.get(issue.id)

    def trace(self, of: Article = RIGHT, within: Journal = JOURNAL) -> Trace:
        """Who received it."""
        return trace(of, within, self.store.citations)

    def correct(self, of: Article = RIGHT) -> tuple[Issue, ...]:
        """Draft the correction."""
        return plan(
            self.trace(of),
            journal=JOURNAL,
            library=Library((of,), ()),
            templates=self.templates,
            store=self.store,
            now=LATER,
            nonce=lambda: next(NONCE),
        )

    def subscription(self, name: str, which: str = "weekly") -> int:
        """The id of somebody's subscription."""
        found = self.store.subscribers.by_address(f"{name}@example.org")
        return next(one.id for one in found if one.newsletter == which)

    def leave(self, name: str, which: str = "weekly") -> None:
        """Somebody unsubscribes."""
        event = SubscriptionEvent.UNSUBSCRIBE
        self.store.subscribers.change(self.subscription(name, which), event, TUESDAY)


@pytest.fixture
def world(store: Store, templates: TemplateSet) -> World:
    """ann and bo get both newsletters, cy and di the first, ed the second, flo came later."""
    admit(store, [reader(name) for name in ("ann", "bo", "cy", "di")])
    admit(store, [reader("ann"), reader("bo"), reader("ed", language="de")], "other")
    return World(store, templates)


def test_everybody_who_received_it_is_told_once(world: World) -> None:
    """Over two newsletters; who left one is told under the other; who came later is not."""
    world.send(0, WRONG)
    world.send(1, WRONG)
    admit(world.store, [reader("flo")])
    world.leave("bo")  # bo still gets the other
    world.leave("di")
    world.store.suppressions.add(
        Suppression("cy@example.org", SuppressionReason.BOUNCE, TUESDAY, "550")
    )
    found = world.trace()
    assert found.faulty.versions == (WRONG.version,)
    assert dict(found.reach.reachable) == {
        ("other", "de"): 1,
        ("other", None): 1,
        ("weekly", None): 1,
    }
    assert dict(found.reach.excluded) == {"left since": 1, "bounced since": 1}
    issues = world.correct()
    assert [(one.newsletter, one.audience) for one in issues] == [("other", 2), ("weekly", 1)]
    assert {one.state for one in issues} == {IssueState.DRAFT}
    assert {one.slot.kind for one in issues} == {IssueKind.CORRECTION}
    assert issues[0].excluded == {"left since": 1, "bounced since": 1}
    assert world.correct() == issues
    before = len(world.transport.sent)
    for one in issues:
        approve(world.store, one.id, by="Dr Raman", now=LATER, cutoff=timedelta(hours=48))
        assert world.drain(one).state is IssueState.FINISHED
    mails = world.transport.sent[before:]
    assert sorted(mail.envelope.recipient for mail in mails) == [
        f"{name}@example.org" for name in ("ann", "bo", "ed")
    ]
    german = next(m.message for m in mails if m.envelope.recipient == "ed@example.org")
    assert b"Berichtigung: What the first CAR-NK trial found" in german
    assert b"Six people slept." in german
    again = world.trace()
    assert again.faulty.versions == (WRONG.version,)
    assert world.correct() == tuple(world.store.issues.get(one.id) for one in issues)


def test_nobody_is_told_twice_after_a_correction_was_cancelled_half_way(world: World) -> None:
    """Two have it; made anew it goes to the others alone, and they are counted apart."""
    world.send(0, WRONG)
    (first,) = world.correct()
    approve(world.store, first.id, by="x", now=LATER, cutoff=timedelta(hours=48))
    world.store.issues.move(first.id, IssueEvent.RELEASE, LATER)
    lease = timedelta(minutes=1)
    claims = world.store.outbox.claim("w", 2, lease, LATER, issue_id=first.id)
    world.store.outbox.advance([], claims, lease, LATER)
    settled = [Settlement(each, DeliveryEvent.ACCEPT, 250, "OK") for each in claims]
    world.store.outbox.advance(settled, [], lease, LATER)
    world.store.issues.move(first.id, IssueEvent.CANCEL, LATER)
    reach = world.trace().reach
    assert (reach.people, dict(reach.excluded)) == (2, {"told already": 2})
    (second,) = world.correct()
    assert (second.id != first.id, second.audience) == (True, 2)
    before = len(world.transport.sent)
    approve(world.store, second.id, by="x", now=LATER, cutoff=timedelta(hours=48))
    world.drain(second)
    rest = {mail.envelope.recipient for mail in world.transport.sent[before:]}
    had = {claim.address for claim in claims}
    assert len(rest) == 2
    assert rest.isdisjoint(had)


def test_those_who_were_told_right_are_not_told_again(world: World) -> None:
    """A version that holds the correction is none of the faulty ones."""
    world.send(0, WRONG)
    world.send(1, RIGHT)
    found = world.trace()
    assert found.faulty.versions == (WRONG.version,)
    assert found.reach.people == 4
    assert not [name for name, _ in found.reach.reachable if name == "other"]


def test_nobody_received_it(world: World) -> None:
    """Nothing is planned; an article without a correction is refused in plain words."""
    world.send(0, RIGHT)
    assert world.trace().faulty.versions == ()
    assert world.correct() == ()
    with pytest.raises(UsageError, match="has no correction"):
        world.trace(WRONG)


def test_what_has_not_left_and_who_is_gone_are_counted(world: World) -> None:
    """Mails on their way are told of; deliveries of the forgotten are counted as nobody's."""
    issue = world.send(0, WRONG)
    world.store.subscribers.forget("ann@example.org", None, TUESDAY)
    assert world.trace().reach.excluded == {"erased": 1}
    assert world.trace().reach.people == 3
    world.store.outbox.resolve(issue.id, "accepted", TUESDAY)
    other = plan_slot(
        WEEKLIES[1],
        WEEKLY,
        slot(),
        journal=JOURNAL,
        library=Library((WRONG,), ()),
        templates=world.templates,
        store=world.store,
        now=TUESDAY,
        nonce=lambda: next(NONCE),
    )
    assert world.trace().reach.waiting == other.audience
    assert world.trace(within=journal(newsletters=WEEKLIES[1:])).reach.people == 1


def test_a_draft_correction_waits_as_long_as_it_takes(world: World) -> None:
    """It is never skipped for being late, and it can be shaped like any issue."""
    world.send(0, WRONG)
    (issue,) = world.correct()
    much_later = LATER + timedelta(days=90)
    assert lapse(world.store.issues, much_later, timedelta(hours=48)).skipped == ()
    shaped = reshape(
        issue.id,
        journal=JOURNAL,
        library=Library((RIGHT,), ()),
        templates=world.templates,
        store=world.store,
        now=much_later,
        intro="We are sorry.",
    )
    assert shaped.subject == "Correction: What the first CAR-NK trial found"
    assert "We are sorry." in world.store.issues.editions(issue.id)[0].text
    moved = approve(world.store, issue.id, by="x", now=much_later, cutoff=timedelta(hours=48))
    assert moved.state is IssueState.APPROVED


def test_what_cannot_be_mailed_is_refused(world: World) -> None:
    """A draft, and what lacks what a reader is owed."""
    world.send(0, WRONG)
    with pytest.raises(UsageError, match="a draft"):
        world.correct(replace(RIGHT, draft=True))
    with pytest.raises(BlockedByFindings):
        world.correct(replace(RIGHT, key_takeaway=""))


def released(world: World, issue: Issue, public: Path, *articles: Article) -> Report:
    """Approve it, and let it go from a tree that has every page of the journal that it links to."""
    approve(world.store, issue.id, by="x", now=LATER, cutoff=timedelta(hours=48))
    site = Tree(public, url=JOURNAL.url, command=None, check_timeout=timedelta(seconds=1))
    pages = [url for e in world.store.issues.editions(issue.id) for url in links(e, JOURNAL)]
    paths = (url.removeprefix(f"{JOURNAL.url}/") for url in pages)
    site.write({f"{path}index.html": b"x" for path in paths})
    return release(world.store, site, JOURNAL, LATER, articles=articles)


def test_whoever_received_a_withdrawn_article_is_told_why(world: World, tmp_path: Path) -> None:
    """In each one's language, without the claim; the gate lets that pass, and nothing else of it."""
    world.send(0, WRONG)
    world.send(1, WRONG)
    (corrected, other) = world.correct()
    found = world.trace(GONE)
    assert (found.correction.right, found.faulty.versions) == (REASON, (WRONG.version,))
    issues = world.correct(GONE)
    assert [(one.newsletter, one.audience) for one in issues] == [("other", 1), ("weekly", 4)]
    assert world.correct(GONE) == issues
    german, english = (
        next(e for e in world.store.issues.editions(one.id) if e.language == language)
        for one, language in zip(issues, ("de", "en"), strict=True)
    )
    assert english.subject == f"Withdrawn: {WRONG.title}"
    assert german.subject == f"Zurückgezogen: {WRONG.title}"
    assert english.preheader == REASON
    for part in (english.html, english.text):
        said = " ".join(part.split())
        assert "We have withdrawn it since" in said
        assert "This article was withdrawn on November 25, 2026." in said
        assert REASON in said
        assert JOURNAL.article_url(GONE) in said
        assert WRONG.key_takeaway not in said
        assert WRONG.summary not in said
        assert "Six people slept." not in said
    assert "Dieser Beitrag wurde am 25. November 2026 zurückgezogen." in german.text
    (held,) = released(world, other, tmp_path / "a", GONE).held
    assert "publisher correct" in held.why  # the correction repeats what was withdrawn
    weekly = issues[1]
    shaped = reshape(
        weekly.id,
        journal=JOURNAL,
        library=Library((GONE,), ()),
        templates=world.templates,
        store=world.store,
        now=LATER,
        intro="We are sorry.",
    )
    assert shaped.shaping.dropped == ()
    reworded = replace(GONE, withdrawn=Withdrawal(date(2026, 11, 25), "Another reason."))
    with pytest.raises(UsageError, match="cancel it instead"):
        reshape(
            weekly.id,
            journal=JOURNAL,
            library=Library((reworded,), ()),
            templates=world.templates,
            store=world.store,
            now=LATER,
        )
    world.store.issues.move(other.id, IssueEvent.CANCEL, LATER)
    world.store.issues.move(corrected.id, IssueEvent.CANCEL, LATER)
    report = released(world, weekly, tmp_path / "b", GONE)
    assert [one.id for one in report.released] == [weekly.id]
    shown = ArchivedIssue(report.released[0], english)
    page = build(JOURNAL, Library((GONE,), ()), world.templates, (shown,), LATER)
    assert b"Corrected since" not in page[f"issues/weekly/{weekly.number}/index.html"]


def test_a_template_that_repeats_what_was_withdrawn_is_stopped(world: World) -> None:
    """A journal's own that knows nothing of withdrawals, or leaves the reason out."""
    world.send(0, WRONG)
    name = "email/_withdrawn.txt"
    text = world.templates.templates[name]
    for body, rule in (
        ("{{ entry.article.key_takeaway }}" + text.text, "edition-withdrawn"),
        (text.text.replace("article.withdrawn.reason", "entry.url"), "edition-correction"),
    ):
        own = replace(text, text=body)
        world.templates = replace(
            world.templates, templates={**world.templates.templates, name: own}
        )
        with pytest.raises(BlockedByFindings, match=rule):
            world.correct(GONE)


def test_no_inbox_shows_half_of_what_was_withdrawn(world: World) -> None:
    """Preheaders are cut short; the one that `init` makes one's own gives the reason instead."""
    world.send(0, WRONG)
    shipped = world.templates
    name = "email/preheader.txt"
    init = (shipped_dir() / "init/preheader.txt").read_text("utf-8")
    old = "The Weekly: {{ articles[0].summary | cut(50) }}"
    gone = replace(GONE, summary=f"{GONE.summary} In all of them, it was said, it helped at once.")

    def use(text: str) -> None:
        own = {name: replace(shipped.templates[name], text=text)}
        world.templates = replace(shipped, templates={**shipped.templates, **own})

    use(old)
    with pytest.raises(BlockedByFindings, match="the preheader shows the summary"):
        world.correct(gone)
    use(init)
    (issue,) = world.correct(gone)
    assert REASON in world.store.issues.editions(issue.id)[0].preheader


def test_the_next_digest_tells_of_a_withdrawal(world: World) -> None:
    """Once, in the box of corrections, and of nothing else about that article."""
    world.send(0, WRONG)
    first, second = numbered(2, category="sleep", published_at=TUESDAY + timedelta(days=1))
    told = world.send(0, GONE, first, at=1)
    edition = world.store.issues.editions(told.id)[0]
    for part in (edition.html, edition.text):
        assert "Withdrawn on November 25, 2026:" in part
        assert REASON in " ".join(part.split())
        assert "Six people slept." not in part
    later = replace(second, published_at=TUESDAY + timedelta(days=8))
    after = world.send(0, GONE, first, later, at=2)
    assert "Withdrawn" not in world.store.issues.editions(after.id)[0].text


def test_the_next_digest_tells_of_it_once(world: World) -> None:
    """In a box of its own, in both parts; the one after it does not."""
    world.send(0, WRONG)
    first, second = numbered(2, category="sleep", published_at=TUESDAY + timedelta(days=1))
    told = world.send(0, RIGHT, first, at=1)
    edition = world.store.issues.editions(told.id)[0]
    for part in (edition.html, edition.text):
        assert "Corrections to earlier issues" in part
        assert "Six people slept." in part
    later = replace(second, published_at=TUESDAY + timedelta(days=8))
    after = world.send(0, RIGHT, first, later, at=2)
    assert "Corrections" not in world.store.issues.editions(after.id)[0].text
    other = world.send(1, first, at=1)
    assert "Corrections" not in world.store.issues.editions(other.id)[0].text


def test_the_archive_page_bears_the_notice(world: World) -> None:
    """Above the mail, which stays as it was sent; a withdrawal stands there too."""
    issue = world.send(0, WRONG)
    edition = world.store.issues.editions(issue.id)[0]
    path = "issues/weekly/1/index.html"

    def page(of: Article) -> str:
        library = Library((of,), ())
        shown = (ArchivedIssue(issue, edition),)
        return build(JOURNAL, library, world.templates, shown, LATER)[path].decode()

    before, after = page(WRONG), page(RIGHT)
    assert "Corrected since" not in before
    notice, _, mail = after.partition("Below stands the mail as it was sent.")
    assert "We said nine." in notice
    assert mail.partition("</section>")[2].strip() == before.partition("<main>")[2].strip()
    gone = replace(WRONG, withdrawn=Withdrawal(date(2026, 11, 25), "It was wrong."))
    assert "Withdrawn on 25 November 2026:" in page(gone) or "Withdrawn on November 25" in page(
        gone
    )
