"""A feed as RSS 2.0 with `content:encoded`, `dc:creator` and `atom:link`."""

from __future__ import annotations

from publisher.formats import feedgen
from publisher.formats.feed import Feed

TYPE = "application/rss+xml"
IMAGE_ENDINGS = (".gif", ".jpeg", ".jpg", ".png")
"""What RSS 2.0 allows a channel's image to be."""


def render(feed: Feed) -> bytes:
    """UTF-8 XML. The summary is `description`, the whole content `content:encoded`."""
    made = feedgen.generator(feed)
    # RSS's <link> is the last one added, so the page comes after the feed's own address.
    made.link(href=feed.rss_url, rel="self", type=TYPE)
    made.link(href=feed.home_url, rel="alternate")
    made.description(feed.description)
    if feed.logo and feed.logo.lower().endswith(IMAGE_ENDINGS):
        made.image(feed.logo, title=feed.title, link=feed.home_url)
    feedgen.extend_channel(made, feed)
    for item in feed.items:
        entry = feedgen.add_entry(made, item, dated=False)
        if item.image:
            entry.enclosure(item.image.url, item.image.length, item.image.type)
    return bytes(made.rss_str(pretty=True))
