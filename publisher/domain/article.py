"""An article and the parts it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote


class Evidence(StrEnum):
    """How strong the evidence is; each journal defines the grades in its own words."""

    LABORATORY = "laboratory"
    EARLY = "early"
    MODERATE = "moderate"
    STRONG = "strong"
    MIXED = "mixed"


class CorrectionKind(StrEnum):
    """What a correction does to the claim."""

    CORRECTION = "correction"
    CLARIFICATION = "clarification"
    RETRACTION = "retraction"


@dataclass(frozen=True, slots=True)
class Imprint:
    """Where in print a work is found. `type` is one of CSL's (`article-journal`, `book`, …)."""

    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    edition: str | None = None
    editors: tuple[str, ...] = ()
    place: str | None = None
    publisher: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One referenced work. Identifiers are normalised: bare DOI, digits, `PMC` + digits, the
    digits of an ISBN-13, `NCT` or `ISRCTN` + eight digits.

    Names (`authors`, `imprint.editors`) are written as `domain.naming` reads them.
    `acknowledged` is why the article cites it although it was retracted. `citation` is the work
    in the journal's style, as HTML whose only elements are `formats.reference.ELEMENTS`; empty
    where that is Vancouver, which is written when it is asked for.
    """

    key: str
    title: str
    kind: str
    year: int
    doi: str | None = None
    pmid: str | None = None
    pmcid: str | None = None
    url: str | None = None
    journal: str | None = None
    authors: tuple[str, ...] = ()
    accessed: date | None = None
    acknowledged: str | None = None
    isbn: str | None = None
    nct: str | None = None
    isrctn: str | None = None
    imprint: Imprint | None = None
    citation: str = ""

    @property
    def href(self) -> str:
        """The canonical link: DOI, PubMed Central, PubMed, a registry, the given URL, the book."""
        return self.links[0][1]

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Every way to the work as (label, URL), the best first."""
        return _links(self.doi, self.pmcid, self.pmid, self.url, self.isbn, self.nct, self.isrctn)


@lru_cache(maxsize=1024)
def _links(
    doi: str | None,
    pmcid: str | None,
    pmid: str | None,
    url: str | None,
    isbn: str | None,
    nct: str | None,
    isrctn: str | None,
) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    if doi:
        # RFC 3986 §3.3: a DOI may hold characters that a path must not.
        found.append((f"doi:{doi}", f"https://doi.org/{quote(doi, safe='/:;.,()-_')}"))
    if pmcid:
        found.append((pmcid, f"https://pmc.ncbi.nlm.nih.gov/articles/{pmcid}/"))
    if pmid:
        found.append((f"PMID {pmid}", f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/"))
    if nct:
        found.append((nct, f"https://clinicaltrials.gov/study/{nct}"))
    if isrctn:
        found.append((isrctn, f"https://www.isrctn.com/{isrctn}"))
    if url and all(url.rstrip("/") != href.rstrip("/") for _, href in found):
        found.append((url, url))
    if isbn:
        found.append((f"ISBN {isbn}", f"https://openlibrary.org/isbn/{isbn}"))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Question:
    """One entry of the FAQ. `answer` is Markdown, `answer_html` its sanitised rendering."""

    question: str
    answer: str
    answer_html: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A notice that stands above the article from `date` on."""

    date: date
    kind: CorrectionKind
    wrong: str
    right: str


@dataclass(frozen=True, slots=True)
class Image:
    """The article's picture: `path` relative to content/, `alt` for those who do not see it."""

    path: str
    alt: str


@dataclass(frozen=True, slots=True)
class Alias:
    """A path that once led to the article (`/old/`), and the line of the file that names it."""

    path: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The article was taken back on `date`; `reason` is plain text for readers."""

    date: date
    reason: str


@dataclass(frozen=True, slots=True)
class Article:
    """One Markdown file, read whole.

    `sources` stand in the order of their numbers (first use in body, then in the answers).
    `body_html` and each `answer_html` are sanitised; citations are superscript links to
    `#source-N`, each with id `cite-N-M` (N source number, M its M-th use, from 1) for the
    back-links; `citations[N-1]` counts the uses of source N.
    `version` is the SHA-256 (hex) of the file's bytes, and of the works that it draws from the
    bibliography: what a reader received is known by it.
    `updated_at` includes `feed_seconds`, which keeps it apart from every other article's.
    `feed_bytes` is about what body, answers and sources take in a feed (`formats.footprint`).
    `works` holds the keys of each source (`retraction.keys`), and `acknowledges` says whether
    one is cited although it was retracted: both at hand without unpacking the sources.
    """

    id: str
    slug: str
    title: str
    summary: str
    category: str
    published_at: datetime
    updated_at: datetime
    key_takeaway: str
    sources: tuple[Source, ...]
    body: str
    body_html: str
    words: int
    path: str
    version: str
    citations: tuple[int, ...] = ()
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    evidence: Evidence | None = None
    image: Image | None = None
    questions: tuple[Question, ...] = ()
    corrections: tuple[Correction, ...] = ()
    draft: bool = False
    canonical_url: str | None = None
    language: str | None = None
    reading_minutes: int = 1
    aliases: tuple[Alias, ...] = ()
    withdrawn: Withdrawal | None = None
    feed_seconds: int = 0
    feed_bytes: int = 0
    works: tuple[tuple[str, ...], ...] = ()
    acknowledges: bool = False
    reviewed: date | None = None
    review_by: date | None = None

    def is_overdue(self, today: date) -> bool:
        """Whether it should have been reviewed before `today`, the journal's civil date."""
        return self.review_by is not None and self.review_by < today

    def has_appeared(self, now: datetime) -> bool:
        """Whether it has an address at `now`: not a draft and not scheduled for later."""
        return not self.draft and self.published_at <= now

    def is_public(self, now: datetime) -> bool:
        """Whether readers may read it at `now`: it has appeared and was not withdrawn."""
        return self.has_appeared(now) and self.withdrawn is None


def by_id(articles: tuple[Article, ...]) -> Mapping[str, Article]:
    """Articles keyed by their permanent id."""
    return {article.id: article for article in articles}
