"""What must be unique over all articles."""

from __future__ import annotations

from collections.abc import Iterable

from publisher.checks.rules import error, softened
from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place


def find(articles: Iterable[Article]) -> tuple[tuple[Article, ...], tuple[Finding, ...]]:
    """(articles without the later of two alike, a finding for each of those).

    A public article comes before a draft, then the path decides; so a copied draft never
    pushes out what readers already have, and blocks nothing.
    """
    kept: list[Article] = []
    findings: list[Finding] = []
    ids: dict[str, str] = {}
    slugs: dict[str, str] = {}
    for article in sorted(articles, key=lambda a: (a.draft, a.path)):
        found: list[Finding] = []
        place = Place(article.path)
        if other := ids.get(article.id):
            message = f"{other} has the same id"
            found.append(error("duplicate-id", place, message, _ID))
        if other := slugs.get(article.slug):
            message = f"{other} has the same slug, {article.slug}"
            found.append(error("duplicate-slug", place, message, _SLUG))
        findings += softened(found) if article.draft else found
        if not found:
            kept.append(article)
            ids[article.id] = article.path
            slugs[article.slug] = article.path
    return tuple(kept), tuple(findings)


_ID = "delete the id of the copy and run `publisher check --mint`"
_SLUG = "rename the file, or give this one a slug of its own"
