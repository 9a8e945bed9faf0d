"""The ledger: one chain whoever adds to it, told of every step, and never changed."""

from __future__ import annotations

import json
import multiprocessing
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from publisher.anchor import AnchorFile
from publisher.domain.forcing import Forcing
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.ledger import Happening, Head, Seen
from publisher.domain.reach import Faulty
from publisher.domain.retraction import Cited, Snapshot
from publisher.errors import Defect, NumberTaken, StoreError
from publisher.ports import Store
from publisher.stores import open_store
from publisher.stores.sql import SqlStore
from tests.contracts.samples import (
    ARTICLES,
    HOST,
    NOW,
    claim,
    edition,
    new_issue,
    people,
    release,
    settle,
    start,
)

DATA = Snapshot(date(2026, 11, 20), "a" * 64, 60_000, 55_000, "https://example.org/x.csv", NOW)
V1 = Seen("tag:example.org,2026:a/1", "v1")


def told(store: Store) -> list[tuple[str, Any]]:
    """What each entry tells of, and the issue's state where it is one's."""
    bodies = [json.loads(row.body) for row in store.ledger.rows()]
    return [(body["happening"], body.get("state")) for body in bodies]


def break_in(store: Store, statement: str, **values: Any) -> None:
    """What somebody does who owns the database: past the triggers."""
    assert isinstance(store, SqlStore)
    with store.database.write() as connection:
        if store.database.is_sqlite:
            for name in ("update", "delete", "insert"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS ledger_{name}"))
        else:
            connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER ALL"))
        connection.execute(text(statement), values)


def test_every_step_of_an_issue_is_told_with_it(store: Store) -> None:
    """Planned, approved, sent, paused, finished; what is refused tells nothing."""
    people(store, 3)
    issue = store.issues.create(new_issue(store, state=IssueState.DRAFT))
    with pytest.raises(Exception, match="not possible"):
        store.issues.move(issue.id, IssueEvent.RELEASE, NOW)
    for event, by in (
        (IssueEvent.APPROVE, "Dr Raman <raman@example.org>"),
        (IssueEvent.RELEASE, None),
        (IssueEvent.PAUSE, None),
        (IssueEvent.RESUME, None),
    ):
        store.issues.move(issue.id, event, NOW, by=by, reason="ask reader0@example.org")
    settle(store, start(store, claim(store)))
    assert store.outbox.finish(NOW) == [issue.id]
    assert told(store) == [
        ("issue planned", "draft"),
        ("issue approved", "approved"),
        ("issue started", "sending"),
        ("issue paused", "paused"),
        ("issue resumed", "sending"),
        ("issue finished", "finished"),
    ]
    first, *_, last = [json.loads(row.body) for row in store.ledger.rows()]
    assert first["articles"] == [list(pair) for pair in ARTICLES]
    assert (first["audience"], first["name"], first["kind"]) == (3, "digest/1", "digest")
    assert last["counts"] == {"accepted": 3}
    assert store.ledger.verify().whole
    whole = " ".join(row.body for row in store.ledger.rows())
    for person in ("@", "Raman", "reader0", "token-"):
        assert person not in whole


def test_a_correction_names_what_was_faulty(store: Store) -> None:
    """And which works it cites as retracted; an edit is told with what is left."""
    cited = Cited("a/1", "v1", "k", "T", ("doi:10.1/x", "pmid:1"), acknowledged=True)
    faulty = Faulty("a/1", ("v0",))
    made = store.issues.create(
        new_issue(store, state=IssueState.DRAFT, editions=(), cited=(cited,), faulty=faulty)
    )
    (body,) = [json.loads(row.body) for row in store.ledger.rows()]
    assert body["faulty"] == ["v0"]
    assert body["acknowledged"] == [["a/1", "doi:10.1/x"], ["a/1", "pmid:1"]]
    store.issues.reshape(made.id, made.shaping, (), NOW)
    assert told(store)[-1] == ("issue edited", "draft")
    assert store.ledger.verify().whole


def test_a_rule_that_is_set_aside_is_told(store: Store) -> None:
    """Which, not why nor by whom: reasons are people's words. Again tells nothing."""
    forced = Forcing("edition-size", "asked by ann@example.org", "Dr Raman", NOW)
    issue = store.issues.create(new_issue(store, forced=(forced,)))
    store.issues.force(issue.id, (forced, Forcing("edition-alt", "x", "y", NOW)))
    store.issues.force(issue.id, (forced,))
    bodies = [json.loads(row.body) for row in store.ledger.rows()]
    assert [body["forced"] for body in bodies] == [["edition-size"], ["edition-alt"]]
    assert "Raman" not in str(bodies)


def test_versions_data_and_retractions_are_told_once(store: Store) -> None:
    """The same again adds nothing; what they are found by."""
    other = Seen("b/2", "v7", ("doi:10.1/x",), ("abcd",))
    assert store.ledger.saw([V1, other], NOW) == 2
    assert store.ledger.saw([other, V1], NOW + timedelta(days=1)) == 0
    assert store.ledger.saw([V1], NOW) == 0
    assert store.ledger.had_data() is None
    assert store.ledger.loaded(DATA, NOW)
    assert not store.ledger.loaded(DATA, NOW)
    assert store.ledger.had_data() == DATA.as_of
    found = {"articles": [["b/2", "v7"]], "issues": [3]}
    assert store.ledger.found("doi:10.1/x", found, NOW)
    assert not store.ledger.found("doi:10.1/x", found, NOW)
    assert [what for what, _ in told(store)] == [
        "versions seen",
        "snapshot loaded",
        "retraction found",
    ]
    assert [e.number for e in store.ledger.about(["doi:10.1/x"])] == [1, 3]
    assert [e.number for e in store.ledger.about([], [3])] == [3]
    assert [e.number for e in store.ledger.about(["doi:10.1/"])] == []
    assert store.ledger.about([]) == ()
    assert store.ledger.first_seen("b/2") == {"v7": NOW}


def test_many_versions_are_told_in_few_entries(store: Store) -> None:
    """A journal of years makes a handful of entries."""
    many = [Seen(f"a/{number}", "v") for number in range(450)]
    assert store.ledger.saw(many, NOW) == 450
    assert len(told(store)) == 3
    assert store.ledger.saw([*many, Seen("a/1", "w")], NOW) == 1


def test_versions_without_sources_on_record_are_named(store: Store) -> None:
    """What issues of old carried is not taken for clear."""
    people(store, 1)
    known = Cited(*ARTICLES[0], "k", "T", ())
    store.issues.create(new_issue(store, cited=(known,)))
    assert store.citations.unsourced() == [ARTICLES[1]]
    strange = Cited("never", "carried", "k", "T", ())
    late = Cited(*ARTICLES[1], "k2", "T2", ("doi:10.1/y",))
    assert store.citations.put_down([strange, late]) == 1
    assert store.citations.put_down([strange, late]) == 0
    assert store.citations.unsourced() == []
    assert store.citations.known(ARTICLES[1][0]) == [late]
    assert store.citations.known("never") == []
    assert store.citations.carrying(ARTICLES[1][0]) == [(1, ARTICLES[1][1])]


def test_nothing_is_changed_or_taken_out(store: Store) -> None:
    """The database itself refuses, also what would pass by the ordinary triggers."""
    store.ledger.saw([V1], NOW)
    assert isinstance(store, SqlStore)
    past = (
        "INSERT OR REPLACE INTO ledger VALUES (1, 'x', 'y')"
        if store.database.is_sqlite
        else "TRUNCATE ledger"
    )
    for statement in ("UPDATE ledger SET body = ''", "DELETE FROM ledger", past):
        with pytest.raises((StoreError, Defect, DBAPIError), match="only ever added to"):  # noqa: SIM117
            with store.database.write() as connection:
                connection.execute(text(statement))
    assert store.ledger.verify().whole


def test_where_the_chain_breaks_is_said(store: Store) -> None:
    """What `tests/formats/test_chain.py` shows for every harm, in a store."""
    for number in range(6):
        store.ledger.saw([Seen("a", f"v{number}")], NOW)
    break_in(store, "UPDATE ledger SET body = replace(body, 'v2', 'v9') WHERE number = 3")
    verdict = store.ledger.verify()
    assert (verdict.at, verdict.whole, verdict.entries) == (3, False, 2)
    assert "changed after it was written" in verdict.wrong


def test_a_rewritten_entry_with_a_hash_that_fits_is_found_at_the_next(store: Store) -> None:
    """Whoever rewrites one must rewrite all that follow, and then the head is another."""
    from publisher.formats import chain

    for number in range(3):
        store.ledger.saw([Seen("a", f"v{number}")], NOW)
    body = next(row.body for row in store.ledger.rows() if row.number == 2).replace("v1", "v9")
    break_in(
        store,
        "UPDATE ledger SET body = :body, hash = :hash WHERE number = 2",
        body=body,
        hash=chain.digest(body),
    )
    verdict = store.ledger.verify()
    assert (verdict.at, verdict.entries) == (3, 2)
    assert "does not follow entry 2" in verdict.wrong


def test_rows_that_were_changed_by_hand_are_named(store: Store) -> None:
    """The store's own rows are held against the chain: state, content, who approved."""
    people(store, 1)
    issue = store.issues.create(new_issue(store, state=IssueState.DRAFT))
    store.issues.move(issue.id, IssueEvent.APPROVE, NOW, by="Dr Raman")
    assert store.ledger.verify().whole
    break_in(store, "UPDATE issue SET approved_by = 'Somebody', hash = 'x', state = 'sending'")
    state, content, name = store.ledger.verify().differing
    assert "digest/1 has the state sending in the store, and approved in entry 2" in state
    assert "hash" in content
    assert "the name that approved it was changed" in name
    for table in ("delivery", "edition_article", "edition", "issue_article", "issue"):
        break_in(store, f"DELETE FROM {table}")  # noqa: S608 - ours
    (gone,) = store.ledger.verify().differing
    assert "is not in the store any more" in gone


@pytest.fixture
def anchored(store_url: str, tmp_path: Path) -> Any:
    """A store with a place outside where the head is noted."""
    opened = open_store(store_url, host=HOST, anchor=AnchorFile(tmp_path / "mark.ledger"))
    opened.migrate(NOW)
    yield opened
    opened.close()


def test_a_tail_that_was_cut_off_is_found_by_what_was_noted_outside(
    anchored: Store, tmp_path: Path
) -> None:
    """By the anchor, by a hash that somebody wrote down; staff may accept an older store."""
    noted = AnchorFile(tmp_path / "mark.ledger")
    for number in range(5):
        anchored.ledger.saw([Seen("a", f"v{number}")], NOW)
    head = anchored.ledger.head()
    assert head is not None
    assert noted.read() == head
    assert anchored.ledger.verify().noted == head
    assert anchored.ledger.verify(head.hash[:16]).whole
    break_in(anchored, "DELETE FROM ledger WHERE number > 3")
    assert "ends at 3: its end was cut off" in anchored.ledger.verify().wrong
    assert "no entry has the hash" in anchored.ledger.verify(head.hash).wrong
    for number in range(10, 14):  # what comes on top does not hide it
        anchored.ledger.saw([Seen("a", f"v{number}")], NOW)
    assert noted.read() == head
    assert "is not the one that was noted outside" in anchored.ledger.verify().wrong
    assert anchored.ledger.accept(NOW) == head
    assert anchored.ledger.accept(NOW) is None
    verdict = anchored.ledger.verify()
    assert verdict.whole
    assert verdict.head == noted.read()
    last = list(anchored.ledger.rows())[-1]
    assert json.loads(last.body)["lost"] == {"number": 5, "hash": head.hash}


def test_a_damaged_note_is_said_and_stops_nobody(anchored: Store, tmp_path: Path) -> None:
    """Adding goes on; looking through says what is the matter."""
    path = tmp_path / "mark.ledger"
    anchored.ledger.saw([V1], NOW)
    path.write_text("17 nonsense\n")
    anchored.ledger.saw([Seen("a", "w")], NOW)
    with pytest.raises(StoreError, match="it is damaged"):
        anchored.ledger.verify()
    assert anchored.ledger.verify(anchored.ledger.head().hash).whole  # type: ignore[union-attr]
    path.unlink()
    anchored.ledger.saw([Seen("a", "x")], NOW)
    assert AnchorFile(path).read() == Head(3, anchored.ledger.head().hash)  # type: ignore[union-attr]
    path.unlink()
    path.mkdir()
    anchored.ledger.saw([Seen("a", "y")], NOW)
    with pytest.raises(StoreError, match="cannot be used"):
        anchored.ledger.verify()


def _add(url: str, who: int, rounds: int, line: Any) -> None:
    """A process of its own: versions seen, issues planned and moved."""
    store = open_store(url, host=HOST)
    line.wait(60)
    for number in range(rounds):
        store.ledger.saw([Seen(f"p{who}", f"v{number}")], NOW)
        key = f"{who}-{number}"
        made = None
        while made is None:
            with suppress(NumberTaken):  # by another process; asked for anew
                plan = new_issue(store, key=key, editions=((edition(), ()),))
                made = store.issues.create(plan)
        store.issues.move(made.id, IssueEvent.RELEASE, NOW)
        store.issues.move(made.id, IssueEvent.PAUSE, NOW)
    store.close()


def test_processes_never_fork_the_chain(store: Store, store_url: str) -> None:
    """Four at once, each planning, releasing and seeing: one chain, nothing lost."""
    context = multiprocessing.get_context("fork")
    line = context.Barrier(4)
    rounds = 5
    assert isinstance(store, SqlStore)
    store.database.engine.dispose()  # nothing open is shared with a child
    workers = [
        context.Process(target=_add, args=(store_url, who, rounds, line)) for who in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    verdict = store.ledger.verify()
    assert (verdict.wrong, verdict.entries) == ("", 4 * rounds * 4)
    happened = [what for what, _ in told(store)]
    assert {what: happened.count(what) for what in set(happened)} == dict.fromkeys(
        ("versions seen", "issue planned", "issue started", "issue paused"), 4 * rounds
    )


def test_a_rolled_back_step_leaves_no_entry(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry and the event are one transaction: neither without the other."""
    people(store, 1)
    issue = release(store)
    before = told(store)
    from publisher.stores import issues

    def fail(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(issues, "get", fail)
    with pytest.raises(KeyboardInterrupt):
        store.issues.move(issue.id, IssueEvent.PAUSE, NOW)
    monkeypatch.undo()
    assert told(store) == before
    assert store.issues.get(issue.id).state is IssueState.SENDING


def test_forgetting_and_retention_leave_it_whole(store: Store) -> None:
    """Nobody is in it, so nobody need be taken out."""
    people(store, 2)
    issue = release(store)
    settle(store, start(store, claim(store)))
    store.outbox.finish(NOW)
    before = [row.body for row in store.ledger.rows()]
    store.subscribers.forget("reader0@example.org", None, NOW)
    assert store.subscribers.unlink(NOW + timedelta(days=3650), 100) == 1
    assert [row.body for row in store.ledger.rows()] == before
    assert store.ledger.verify().whole
    assert store.issues.get(issue.id).counts == {"accepted": 2}
    assert Happening.FINISHED in {entry.happening for entry in store.ledger.about([], [issue.id])}
