"""`check --external`, `check --explain`, and what `check` says of templates and languages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from publisher.checks import external, inside, overrides
from publisher.checks.every import every
from tests.adapters.test_linkcheck import Site
from tests.checks.test_edition import BROKEN, DOUBTFUL
from tests.cli.conftest import Journal


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    thread.join(10)
    made.server_close()


@pytest.fixture
def linking(journal: Journal, site: Site) -> Journal:
    """Its one article links to this server alone: its source's DOI would be asked for elsewhere."""
    journal.set("[journal]", '[checks]\nlink_delay = "0s"\n\n[journal]')
    (path,) = (journal.root / "content").glob("*.md")
    lines = path.read_text("utf-8").splitlines(keepends=True)
    names = ("doi:", "pmid:", "pmcid:")
    kept = [line for line in lines if not line.strip().startswith(names)]
    text = "".join(kept)
    indent = next(line for line in kept if "year:" in line).partition("year")[0]
    text = text.replace(f"{indent}year:", f"{indent}url: {site.url}/200\n{indent}year:", 1)
    path.write_text(
        f"{text}\nSee [this]({site.url}/404) and [that]({site.url}/301/200).\n", "utf-8"
    )
    return journal


def test_dead_links_are_found_with_file_and_line(linking: Journal, site: Site) -> None:
    """And only when asked for; the sentence counts what became of all."""
    assert "external" not in linking.run("check").output
    assert site.asked == []
    shown = linking.run("check", "--external", code=1).output
    (dead,) = [line for line in shown.splitlines() if "external-dead" in line]
    assert dead.startswith("content/vitamin-d.md:")
    assert f"'{site.url}/404' answers 404" in dead
    assert "external-moved" in shown
    assert "3 links to other sites: 1 there, 1 moved, 1 dead." in shown
    agent = site.asked[0][2]
    assert "+https://journal.example.org/; digest@journal.example.org" in agent


def test_the_report_is_for_programs_too(linking: Journal, site: Site) -> None:
    """--json has every link with what is known of it."""
    made = linking.json("check", "--external", code=1)
    assert [(each["url"], each["life"]) for each in made["external"]["links"]] == [
        (f"{site.url}/200", "alive"),
        (f"{site.url}/301/200", "moved"),
        (f"{site.url}/404", "dead"),
    ]
    assert made["external"]["unasked"] == 0
    assert made["blocking"] == 1


def test_every_rule_is_explained(journal: Journal) -> None:
    """What it asks for, what it weighs, who may set it aside; a mistyped one gets the nearest."""
    shown = journal.run("check", "--explain", "edition-size").stdout
    assert "error over 100 KB" in shown
    assert "--force edition-size" in shown
    assert "nobody can" in journal.run("check", "--explain", "edition-unsubscribe").stdout
    assert "did you mean 'edition-size'" in journal.run("check", "--explain", "size", code=2).output
    listed = journal.json("check", "--explain", "all")["rules"]
    assert {each["rule"] for each in listed} == set(every())


def test_a_link_to_nowhere_within_the_journal_is_a_remark(journal: Journal) -> None:
    """With the file it stands in."""
    (path,) = (journal.root / "content").glob("*.md")
    path.write_text(path.read_text("utf-8") + "\nSee [there](/articles/nowhere/).\n", "utf-8")
    assert "broken-link: '/articles/nowhere/' is no page" in journal.run("check").output


def test_templates_are_listed_and_made_ones_own(journal: Journal) -> None:
    """Once; what is there already is never overwritten, and a mistyped name gets the nearest."""
    listed = {t["name"]: t["origin"] for t in journal.json("templates", "list")["templates"]}
    assert listed["email/digest.mjml"] == "shipped"
    assert listed["email/preheader.txt"] == "journal"
    assert not any(name.startswith("init/") for name in listed)
    journal.run("templates", "eject", "email/digest.mjml")
    own = journal.root / "templates/email/digest.mjml"
    own.write_text(own.read_text("utf-8").replace("<mj-body", "<mj-bdy", 1), "utf-8")
    refused = journal.run("templates", "eject", "email/digest.mjml", code=2).output
    assert "is there already" in refused
    assert "<mj-bdy" in own.read_text("utf-8")
    assert "did you mean 'email/digest.mjml'" in journal.run(
        "templates", "eject", "digest.mjml", code=2
    ).output.replace("\n", " ")
    broken = journal.run("check", code=1).output
    line = next(
        number
        for number, text in enumerate(own.read_text("utf-8").splitlines(), 1)
        if "mj-bdy" in text
    )
    assert (
        f"digest.mjml:{line}: <mj-bdy> is not a component of MJML; did you mean 'mj-body'" in broken
    )


def test_a_folder_of_templates_that_is_not_there_is_a_mistake(journal: Journal) -> None:
    """Whatever reads templates stops at it; only what makes the folder goes on."""
    path = journal.root / "config/publisher.toml"
    path.write_text(f'templates = "mine"\n{path.read_text("utf-8")}', "utf-8")
    for command in (["check"], ["templates", "list"], ["build"]):
        (problem,) = journal.json(*command, code=2)["error"]["problems"]
        assert problem.startswith("config/publisher.toml:1: templates: the folder mine is not")
    journal.run("templates", "eject", "email/_foot.mjml")
    assert (journal.root / "mine/email/_foot.mjml").is_file()
    journal.run("check")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("site/article.html", "\n{{ article.titel }}", "article.html:2: "),
        ("site/article.html", "{% if %}", "article.html:1: "),
        ("site/_parts.html", "\n\n{% macro", "_parts.html:3: "),
        ("site/article.html", "\n{% include 'site/nothing.html' %}", "site/nothing.html"),
        ("locale/de.po", 'msgid "Sources"\nmsgstr "Quellen %(x)s"', "de.po:1: "),
    ],
)
def test_a_template_that_breaks_names_file_and_line(
    journal: Journal, name: str, text: str, words: str
) -> None:
    """Syntax, a value that is not there, an include, a catalogue."""
    if name.endswith(".po"):
        journal.set('language = "en-GB"', 'language = "de"')
    path = journal.root / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    assert words in journal.run("check", code=1).output


def test_a_misnamed_override_is_noticed(journal: Journal) -> None:
    """It would change nothing, and nobody would know why."""
    (journal.root / "templates/email/foot.mjml").write_text("<mj-raw></mj-raw>", "utf-8")
    (journal.root / "templates/digest.txt").write_text("x", "utf-8")
    shown = journal.run("check").output
    assert "did you mean templates/email/_foot.mjml?" in shown
    assert "did you mean templates/email/digest.txt?" in shown
    assert "template-unused" in journal.run("templates", "list").output


def test_a_language_without_words_is_said_and_can_be_begun(journal: Journal) -> None:
    """`eject locale/fr.po` has every message with French plurals; what is filled in is used."""
    journal.set('language = "en-GB"', 'language = "fr"')
    assert "language-words" in journal.run("check").output
    journal.run("templates", "eject", "locale/fr.po")
    path = journal.root / "templates/locale/fr.po"
    text = path.read_text("utf-8")
    assert "nplurals=2; plural=(n > 1)" in text
    path.write_text(
        text.replace('msgid "Key takeaway"\nmsgstr ""', 'msgid "Key takeaway"\nmsgstr "À retenir"'),
        "utf-8",
    )
    journal.run("build")
    page = (journal.root / "public/articles/vitamin-d/index.html").read_text("utf-8")
    assert "À retenir" in page
    assert '<html lang="fr" dir="ltr">' in page
    assert "no shipped template" in journal.run("templates", "eject", "locale/x", code=2).output


def test_the_documentation_lists_the_rules_that_no_other_page_lists() -> None:
    """docs/checks.md says of each what the code says, and what it weighs."""
    page = (Path(__file__).parents[2] / "docs/checks.md").read_text("utf-8")
    for table in (overrides.RULES, inside.RULES, external.RULES):
        for rule, what in table.items():
            assert f"| `{rule}` | {every()[rule].weight} | {what} |" in page


def test_the_weight_of_each_rule_of_mails_is_the_one_it_has() -> None:
    """As the tests of the rules show it."""
    errors = {rule for rule, _, _ in BROKEN}
    warnings = {rule for rule, _ in DOUBTFUL}
    for rule in errors | warnings:
        weight = every()[rule].weight
        assert (weight == "error") == (rule in errors - warnings), rule
        assert (weight == "warning") == (rule in warnings - errors and rule != "edition-size"), rule
