"""An issue that waits for a person: asked for by mail, shaped, approved by name, or skipped."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from threading import Event

import pytest

from publisher import plan
from publisher.app import drain
from publisher.domain.issue import Issue, IssueState
from publisher.domain.journal import Approval
from publisher.errors import NotAllowed
from publisher.scheduler.memory import Memory
from publisher.scheduler.ticking import Report, tick
from publisher.transports.memory import MemoryTransport
from tests import mails
from tests.journeys.running import journal_in, write

SLOT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LEAD = timedelta(hours=24)
EARLY = SLOT - LEAD
CUTOFF = timedelta(hours=48)
NONCES = (f"{number:032x}" for number in itertools.count())


class Desk:
    """A journal whose newsletter asks for approval, and the mails that left."""

    def __init__(self, root: Path) -> None:
        began = datetime(2026, 11, 18, tzinfo=UTC)
        self.app = journal_in(root, began, approval=Approval.REQUIRED, lead=LEAD)
        write(root, "sleep-well", SLOT - timedelta(days=3), "Sleep well")
        write(root, "walk-more", SLOT - timedelta(days=2), "Walk more")
        self.root = root
        self.memory = Memory()

    def tick(self, at: datetime) -> Report:
        """Everything that is owed at an instant, mails included."""
        report = tick(self.app, at, nonce=lambda: next(NONCES), memory=self.memory)
        drain(self.app, clock=lambda: at, jitter=lambda: 0.5, worker="w", stop=Event())
        return report

    def mails(self, to: str = "staff@example.org") -> list[EmailMessage]:
        """The mails to an address."""
        way = self.app.transports["default"]
        assert isinstance(way, MemoryTransport)
        found = [mails.parsed(sent.message) for sent in way.sent]
        return [each for each in found if to in each["To"]]

    def issue(self) -> Issue:
        """The newest issue."""
        return self.app.store.issues.list()[0]

    def approve(self, at: datetime, seen: str = "") -> Issue:
        """By name."""
        return plan.approve(
            self.app.store, self.issue().id, by="Dr Raman", now=at, cutoff=CUTOFF, seen=seen
        )

    def edit(self, **shape: object) -> Issue:
        """Shape it."""
        return plan.reshape(
            self.issue().id,
            journal=self.app.journal,
            library=self.app.content.load(),
            templates=self.app.templates.load(),
            store=self.app.store,
            now=EARLY,
            **shape,  # type: ignore[arg-type]  # the tests' own shorthand
        )


@contextmanager
def desk_in(root: Path) -> Iterator[Desk]:
    made = Desk(root)
    yield made
    made.app.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Planned 24 hours before its slot, and asked for."""
    with desk_in(tmp_path) as made:
        assert made.tick(EARLY - timedelta(seconds=1)).planned == []
        made.tick(EARLY)
        yield made


def test_it_is_planned_before_its_slot_and_mailed_to_staff_whole(desk: Desk) -> None:
    """A draft with its hash; the notice holds the mail, the facts, the findings and the commands."""
    issue = desk.issue()
    assert (issue.state, issue.slot_at, issue.audience) == (IssueState.DRAFT, SLOT, 2)
    (notice,) = desk.mails()
    assert notice["Subject"] == "[The Sample Journal] Approve weekly/1: Walk more, and 1 more"
    text, html = mails.content(notice, "plain"), mails.content(notice, "html")
    for part in (text, html):
        for words in (
            "waits for your approval",
            "Tuesday 24 November 2026, 09:00 (Europe/Berlin)",
            "2 people",
            "1. Walk more",
            "2. Sleep well",
            issue.hash[:12],
            "publisher issue approve weekly/1 --hash",
            "publisher issue edit weekly/1",
            "publisher preview",
            "Thursday 26 November 2026, 09:00",
            "Key takeaway",
            "Sleep matters, and the evidence is early.",
        ):
            assert words in " ".join(part.split()), words
        assert "/u/" not in part
    assert "<h1" in html
    assert max(map(len, text.splitlines())) <= 120


def test_it_is_asked_for_once(desk: Desk) -> None:
    """However many ticks there are, in this process or after a restart."""
    desk.tick(EARLY + timedelta(minutes=1))
    desk.memory = Memory()
    desk.tick(EARLY + timedelta(minutes=2))
    assert len(desk.mails()) == 1


def test_findings_stand_in_the_notice(tmp_path: Path) -> None:
    """What the checks remark is read before anybody approves."""
    with desk_in(tmp_path) as desk:
        path = tmp_path / "content/walk-more.md"
        path.write_text(path.read_text().replace("in one sentence.", "a miracle & more."))
        desk.tick(EARLY)
        (notice,) = desk.mails()
        assert "edition-marketing" in mails.content(notice, "plain")
        assert "a miracle &amp; more" in mails.content(notice, "html")


def test_staff_shape_it_and_are_asked_anew(desk: Desk) -> None:
    """Subject, preheader, introduction, order, a dropped article: another hash, another mail."""
    first = desk.issue().hash
    desk.edit(
        subject="Read this",
        preheader="Two reviews",
        intro="Dear readers",
        order=["sleep-well"],
    )
    desk.tick(EARLY + timedelta(minutes=5))
    notice = desk.mails()[1]
    text = mails.content(notice, "plain")
    assert "Approve weekly/1: Read this" in notice["Subject"]
    for words in ("Two reviews", "Dear readers", "1. Sleep well", desk.issue().hash[:12]):
        assert words in text
    assert desk.issue().hash != first
    desk.edit(drop=["walk-more"])
    desk.tick(EARLY + timedelta(minutes=6))
    assert "Walk more" not in mails.content(desk.mails()[2], "plain")


def test_nothing_but_what_was_looked_at_is_approved(desk: Desk) -> None:
    """The hash of the first mail approves nothing once somebody has edited it."""
    old = desk.issue().hash[:12]
    new = desk.edit(subject="Read this").hash[:12]
    with pytest.raises(NotAllowed, match=f"its hash is {new}"):
        desk.approve(EARLY, old)
    assert desk.issue().state is IssueState.DRAFT
    approved = desk.approve(EARLY, new)
    assert (approved.state, approved.approved_by) == (IssueState.APPROVED, "Dr Raman")
    voided = desk.edit(intro="One more word")
    assert (voided.state, voided.approved_by, voided.approved_at) == (IssueState.DRAFT, None, None)


def test_approved_in_time_it_goes_at_its_slot(desk: Desk) -> None:
    """Not before, and to the readers of the plan."""
    desk.approve(EARLY)
    desk.tick(SLOT - timedelta(minutes=1))
    assert desk.mails("r0@example.org") == []
    desk.tick(SLOT)
    assert len(desk.mails("r0@example.org")) == 1
    desk.tick(SLOT + timedelta(minutes=1))
    assert desk.issue().state is IssueState.FINISHED


def test_approved_late_but_within_the_cutoff_it_goes_at_once(desk: Desk) -> None:
    """Staff were reminded when the slot had come."""
    late = SLOT + CUTOFF - timedelta(minutes=1)
    desk.tick(SLOT + timedelta(minutes=1))
    assert desk.mails("r0@example.org") == []
    assert any("waits for approval" in each["Subject"] for each in desk.mails())
    desk.approve(late)
    desk.tick(late)
    assert len(desk.mails("r0@example.org")) == 1


def test_never_approved_it_is_skipped_and_reported(desk: Desk) -> None:
    """Its articles go with the next; too late is too late for `approve` as well."""
    late = SLOT + CUTOFF + timedelta(minutes=1)
    desk.tick(late)
    issue = desk.issue()
    assert issue.state is IssueState.SKIPPED
    assert "not approved within 48 hours" in (issue.reason or "")
    assert any("No issue: weekly" in each["Subject"] for each in desk.mails())
    assert desk.mails("r0@example.org") == []
    with pytest.raises(NotAllowed):
        desk.approve(late)
    desk.tick(SLOT + timedelta(days=7) - LEAD)
    assert [article for article, _ in desk.issue().articles] == [a for a, _ in issue.articles]
