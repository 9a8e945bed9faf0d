"""A feed as Atom (RFC 4287)."""

from __future__ import annotations

from datetime import UTC

from publisher.formats import feedgen
from publisher.formats.feed import Feed

TYPE = feedgen.KINDS["atom"]


def render(feed: Feed) -> bytes:
    """UTF-8 XML. `updated` is the newest item's (RFC 4287 §4.2.15), never the clock's."""
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
