"""`init`, `new`, `check` and `build`."""

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import PUBLISHED, Journal


def test_init_makes_a_complete_journal(journal: Journal) -> None:
    """Settings, one article, one template of one's own, and a key for its owner alone."""
    key = journal.root / "var/secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key.read_text())) == 32
    assert "/var/" in (journal.root / ".gitignore").read_text()
    assert (journal.root / "templates/email/preheader.txt").is_file()
    shown = journal.json("check")
    (unchecked,) = shown.pop("findings")
    assert (unchecked["rule"], unchecked["severity"]) == ("retraction-data", "warning")
    assert shown == {"articles": 1, "minted": [], "blocking": 0}


def test_two_journals_share_neither_key_nor_id(journal: Journal, tmp_path: Path) -> None:
    """What must be unique is made anew each time."""
    journal.root = tmp_path
    journal.run("init", "k", now=PUBLISHED)
    for name in ("var/secret.key", "content/vitamin-d.md"):
        assert (tmp_path / "j" / name).read_text() != (tmp_path / "k" / name).read_text()


def test_init_overwrites_nothing(journal: Journal) -> None:
    """A folder with something in it is refused."""
    before = sorted(journal.root.rglob("*"))
    assert "is not empty" in journal.run("init", ".", code=2).stderr
    assert sorted(journal.root.rglob("*")) == before


def test_build_works_at_once_and_says_when_nothing_changed(journal: Journal) -> None:
    """The site, its feeds, and the second build that changes nothing."""
    first = journal.json("build")
    second = journal.json("build")
    assert (first["changed"], second["changed"]) == (True, False)
    for name in (
        "index.html",
        "feed.xml",
        "atom.xml",
        "feed.json",
        "articles/vitamin-d/index.html",
    ):
        assert (journal.root / "public" / name).is_file(), name
    assert "Nothing has changed" in journal.run("build").stdout


def test_build_needs_no_key(journal: Journal) -> None:
    """A fresh clone, without var/, can be checked and built."""
    (journal.root / "var/secret.key").unlink()
    journal.run("check")
    journal.run("build")


def test_new_writes_a_draft_that_check_explains(journal: Journal) -> None:
    """The draft is nowhere in the site, and nothing about it blocks a build."""
    path = journal.json("new", "Does “sleep” help?", "--author", "Dr Ada")["path"]
    text = (journal.root / path).read_text("utf-8")
    assert "draft: true" in text
    assert "id: tag:journal.example.org,2026:a/" in text
    journal.run("build")
    assert "Does “sleep” help?" not in (journal.root / "public/index.html").read_text("utf-8")
    assert "is there already" in journal.run("new", "Does “sleep” help?", code=2).stderr


def test_check_says_all_that_is_wrong_and_mints_ids(journal: Journal) -> None:
    """Findings with file and line, exit code 1; --mint writes what is missing."""
    path = journal.root / "content/vitamin-d.md"
    text = path.read_text("utf-8")
    without = "\n".join(line for line in text.split("\n") if not line.startswith("id:"))
    path.write_text(without.replace("category: nutrition", "category: nutritoin"), "utf-8")
    shown = journal.run("check", code=1).stdout
    assert "content/vitamin-d.md:" in shown
    assert "nutrition" in shown
    assert journal.json("check", code=1)["blocking"] == 2
    path.write_text(without, "utf-8")
    assert "stands in the way" in journal.run("build", code=1).stderr
    assert journal.json("check", "--mint")["minted"] == ["content/vitamin-d.md"]
    journal.run("build")


def test_a_broken_template_is_named_with_its_line(journal: Journal) -> None:
    """Check finds what would break the build."""
    own = journal.root / "templates/site"
    own.mkdir()
    (own / "404.html").write_text("<p>\n{% if %}\n")
    assert "404.html:2" in journal.run("check", code=1).stderr
    assert "404.html:2" in journal.run("build", code=1).stderr


@pytest.mark.parametrize("command", [["build"], ["status"], ["check"]])
def test_json_is_one_document(journal: Journal, command: list[str]) -> None:
    """Nothing else on standard output, whatever the command says on the way."""
    assert isinstance(journal.json(*command), dict)


@pytest.mark.parametrize("broken", ["{% if %}", "{{ nope.x }}"])
def test_check_finds_a_broken_mail_template(journal: Journal, broken: str) -> None:
    """A template that would stop the next issue is named with its line, before it does."""
    own = journal.root / "templates/email/digest.mjml"
    own.write_text(f"<mjml>\n{broken}\n</mjml>\n", "utf-8")
    shown = journal.run("check", code=1).output
    assert "templates/email/digest.mjml:2" in shown


def test_check_reads_the_digest_too(journal: Journal) -> None:
    """Words that a medical mail must not use are found before an issue is planned."""
    path = journal.root / "content/vitamin-d.md"
    text = path.read_text("utf-8")
    title = next(line for line in text.splitlines() if line.startswith("title:"))
    path.write_text(text.replace(title, 'title: "A miracle cure: does vitamin D work?"'), "utf-8")
    shown = journal.run("check").stdout
    assert "edition-marketing" in shown
    assert "miracle" in shown
