"""People: adding, importing, exporting, looking."""

import csv
import io
import stat
from datetime import datetime

from publisher.domain.subscription import SubscriptionEvent
from publisher.settings import load
from publisher.stores import open_store
from tests.cli.conftest import SLOT, Journal


def test_import_takes_all_or_nobody(journal: Journal) -> None:
    """A bad row refuses the file, named by its row; --partial takes the others."""
    (journal.root / "list.csv").write_text(
        "email;name\nada@example.org;Ada\nnobody;X\n", "utf-8-sig"
    )
    command = ("subscribers", "import", "list.csv", "--consent", "Signed at the clinic")
    shown = journal.run(*command, code=1).stderr
    assert "row 3: this is not an email address" in shown
    assert journal.json(*command, code=1)["error"]["rows"][0]["row"] == 3
    assert journal.json("subscribers", "list")["subscribers"] == []
    assert journal.json(*command, "--partial", "--dry-run", code=1)["counts"]["added"] == 1
    assert journal.json("subscribers", "list")["subscribers"] == []
    partial = journal.run(*command, "--partial", code=1).stdout
    assert "1 person added to The Weekly Review" in partial
    (one,) = journal.json("subscribers", "list")["subscribers"]
    assert one["consent"]["wording"] == "Signed at the clinic"
    assert one["state"] == "confirmed"


def test_import_needs_consent(journal: Journal) -> None:
    """Without a statement nobody is imported."""
    (journal.root / "list.csv").write_text("email\nada@example.org\n")
    assert "--consent" in journal.run("subscribers", "import", "list.csv", code=2).stderr
    assert journal.json("subscribers", "list")["subscribers"] == []


def test_whoever_left_stays_out(journal: Journal) -> None:
    """Adding or importing them again changes nothing, says so, and adding fails."""
    journal.add("ada")
    store = open_store(load(None, {}, cwd=journal.root).store_url, host="x")
    (one,) = store.subscribers.by_address("ada@example.org")
    store.subscribers.change(one.id, SubscriptionEvent.UNSUBSCRIBE, datetime.fromisoformat(SLOT))
    store.close()
    again = journal.run("subscribers", "add", "Ada@example.org", "--consent", "x", code=1).stdout
    assert "unsubscribed earlier" in again
    (journal.root / "list.csv").write_text("email\nada@example.org\n")
    report = journal.json("subscribers", "import", "list.csv", "--consent", "x")
    assert report["declined"][0]["row"] == 2
    assert journal.json("subscribers", "show", "ada@example.org")["subscriptions"][0]["state"] == (
        "unsubscribed"
    )


def test_export_is_safe_and_private(journal: Journal) -> None:
    """No formula for a spreadsheet to run; a file that its owner alone may read."""
    journal.run("subscribers", "add", "ada@example.org", "--consent", "x", "--name", "=cmd()")
    text = journal.run("subscribers", "export").stdout
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["email"] == "ada@example.org"
    assert not row["name"].startswith("=")
    journal.run("subscribers", "export", "--output", "out.csv", "--newsletter", "weekly")
    path = journal.root / "out.csv"
    assert path.read_text("utf-8").splitlines() == text.splitlines()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert journal.json("subscribers", "export", "-o", "out.csv")["subscriptions"] == 1
    assert "name a file" in journal.json("subscribers", "export", code=2)["error"]["message"]
    assert (
        "cannot be written" in journal.run("subscribers", "export", "-o", "no/x.csv", code=2).stderr
    )


def test_a_list_goes_on_where_it_stopped(journal: Journal) -> None:
    """Pages by id; the hint says how to go on."""
    journal.add("ada", "brook", "chen")
    shown = journal.run("subscribers", "list", "--limit", "2").stdout
    assert "--after 2" in shown
    rest = journal.json("subscribers", "list", "--after", "2", "--state", "confirmed")
    assert [one["address"] for one in rest["subscribers"]] == ["chen@example.org"]
    assert "wekly" in journal.run("subscribers", "list", "--newsletter", "wekly", code=2).stderr


def test_show_tells_what_somebody_agreed_to(journal: Journal) -> None:
    """When, from where, and in which words."""
    journal.run(
        "subscribers", "add", "ada@example.org", "--consent", "By phone", "--topic", "heart",
        "--cadence", "monthly",
    )  # fmt: skip
    shown = journal.run("subscribers", "show", "ADA@example.org").stdout
    for words in ("confirmed", "By phone", "publisher subscribers add", "heart", "monthly"):
        assert words in shown


def test_two_newsletters_must_be_told_apart(journal: Journal) -> None:
    """Nobody is put on the wrong list by default."""
    journal.set(
        "[newsletters.weekly]",
        '[newsletters.monthly]\ntitle = "M"\ndescription = "M."\n'
        'cadences = ["monthly on the 1st at 09:00"]\n\n[newsletters.weekly]',
    )
    shown = journal.run("subscribers", "add", "a@example.org", "--consent", "x", code=2).stderr
    assert "monthly, weekly" in shown
