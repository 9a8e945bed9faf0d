"""Articles, withdrawals and issues as entries of feeds, made when they are asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from publisher.checks import length
from publisher.domain.article import Article
from publisher.domain.journal import Journal
from publisher.domain.leaf import fingerprint
from publisher.formats import channel, feed, footprint
from publisher.formats.copies import archive_html
from publisher.formats.feed import Item, clean
from publisher.formats.feeds import PAGE, Entry, Written, write
from publisher.formats.page import Pages
from publisher.formats.picture import Picture

if TYPE_CHECKING:
    import nh3

    from publisher.domain.issue import ArchivedIssue

_HIDDEN = re.compile(r'<div style="display:none.*?</div>', re.DOTALL)
_GAPS = re.compile(r"\s*\n\s*")
_SECONDS = 3_600
_ABOUT = 3
"""How much more an issue's HTML takes than its text, which has the same words and links."""


@cache
def _words() -> nh3.Cleaner:
    """A mail is laid out with tables; its words stand in headings, paragraphs and lists."""
    import nh3

    return nh3.Cleaner(
        tags={
            *("a", "abbr", "b", "blockquote", "br", "cite", "code", "em", "h1", "h2", "h3", "h4"),
            *("hr", "i", "img", "li", "ol", "p", "q", "s", "strong", "sub", "sup", "ul"),
        },
        attributes={"a": {"href"}, "img": {"src", "alt"}},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
        clean_content_tags={"script", "style", "title"},
    )


def of_articles(
    journal: Journal,
    pages: Pages,
    articles: Sequence[Article],
    pictures: Mapping[str, Picture | None],
    ground: str,
) -> dict[str, Entry]:
    """By id. `ground` is the hash of all that entries depend on beside their articles."""
    held = {article.id: article for article in articles}

    # Documents of one time are made one after the other. One of a category reaches back as far as
    # all categories together have PAGE articles each, and two more are being made meanwhile.
    @lru_cache(maxsize=PAGE * (len(journal.categories) + 3))
    def made(article_id: str) -> Written:
        article = held[article_id]
        return write(_item(journal, pages, article, pictures.get(article_id)))

    whatever = fingerprint(ground, "entry")

    def entry(article: Article) -> Entry:
        shown = known(article, pictures.get(article.id), pages.notes(article))
        return Entry(
            id=article.id,
            published_at=article.published_at,
            updated_at=article.updated_at,
            weight=_weight(journal, article),
            key=f"{whatever} {shown}",
            make=partial(made, article.id),
        )

    return {article.id: entry(article) for article in articles}


def known(article: Article, picture: Picture | None, notes: Sequence[str]) -> str:
    """All that is shown of an article: its file (`version`, `path`), its picture, and what stands
    beside its sources. Plain words and no hash, because there are thousands of them.
    """
    more = fingerprint(picture, tuple(notes)) if picture or notes else ""
    return f"{article.version} {article.path} {more}"


def of_issue(journal: Journal, pages: Pages, entry: ArchivedIssue) -> Entry:
    """A sent issue in its newsletter's feed, with what it said to everybody.

    Issues of one slot differ in their `updated` by their numbers, which are stored.
    """
    issue, number = entry.issue, entry.issue.number or 0
    instead = pages.in_your_copy(entry.edition.language)
    return Entry(
        id=channel.issue_id(journal, issue.newsletter, number),
        published_at=issue.slot_at,
        updated_at=issue.slot_at + timedelta(seconds=number % _SECONDS),
        weight=_ABOUT * footprint.escaped(entry.edition.text),
        key=fingerprint(journal, issue.newsletter, number, issue.slot_at, entry.edition, instead),
        make=partial(_issue, journal, entry, instead),
    )


def _issue(journal: Journal, entry: ArchivedIssue, instead: str) -> Written:
    issue, edition, number = entry.issue, entry.edition, entry.issue.number or 0
    item = Item(
        id=channel.issue_id(journal, issue.newsletter, number),
        url=journal.url + journal.issue_path(issue.newsletter, number),
        title=clean(edition.subject),
        summary=clean(edition.preheader),
        content_html=issue_html(entry, journal, instead),
        published_at=issue.slot_at,
        updated_at=issue.slot_at + timedelta(seconds=number % _SECONDS),
        language=edition.language if edition.language != journal.language else None,
    )
    return write(item)


def issue_html(entry: ArchivedIssue, journal: Journal, instead: str) -> str:
    """The mail's words, links and pictures without its layout, sanitised."""
    page = _HIDDEN.sub("", archive_html(entry.edition, journal, instead), count=1)
    return clean(_GAPS.sub("\n", _words().clean(page)).strip())


def _item(journal: Journal, pages: Pages, article: Article, picture: Picture | None) -> Item:
    from publisher.formats.markdown import quoted  # only where an entry is written anew

    if article.withdrawn is not None:
        notice = pages.feed_notice(article, article.withdrawn)
        title = pages.withdrawn_title(article)
        return feed.withdrawn(journal, article, notice, title, article.withdrawn.reason)
    whole = article.feed_bytes <= length.LONGEST
    content = pages.feed_content(article, quoted, whole=whole)
    return feed.item(journal, article, content, picture, pages.notes(article))


def _weight(journal: Journal, article: Article) -> int:
    if article.withdrawn is not None:
        return footprint.item(article.title, article.withdrawn.reason, journal.disclaimer)
    return footprint.entry(article, journal.disclaimer)
