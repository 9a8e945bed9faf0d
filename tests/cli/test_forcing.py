"""`--force RULE --reason TEXT`, as staff use it and as staff misuse it."""

from pathlib import Path

import pytest

from publisher.templates import shipped_dir
from tests.cli.conftest import BEFORE, Journal
from tests.cli.test_sending import outbox


@pytest.fixture
def spoilt(journal: Journal) -> Journal:
    """With one reader, and a template of its own that breaks a rule."""
    journal.add("ada")
    own = journal.root / "templates/email/_foot.mjml"
    text = (shipped_dir() / "email/_foot.mjml").read_text("utf-8")
    pixel = '<mj-raw><img src="https://x.example.org/p.png" alt="" width="1" height="1"></mj-raw>'
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(text.replace("</mj-column>", f"{pixel}</mj-column>"), "utf-8")
    return journal


def test_a_blocked_issue_goes_with_a_reason_that_is_shown(spoilt: Journal) -> None:
    """Refused first, with the rule's name; then planned, sent, and the reason stays with it."""
    refused = spoilt.run("issue", "plan", "weekly", now=BEFORE, code=1)
    assert "edition-remote: there is a tracking pixel" in refused.output
    planned = spoilt.run(
        *("issue", "plan", "weekly", "--force", "edition-remote"),
        *("--reason", "The clinic asked for its seal", "--force", "edition-size"),
        now=BEFORE,
    ).stdout
    assert "edition-remote was set aside by" in planned
    assert "The clinic asked for its seal" in planned
    assert "--force edition-size was not needed" in planned
    assert "there is a tracking pixel" in planned
    assert spoilt.json("send", "weekly/1", "--yes")["sent"] == {"accepted": 1}
    (kept,) = spoilt.json("issue", "show", "weekly/1")["forced"]
    assert (kept["rule"], kept["reason"]) == ("edition-remote", "The clinic asked for its seal")
    assert kept["by"]
    assert kept["at"].startswith("2026-11-23T09:00")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--force", "edition-remote"), "say why"),
        (("--reason", "so"), "goes with --force"),
        (("--force", "edition-unsubscribe", "--reason", "so"), "cannot be set aside"),
        (("--force", "edition-pixel", "--reason", "so"), "no rule"),
    ],
)
def test_a_wrong_force_is_wrong_usage(
    spoilt: Journal, options: tuple[str, ...], words: str
) -> None:
    """Said in a sentence, by planning and by sending alike; nothing is written."""
    assert words in spoilt.run("issue", "plan", "weekly", *options, code=2).output
    assert words in spoilt.run("send", "weekly/1", *options, code=2).output
    assert spoilt.json("issue", "list")["issues"] == []


def test_sending_looks_again(planned: Journal) -> None:
    """An article that was withdrawn since stops the issue, and no reason helps."""
    article: Path = next((planned.root / "content").glob("*.md"))
    text = article.read_text("utf-8")
    gone = "withdrawn:\n  date: 2026-11-24\n  reason: The trial was retracted.\n---\n"
    head, _, body = text.partition("\n---\n")
    article.write_text(f"{head}\n{gone}{body}", "utf-8")
    stopped = planned.run("send", "weekly/1", "--yes", code=1).output
    assert "edition-withdrawn" in stopped
    assert outbox(planned) == []
    assert planned.json("issue", "show", "weekly/1")["state"] == "approved"
