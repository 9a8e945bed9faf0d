"""Sources from the command line, and the gate that a retracted one cannot pass."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from tests import retractions
from tests.cli.conftest import BEFORE, Journal
from tests.cli.test_sending import outbox

VITAL = "10.1056/NEJMoa1809944"
ACKNOWLEDGED = 'pmid: "30415629"\n    retracted: acknowledged\n    reason: It is why we write this.'


def load(journal: Journal, *rows: dict[str, str], code: int = 0, as_of: str = "2026-11-22") -> str:
    """Refresh from a file with these rows (and some about others' works)."""
    others = [retractions.row(number) for number in range(100, 120)]
    path = retractions.write(journal.root / "data.csv", [*others, *rows])
    shown = journal.run("sources", "refresh", "--from", str(path), "--as-of", as_of, code=code)
    return shown.output


def retract(journal: Journal, **values: object) -> None:
    """The trial that the sample article rests on is retracted."""
    load(journal, retractions.row(2, **{"doi": VITAL.upper(), **values}), code=1)


def article(journal: Journal) -> Path:
    """The one article's file."""
    return journal.root / "content/vitamin-d.md"


def acknowledge(journal: Journal) -> None:
    """Cite it on purpose, and say why."""
    text = article(journal).read_text()
    article(journal).write_text(text.replace('pmid: "30415629"', ACKNOWLEDGED))


def test_a_clear_journal_says_of_which_day(journal: Journal) -> None:
    """Never just "not retracted"; a journal without data is told so."""
    (finding,) = journal.json("sources", "check")["findings"]
    assert (finding["rule"], finding["severity"]) == ("retraction-data", "warning")
    assert "No article rests on" in load(journal)
    shown = journal.json("sources", "check")
    assert (shown["findings"], shown["standing"]) == ([], {"clear": 1})
    assert shown["data"]["as_of"] == "2026-11-22"
    assert "clear as of 2026-11-22" in journal.run("sources", "list").stdout
    assert (
        "1 work: 1 clear, as of 2026-11-22 (2 days old)" in journal.run("sources", "check").stdout
    )


def test_a_work_is_shown_with_all_that_is_known(planned: Journal) -> None:
    """By DOI, PMID or key; where it is cited, and which issues carried it."""
    retract(planned, notice="10.5555/notice", reason="+Unreliable Results;")
    for named in (VITAL, "doi:" + VITAL.lower(), "30415629", "vital-2019"):
        shown = planned.json("sources", "show", named)
        assert (shown["standing"], shown["notice"]) == ("retracted", "10.5555/notice")
        assert shown["articles"][0]["path"] == "content/vitamin-d.md"
        assert [issue["name"] for issue in shown["issues"]] == ["weekly/1"]
    assert "weekly/1 (approved) to 3 people" in planned.run("sources", "show", VITAL).stdout
    assert "did you mean 'vital-2019'" in planned.run("sources", "show", "vital", code=2).stderr
    assert planned.json("sources", "list", "--standing", "clear")["number"] == 0


def test_a_retracted_source_blocks_everything(journal: Journal) -> None:
    """Check, build and plan; the message says what to do, and no setting helps."""
    journal.add("ada")
    retract(journal)
    for command in (("check",), ("build",), ("issue", "plan", "weekly")):
        shown = journal.run(*command, code=1).output
        assert "source vital-2019 (doi:10.1056/NEJMoa1809944) was retracted on 2020-06-04" in shown
        assert "retracted: acknowledged" in shown
    assert journal.json("issue", "list")["issues"] == []
    journal.set(
        "[newsletters.weekly]", '[checks]\noff = ["edition-retraction"]\n\n[newsletters.weekly]'
    )
    assert "can never be switched off" in journal.run("check", code=2).stderr


def test_approval_and_sending_look_again(planned: Journal) -> None:
    """What was planned in good faith does not leave once the work has fallen."""
    planned.run("issue", "edit", "weekly/1", "--subject", "Vitamin D", now=BEFORE)
    retract(planned)
    shown = planned.run("issue", "approve", "weekly/1", "--yes", now=BEFORE, code=2).stderr
    assert (
        'it rests on a retracted work: vital-2019 (doi:10.1056/nejmoa1809944), "Vitamin D' in shown
    )
    load(planned, as_of="2026-11-23")
    planned.run("issue", "approve", "weekly/1", "--yes", now=BEFORE)
    load(planned, retractions.row(2, doi="unavailable", pmid=30415629), code=1, as_of="2026-11-23")
    assert "must not be sent" in planned.run("send", "weekly/1", "--yes", code=2).stderr
    assert "must not be sent" in planned.json("send", "weekly/1", "--dry-run")["obstacle"]
    assert outbox(planned) == []


def test_an_acknowledged_work_is_called_so_everywhere(journal: Journal) -> None:
    """Page, feeds, mail and text say it beside the citation; the issue is made anew from it."""
    journal.add("ada")
    journal.run("issue", "plan", "weekly", now=BEFORE)
    retract(journal, notes="Retracted and replaced by 10.5555/new.", reason="+Retract and Replace;")
    acknowledge(journal)
    journal.run("check")
    assert "must not be sent" in journal.run("send", "weekly/1", "--yes", code=2).stderr
    journal.run("issue", "edit", "weekly/1", "--anew")
    journal.run("issue", "approve", "weekly/1", "--yes")
    journal.run("send", "weekly/1", "--yes")
    public = journal.root / "public"
    assert "replaced by doi:10.5555/new: cite that" in journal.run("sources", "show", VITAL).stdout
    said = "It was replaced by doi:10.5555/new. Cited on purpose: It is why we write this."
    for name in ("articles/vitamin-d/index.html", "feed.xml", "atom.xml", "feed.json"):
        assert f"Retracted (4 June 2020). {said}" in (public / name).read_text(), name
    assert said in (public / "sources/index.html").read_text()
    (mail,) = outbox(journal)
    text = " ".join(mail.read_text("utf-8", "replace").replace("=\n", "").split())
    assert text.count("Cited on purpose:") == 2
    assert "Sources checked against Retraction Watch on 22 November 2026" in text
    assert [work["acknowledged"] for work in journal.json("sources", "list")["works"]] == [
        "It is why we write this."
    ]


def test_an_acknowledgement_needs_its_reason_and_its_retraction(journal: Journal) -> None:
    """Both keys or neither; and one that the data do not bear out is doubted."""
    text = article(journal).read_text()
    article(journal).write_text(
        text.replace('pmid: "30415629"', 'pmid: "1"\n    retracted: acknowledged')
    )
    assert "retracted-reason" in journal.run("check", code=1).stdout
    article(journal).write_text(text.replace('pmid: "30415629"', 'pmid: "1"\n    reason: So.'))
    assert "nothing that it is for" in journal.run("check", code=1).stdout
    article(journal).write_text(text)
    acknowledge(journal)
    load(journal)
    assert "acknowledged-not-retracted" in journal.run("check").stdout


@pytest.mark.parametrize(
    ("nature", "said"),
    [
        ("Expression of concern", "Expression of concern (4 June 2020)."),
        ("Correction", "Corrected (4 June 2020)."),
        ("Reinstatement", "Retracted earlier and reinstated (4 June 2020)."),
    ],
)
def test_other_notices_stand_beside_the_citation(journal: Journal, nature: str, said: str) -> None:
    """They stop nothing; the author is told, and so is every reader."""
    journal.run("build")
    page = journal.root / "public/articles/vitamin-d/index.html"
    feed = journal.root / "public/feed.xml"
    before, quiet = page.read_text(), feed.read_text()
    load(journal, retractions.row(2, doi=VITAL, nature=nature))
    assert "source-notice" in journal.run("check").stdout
    journal.run("build")
    assert said in page.read_text()
    assert said in feed.read_text()
    load(journal)
    journal.run("build")
    assert (page.read_text(), feed.read_text()) == (before, quiet)


def test_only_one_page_bears_the_date(journal: Journal) -> None:
    """A refresh without news changes no other page and no feed."""
    load(journal, as_of="2026-11-21")
    journal.run("build")
    public = (journal.root / "public").resolve()
    before = {path.relative_to(public): path.read_bytes() for path in public.rglob("*.*")}
    load(journal, as_of="2026-11-22")
    journal.run("build")
    public = (journal.root / "public").resolve()
    changed = [
        path.relative_to(public).as_posix()
        for path in public.rglob("*.*")
        if before[path.relative_to(public)] != path.read_bytes()
    ]
    assert changed == ["sources/index.html"]
    assert "22 November 2026" in (public / "sources/index.html").read_text()


def test_old_data_warn_or_block(planned: Journal) -> None:
    """As the settings say; two weeks by default."""
    load(planned, as_of="2026-11-01")
    assert "23 days old" in planned.run("check").stdout
    planned.run("build")
    planned.set("[newsletters.weekly]", '[sources]\nstale = "block"\n\n[newsletters.weekly]')
    assert "23 days old" in planned.run("check", code=1).stdout
    assert "23 days old" in planned.run("build", code=1).stderr
    assert "23 days old" in planned.run("send", "weekly/1", "--yes", code=2).stderr
    planned.set('stale = "block"', 'stale = "block"\nstale_after = "30d"')
    planned.run("build")
    for name in ("retractions.sqlite3", "retractions.json"):
        (planned.root / "var" / name).unlink()
    planned.monkeypatch.setenv("PUBLISHER_STORE", "sqlite:///var/none.sqlite3")
    assert "no source was checked" in planned.run("build", code=1).stderr


def test_refreshing_takes_the_place_that_the_settings_name(journal: Journal) -> None:
    """Relative to the journal's folder; mistakes are said in plain words."""
    journal.set("[newsletters.weekly]", '[sources]\nretractions = "data"\n\n[newsletters.weekly]')
    assert "cannot be read" in journal.run("sources", "refresh", code=2).stderr
    (journal.root / "data").mkdir()
    path = retractions.write(journal.root / "data/rw.csv", [retractions.row(1)])
    at = 1_790_000_000  # 2026-09-21
    os.utime(path, (at, at))
    shown = journal.json("sources", "refresh")
    assert shown["as_of"] == datetime.fromtimestamp(at).astimezone().date().isoformat()
    shown = journal.run("sources", "refresh", "--as-of", "2026-10-30").stdout
    assert "is it an old file?" in shown
    assert "is no day" in journal.run("sources", "refresh", "--as-of", "May", code=2).stderr


def test_a_draft_that_rests_on_a_retracted_work_holds_up_nobody(journal: Journal) -> None:
    """It is told of it as a remark."""
    text = article(journal).read_text()
    article(journal).write_text(text.replace("evidence: strong", "evidence: strong\ndraft: true"))
    load(journal, retractions.row(2, doi=VITAL))
    assert "retracted-source" in journal.run("check").stdout


def test_a_work_that_is_drawn_by_key_meets_the_same_gate(journal: Journal) -> None:
    """The article that cites it is stopped, and may acknowledge it; the list itself may not."""
    text = article(journal).read_text()
    start = text.index("  - key: vital-2019")
    described = text[start : text.index("---\n", start)]
    (journal.root / "content/sources.yaml").write_text(described)
    article(journal).write_text(text.replace(described, "  - vital-2019\n"))
    retract(journal)
    (found,) = [
        f for f in journal.json("check", code=1)["findings"] if f["rule"] == "retracted-source"
    ]
    assert (found["path"], found["severity"]) == ("content/vitamin-d.md", "error")
    journal.run("build", code=1)
    shown = journal.json("sources", "show", "vital-2019")
    assert (shown["standing"], shown["articles"][0]["path"]) == (
        "retracted",
        "content/vitamin-d.md",
    )
    why = "retracted: acknowledged\n    reason: It is why we write this."
    article(journal).write_text(text.replace(described, f"  - key: vital-2019\n    {why}\n"))
    journal.run("build")
    page = (journal.root / "public/articles/vitamin-d/index.html").read_text()
    assert "Retracted (4 June 2020). Cited on purpose: It is why we write this." in page
    listed = (journal.root / "content/sources.yaml").read_text().rstrip("\n")
    (journal.root / "content/sources.yaml").write_text(f"{listed}\n    retracted: acknowledged\n")
    said = {
        (f["rule"], f["severity"]) for f in journal.json("sources", "check", code=1)["findings"]
    }
    assert ("unknown-work", "error") in said
    assert ("unknown-key", "warning") in said
