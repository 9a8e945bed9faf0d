"""`ledger`: the whole history in one view, and the proof that nothing of it was touched."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from bs4 import BeautifulSoup

from publisher import stores
from publisher.ports import Store
from tests.cli.conftest import Journal
from tests.cli.test_restoring import backup, restore
from tests.cli.test_sources import VITAL, article, load, retract

LATER = "2026-11-26T09:00+00:00"


def harm(journal: Journal, statement: str) -> None:
    """What somebody does who has the database."""
    with closing(sqlite3.connect(journal.root / "var/store.sqlite3")) as base:
        for name in ("update", "delete", "insert"):
            base.execute(f"DROP TRIGGER ledger_{name}")
        base.execute(statement)
        base.commit()


def test_the_whole_history_in_one_view(planned: Journal) -> None:
    """By article, by source, by issue: the same facts from three sides, as text, JSON and page."""
    planned.run("send", "weekly/1", "--yes")
    before = planned.json("ledger", "vitamin-d")
    path = article(planned)
    path.write_text(path.read_text().replace("evidence: strong", "evidence: moderate"))
    planned.run("build", now=LATER)
    retract(planned, notice="10.5555/notice")
    shown = planned.json("ledger", "vitamin-d", now=LATER)
    old, new = shown["versions"]
    assert [old["version"]] == [each["version"] for each in before["versions"]]
    assert (old["issues"], old["present"], new["issues"], new["present"]) == (
        ["weekly/1"],
        False,
        [],
        True,
    )
    assert (old["first_seen"], new["first_seen"]) == (
        "2026-11-23T09:00:00+00:00",
        "2026-11-26T09:00:00+00:00",
    )
    assert [each["happening"] for each in shown["entries"]] == [
        "versions seen",
        "issue planned",
        "issue started",
        "issue finished",
        "versions seen",
        "retraction found",
    ]
    assert shown["issues"][0]["counts"] == {"accepted": 3}
    assert "retracted on 2020-06-04" in shown["sources"][0]["stands"]
    (file := planned.root / "history.html").unlink(missing_ok=True)
    said = planned.run("ledger", "--html", str(file), VITAL, now=LATER).stdout
    assert "found that doi:10.1056/nejmoa1809944 was retracted on 2020-06-04" in said
    assert "issue weekly/1 finished: 3 accepted" in said
    page = BeautifulSoup(file.read_text(), "lxml")
    assert len(page.select("table")) == 4
    assert "weekly/1" in page.get_text()
    assert "@example.org" not in file.read_text() + said
    issue = planned.json("ledger", "weekly/1", now=LATER)
    assert [each["happening"] for each in issue["entries"]].count("issue planned") == 1
    assert planned.json("ledger", "1", now=LATER)["title"] == issue["title"]
    path.unlink()
    assert planned.json("ledger", VITAL, now=LATER)["versions"][0]["issues"] == ["weekly/1"]
    gone = planned.json("ledger", old["article"], now=LATER)
    assert (gone["title"], gone["versions"][0]["present"]) == ("(its file is gone)", False)
    planned.run("check", now=LATER)
    assert "is no article, no work and no issue" in planned.run("ledger", "vita", code=2).stderr
    assert "there is no issue weekly/9" in planned.run("ledger", "weekly/9", code=2).stderr


def test_who_approved_stands_in_the_view_and_not_in_the_ledger(journal: Journal) -> None:
    """The label is the issue's; the entry only binds it. Corrections are told as such."""
    journal.set('approval = "automatic"', 'approval = "required"')
    journal.add("ann")
    journal.run("issue", "plan", "weekly")
    journal.run("issue", "edit", "weekly/1", "--subject", "Vitamin D, weighed")
    journal.run("issue", "approve", "weekly/1", "--yes", "--by", "Dr Raman")
    said = journal.run("ledger", "weekly/1").stdout
    assert "by Dr Raman" in said
    assert "issue weekly/1 edited" in said
    assert "Raman" not in journal.run("ledger", "export").stdout
    assert "Issues are as the ledger tells." in journal.run("ledger", "verify").stdout


def test_a_third_party_can_prove_it(planned: Journal) -> None:
    """With SHA-256 and what docs/sources.md says, and nothing of ours."""
    planned.run("send", "weekly/1", "--yes")
    file = planned.root / "ledger.txt"
    planned.run("ledger", "export", str(file))
    previous = "0" * 64
    for number, line in enumerate(file.read_text().splitlines(), 1):
        said, _, body = line.partition(" ")
        assert hashlib.sha256(b"publisher ledger entry 1\n" + body.encode()).hexdigest() == said
        entry = json.loads(body)
        assert (entry["number"], entry["previous"]) == (number, previous)
        previous = said
    shown = planned.json("ledger", "verify", "--head", previous[:12])
    assert (shown["whole"], shown["head"], shown["noted"]) == (True, previous, number)
    assert "@" not in file.read_text()
    assert "name the file" in planned.run("--json", "ledger", "export", code=2).stdout
    assert "cannot be written" in planned.run("ledger", "export", "no/such", code=2).stderr


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE ledger SET body = replace(body, 'weekly/1', 'weekly/2') WHERE number = 2",
            (
                "The ledger breaks at entry 2: entry 2 does not have its hash: it was changed after it was "
                "written. The 1 before it are sound."
            ),
        ),
        (
            "DELETE FROM ledger WHERE number = 4",
            "its end was cut off, or an older store was put in",
        ),
        ("UPDATE issue SET state = 'cancelled'", "weekly/1 has the state cancelled in the store"),
    ],
)
def test_what_was_touched_is_said(planned: Journal, statement: str, said: str) -> None:
    """At which entry, what that means, and an exit code that a script notices."""
    planned.run("send", "weekly/1", "--yes")
    harm(planned, statement)
    assert said in planned.run("ledger", "verify", code=1).stdout
    assert not planned.json("ledger", "verify", code=1)["whole"]
    if statement.startswith("DELETE"):
        assert "the ledger is not whole" in planned.run("doctor", code=1).stdout


def test_an_older_store_is_accepted_with_what_is_lost(planned: Journal) -> None:
    """Staff's word puts the lost head down, and from then on the ledger is whole again."""
    backup(planned)
    planned.run("build", now=LATER)
    path = article(planned)
    path.write_text(path.read_text().replace("evidence: strong", "evidence: moderate"))
    planned.run("build", now=LATER)  # nobody was mailed: only the ledger knows of it
    restore(planned)
    assert "accept-restore" in planned.run("ledger", "verify", code=1).stdout
    done = planned.json("store", "accept-restore", "--yes")
    assert done["accepted"]
    assert planned.json("ledger", "verify")["whole"]
    assert "Nothing to accept" in planned.run("store", "accept-restore").stdout
    harm(planned, "DELETE FROM ledger WHERE number = 1")
    assert "nothing to accept" in planned.run("store", "accept-restore", "--yes", code=2).stderr


def test_an_empty_ledger_and_a_wrong_hash(journal: Journal) -> None:
    """Nothing has happened, and what is no hash is refused."""
    assert "The ledger is empty" in journal.run("ledger", "verify").stdout
    assert "is no hash" in journal.run("ledger", "verify", "--head", "xyz", code=2).stderr
    load(journal)
    assert journal.json("ledger", "verify")["entries"] == 1


def test_a_build_tells_of_what_it_made_public(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a store is there, before any issue; it is opened only when something changed."""
    journal.run("build")
    assert not (journal.root / "var/store.sqlite3").exists()
    journal.add("ann")
    journal.run("build")
    (version,) = journal.json("ledger", "vitamin-d")["versions"]
    assert version["first_seen"] == "2026-11-24T09:00:00+00:00"
    opened: list[str] = []
    real = stores.sql.open_store

    def counted(url: str, **options: Any) -> Store:
        opened.append(url)
        return real(url, **options)

    monkeypatch.setattr(stores.sql, "open_store", counted)
    journal.run("build", now=LATER)
    assert not opened
    path = article(journal)
    path.write_text(path.read_text().replace("evidence: strong", "evidence: moderate"))
    journal.run("build", now=LATER)
    assert len(opened) == 1
    _, new = journal.json("ledger", "vitamin-d", now=LATER)["versions"]
    assert (new["present"], new["first_seen"]) == (True, "2026-11-26T09:00:00+00:00")
