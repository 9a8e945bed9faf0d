"""A feed as Atom (RFC 4287)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from publisher.formats import mould
from publisher.formats.feed import Feed, Item

TYPE = "application/atom+xml"


def render(feed: Feed) -> bytes:
    """UTF-8 XML. `updated` is the newest item's (RFC 4287 §4.2.15), never the clock's."""
    from publisher.formats import feedgen  # and lxml with it: only where a feed is made

    made = feedgen.generator(feed)
    made.link(href=feed.atom_url, rel="self", type=TYPE)
    made.link(href=feed.home_url, rel="alternate", type="text/html")
    made.subtitle(feed.description)
    made.updated(feed.updated_at.astimezone(UTC))
    if feed.icon:
        made.icon(feed.icon)
    if feed.logo:
        made.logo(feed.logo)
    feedgen.extend_channel(made, feed, "atom")
    for item in feed.items:
        feedgen.add_entry(made, item, dated=True)
    return bytes(made.atom_str(pretty=True))


def _references(item: Item) -> str:
    """The works it rests on, as they stand before the end of the entry (RFC 4287 §4.2.7.2)."""
    return "".join(
        f'    <link rel="related" href="{mould.attribute(cited.url)}"'
        f' title="{mould.attribute(cited.citation)}"/>\n'
        for cited in item.references
    )


def _date(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _spelling(before: str) -> mould.Spell:
    return mould.attribute if before.endswith('"') else mould.text


FORMAT = mould.Format(
    render=render,
    published=_date,
    updated=_date,
    changed=_date,
    spell=_spelling,
    entry=re.compile(" {2}<entry.*</entry>\n", re.DOTALL),
    references=_references,
    end=b"  </entry>\n",
)
"""How a document is put together from entries that are written already."""
