"""A retracted work stops an issue wherever it is found, up to the message about to leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from publisher.dispatch import Dispatcher
from publisher.domain.issue import Issue, IssueEvent, IssueState
from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome
from publisher.domain.retraction import SourcePolicy, cited
from publisher.domain.template import TemplateSet
from publisher.errors import BlockedByFindings, StoreError
from publisher.gate import Gate
from publisher.ports import Library, Store
from publisher.release import release
from publisher.retractions import RetractionFile
from publisher.site import Tree
from publisher.stores.sql import SqlStore
from publisher.transports.memory import MemorySender, MemoryTransport
from tests.factories import article, journal, numbered, source
from tests.retractions import row, write
from tests.verbs.outbox import KEYS, QUICK, never
from tests.verbs.readers import admit, reader
from tests.verbs.test_plan import FRIDAY, TUESDAY, TWO, Press
from tests.verbs.test_release import PAGES, publish

ONE = (replace(TWO[0], published_at=FRIDAY),)
BASE = [row(number) for number in range(100, 120)]
DOI = source().doi


@pytest.fixture
def data(tmp_path: Path) -> RetractionFile:
    """Data in which every work of the sample article is clear."""
    made = RetractionFile(tmp_path / "retractions.sqlite3")
    made.refresh(str(write(tmp_path / "rw.csv", BASE)), TUESDAY, TUESDAY.date())
    return made


def fall(data: RetractionFile, tmp_path: Path, **values: object) -> None:
    """The sample article's first source is retracted."""
    rows = [*BASE, row(2, **{"doi": DOI, **values})]
    data.refresh(str(write(tmp_path / "rw.csv", rows)), TUESDAY, TUESDAY.date())


@pytest.fixture
def press(store: Store, templates: TemplateSet) -> Press:
    """Five readers."""
    admit(store, [reader(name) for name in ("ann", "bo", "cy", "di", "ed")])
    return Press(store, templates)


def gate(press: Press, data: RetractionFile, **policy: object) -> Gate:
    """The gate at the slot."""
    chosen = SourcePolicy(**policy)  # type: ignore[arg-type]  # the tests' own shorthand
    return Gate(press.store.citations, data, chosen, lambda: TUESDAY)


class Falling(MemoryTransport):
    """While its second message is being taken, a work falls."""

    def __init__(self, data: RetractionFile, tmp_path: Path) -> None:
        super().__init__()
        self.fall: Callable[[], None] = lambda: fall(data, tmp_path)

    def open(self) -> MemorySender:
        """A session that looks at what it sends."""
        outer = self

        class Sender(MemorySender):
            def send(self, message: bytes, envelope: Envelope) -> Outcome:
                outcome = super().send(message, envelope)
                if len(outer.sent) == 2:
                    outer.fall()
                return outcome

        return Sender(self)


def planned(press: Press) -> Issue:
    """The Tuesday's issue, approved."""
    return press.plan(ONE, TUESDAY - timedelta(hours=1), of=None)


def test_release_holds_an_issue_and_says_why(
    press: Press, data: RetractionFile, tmp_path: Path
) -> None:
    """Also when the file has changed since: what counts is what would be sent."""
    site = Tree(tmp_path / "p", url=journal().url, command=None, check_timeout=timedelta(seconds=1))
    publish(site, *PAGES)
    issue = planned(press)
    fall(data, tmp_path, pmid="32023374")
    (held,) = release(press.store, site, press.journal, TUESDAY, gate(press, data)).held
    assert (held.issue.id, held.urls) == (issue.id, ())
    assert "it rests on a retracted work: liu-2020 (doi:10.1056/nejmoa1910607)" in held.why


def test_sending_stops_at_once_and_the_rest_can_be_planned_anew(
    press: Press, data: RetractionFile, tmp_path: Path
) -> None:
    """Two had it; nobody else gets it, and nobody gets it twice after the article was mended."""
    issue = planned(press)
    press.store.issues.move(issue.id, IssueEvent.RELEASE, TUESDAY)
    transport = Falling(data, tmp_path)

    def drain(through: MemoryTransport) -> None:
        Dispatcher(
            journal=press.journal,
            keys=KEYS,
            outbox=press.store.outbox,
            issues=press.store.issues,
            notices=press.store.notices,
            transports={"default": through},
            clock=lambda: TUESDAY,
            jitter=lambda: 0.0,
            worker=f"w-{id(through)}",
            bounds=QUICK,
            gate=gate(press, data),
        ).drain(never())

    drain(transport)
    stopped = press.store.issues.get(issue.id)
    assert stopped.state is IssueState.PAUSED
    assert "retracted" in (stopped.reason or "")
    assert dict(stopped.counts) == {"accepted": 2, "queued": 3}
    press.store.issues.move(issue.id, IssueEvent.RESUME, TUESDAY)
    drain(transport)
    assert press.store.issues.get(issue.id).state is IssueState.PAUSED
    assert len(transport.sent) == 2
    press.store.issues.move(issue.id, IssueEvent.CANCEL, TUESDAY)
    mended = replace(
        ONE[0],
        version="1" * 64,
        sources=(replace(ONE[0].sources[0], acknowledged="To say so."), *ONE[0].sources[1:]),
    )
    again = press.plan((mended,), TUESDAY, of=None)
    assert (again.number, again.audience) == (2, 3)
    assert again.excluded == {"already sent": 2}
    press.store.issues.move(again.id, IssueEvent.RELEASE, TUESDAY)
    rest = MemoryTransport()
    drain(rest)
    assert press.store.issues.get(again.id).state is IssueState.FINISHED
    everybody = [sent.envelope.recipient for sent in (*transport.sent, *rest.sent)]
    assert len(everybody) == len(set(everybody)) == 5


def test_the_gate_asks_again_only_when_the_data_change(
    press: Press, data: RetractionFile, tmp_path: Path
) -> None:
    """It is asked before every commit, so it must be cheap; a new file is seen at once."""
    issue = planned(press)
    asked = gate(press, data)
    assert asked(issue.id) is None
    reads: list[int] = []
    works = press.store.citations.works

    class Counting:
        def unsourced(self, _: int) -> object:
            return ()

        def works(self, issue_id: int) -> object:
            reads.append(issue_id)
            return works(issue_id)

    asked = Gate(Counting(), data, SourcePolicy(), lambda: TUESDAY)  # type: ignore[arg-type]  # all that it uses
    for _ in range(50):
        assert asked(issue.id) is None
    assert reads == [issue.id]
    fall(data, tmp_path)
    assert asked(issue.id) is not None
    assert reads == [issue.id] * 2


def test_old_data_close_the_gate_where_the_settings_say_so(
    press: Press, data: RetractionFile
) -> None:
    """By the clock of the moment."""
    issue = planned(press)
    late = Gate(
        press.store.citations,
        data,
        SourcePolicy(stale_blocks=True),
        lambda: datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert "days old" in (late(issue.id) or "")
    assert gate(press, data, stale_blocks=True)(issue.id) is None


def test_planning_refuses_old_data_where_the_settings_say_so(
    press: Press, templates: TemplateSet
) -> None:
    """Nothing is planned without any data either."""
    from publisher.plan import plan
    from tests.verbs.test_plan import WEEKLY, slot

    with pytest.raises(BlockedByFindings, match="no source was checked"):
        plan(
            press.newsletter,
            WEEKLY,
            slot(),
            journal=replace(press.journal, sources=SourcePolicy(stale_blocks=True)),
            library=Library(ONE, ()),
            templates=templates,
            store=press.store,
            now=TUESDAY,
            nonce=lambda: "n",
        )


def test_what_issues_cite_is_known_for_good(press: Press) -> None:
    """By issue and by work, once however often a version is carried; edits add to it."""
    issue = press.plan(TWO, TUESDAY)
    works = press.store.citations.works(issue.id)
    assert {(one.article_id, one.key) for one in works} == {
        (each.id, one.key) for each in TWO for one in each.sources
    }
    (first, *_) = press.store.citations.carriers(["pmid:32023374", "doi:10.5555/none"])
    assert (first.issue_id, first.acknowledged) == (issue.id, False)
    assert press.store.citations.carriers([]) == []
    fresh = tuple(replace(each, version=f"{n}" * 64) for n, each in enumerate(TWO, 1))
    press.reshape(issue, fresh, subject="New")
    carriers = press.store.citations.carriers(["pmid:32023374"])
    assert {one.version for one in carriers} == {each.version for each in fresh}


def test_many_articles_are_put_down(press: Press) -> None:
    """More versions than one statement asks for."""
    issue = press.plan(numbered(3, published_at=FRIDAY), TUESDAY)
    assert len(press.store.citations.works(issue.id)) == 6
    assert article().id


def test_data_that_are_gone_close_the_gate_until_there_are_others(
    press: Press, data: RetractionFile, tmp_path: Path
) -> None:
    """A journal that never had any goes on; one that had them waits, whatever the policy."""
    issue = planned(press)
    ledger = press.store.ledger

    def asked() -> str | None:
        policy = SourcePolicy()
        return Gate(press.store.citations, data, policy, lambda: TUESDAY, ledger.had_data)(issue.id)

    fresh = (replace(ONE[0], id=f"{ONE[0].id}x", slug="new", published_at=TUESDAY),)
    snapshot = data.snapshot()
    assert snapshot is not None
    (tmp_path / "retractions.sqlite3").unlink()
    assert asked() is None
    ledger.loaded(snapshot, TUESDAY)
    assert f"the data of retractions are gone (those of {snapshot.as_of}" in (asked() or "")
    with pytest.raises(BlockedByFindings, match="are gone"):
        press.plan(fresh, TUESDAY + timedelta(days=7), of=None)
    data.refresh(str(write(tmp_path / "rw.csv", BASE)), TUESDAY, TUESDAY.date())
    assert asked() is None
    (tmp_path / "retractions.sqlite3").write_bytes(b"spoilt" * 1000)
    with pytest.raises(StoreError, match="nothing is checked, so nothing goes"):
        asked()


def test_what_an_older_publisher_planned_is_not_taken_for_clear(
    press: Press, data: RetractionFile
) -> None:
    """No source of it was ever put down: it waits until they are, or until it is made anew."""
    issue = planned(press)
    assert isinstance(press.store, SqlStore)
    with press.store.database.write() as connection:
        connection.execute(text("DELETE FROM article_source"))
    assert "nobody put down what 1 of its articles cite" in (gate(press, data)(issue.id) or "")
    press.store.citations.put_down(cited(ONE))
    assert gate(press, data)(issue.id) is None
