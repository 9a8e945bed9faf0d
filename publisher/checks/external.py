"""Links that lead out of the journal: what their servers' answers mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urldefrag, urlsplit

from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place, Severity
from publisher.domain.journal import Journal
from publisher.formats import outline

RULES: Mapping[str, str] = {
    "external-dead": "A link out of the journal leads to a page that is there "
    "(asked by `check --external` alone).",
    "external-moved": "A link out of the journal names the page's own address, not a former one.",
    "external-unclear": "A link out of the journal could be asked about.",
}


class Life(StrEnum):
    """What is known of a page."""

    ALIVE = "alive"
    MOVED = "moved"
    DEAD = "dead"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of asking for `url`. `words` say it; `now_at` is where it has moved to for good."""

    url: str
    life: Life
    words: str
    now_at: str | None = None


@dataclass(frozen=True, slots=True)
class Linked:
    """A page out of the journal, and the files that link to it.

    `marks` are what an author wrote for it (an address, a DOI, a PMID).
    """

    url: str
    paths: tuple[str, ...]
    marks: tuple[str, ...]


def linked(articles: Iterable[Article], journal: Journal) -> Sequence[Linked]:
    """Every page that articles or sources link to, each once, without `#fragment`."""
    paths: dict[str, dict[str, None]] = {}
    marks: dict[str, dict[str, None]] = {}
    home = urlsplit(journal.url).netloc
    for article in articles:
        for url, mark in _of(article):
            try:
                bare = urldefrag(url).url
                parts = urlsplit(bare)
            except ValueError:
                continue  # no address at all: said by other rules
            if parts.scheme in ("http", "https") and parts.netloc and parts.netloc != home:
                paths.setdefault(bare, {})[article.path] = None
                marks.setdefault(bare, {})[mark] = None
    return [Linked(url, tuple(paths[url]), tuple(marks[url])) for url in paths]


def _of(article: Article) -> Iterator[tuple[str, str]]:
    for source in article.sources:
        names = {source.doi, source.pmid, source.pmcid, source.url}
        names |= {source.isbn, source.nct, source.isrctn}
        for _, url in source.links:
            yield url, next((each for each in names if each and url.endswith(each)), url)
    for text in (article.body_html, *(q.answer_html for q in article.questions)):
        for url, _ in outline.parse(text).links:
            yield url, url


def judge(url: str, status: int, *, moved_to: str | None = None) -> Reached:
    """What the last answer of a page means. `moved_to`: where permanent redirects led.

    Only "not found" and "gone" are dead. Many publishers refuse every program (403, 429) and
    show the page to people, so that a refusal says nothing about the page.
    """
    is_doi = urlsplit(url).hostname == "doi.org"
    if status in (404, 410):
        return Reached(url, Life.DEAD, f"answers {status}: it is not there")
    if status == 429:
        return Reached(url, Life.UNCLEAR, "asks programs to wait (429)")
    if status in (401, 402, 403, 405, 406, 451, 999):
        refusal = f"does not let programs look ({status})"
        of_doi = f"is registered, and its publisher {refusal}"
        return Reached(url, Life.UNCLEAR, of_doi if is_doi else refusal)
    if status >= 400:
        return Reached(url, Life.UNCLEAR, f"answers {status}: try again later")
    if moved_to is not None and not is_doi:
        return Reached(url, Life.MOVED, f"has moved to {moved_to}", moved_to)
    return Reached(url, Life.ALIVE, f"answers {status}")


def findings(reached: Reached, places: Sequence[Place]) -> Iterator[Finding]:
    """One for each place that links to a page that is not simply there."""
    rules = {
        Life.DEAD: ("external-dead", Severity.ERROR, "link to where it is now, or leave it out"),
        Life.MOVED: ("external-moved", Severity.WARNING, "write the new address"),
        Life.UNCLEAR: ("external-unclear", Severity.WARNING, "look at it in a browser"),
    }
    if reached.life in rules:
        rule, severity, remedy = rules[reached.life]
        for place in places:
            message = f"'{reached.url}' {reached.words}"
            yield Finding(rule, severity, place, message, remedy)
