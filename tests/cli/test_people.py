"""Staff change, end and forget; who is never mailed; segments."""

import json
import secrets
import sqlite3
from datetime import datetime, timedelta

import pytest

from publisher.app import open_app
from publisher.cli import files
from publisher.scheduler import Memory, tick
from publisher.settings import load
from tests.cli.conftest import BEFORE, SLOT, Journal


def test_edit_changes_what_somebody_gets(journal: Journal) -> None:
    """Only what was named; nothing at all where a part is wrong."""
    journal.add("ada")
    wrong = journal.run(
        "subscribers", "edit", "ada@example.org", "--name", "Ada", "--cadence", "dayly", code=2
    )
    assert "does not offer" in wrong.stderr
    journal.run(
        "subscribers", "edit", "Ada@example.org", "--name", "Ada Lee", "--topic", "heart",
        "--language", "de", "--time-zone", "Europe/Berlin", "--pause", "2026-12-24",
        "--to", "lee@example.org",
    )  # fmt: skip
    (one,) = journal.json("subscribers", "show", "lee@example.org")["subscriptions"]
    assert (one["name"], one["topics"], one["language"]) == ("Ada Lee", ["heart"], "de")
    assert one["paused_until"] == "2026-12-24T00:00:00+00:00"
    assert "paused until" in journal.run("subscribers", "show", "lee@example.org").stdout
    journal.run("subscribers", "edit", "lee@example.org", "--topic", "all", "--pause", "")
    (one,) = journal.json("subscribers", "show", "lee@example.org")["subscriptions"]
    assert (one["topics"], one["paused_until"], one["language"]) == (None, None, "de")
    for option, value, said in (
        ("--pause", "soon", "is no day"),
        ("--time-zone", "Mars", "is no time zone"),
        ("--to", "nobody", "not an email address"),
        ("--newsletter", "wekly", "did you mean 'weekly'?"),
    ):
        shown = journal.run(
            "subscribers", "edit", "lee@example.org", option, value, "--language", "fr", code=2
        )
        assert said in shown.stderr
    assert journal.json("subscribers", "show", "lee@example.org")["subscriptions"] == [one]


def test_unsubscribing_is_asked_about_and_kept(journal: Journal) -> None:
    """Nothing without a yes; only they can come back, and the reason is on record."""
    journal.add("ada")
    command = ("subscribers", "unsubscribe", "ada@example.org", "--reason", "Too much")
    assert "add --yes" in journal.run(*command, code=2).stderr
    journal.run(*command, "--yes")
    assert "left because: Too much" in journal.run("subscribers", "show", "ada@example.org").stdout
    assert "had left already" in journal.run(*command, "--yes").stdout
    confirm = ("subscribers", "confirm", "ada@example.org", "--consent", "By phone")
    assert "only they can come back" in journal.run(*confirm, code=2).stderr
    assert "confirmed already" in _confirmed_twice(journal)


def _confirmed_twice(journal: Journal) -> str:
    journal.add("bo")
    return journal.run("subscribers", "confirm", "bo@example.org", "--consent", "x").stdout


def test_forgetting_from_rehearsal_to_the_end(planned: Journal) -> None:
    """Told, asked, erased; the issue goes to the others; nobody brings them back."""
    planned.run("build")
    command = ("subscribers", "forget", "ada@example.org")
    told = planned.json(*command, "--dry-run")
    assert (told["subscriptions"], told["deliveries"], told["cancelled"]) == (1, 1, 1)
    assert "It cannot be undone" not in planned.run(*command, code=2).stdout
    assert planned.json("subscribers", "show", "ada@example.org")["subscriptions"]
    assert "Forgotten" in planned.run(*command, "--yes", "--reason", "By letter").stdout
    assert "nobody is known" not in planned.run("subscribers", "show", "ada@example.org").stdout
    shown = planned.run("subscribers", "show", "ada@example.org").stdout
    assert "forgotten (By letter)" in shown
    assert "agreed" not in shown
    planned.run("send", "weekly/1", "--yes")
    counts = planned.json("issue", "show", "weekly/1")["counts"]
    assert (counts["accepted"], counts["cancelled"]) == (2, 1)
    added = planned.run("subscribers", "add", "ada@example.org", "--consent", "x", code=1).stdout
    assert "suppressed" in added
    store = sqlite3.connect(planned.root / "var/store.sqlite3")
    assert "ada@example.org" not in "\n".join(store.iterdump())
    store.close()


def test_files_of_mails_go_too(planned: Journal) -> None:
    """What the folder transport wrote to this person alone."""
    planned.run("build")
    planned.run("send", "weekly/1", "--yes")
    outbox = planned.root / "var/outbox"
    assert len(list(outbox.glob("*.eml"))) == 3
    assert "1 file" in planned.run("subscribers", "forget", "ada@example.org", "--yes").stdout
    assert len(list(outbox.glob("*.eml"))) == 2
    assert not any(b"ada@" in path.read_bytes() for path in outbox.glob("*.eml"))


def test_without_its_key_nobody_is_brought_in(journal: Journal) -> None:
    """Who was forgotten could not be recognised; doctor and status say what to do."""
    journal.add("ada")
    journal.run("subscribers", "forget", "ada@example.org", "--yes")
    key = journal.root / "var/suppression.key"
    key.rename(key.with_suffix(".old"))
    for command in (
        ("subscribers", "add", "bo@example.org", "--consent", "x"),
        ("subscribers", "import", "list.csv", "--consent", "x"),
    ):
        (journal.root / "list.csv").write_text("email\nbo@example.org\n")
        assert "bring that file back" in journal.run(*command, code=2).stderr
    assert any("suppression_key_file" in step for step in journal.json("status")["next"])
    assert "would not be recognised" in journal.run("doctor", code=1).stdout
    key.write_text("fedcba9876543210" * 4 + "\n")
    journal.set(
        "cutoff =",
        'suppression_key_file = ["var/suppression.key", "var/suppression.old"]\ncutoff =',
    )
    assert "who was forgotten is recognised" in journal.run("doctor").stdout
    assert (
        "suppressed"
        in journal.run("subscribers", "add", "ada@example.org", "--consent", "x", code=1).stdout
    )


def test_who_is_never_mailed(journal: Journal) -> None:
    """Added, listed in pages, lifted by staff with a reason that stays on record."""
    (journal.root / "dead.csv").write_text("email\na@example.org\nb@example.org\n")
    shown = journal.run("suppressions", "import", "dead.csv", "--reason", "Dead").stdout
    assert "2 addresses suppressed" in shown
    journal.run("suppressions", "add", "c@example.org", "--reason", "By phone")
    again = journal.run("suppressions", "add", "C@example.org", "--reason", "x").stdout
    assert "already" in again
    assert "By phone" in again
    first = journal.run("suppressions", "list", "--limit", "2").stdout
    assert "--after 'b@example.org'" in first
    rest = journal.json("suppressions", "list", "--after", "b@example.org", "--reason", "staff")
    assert [each["address"] for each in rest["suppressions"]] == ["c@example.org"]
    assert rest["counts"] == {"staff": 3}
    assert "Nobody" in journal.run("suppressions", "list", "--reason", "complaint").stdout
    command = ("suppressions", "remove", "c@example.org", "--reason", "They asked", "--by", "Kim")
    assert "add --yes" in journal.run(*command, code=2).stderr
    journal.run(*command, "--yes")
    assert "Kim lifted" in journal.run("subscribers", "show", "c@example.org").stdout
    (journal.root / "bad.csv").write_text("email\nz@example.org\nnobody\n")
    refused = journal.run("suppressions", "import", "bad.csv", code=1).stderr
    assert "bad.csv row 3: this is not an email address" in refused
    partial = journal.run("suppressions", "import", "bad.csv", "--partial", "--dry-run", code=1)
    assert "1 address would be suppressed" in partial.stdout


def test_a_persons_record_is_whole(planned: Journal) -> None:
    """As JSON, on standard output or in a file that its owner alone may read."""
    planned.run("build")
    planned.run("send", "weekly/1", "--yes")
    told = json.loads(planned.run("subscribers", "export", "--person", "ada@example.org").stdout)
    (subscribed,) = told["subscriptions"]
    assert subscribed["consents"][0]["wording"] == "By phone"
    assert [each["state"] for each in subscribed["deliveries"]] == ["accepted"]
    assert "token" not in json.dumps(told)
    planned.run("subscribers", "export", "--person", "ada@example.org", "-o", "ada.json")
    kept = json.loads((planned.root / "ada.json").read_text("utf-8"))
    assert kept["subscriptions"] == told["subscriptions"]
    both = ("subscribers", "export", "--person", "ada@example.org", "--newsletter", "weekly")
    assert "leave out the others" in planned.run(*both, code=2).stderr


def test_segments_are_counted_before_use(journal: Journal) -> None:
    """Named in the settings; list and export take them."""
    assert "name no segments" in journal.run("segments", "list").stdout
    journal.add("ada")
    journal.run("subscribers", "add", "bo@example.org", "--consent", "x", "--language", "de")
    path = journal.root / "config/publisher.toml"
    path.write_text(
        path.read_text() + '\n[segments.german]\nlanguages = ["de"]\njoined_since = "1d"\n'
    )
    assert "joined since: 1 days ago" in journal.run("segments", "list").stdout
    assert journal.json("segments", "count", "german")["readers"] == 1
    shown = journal.run("subscribers", "list", "--segment", "german").stdout
    assert "bo@example.org" in shown
    assert "ada@example.org" not in shown
    exported = journal.run("subscribers", "export", "--segment", "german").stdout
    assert exported.count("@example.org") == 1
    assert "did you mean 'german'?" in journal.run("segments", "count", "germn", code=2).stderr


def test_another_services_export(journal: Journal) -> None:
    """Known by its columns; who is not confirmed is passed over, and can be suppressed."""
    (journal.root / "l.csv").write_text(
        "uuid,email,name,attributes,status,created_at,updated_at\n"
        "1,ada@example.org,Ada,{},enabled,2024-01-02,x\n2,bo@example.org,Bo,{},blocklisted,x,x\n"
    )
    asked = journal.run("subscribers", "import", "l.csv", code=2).stderr
    assert "export from listmonk" in asked
    done = journal.run("subscribers", "import", "l.csv", "--consent", "The old site").stdout
    assert "passed over, as the file says itself: 1 blocklisted" in done
    assert "publisher suppressions import l.csv" in done
    journal.run("suppressions", "import", "l.csv")
    assert journal.json("suppressions", "list")["suppressions"][0]["address"] == "bo@example.org"


def test_many_wrong_rows_are_counted(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first are shown, --json names more."""
    monkeypatch.setattr(files, "SHOWN", 2)
    (journal.root / "l.csv").write_text("email\n" + "nobody\n" * 30 + "ada@example.org\n")
    command = ("subscribers", "import", "l.csv", "--consent", "x")
    refused = journal.run(*command, code=1).stderr
    assert "wrong rows: 30 of 31" in refused
    assert "and 10 more" in refused
    assert len(journal.json(*command, code=1)["error"]["rows"]) == 30
    taken = journal.run(*command, "--partial", code=1).stdout
    assert "l.csv row 2: this is not an email address" in taken
    assert "and 28 rows more" in taken


def test_retention_is_told_by_status(journal: Journal) -> None:
    """After a tick of the scheduler, in numbers."""
    journal.add("ada")
    journal.run("subscribers", "unsubscribe", "ada@example.org", "--yes", now=BEFORE)
    assert journal.json("status")["erased"] is None
    app = open_app(load(None, {}, cwd=journal.root))
    later = datetime.fromisoformat(SLOT) + timedelta(days=1200)
    memory = Memory()
    ticks = [tick(app, later, nonce=lambda: secrets.token_hex(4), memory=memory) for _ in "12"]
    app.close()
    assert [str(each.erased) for each in ticks] == ["1 who had left", "nothing"]
    assert journal.json("status")["erased"]["left"] == 1
    assert "erased so far by retention: 1 who had left" in journal.run("status").stdout
    assert journal.json("subscribers", "list")["subscribers"] == []
    assert journal.json("suppressions", "list")["counts"] == {"left": 1}
