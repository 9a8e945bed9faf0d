"""`publisher report` as staff use it."""

from __future__ import annotations

from tests.cli.conftest import SLOT, Journal


def test_a_report_is_written_and_named(planned: Journal) -> None:
    """Two files, where the answer says; no address is in either."""
    planned.run("send", "weekly/1", "--yes", now=SLOT)
    told = planned.json("report", "weekly/1")
    html = (planned.root / "var/reports/weekly-1.html").read_text()
    table = (planned.root / "var/reports/weekly-1.csv").read_text()
    assert told["html"].endswith("var/reports/weekly-1.html")
    assert "issue,weekly/1,accepted,3" in table
    for text in (html, table):
        assert "@" not in text.replace("@media", "")


def test_it_is_written_where_staff_want_it(planned: Journal) -> None:
    """`--to` names a folder, which is made."""
    planned.run("report", "weekly/1", "--to", "desk/reports")
    assert (planned.root / "desk/reports/weekly-1.html").is_file()


def test_a_folder_that_cannot_be_written_is_named(planned: Journal) -> None:
    """A sentence with the path, and nothing else happens."""
    (planned.root / "file").write_text("")
    said = planned.run("report", "weekly/1", "--to", "file/reports", code=2).output
    assert "cannot be written" in said


def test_an_issue_that_is_not_there_is_named(planned: Journal) -> None:
    """As everywhere else."""
    assert "weekly/9" in planned.run("report", "weekly/9", code=2).output
