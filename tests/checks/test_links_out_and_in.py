"""What answers of other sites mean, and links within the journal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from publisher.checks import external, inside
from publisher.checks.external import Life, Reached, judge, linked
from publisher.domain.article import Question
from publisher.domain.finding import Place, Severity
from tests import factories

JOURNAL = factories.journal()


def body(*urls: str) -> str:
    return "".join(f'<p><a href="{url}">x</a></p>' for url in urls)


@pytest.mark.parametrize(
    ("url", "status", "life", "words"),
    [
        ("https://a.example.org/", 200, Life.ALIVE, "answers 200"),
        ("https://a.example.org/", 404, Life.DEAD, "not there"),
        ("https://a.example.org/", 410, Life.DEAD, "not there"),
        ("https://a.example.org/", 403, Life.UNCLEAR, "does not let programs look (403)"),
        ("https://a.example.org/", 429, Life.UNCLEAR, "asks programs to wait"),
        ("https://a.example.org/", 503, Life.UNCLEAR, "try again later"),
        ("https://doi.org/10.1/x", 403, Life.UNCLEAR, "is registered, and its publisher does not"),
        ("https://doi.org/10.1/x", 404, Life.DEAD, "not there"),
    ],
)
def test_what_an_answer_means(url: str, status: int, life: Life, words: str) -> None:
    """Only what is not found or gone is dead: a refusal of programs says nothing about the page."""
    found = judge(url, status)
    assert (found.life, found.now_at) == (life, None)
    assert words in found.words


def test_a_permanent_redirect_is_a_move_but_for_a_doi() -> None:
    """A DOI is meant to redirect: it is the address to write."""
    moved = judge("https://a.example.org/x", 200, moved_to="https://b.example.org/x")
    assert (moved.life, moved.now_at) == (Life.MOVED, "https://b.example.org/x")
    assert judge("https://doi.org/10.1/x", 200, moved_to="https://b.example.org").life is Life.ALIVE


def test_every_link_out_is_known_once_with_its_places() -> None:
    """Sources, body and answers; without fragments, and nothing of the journal's own."""
    one = factories.article(
        body_html=body(
            "https://x.example.org/a#b", "/articles/y/", "http://[::1", "mailto:a@example.org"
        ),
        questions=(Question("Why?", "", body("https://x.example.org/a", JOURNAL.url + "/z/")),),
    )
    other = replace(one, path="content/other.md", questions=())
    found = {each.url: each for each in linked([one, other], JOURNAL)}
    assert found["https://x.example.org/a"].paths == (one.path, "content/other.md")
    assert set(found) == {"https://x.example.org/a", *(u for s in one.sources for _, u in s.links)}
    source = one.sources[0]
    assert found[source.links[0][1]].marks == (source.doi,)


def test_each_place_is_told_what_came_of_it() -> None:
    """Dead is an error, moved and unclear are warnings; what is there is not spoken of."""
    places = [Place("content/a.md", 3), Place("content/b.md")]
    dead = list(external.findings(Reached("https://x", Life.DEAD, "answers 404"), places))
    assert [(f.rule, f.severity, str(f.place)) for f in dead] == [
        ("external-dead", Severity.ERROR, "content/a.md:3"),
        ("external-dead", Severity.ERROR, "content/b.md"),
    ]
    for life in (Life.MOVED, Life.UNCLEAR):
        (found,) = external.findings(Reached("https://x", life, "…", "https://y"), places[:1])
        assert found.severity is Severity.WARNING
        assert found.rule in external.RULES
    assert list(external.findings(Reached("https://x", Life.ALIVE, ""), places)) == []


@pytest.mark.parametrize(
    ("url", "is_broken"),
    [
        ("/articles/sleep/", False),
        ("/articles/sleep", False),
        ("/articles/sleep/#sources", False),
        ("/", False),
        ("https://journal.example.org/images/a%20b.png", False),
        ("/articles/slep/", True),
        ("../../articles/slep/", True),
        ("../sleep/", False),
        ("http://[::1", False),
        ("https://journal.example.org/articles/slep/", True),
        ("https://elsewhere.example.org/articles/slep/", False),
        ("mailto:a@example.org", False),
        ("#here", False),
    ],
)
def test_a_link_within_the_journal_leads_somewhere(url: str, is_broken: bool) -> None:
    """By path or by whole address; other sites are not looked at here."""
    files = {"index.html", "articles/sleep/index.html", "images/a b.png"}
    files.add("articles/car-nk-cells/index.html")
    found = list(inside.broken([factories.article(body_html=body(url))], JOURNAL, files))
    assert [f.rule for f in found] == (["broken-link"] if is_broken else [])


def test_a_journal_below_a_path_has_its_links_below_it() -> None:
    """`/journal/articles/x/` is the file `articles/x/index.html`."""
    below = replace(JOURNAL, url="https://example.org/journal")
    files = {"articles/sleep/index.html"}
    links = body("/journal/articles/sleep/", "/elsewhere/", "/journal/articles/gone/")
    found = list(inside.broken([factories.article(body_html=links)], below, files))
    assert ["gone" in f.message for f in found] == [True]
