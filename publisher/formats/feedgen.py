"""feedgen 1.0.0 with its defects worked around, here and nowhere else.

- An entry's links lose everything but `href` (its issue 135): ours are written by the extension.
- `updated` and `lastBuildDate` default to now: always set, or never written by it.
- Its RFC 822 dates switch the process's locale and are not thread-safe: ours do not.
- RSS's `<link>` is the last link added, and authors without an address vanish from RSS.
- RSS loses every `atom:link` but `self`: hub and archive links are ours, in Atom too.
- It writes a control character as it comes and then fails: `feed.clean` came before.

The extension interface is feedgen's own, so no private name of it is used.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from publisher.formats import atom, rss
from publisher.formats.feed import Feed, Item
from publisher.formats.templating import instant

ATOM = "http://www.w3.org/2005/Atom"
DC = "http://purl.org/dc/elements/1.1/"
DCTERMS = "http://purl.org/dc/terms/"
HISTORY = "http://purl.org/syndication/history/1.0"
XML = "http://www.w3.org/XML/1998/namespace"
GENERATOR = "publisher"
Form = Literal["rss", "atom"]
KINDS = {"rss": rss.TYPE, "atom": atom.TYPE}


class _Unwritten(datetime):
    """A date that feedgen takes for absent, so that it does not write one of its own."""

    def __bool__(self) -> bool:
        return False


class _Channel(BaseExtension):  # type: ignore[misc]  # feedgen has no types
    """What the feed's head lacks."""

    feed: Feed
    form: Form

    def extend_ns(self) -> dict[str, str]:
        archived = {"fh": HISTORY} if self.feed.archived else {}
        return archived | ({"dc": DC, "dcterms": DCTERMS} if self.form == "rss" else {})

    def extend_atom(self, root: Any) -> Any:
        _relate(root, self.feed, "atom")
        return root

    def extend_rss(self, root: Any) -> Any:
        channel = root[0]
        before = channel.find("generator")
        built = etree.Element("lastBuildDate")
        built.text = format_datetime(self.feed.updated_at)
        before.addnext(built)
        _add(channel, f"{{{DC}}}creator", self.feed.author)
        _relate(channel, self.feed, "rss")
        return root


class _Entry(BaseEntryExtension):  # type: ignore[misc]  # feedgen has no types
    """What an entry lacks."""

    item: Item

    def extend_rss(self, element: Any) -> Any:
        item = self.item
        for author in item.authors:
            _add(element, f"{{{DC}}}creator", author)
        if item.language:
            _add(element, f"{{{DC}}}language", item.language)
        _add(element, "pubDate", format_datetime(item.published_at))
        _add(element, f"{{{DCTERMS}}}modified", instant(item.updated_at))
        if item.references:
            _add(element, f"{{{DC}}}source", item.reference_urls)
        return element

    def extend_atom(self, element: Any) -> Any:
        item = self.item
        if item.language:
            element.set(f"{{{XML}}}lang", item.language)
        for bare in element.findall("link"):
            element.remove(bare)
        etree.SubElement(element, "link", rel="alternate", type="text/html", href=item.url)
        if item.image:
            etree.SubElement(
                element,
                "link",
                rel="enclosure",
                type=item.image.type,
                length=str(item.image.length),
                href=item.image.url,
            )
        for cited in item.references:
            etree.SubElement(element, "link", rel="related", href=cited.url, title=cited.citation)
        return element


def generator(feed: Feed) -> Any:
    """A FeedGenerator with the feed's head and no entries."""
    made = FeedGenerator()
    made.id(feed.id)
    made.title(feed.title)
    made.author({"name": feed.author})
    made.generator(GENERATOR)
    made.language(feed.language)
    return made


def add_entry(made: Any, item: Item, *, dated: bool) -> Any:
    """Append one item. `dated`: feedgen writes its dates (Atom), else the extension (RSS)."""
    entry = FeedEntry()
    entry.id(item.id)
    entry.title(item.title)
    entry.summary(item.summary)
    entry.content(item.content_html, type="html")
    entry.link(href=item.url, rel="alternate")
    for category in item.categories:
        entry.category(term=category)
    if dated:
        for author in item.authors:
            entry.author({"name": author})
        entry.updated(item.updated_at.astimezone(UTC))
        entry.published(item.published_at.astimezone(UTC))
    entry.register_extension("journal", _Entry)
    entry.journal.item = item
    made.add_entry(entry, order="append")
    return entry


def extend_channel(made: Any, feed: Feed, form: Form) -> None:
    """Let the extension write what the head lacks: RSS's date and author, hub and archive."""
    made.register_extension("journal", _Channel)
    made.journal.feed = feed
    made.journal.form = form
    if form == "rss":
        made.lastBuildDate(_Unwritten(1970, 1, 1, tzinfo=UTC))


def _relate(parent: Any, feed: Feed, form: Form) -> None:
    """Hub and archive, which feedgen would drop from RSS."""
    kind = KINDS[form]
    # feedgen's Atom elements have no namespace of lxml's: it writes xmlns as an attribute.
    link = "link" if form == "atom" else f"{{{ATOM}}}link"
    if feed.hub:
        etree.SubElement(parent, link, rel="hub", href=feed.hub)
    if feed.archived:
        etree.SubElement(parent, f"{{{HISTORY}}}archive")
    related = {
        "current": feed.current,
        "prev-archive": feed.previous,
        "next-archive": feed.following,
    }
    for rel, to in related.items():
        if to is not None:
            etree.SubElement(parent, link, rel=rel, type=kind, href=getattr(to, form))


def _add(parent: Any, tag: str, text: str) -> None:
    etree.SubElement(parent, tag).text = text
