"""Where a finding belongs on the page: beside the article, the line, the subject or the words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from publisher.domain.article import Article
from publisher.domain.finding import Finding
from publisher.domain.journal import Journal
from publisher.formats.digest import HTML, PREHEADER, SUBJECT, TEXT

PLACES: Mapping[str, str] = {SUBJECT: "subject", PREHEADER: "preheader", TEXT: "text"}
"""The part of the page that shows what a template makes; HTML is looked at more closely."""

_QUOTED = re.compile(r"'([^']{3,})'")
_SIZE = "edition-size"


@dataclass(frozen=True, slots=True)
class Mark:
    """One finding and where it is shown.

    `part` is `subject`, `preheader`, `size`, `text`, `html` or `article`. Within the HTML it is
    beside the link to `href`, else beside the first of `words`; without either, at the top.
    """

    finding: Finding
    part: str
    href: str = ""
    words: tuple[str, ...] = ()


def place(
    findings: Iterable[Finding], journal: Journal, articles: Sequence[Article]
) -> tuple[Mark, ...]:
    """Each finding of an edition, or of the articles in it, with its place; errors first."""
    by_path = {article.path: article for article in articles}
    marks = [_mark(finding, journal, by_path) for finding in findings]
    return tuple(sorted(marks, key=lambda mark: not mark.finding.blocks))


def _mark(finding: Finding, journal: Journal, by_path: Mapping[str, Article]) -> Mark:
    if (article := by_path.get(finding.place.path)) is not None:
        words = tuple(_QUOTED.findall(finding.message))
        return Mark(finding, "article", journal.article_url(article), words)
    name = finding.place.path.removeprefix("templates/")
    if finding.rule == _SIZE:
        return Mark(finding, "size")
    if name in PLACES:
        return Mark(finding, PLACES[name])
    quoted = tuple(_QUOTED.findall(finding.message))
    titled = next((a for a in by_path.values() if a.title in finding.message), None)
    if titled is not None:
        return Mark(finding, "html", journal.article_url(titled), (titled.title,))
    href = next((q for q in quoted if q.startswith(("http://", "https://", "mailto:"))), "")
    return Mark(finding, "html" if name == HTML else "head", href, quoted)
