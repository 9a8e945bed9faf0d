"""`correct` from the command line: seen, drafted, approved, sent."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from email import message_from_bytes, policy

from publisher.app import open_app
from publisher.scheduler.approvals import requests
from publisher.settings import load
from tests import retractions
from tests.cli.conftest import Journal
from tests.cli.test_sending import outbox

CORRECTION = """corrections:
  - date: 2026-11-25
    kind: correction
    wrong: We named the wrong dose.
    right: The dose was 2000 units a day.
evidence: strong"""
WITHDRAWAL = """withdrawn:
  date: 2026-11-25
  reason: The trial that it rested on was retracted.
evidence: strong"""
LATER = "2026-11-26T09:00+00:00"


def test_a_correction_is_seen_drafted_approved_and_sent(planned: Journal) -> None:
    """Only those who received it; the words say what comes next at each step."""
    planned.run("send", "weekly/1", "--yes")
    planned.add("late")
    assert "has no correction" in planned.run("correct", "vitamin-d", code=2).stderr
    assert "did you mean 'vitamin-d'" in planned.run("correct", "vitamind", code=2).stderr
    path = planned.root / "content/vitamin-d.md"
    path.write_text(path.read_text().replace("evidence: strong", CORRECTION))
    shown = planned.run("correct", "vitamin-d", now=LATER).stdout
    assert "3 people can be told, each once" in shown
    assert "--plan" in shown
    drafted = planned.json("correct", "vitamin-d", "--plan", now=LATER)
    assert (drafted["people"], len(drafted["versions"])) == (3, 1)
    (issue,) = drafted["issues"]
    assert (issue["name"], issue["kind"], issue["state"]) == ("weekly/2", "correction", "draft")
    assert len(outbox(planned)) == 3
    assert "not approved" in planned.run("send", "weekly/2", "--yes", now=LATER, code=2).stderr
    again = planned.run("correct", "vitamin-d", now=LATER).stdout
    assert "--plan" not in again
    assert "publisher issue approve weekly/2" in again
    planned.run("issue", "approve", "weekly/2", "--yes", now=LATER)
    planned.run("send", "weekly/2", "--yes", now="2026-11-26T09:05+00:00")
    assert len(outbox(planned)) == 6
    told = planned.run("correct", "vitamin-d", now=LATER).stdout
    assert "weekly/2 · finished · 3 people" in told
    assert "approve" not in told
    assert "3 left out: told already" in told
    assert planned.json("issue", "show", "weekly/2")["counts"] == {"accepted": 3}
    page = (planned.root / "public/issues/weekly/1/index.html").read_text()
    assert "Corrected since this issue was sent" in page
    assert "Corrected since" not in (planned.root / "public/issues/weekly/2/index.html").read_text()
    feed = (planned.root / "public/atom.xml").read_text()
    assert "The dose was 2000 units a day." in feed


def test_readers_are_told_that_an_article_was_withdrawn(planned: Journal) -> None:
    """Because its source was retracted: the page says so, the mail too, and nothing is in the way."""
    planned.run("send", "weekly/1", "--yes")
    doi = "10.1056/NEJMoa1809944"
    data = retractions.write(planned.root / "rw.csv", [retractions.row(1, doi=doi)])
    planned.run("sources", "refresh", "--from", str(data), "--as-of", "2026-11-22", code=1)
    path = planned.root / "content/vitamin-d.md"
    stands = path.read_text()
    planned.run("build", now=LATER, code=1)
    path.write_text(stands.replace("evidence: strong", WITHDRAWAL))
    planned.run("build", now=LATER)
    shown = planned.run("correct", "vitamin-d", now=LATER).stdout
    assert "  withdrawn on 2026-11-25: The trial that it rested on was retracted." in shown
    assert "3 people can be told, each once" in shown
    drafted = planned.json("correct", "vitamin-d", "--plan", now=LATER)
    assert drafted["withdrawn"]
    assert drafted["issues"][0]["subject"].startswith("Withdrawn: ")
    assert "nothing" in planned.run("issue", "diff", "weekly/2", now=LATER).stdout
    settings = load(None, {}, cwd=planned.root)
    with closing(open_app(settings)) as app:
        (asked,) = requests(app, app.content.load(), timedelta(hours=48), ())
    assert "The trial that it rested on was retracted." in asked.text
    assert "edition-" not in asked.text
    planned.run("issue", "edit", "weekly/2", "--intro", "We are sorry.", now=LATER)
    planned.run("issue", "approve", "weekly/2", "--yes", now=LATER)
    planned.run("send", "weekly/2", "--yes", now="2026-11-26T09:05+00:00")
    mails = [message_from_bytes(one.read_bytes(), policy=policy.default) for one in outbox(planned)]
    told = [one for one in mails if one["Subject"].startswith("Withdrawn: ")]
    assert len(told) == 3
    said = told[0].get_body(("plain",))
    assert said is not None
    assert "The trial that it rested on was retracted." in said.get_content()
    assert "Key takeaway" not in said.get_content()
    assert planned.json("issue", "show", "weekly/2")["counts"] == {"accepted": 3}
    assert "correction weekly/2 planned for 3 people" in planned.run("ledger", "vitamin-d").stdout
    planned.run("watch", now=LATER)
