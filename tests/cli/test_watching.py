"""A work falls after it was sent: the whole way to those who received it, and to nobody else."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from email import message_from_bytes

from publisher.app import open_app
from publisher.scheduler import Memory, tick
from publisher.settings import load as load_settings
from tests.cli.conftest import Journal
from tests.cli.test_sending import outbox
from tests.cli.test_sources import VITAL, article, load, retract

AFTER = "2026-11-26T09:00+00:00"


def recipients(journal: Journal) -> list[str]:
    """Whom each mail in the outbox is for."""
    found = [message_from_bytes(path.read_bytes())["To"] for path in outbox(journal)]
    return sorted(re.findall(r"[\w.]+@[\w.]+", " ".join(map(str, found))))


def test_the_whole_rehearsal(planned: Journal) -> None:
    """Send, fall, watch, mend, draft, approve, send: only those who received it, once."""
    planned.run("send", "weekly/1", "--yes")
    first = recipients(planned)
    assert len(first) == 3
    planned.add("dora")  # never received it
    assert "No issue carried" in planned.run("watch", now=AFTER).stdout
    assert planned.json("status", now=AFTER)["fallen"] == []
    planned.run("subscribers", "unsubscribe", "brook@example.org", "--yes")
    planned.run("suppressions", "add", "chen@example.org", "--reason", "asked us")
    retract(planned, notice="10.5555/notice")
    (fallen,) = planned.json("watch", now=AFTER, code=1)["fallen"]
    assert fallen["work"] == f"doi:{VITAL.lower()}"
    (spread,) = fallen["articles"]
    assert (spread["issues"], spread["people"], spread["told"]) == (["weekly/1"], 1, False)
    assert spread["excluded"] == {"left since": 1, "suppressed": 1}
    status = planned.json("status", now=AFTER)
    assert [each["articles"] for each in status["fallen"]] == [["vitamin-d"]]
    assert any("publisher watch" in step for step in status["next"])
    assert len(outbox(planned)) == 3

    text = article(planned).read_text()
    draft = fallen["draft"].replace("SAY WHAT STILL HOLDS.", "We no longer stand by it.")
    text = text.replace("evidence: strong\n", f"evidence: strong\n{draft}")
    told = 'pmid: "30415629"\n    retracted: acknowledged\n    reason: We keep it to say so.'
    article(planned).write_text(text.replace('pmid: "30415629"', told))
    planned.run("check", now=AFTER)
    (issue,) = planned.json("correct", "vitamin-d", "--plan", now=AFTER)["issues"]
    assert issue["audience"] == 1
    planned.run("watch", now=AFTER)  # a draft is on record: nothing more to start
    planned.run("issue", "approve", issue["name"], "--yes", now=AFTER)
    planned.run("send", issue["name"], "--yes", now="2026-11-26T09:05+00:00")
    assert recipients(planned) == sorted([*first, "ada@example.org"])
    assert (
        planned.json("correct", "vitamin-d", "--plan", now=AFTER)["issues"][0]["id"] == issue["id"]
    )
    assert "A correction issue is on record." in planned.run("watch", now=AFTER).stdout
    assert planned.json("report", issue["name"])["issue"]["counts"] == {"accepted": 1}
    said = [each["said"] for each in planned.json("ledger", "vitamin-d", now=AFTER)["entries"]]
    steps = [each.split(",")[0].split(":")[0] for each in said if each.startswith("correction")]
    assert steps == [
        "correction weekly/2 planned for 1 person",
        "correction weekly/2 approved",
        "correction weekly/2 started",
        "correction weekly/2 finished",
    ]
    assert planned.json("ledger", "verify")["whole"]


def test_staff_are_told_once_by_the_scheduler(planned: Journal) -> None:
    """After the refresh, at the next tick; not again at the one after."""
    planned.run("send", "weekly/1", "--yes")
    text = (planned.root / "config/publisher.toml").read_text()
    if "staff" not in text:
        planned.set("[journal.sender]", 'staff = "desk@example.org"\n\n[journal.sender]')
    retract(planned)
    app = open_app(load_settings(None, {}, cwd=planned.root))
    try:
        from datetime import datetime

        now = datetime.fromisoformat(AFTER)
        memory = Memory()
        report = tick(app, now, nonce=lambda: "0" * 32, memory=memory)
        assert f"fallen:doi:{VITAL.lower()}:1" in report.told
        again = tick(app, now, nonce=lambda: "1" * 32, memory=memory)
        assert not [key for key in again.told if key.startswith("fallen")]
    finally:
        app.close()


def test_who_is_forgotten_can_still_be_watched(planned: Journal) -> None:
    """An article whose file is gone is named by its id, and how to tell its readers is said."""
    planned.run("send", "weekly/1", "--yes")
    retract(planned)
    article(planned).unlink()
    shown = planned.run("watch", now=AFTER, code=1).stdout
    assert "The article is gone" in shown


def test_what_an_older_publisher_sent_is_said_to_be_unknown(planned: Journal) -> None:
    """Its sources are put down where the file is as it was then; else that is said, everywhere."""
    planned.run("send", "weekly/1", "--yes")
    store = planned.root / "var/store.sqlite3"

    def forget() -> None:
        with closing(sqlite3.connect(store)) as base:
            base.execute("DELETE FROM article_source")  # as before migration 0007
            base.commit()

    forget()
    retract(planned)  # the file is still the same: what it cites is put down, and found fallen
    assert planned.json("watch", now=AFTER, code=1)["unsourced"] == []
    forget()
    path = article(planned)
    draft = (
        "corrections:\n  - date: 2026-11-25\n    kind: correction\n    wrong: W.\n    right: R.\n"
    )
    path.write_text(path.read_text().replace("evidence: strong\n", f"evidence: strong\n{draft}"))
    said = planned.run("watch", now=AFTER).stdout
    assert "No issue carried" in said
    assert "Unknown whether it rests on a retracted work" in said
    assert "Unknown whether" in planned.run("correct", "vitamin-d", now=AFTER).stdout
    shown = planned.json("ledger", "vitamin-d", now=AFTER)
    assert [each["sources_on_record"] for each in shown["versions"]] == [False, True]
    assert "went out before sources were put down" in shown["remarks"][0]


def test_data_that_vanish_stop_what_comes_next(planned: Journal) -> None:
    """Said by status; whatever looks works up waits for a refresh, a new journal does not.

    Either of what knows that there were data is enough: the note beside them, or the ledger.
    """
    planned.run("build")
    load(planned)
    (planned.root / "var/retractions.sqlite3").unlink()
    planned.monkeypatch.setenv("PUBLISHER_STORE", "sqlite:///var/none.sqlite3")
    gone = "the data of retractions are gone (those of 2026-11-22"
    assert gone in planned.run("check", code=1).stdout
    assert gone in planned.run("sources", "check", code=1).stdout
    planned.monkeypatch.delenv("PUBLISHER_STORE")
    (planned.root / "var/retractions.json").unlink()
    assert gone in planned.run("check", code=1).stdout
    assert gone in planned.run("build", code=1).stderr
    status = planned.json("status")
    assert "The data of retractions are gone (those of 2026-11-22" in status["data"][0]
    assert status["data"][0] in status["next"]
    assert "are gone" in planned.run("send", "weekly/1", "--yes", code=2).stderr
    assert outbox(planned) == []
    load(planned)
    planned.run("send", "weekly/1", "--yes")
    assert len(outbox(planned)) == 3
