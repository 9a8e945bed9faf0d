"""All feeds of the journal as one OPML 2.0 list, which feed readers import at once."""

from __future__ import annotations

from collections.abc import Iterable

from publisher.domain.journal import Journal
from publisher.formats.channel import Channel
from publisher.formats.feed import clean

TYPE = "text/x-opml"
PATH = "feeds.opml"


def render(journal: Journal, channels: Iterable[Channel]) -> bytes:
    """UTF-8 XML. Each channel stands in it once, as RSS: three formats would be three feeds."""
    from lxml import etree  # only where the list is made

    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = clean(f"{journal.title}: all feeds")
    etree.SubElement(head, "docs").text = "http://opml.org/spec2.opml"
    body = etree.SubElement(root, "body")
    for channel in channels:
        etree.SubElement(
            body,
            "outline",
            type="rss",
            version="RSS2",
            text=clean(channel.title),
            title=clean(channel.title),
            description=clean(channel.description),
            language=journal.language,
            htmlUrl=f"{journal.url}{channel.path}",
            xmlUrl=channel.addresses(journal).rss,
        )
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))
