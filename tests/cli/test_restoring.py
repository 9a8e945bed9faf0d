"""A store that was restored from a backup, as its operator meets it."""

from __future__ import annotations

import shutil

from tests.cli.conftest import SLOT, Journal


def backup(journal: Journal) -> None:
    """As docs/operations.md says."""
    done = journal.json("store", "backup", "backup.sqlite3")
    assert done["bytes"] == (journal.root / "backup.sqlite3").stat().st_size


def restore(journal: Journal) -> None:
    for beside in (journal.root / "var").glob("store.sqlite3*"):
        beside.unlink()
    shutil.copy(journal.root / "backup.sqlite3", journal.root / "var/store.sqlite3")


def test_a_restored_backup_mails_nobody_again_and_nobody_who_left(journal: Journal) -> None:
    journal.add("ann", "bob")
    journal.run("issue", "plan", "weekly")
    backup(journal)
    journal.run("subscribers", "unsubscribe", "bob@example.org", "--yes")
    journal.run("send", "weekly/1", "--yes")
    sent = sorted((journal.root / "var/outbox").glob("*.eml"))
    restore(journal)

    said = journal.run("send", "weekly/1", "--yes", code=1).output
    assert "store accept-restore" in said
    assert "nothing is sent" in journal.run("status").output
    assert sorted((journal.root / "var/outbox").glob("*.eml")) == sent

    assert "--yes" in journal.run("store", "accept-restore", code=2).output
    journal.run("issue", "cancel", "weekly/1", "--reason", "it left before the backup was put back")
    done = journal.json("store", "accept-restore", "--yes")
    assert (done["accepted"], done["left"]) == (True, 1)
    assert "unsubscribed" in journal.run("subscribers", "show", "bob@example.org").output
    assert "Nothing to accept" in journal.run("store", "accept-restore").output
    assert sorted((journal.root / "var/outbox").glob("*.eml")) == sent


def test_a_backup_overwrites_nothing_and_brings_nothing_up_to_date(journal: Journal) -> None:
    """Mistakes are answered with a sentence."""
    backup(journal)
    assert "is there already" in journal.run("store", "backup", "backup.sqlite3", code=2).stderr
    assert "cannot be written" in journal.run("store", "backup", "no/folder.db", code=1).stderr
    journal.set(
        'cutoff = "48h"', 'store = "postgresql+psycopg://p@db.example.org/j"\ncutoff = "48h"'
    )
    assert "pg_dump" in journal.run("store", "backup", "other", code=2).stderr


def test_old_deliveries_go_to_the_shelf_and_are_found_there(planned: Journal) -> None:
    """By hand, for whoever does not wait for the scheduler; what staff see stays the same."""
    later = "2027-01-20T09:00+00:00"
    planned.run("send", "weekly/1", "--yes")
    shown = planned.run("issue", "show", "weekly/1", now=later).output
    assert planned.json("store", "shelve", now=SLOT)["moved"] == 0
    assert planned.json("store", "shelve", "--days", "90", now=later)["moved"] == 0
    said = planned.run("store", "shelve", now=later).output
    assert "moved to the shelf, of issues over for 30 days: 3." in said
    rows = planned.json("store", "status", now=later)["rows"]
    assert (rows["delivery"], rows["shelved"]) == (0, 3)
    assert planned.run("issue", "show", "weekly/1", now=later).output == shown
