"""`correct` from the command line: seen, drafted, approved, sent."""

from __future__ import annotations

from tests.cli.conftest import Journal
from tests.cli.test_sending import outbox

CORRECTION = """corrections:
  - date: 2026-11-25
    kind: correction
    wrong: We named the wrong dose.
    right: The dose was 2000 units a day.
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
    planned.run("issue", "approve", "weekly/2", "--yes", now=LATER)
    planned.run("send", "weekly/2", "--yes", now="2026-11-26T09:05+00:00")
    assert len(outbox(planned)) == 6
    assert planned.json("issue", "show", "weekly/2")["counts"] == {"accepted": 3}
    page = (planned.root / "public/issues/weekly/1/index.html").read_text()
    assert "Corrected since this issue was sent" in page
    assert "Corrected since" not in (planned.root / "public/issues/weekly/2/index.html").read_text()
    feed = (planned.root / "public/atom.xml").read_text()
    assert "The dose was 2000 units a day." in feed
