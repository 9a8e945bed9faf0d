"""Articles that were taken back go nowhere, and an issue has not too many editions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place, Severity
from publisher.formats.digest import bare

EDITIONS_LIMIT = 500
_BEGINNING = 40
"""Letters that are enough to know a claim by, in a line that is cut short."""

RULES: Mapping[str, str] = {
    "edition-withdrawn": "No article that was withdrawn leaves in an issue; what tells of it shows "
    "its reason, and neither summary nor key takeaway.",
    "edition-number": "An issue has at most 500 editions (lists of articles × languages).",
}


def of(articles: Iterable[Article]) -> Iterator[Finding]:
    """Those that were withdrawn, wherever they were going."""
    for article in articles:
        if article.withdrawn is not None:
            yield Finding(
                "edition-withdrawn",
                Severity.ERROR,
                Place(article.path),
                f"'{article.title}' was withdrawn on {article.withdrawn.date}",
                f"leave it out: publisher issue edit ISSUE --drop {article.slug}, or cancel an "
                f"issue of nothing else; to tell its readers: publisher correct {article.slug}",
            )


def hinted(articles: Iterable[Article], preheader: str) -> Iterator[Finding]:
    """A line beside the subject that says again what was withdrawn, and be it half of it."""
    for article in articles:
        reason = bare(article.withdrawn.reason) if article.withdrawn else ""
        for what, value in (("summary", article.summary), ("key takeaway", article.key_takeaway)):
            begins = bare(value)[:_BEGINNING]
            if begins and begins in bare(preheader) and begins not in reason:
                yield Finding(
                    "edition-withdrawn",
                    Severity.ERROR,
                    Place("email/preheader.txt"),
                    f"the preheader shows the {what} of '{article.title}', though it was withdrawn",
                    "show `articles[0].withdrawn.reason` of an article that has it",
                )


def number(editions: int) -> Iterator[Finding]:
    """An issue of very many editions: each is rendered, kept and looked at."""
    if editions > EDITIONS_LIMIT:
        yield Finding(
            "edition-number",
            Severity.WARNING,
            Place("config/publisher.toml"),
            f"the issue has {editions:,} editions, more than {EDITIONS_LIMIT}",
            "offer fewer topics, or languages: each list of articles in each language is one",
        )
