"""Archive pages of issues: the mail as it was sent, and above it what has been corrected since."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from publisher.domain.article import Article, Correction
from publisher.domain.journal import Journal
from publisher.domain.leaf import Leaf, fingerprint
from publisher.formats import channel
from publisher.formats.copies import archive_html
from publisher.formats.feed import clean
from publisher.formats.page import Pages

if TYPE_CHECKING:
    from publisher.domain.issue import ArchivedIssue

_MAIN = re.compile(r"<main>")

Noticed = tuple[tuple[Article, tuple[Correction, ...]], ...]


def leaves(
    journal: Journal,
    pages: Pages,
    shown: Iterable[ArchivedIssue],
    articles: Mapping[str, Article],
) -> dict[str, Leaf]:
    """A page for each issue, by its file's path. `articles` are those of today, by id."""
    found = {}
    for entry in shown:
        path = journal.issue_path(entry.issue.newsletter, entry.issue.number or 0)
        instead = pages.in_your_copy(entry.edition.language)
        since = noticed(entry, articles)
        known = [(article.version, article.path, corrections) for article, corrections in since]
        # A notice depends on its template too; without one the page stays whatever it was.
        ground = pages.ground if since else ""
        key = fingerprint(journal, entry.edition, path, instead, ground, known)
        make = partial(_page, journal, pages, entry, instead, since)
        found[path.lstrip("/") + "index.html"] = Leaf(key, make)
    return found


def noticed(entry: ArchivedIssue, articles: Mapping[str, Article]) -> Noticed:
    """Articles of the issue that were corrected or withdrawn since, with what the mail lacks."""
    from publisher.domain.reach import is_told, taken_back

    found: list[tuple[Article, tuple[Correction, ...]]] = []
    for article_id, _ in entry.edition.articles:
        article = articles.get(article_id)
        if article is None:
            continue
        gone = taken_back(article)
        if gone is not None and is_told(gone, entry.edition.text):
            continue  # the mail itself tells of it
        missing = tuple(c for c in article.corrections if not is_told(c, entry.edition.text))
        if missing or article.withdrawn is not None:
            found.append((article, missing))
    return tuple(found)


def _page(
    journal: Journal, pages: Pages, entry: ArchivedIssue, instead: str, since: Noticed
) -> bytes:
    html = clean(archive_html(entry.edition, journal, instead))
    if since:
        notice = clean(pages.issue_notice(since, entry.edition.language))
        html = _MAIN.sub(lambda found: found[0] + notice, html, count=1)
    head = ""
    if 'rel="canonical"' not in html:
        path = journal.issue_path(entry.issue.newsletter, entry.issue.number or 0)
        head = f'<link rel="canonical" href="{journal.url}{path}">'
    slug = entry.issue.newsletter  # of a newsletter, perhaps, that is offered no more
    own = [channel.of_newsletter(journal, n) for n in journal.newsletters if n.slug == slug]
    for followed in (channel.of_journal(journal), *own):
        for link in followed.links(journal):
            head += (
                f'<link rel="alternate" type="{link.type}" title="{escape(link.title)}" '
                f'href="{escape(link.url)}">'
            )
    return html.replace("</head>", f"{head}</head>", 1).encode()
