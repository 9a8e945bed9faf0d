"""What must be unique over all articles, and over all works that they draw by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from publisher.checks.rules import error, softened
from publisher.domain.article import Article
from publisher.domain.bibliography import Entry
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


def keys(entries: Iterable[Entry]) -> Iterator[Finding]:
    """Each further work with a key that stood before, in one file or in two."""
    first: dict[str, Entry] = {}
    for entry in entries:
        known = first.setdefault(entry.key, entry)
        if known is not entry:
            message = f"the key {entry.key} is already used at {known.place}"
            remedy = "give each work a key of its own, or remove one of them"
            yield error("repeated-work", entry.place, message, remedy)


_ID = "delete the id of the copy and run `publisher check --mint`"
_SLUG = "rename the file, or give this one a slug of its own"
