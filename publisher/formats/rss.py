"""A feed as RSS 2.0 with `content:encoded`, `dc:creator` and `atom:link`."""

from __future__ import annotations

import re
from datetime import datetime
from html import escape

from publisher.formats import mould
from publisher.formats.feed import Feed, Item
from publisher.formats.templating import instant

TYPE = "application/rss+xml"
IMAGE_ENDINGS = (".gif", ".jpeg", ".jpg", ".png")
"""What RSS 2.0 allows a channel's image to be."""
_PLAIN = re.compile(rb"(<(title|description|category|dc:creator)>)([^<]*&[^<]*)(</\2>)")


def render(feed: Feed) -> bytes:
    """UTF-8 XML. The summary is `description`, the whole content `content:encoded`."""
    from publisher.formats import feedgen  # and lxml with it: only where a feed is made

    made = feedgen.generator(feed)
    # RSS's <link> is the last one added, so the page comes after the feed's own address.
    made.link(href=feed.rss_url, rel="self", type=TYPE)
    made.link(href=feed.home_url, rel="alternate")
    made.description(feed.description)
    if feed.logo and feed.logo.lower().endswith(IMAGE_ENDINGS):
        made.image(feed.logo, title=feed.title, link=feed.home_url)
    feedgen.extend_channel(made, feed, "rss")
    for item in feed.items:
        entry = feedgen.add_entry(made, item, dated=False)
        # Readers take it for HTML, whatever RSS 2.0 says, so it is HTML.
        entry.description(_html(item.summary))
        if item.image:
            entry.enclosure(item.image.url, item.image.length, item.image.type)
    return _PLAIN.sub(_spelt, bytes(made.rss_str(pretty=True)))


def _spelt(found: re.Match[bytes]) -> bytes:
    """Plain text as the RSS Advisory Board's profile wants it, so that no reader sees markup."""
    text = found[3].replace(b"&lt;", b"&#x3C;").replace(b"&amp;", b"&#x26;")
    return found[1] + text + found[4]


def _references(item: Item) -> str:
    """The works it rests on, as they stand before the end of the item."""
    return f"      <dc:source>{mould.text(item.reference_urls)}</dc:source>\n"


def _date(when: datetime) -> str:
    from email.utils import format_datetime  # and sockets with it: only where a feed is made

    return format_datetime(when)


def _html(summary: str) -> str:
    return escape(summary, quote=False)


def _plain(value: str) -> str:
    return mould.text(value).replace("&lt;", "&#x3C;").replace("&amp;", "&#x26;")


def _spelling(before: str) -> mould.Spell:
    if before.endswith('"'):
        return mould.attribute
    return _plain if before.endswith(_PLAINLY) else mould.text


_PLAINLY = ("<title>", "<description>", "<category>", "<dc:creator>")

FORMAT = mould.Format(
    render=render,
    published=_date,
    updated=instant,
    changed=_date,
    spell=_spelling,
    entry=re.compile(" {4}<item>.*</item>\n", re.DOTALL),
    references=_references,
    end=b"    </item>\n",
    summary=_html,
)
"""How a document is put together from entries that are written already."""
