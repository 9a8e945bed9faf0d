import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from publisher.formats import atom, jsonfeed, rss
from publisher.formats.channel import of_journal
from publisher.formats.feed import NEVER, Enclosure, Feed, Item, clean, item
from publisher.formats.picture import Picture
from tests.factories import article, journal, numbered

GOLDEN = Path(__file__).parents[1] / "golden"
ATOM = "{http://www.w3.org/2005/Atom}"
PICTURE = Picture("/images/cells.png", "Cells", "image/png", 4711, 16, 9)


def entry(**overrides: Any) -> Item:
    content = "<p>Whole <em>content</em> &amp; more ]]&gt; ]]></p>"
    return replace(item(journal(), article(), content, PICTURE), **overrides)


def sample(*items: Item, **overrides: Any) -> Feed:
    later = entry(
        id="tag:journal.example.org,2026:a/later",
        title="A < B & C: مرحبا 🧬",
        language="de",
        image=None,
        authors=(),
        published_at=datetime(2026, 11, 18, 6, 0, tzinfo=timezone(timedelta(hours=1))),
        updated_at=datetime(2026, 11, 20, 6, 0, tzinfo=UTC),
    )
    of = journal()
    made = of_journal(of).feed(
        of,
        items or (later, entry()),
        icon="https://journal.example.org/images/icon.svg",
        logo="https://journal.example.org/images/logo.png",
    )
    return replace(made, **overrides)


def read(content: bytes) -> Any:
    """What a real feed reader makes of it, its own sanitiser switched off."""
    found = feedparser.parse(content, sanitize_html=False, resolve_relative_uris=False)
    assert not found.bozo, found.get("bozo_exception")
    return found


@pytest.mark.parametrize(
    ("name", "render"),
    [("feed.xml", rss.render), ("atom.xml", atom.render), ("feed.json", jsonfeed.render)],
)
def test_feeds_are_as_they_were(name: str, render: Any) -> None:
    """Every byte of the three formats is agreed upon (UPDATE_GOLDEN=1 writes them anew)."""
    path = GOLDEN / name
    made = render(sample())
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(made)
    assert made.decode() == path.read_text(encoding="utf-8")


def test_three_formats_say_the_same() -> None:
    """Items, ids, dates, authors, categories, content and links agree, and are in order."""
    feed = sample()
    xml = [read(rss.render(feed)), read(atom.render(feed))]
    document = json.loads(jsonfeed.render(feed))
    for found in xml:
        assert found.feed.title == document["title"] == feed.title
        assert found.feed.subtitle == document["description"]
        assert found.feed.link == document["home_page_url"] == "https://journal.example.org/"
        assert found.feed.language == document["language"] == "en"
        assert found.feed.updated_parsed[:6] == (2026, 11, 20, 6, 0, 0)
        assert found.feed.author == document["authors"][0]["name"]
        assert len(found.entries) == len(document["items"]) == 2
        for one, other in zip(found.entries, document["items"], strict=True):
            assert one.id == other["id"]
            assert one.link == other["url"]
            assert one.title == other["title"]
            assert one.summary == other["summary"]
            assert one.content[0].value == other["content_html"]
            assert one.content[0].type == "text/html"
            assert [tag.term for tag in one.tags] == other["tags"]
            assert [a.name for a in one.get("authors", [])] == [
                a["name"] for a in other.get("authors", [])
            ]
            for parsed, text in (
                (one.published_parsed, other["date_published"]),
                (one.updated_parsed, other["date_modified"]),
            ):
                assert list(parsed[:6]) == list(datetime.fromisoformat(text).timetuple()[:6])
            enclosures = [(e.href, int(e.length), e.type) for e in one.enclosures]
            assert enclosures == [
                (a["url"], a["size_in_bytes"], a["mime_type"]) for a in other.get("attachments", [])
            ]


def test_an_entry_with_an_enclosure_still_links_to_its_page() -> None:
    """Each Atom link keeps its `rel` and `type`, so readers open the article, not the picture."""
    root = etree.fromstring(atom.render(sample(entry())))
    links = [dict(link.attrib) for link in root.findall(f"{ATOM}entry/{ATOM}link")]
    assert links == [
        {
            "rel": "alternate",
            "type": "text/html",
            "href": "https://journal.example.org/articles/car-nk-cells/",
        },
        {
            "rel": "enclosure",
            "type": "image/png",
            "length": "4711",
            "href": "https://journal.example.org/images/cells.png",
        },
        *(
            {"rel": "related", "href": cited.url, "title": cited.citation}
            for cited in entry().references
        ),
    ]


def test_each_format_knows_its_own_address() -> None:
    """`rel=self` and `feed_url` name the file they stand in; RSS links to the page alone."""
    feed = sample()
    root = etree.fromstring(rss.render(feed))
    own = root.find(f"channel/{ATOM}link")
    assert own is not None
    assert dict(own.attrib) == {"href": feed.rss_url, "rel": "self", "type": rss.TYPE}
    assert [link.text for link in root.findall("channel/link")] == [feed.home_url]
    links = {
        link.get("rel"): link.get("href")
        for link in etree.fromstring(atom.render(feed)).findall(f"{ATOM}link")
    }
    assert links == {"self": feed.atom_url, "alternate": feed.home_url}
    assert json.loads(jsonfeed.render(feed))["feed_url"] == feed.json_url


def test_rss_ids_are_not_taken_for_addresses() -> None:
    """A tag URI must not be followed: isPermaLink is false on every item."""
    guids = etree.fromstring(rss.render(sample())).findall("channel/item/guid")
    assert [guid.get("isPermaLink") for guid in guids] == ["false", "false"]


def test_rss_says_its_dates_once() -> None:
    """feedgen's own lastBuildDate, which is the clock's, never shows beside ours."""
    root = etree.fromstring(rss.render(sample()))
    assert [d.text for d in root.iter("lastBuildDate")] == ["Fri, 20 Nov 2026 06:00:00 +0000"]
    assert [len(i.findall("pubDate")) for i in root.iter("item")] == [1, 1]


def test_an_empty_feed_is_valid_and_never_changes() -> None:
    """A journal without articles has feeds whose date is fixed, not the build's."""
    feed = replace(sample(), items=())
    assert feed.updated_at == NEVER
    for render in (rss.render, atom.render):
        assert read(render(feed)).feed.updated_parsed[:3] == (2000, 1, 1)
    assert json.loads(jsonfeed.render(feed))["items"] == []


def test_a_feed_without_pictures_says_nothing_of_them() -> None:
    """No icon and no logo: no empty element either."""
    feed = replace(sample(), icon=None, logo=None)
    for content in (rss.render(feed), atom.render(feed), jsonfeed.render(feed)):
        assert b"icon" not in content
        assert b"logo" not in content


def test_rss_takes_only_pictures_that_it_allows() -> None:
    """RSS 2.0 knows GIF, JPEG and PNG for the channel; an SVG logo stays in Atom and JSON."""
    feed = replace(sample(), logo="https://journal.example.org/images/logo.svg")
    assert b"<image>" not in rss.render(feed)
    assert b"logo.svg" in atom.render(feed)


def test_an_item_is_made_of_the_article() -> None:
    """Id, dates, plain title and summary, authors, and category before tags, each once."""
    made = item(journal(), article(tags=("Cancer", "lymphoma"), language="en"), "<p>x</p>", PICTURE)
    assert made.id == article().id
    assert made.categories == ("Cancer", "lymphoma")
    assert made.language is None
    assert made.image == Enclosure(
        "https://journal.example.org/images/cells.png", 4711, "image/png"
    )
    elsewhere = article(canonical_url="https://elsewhere.example.org/x", language="de")
    assert item(journal(), elsewhere, "", None).url == "https://elsewhere.example.org/x"
    assert item(journal(), elsewhere, "", None).language == "de"


def test_control_characters_never_break_a_feed() -> None:
    """What XML forbids is left out, in every field, and the rest stays."""
    bad = "a\x00b\x08c\ud800d￾e\tf\ng"
    made = item(journal(), article(title=bad, summary=bad, authors=(bad,), tags=(bad,)), bad, None)
    assert {made.title, made.summary, made.content_html, made.authors[0]} == {"abcde\tf\ng"}
    for render in (rss.render, atom.render):
        etree.fromstring(render(sample(made)))


def test_half_a_megabyte_is_carried_whole() -> None:
    """A very long article arrives complete in all three."""
    long = "<p>" + "word " * 100_000 + "</p>"
    feed = sample(entry(content_html=long))
    for render in (rss.render, atom.render):
        assert read(render(feed)).entries[0].content[0].value == long
    assert json.loads(jsonfeed.render(feed))["items"][0]["content_html"] == long


@settings(max_examples=60, deadline=None)
@given(
    title=st.text(st.characters(codec=None), min_size=1, max_size=40),
    content=st.text(st.characters(codec=None), max_size=200),
)
def test_any_text_survives_all_three(title: str, content: str) -> None:
    """Whatever an author writes comes back as it was, less what XML forbids."""
    made = item(journal(), article(title=f"t{title}", summary="s"), f"<p>{content}</p>", None)
    feed = sample(made)
    by_atom = etree.fromstring(atom.render(feed)).find(f"{ATOM}entry")
    by_rss = etree.fromstring(rss.render(feed)).find("channel/item")
    by_json = json.loads(jsonfeed.render(feed))["items"][0]
    assert by_atom is not None
    assert by_rss is not None
    encoded = "{http://purl.org/rss/1.0/modules/content/}encoded"
    assert by_atom.findtext(f"{ATOM}content") == by_rss.findtext(encoded) == by_json["content_html"]
    assert by_atom.findtext(f"{ATOM}title") == by_rss.findtext("title") == by_json["title"]
    assert by_json["title"] == clean(f"t{title}")


def test_the_order_is_the_feeds_own() -> None:
    """Items come out as they went in: newest first."""
    items = [item(journal(), a, "<p>x</p>", None) for a in numbered(5)]
    for render in (rss.render, atom.render):
        assert [e.id for e in read(render(sample(*items))).entries] == [i.id for i in items]


def test_the_process_locale_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """feedgen would switch the locale for each date, which other threads would see."""
    import locale

    def refuse(*_: object) -> None:
        raise AssertionError("the locale was touched")

    monkeypatch.setattr(locale, "setlocale", refuse)
    assert rss.render(sample())
    assert atom.render(sample())
    assert "feedgen.feed" in sys.modules


@pytest.mark.parametrize("golden", ["feed.xml", "sources/feed.xml"])
def test_an_item_names_its_sources_in_one_element(golden: str) -> None:
    """The W3C's validator calls a second `dc:source` an error."""
    document = (Path(__file__).parents[1] / "golden" / golden).read_text("utf-8")
    items = document.split("<item>")[1:]
    assert items
    assert [item.count("<dc:source>") for item in items] == [1] * len(items)
    assert any(item.partition("<dc:source>")[2].split("</", 1)[0].count(" ") for item in items)
