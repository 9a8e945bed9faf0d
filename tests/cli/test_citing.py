"""`publisher cite` as an author uses it, against registries on a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest

from tests import registries
from tests.cli.conftest import BEFORE, Journal
from tests.cli.test_sending import outbox
from tests.registries import LIU, Registry


@pytest.fixture
def registry(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Everybody who is asked, at one address; no waiting."""
    with registries.listening() as made:
        for name in ("CROSSREF", "DATACITE", "PUBMED", "OPENLIBRARY", "CLINICALTRIALS", "ISRCTN"):
            monkeypatch.setenv(f"PUBLISHER_SOURCES__{name}", made.url)
        monkeypatch.setenv("PUBLISHER_SOURCES__LOOKUP_DELAY", "0s")
        monkeypatch.setenv("PUBLISHER_SOURCES__CONTACT", "desk@example.org")
        yield made


def test_a_work_is_shown_added_and_cited(journal: Journal, registry: Registry) -> None:
    """Looked up once, added once however it is spelt, and then an article cites its key."""
    shown = journal.run("cite", f"https://doi.org/{LIU}").stdout
    assert shown.startswith('- key: liu-2020\n  title: "Use of CAR-Transduced')
    assert 'authors: ["Liu, Enli", "Marin, David", "The A & B Group"]' in shown
    library = journal.root / "content/sources.yaml"
    assert not library.exists()
    library.write_text(
        "# Works we cite often.\n- key: other # keep me\n  title: x\n  year: 2020\n  pmid: 7\n"
    )
    before = library.read_text()
    added = journal.run("cite", "--add", LIU).stdout
    assert "Added to content/sources.yaml: Liu E, Marin D, The A & B Group. Use of" in added
    assert "cite it as [@liu-2020]" in added
    assert library.read_text().startswith(before)
    again = journal.json("cite", "--add", LIU.upper(), "26551272", "not-a-doi", code=1)
    assert again["works"][0]["already"] == "liu-2020 at content/sources.yaml:6"
    assert [each["added"] for each in again["works"]] == [False, True]
    assert again["works"][1]["key"] == "sprint-research-group-2015"
    assert "not-a-doi" in again["failed"][0]
    assert library.read_text().count("- key:") == 3
    assert all("mailto:desk@example.org" in agent for agent in registry.agents)

    article = journal.root / "content/vitamin-d.md"
    text = article.read_text().replace("sources:\n", "sources:\n  - liu-2020\n")
    article.write_text(f"{text}\nAnd so on [@liu-2020].\n")
    journal.run("check")
    journal.run("build")
    page = (journal.root / "public/articles/vitamin-d/index.html").read_text()
    assert "Liu E, Marin D, The A &amp; B Group. Use of" in page
    shown = journal.run("sources", "show", "sprint-research-group-2015").stdout
    assert "no article cites it" in shown
    assert "content/sources.yaml:17: SPRINT Research Group, Wright JT Jr. A Random" in shown
    assert "2 works in the bibliography are cited nowhere" in journal.run("sources", "list").stdout
    library.write_text(
        f"{library.read_text()}- {{key: twin, title: x, year: 2020, doi: {LIU.upper()}}}\n"
    )
    listed = journal.json("sources", "check")
    (twice,) = [
        f for f in listed["findings"] if f["rule"] == "doubled-source" and "twin" in f["message"]
    ]
    assert "twin is the same work as liu-2020 at content/sources.yaml:6" in twice["message"]
    assert [each["key"] for each in listed["uncited"]] == ["other", "sprint-research-group-2015"]


def test_addresses_lead_to_what_they_name(journal: Journal, registry: Registry) -> None:
    """A DOI in the path, one that the page names, a number, or the page itself."""
    path = f"{registry.url}/doi/full/{LIU}/suppl"
    for asked in (path, f"{registry.url}/named"):
        assert journal.json("cite", asked)["works"][0]["key"] == "liu-2020"
    assert journal.json("cite", f"{registry.url}/numbered")["works"][0]["key"].startswith("sprint")
    page = journal.json("cite", "--key", "ours", "--kind", "guideline", f"{registry.url}/plain")
    assert page["works"][0]["citation"] == "Ann Example. A & B: a page. A Site. 2024."
    assert "kind: guideline\n" in page["works"][0]["yaml"]
    assert journal.json("cite", "PMC12607298")["works"][0]["key"] == "from-2025"


def test_books_trials_and_pmids_are_found(journal: Journal, registry: Registry) -> None:
    """By ISBN, by a registry's number, address or DOI; PubMed adds its number to a DOI's work."""
    asked = (
        *("10.1056/NEJMoa1511939", "978-3-16-148410-0"),
        *("https://clinicaltrials.gov/study/NCT04245722", "10.1186/ISRCTN83971151"),
    )
    added = journal.json("cite", "--add", *asked)["works"]
    assert [each["added"] for each in added] == [True] * 4
    article, book, nct, isrctn = (each["yaml"] for each in added)
    assert 'pmid: "26551272"' in article
    assert "kind: randomised trial\n" in article
    assert "Family, Given" in added[1]["remarks"][0]
    assert "kind: book\n" in book
    assert "NCT04245722" in nct
    assert "ISRCTN83971151" in isrctn
    journal.run("check")
    before = len(registry.asked)
    again = journal.json("cite", "26551272", "9783161484100", "nct04245722", "ISRCTN83971151")
    assert all(each["already"] for each in again["works"])
    assert len(registry.asked) == before


def test_a_pubmed_that_fails_costs_a_number_alone(journal: Journal, registry: Registry) -> None:
    """The work is there, with a remark on what was not asked."""
    crossref = json.dumps({"message": registries.CROSSREF[LIU]}).encode()
    registry.answers += [(200, {}, crossref), *[(500, {}, b"")] * 3]
    shown = journal.run("cite", LIU).stdout
    assert "liu-2020" in shown
    assert "PubMed was not asked for its PMID and kind: 127.0.0.1" in shown


def test_what_is_wrong_is_said(journal: Journal, registry: Registry) -> None:
    """Nothing is added that could not be cited."""
    undated = journal.run("cite", "--add", "10.1000/undated", code=1).stdout
    assert "a work has no year" in undated
    assert "Not added" in undated
    assert "knows no book 9780306406157" in journal.run("cite", "9780306406157", code=2).output
    assert "'hello' is no DOI" in journal.run("cite", "hello", code=2).output
    assert "--key names one work" in journal.run("cite", "--key", "k", LIU, "1", code=2).output
    library = journal.root / "content/sources.yaml"
    library.write_text("- {key: k, title: x, year: 2020, pmid: 7}\n")
    assert "another work has the key k" in journal.run("cite", "--key", "k", LIU, code=2).output
    library.write_text("[{key: k, title: x, year: 2020, pmid: 7}]\n")
    assert "in brackets" in journal.run("cite", "--add", LIU, code=1).output
    registry.answers += [(500, {}, b"")] * 3
    assert "answers 500; try again later" in journal.run("cite", "--fresh", LIU, code=1).output


OWN = """\
<style xmlns="http://purl.org/net/xbiblio/csl" version="1.0"><bibliography><layout>
<text variable="title" prefix="The work " font-weight="bold"/></layout></bibliography></style>
"""


def test_a_style_holds_everywhere(journal: Journal) -> None:
    """Pages, feeds, mail and text have its words; a changed file changes them; a wrong one is told."""
    title = "Vitamin D Supplements and Prevention of Cancer and Cardiovascular Disease"
    own = journal.root / "config/own.csl"
    own.write_text(OWN)
    journal.set("[journal]\n", '[sources]\nstyle = "config/own.csl"\n\n[journal]\n')
    journal.run("build")
    page = journal.root / "public/articles/vitamin-d/index.html"
    feed = journal.root / "public/feed.json"
    assert f"The work <b>{title}</b></span>" in page.read_text()
    assert f'"citation": "The work {title}"' in feed.read_text()
    journal.add("ada")
    journal.run("issue", "plan", "weekly", now=BEFORE)
    journal.run("send", "weekly/1", "--yes")
    (file,) = outbox(journal)
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert plain is not None
    assert f"The work <b>{title}</b>" in html.get_content()
    assert f"The work {title}" in " ".join(plain.get_content().split())
    own.write_text(OWN.replace("The work", "Our work"))
    journal.run("build")
    assert f"Our work <b>{title}" in page.read_text()
    assert f"Our work {title}" in feed.read_text()
    assert "well      sources.style: citations are in the style config/own.csl" in (
        journal.run("doctor").stdout
    )
    journal.set("config/own.csl", "appa")
    said = journal.run("build", code=2).stderr
    assert "there is no style of this name" in said
    assert f"Our work <b>{title}" in page.read_text()
    assert "WRONG     sources.style" in journal.run("doctor", code=1).stdout


@pytest.mark.parametrize(
    ("style", "why"),
    [
        (None, "cannot be read (No such file"),
        ("<style", "this is no XML"),
        (OWN.replace("text variable", "text macro"), "cannot write the source"),
    ],
)
def test_the_doctor_tries_the_style(journal: Journal, style: str | None, why: str) -> None:
    """Though every citation is kept since the last build: one finding, whatever is wrong with it."""
    journal.run("build")
    if style is not None:
        (journal.root / "config/own.csl").write_text(style)
    journal.set("[journal]\n", '[sources]\nstyle = "config/own.csl"\n\n[journal]\n')
    found = journal.json("doctor", code=1)
    (wrong,) = [each for each in found["results"] if each["verdict"] == "wrong"]
    assert wrong["area"] == "sources.style"
    assert why in wrong["sentence"]


def test_a_key_that_an_article_uses_is_kept(journal: Journal, registry: Registry) -> None:
    """So that the article need only drop its own description."""
    article = journal.root / "content/vitamin-d.md"
    article.write_text(article.read_text().replace("10.1056/NEJMoa1809944", LIU))
    assert journal.json("cite", LIU)["works"][0]["key"] == "vital-2019"
