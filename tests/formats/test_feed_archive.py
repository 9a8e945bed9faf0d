"""Documents of a bounded size, and an archive that stands still (RFC 5005)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from publisher.domain.leaf import Leaf
from publisher.formats import channel, feeds
from publisher.formats.feed import Feed, Item
from publisher.formats.feeds import LIMIT, PAGE, ROOM, Entry
from tests.factories import journal

SCHEMAS = Path(__file__).parents[1] / "schemas"
ATOM = "{http://www.w3.org/2005/Atom}"
HISTORY = "{http://purl.org/syndication/history/1.0}"
URL = "https://journal.example.org"
START = datetime(2020, 1, 1, tzinfo=UTC)


def feed(**overrides: Any) -> Feed:
    of = journal(hub="https://hub.example.org/", id="tag:journal.example.org,2026:journal")
    return replace(channel.of_journal(of).feed(of), **overrides)


def entry(number: int, weight: int = 500, changed: int = 0, text: str = "x") -> Entry:
    """The `number`-th item; `changed` is the day on which it was corrected, if it was."""
    published = START + timedelta(days=number)
    updated = max(published, START + timedelta(days=changed, seconds=number))
    item = Item(
        id=f"tag:journal.example.org,2026:a/{number}",
        url=f"{URL}/articles/{number}/",
        title=f"Title {number}",
        summary="s",
        content_html=f"<p>{text}</p>",
        published_at=published,
        updated_at=updated,
    )
    return Entry(item.id, published, updated, weight, f"{item!r}", lambda: feeds.write(item))


def made(entries: list[Entry], most: int = 50) -> dict[str, Leaf]:
    return feeds.leaves(feed(), entries, most, URL)


def document(leaves: Mapping[str, Leaf], path: str) -> Any:
    return json.loads(leaves[path].make())


def ids(leaves: Mapping[str, Leaf], path: str) -> list[str]:
    return [item["id"] for item in document(leaves, path)["items"]]


def atom(leaves: Mapping[str, Leaf], url: str) -> Any:
    return etree.fromstring(leaves[url.removeprefix(f"{URL}/")].make())


def link(root: Any, rel: str) -> str | None:
    found = [e.get("href") for e in root.iter(f"{ATOM}link") if e.get("rel") == rel]
    return found[0] if found else None


def walk(leaves: Mapping[str, Leaf]) -> list[list[str]]:
    """What a reader finds that follows `prev-archive` from the current document, page by page."""
    pages, url = [], f"{URL}/atom.xml"
    while url:
        root = atom(leaves, url)
        assert bool(root.findall(f"{HISTORY}archive")) is (url != f"{URL}/atom.xml")
        pages.append([e.findtext(f"{ATOM}id") for e in root.findall(f"{ATOM}entry")])
        url = link(root, "prev-archive") or ""
    return pages


def test_a_small_feed_has_no_archive() -> None:
    """Everything fits: three documents, and no link to others."""
    leaves = made([entry(n) for n in range(30)])
    assert sorted(leaves) == ["atom.xml", "feed.json", "feed.xml"]
    assert link(atom(leaves, f"{URL}/atom.xml"), "prev-archive") is None
    assert "next_url" not in document(leaves, "feed.json")


def test_the_newest_come_first_and_the_rest_is_archived() -> None:
    """As many as allowed, newest first; page 1 of the archive holds the oldest."""
    leaves = made([entry(n) for n in range(60)], most=10)
    assert ids(leaves, "feed.json") == [entry(n).id for n in range(59, 49, -1)]
    assert ids(leaves, "archive/1/feed.json") == [entry(n).id for n in range(24, -1, -1)]
    assert ids(leaves, "archive/2/feed.json") == [entry(n).id for n in range(49, 24, -1)]


def test_links_of_the_archive() -> None:
    """`current`, `prev-archive`, `next-archive` and `self`, each in the document's own format."""
    leaves = made([entry(n) for n in range(60)], most=10)
    for file in ("atom.xml", "feed.xml"):
        root = atom(leaves, f"{URL}/archive/2/{file}")
        assert link(root, "self") == f"{URL}/archive/2/{file}"
        assert link(root, "current") == f"{URL}/{file}"
        assert link(root, "prev-archive") == f"{URL}/archive/1/{file}"
        assert link(root, "next-archive") == f"{URL}/archive/3/{file}"
        assert link(root, "hub") == "https://hub.example.org/"
        assert len(list(root.iter(f"{HISTORY}archive"))) == 1
        assert link(atom(leaves, f"{URL}/{file}"), "prev-archive") == f"{URL}/archive/2/{file}"
    current = document(leaves, "feed.json")
    assert current["next_url"] == f"{URL}/archive/2/feed.json"
    assert current["hubs"] == [{"type": "WebSub", "url": "https://hub.example.org/"}]


def test_one_feed_has_one_id() -> None:
    """All its documents are one logical feed, whatever address the journal has."""
    leaves = made([entry(n) for n in range(60)], most=10)
    for path in ("atom.xml", "archive/1/atom.xml", "archive/3/atom.xml"):
        found = atom(leaves, f"{URL}/{path}").findtext(f"{ATOM}id")
        assert found == "tag:journal.example.org,2026:journal"


def test_a_page_that_is_filling_is_no_archived_one() -> None:
    """It stands where the page before it points, but readers must not keep it for good."""
    leaves = made([entry(n) for n in range(60)], most=10)
    root = atom(leaves, f"{URL}/archive/3/atom.xml")
    assert not root.findall(f"{HISTORY}archive")
    assert len(root.findall(f"{ATOM}entry")) == 10
    assert "archive/3-10/atom.xml" not in leaves


def test_what_the_current_document_lacks_of_the_filling_page_is_archived_apart() -> None:
    """Under an address that tells how full the page is, so that a fuller one is another."""
    first = made([entry(n) for n in range(40)], most=10)
    assert link(atom(first, f"{URL}/atom.xml"), "prev-archive") == f"{URL}/archive/2-15/atom.xml"
    later = made([entry(n) for n in range(41)], most=10)
    assert link(atom(later, f"{URL}/atom.xml"), "prev-archive") == f"{URL}/archive/2-16/atom.xml"
    assert {each for page in walk(later) for each in page} == {entry(n).id for n in range(41)}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 130),
    st.integers(1, 60),
    st.dictionaries(st.integers(0, 129), st.integers(1, 400), max_size=4),
)
def test_nothing_is_missing_and_nothing_moves(
    count: int, most: int, changed: dict[int, int]
) -> None:
    """Every item is reached, and a full page is the same bytes when newer articles arrive."""
    now = [entry(n, changed=changed.get(n, 0)) for n in range(count)]
    leaves = made(now, most)
    pages = walk(leaves)
    assert {each for page in pages for each in page} == {each.id for each in now}
    assert len(pages[0]) == min(most, count)
    later = made([*now, *(entry(count + n) for n in range(3))], most)
    for number in range(1, count // PAGE + 1):
        for file in ("atom.xml", "feed.xml", "feed.json"):
            path = f"archive/{number}/{file}"
            if path in leaves:
                assert leaves[path].key == later[path].key
                assert leaves[path].make() == later[path].make()


def test_a_change_moves_its_own_page_and_the_current_document() -> None:
    """A correction of an old article is seen by who polls, and by no other archived page."""
    before = made([entry(n) for n in range(80)], most=10)
    after = made([entry(n, changed=500 * (n == 30)) for n in range(80)], most=10)
    touched = {path for path in before if before[path].make() != after[path].make()}
    assert {path for path in touched if path.startswith("archive")} == {
        "archive/2/atom.xml",
        "archive/2/feed.json",
        "archive/2/feed.xml",
    }
    assert entry(30).id in ids(after, "feed.json")
    assert entry(30).id not in ids(before, "feed.json")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, ROOM + 10), min_size=1, max_size=60), st.integers(1, 60))
def test_documents_stay_within_their_room(weights: list[int], most: int) -> None:
    """Whatever articles weigh, a document takes what fits, or one that nothing could make fit."""
    entries = [entry(n, weight) for n, weight in enumerate(weights)]
    heavy = {each.id: each.weight for each in entries}
    leaves = made(entries, most)
    for path in leaves:
        if path.endswith(".json"):
            held = ids(leaves, path)
            assert len(held) <= 1 or sum(heavy[each] for each in held) <= ROOM
    assert {each for page in walk(leaves) for each in page} == set(heavy)


def test_a_split_page_leaves_the_next_one_alone() -> None:
    """Its newest part keeps the address that the page after it names."""
    light = made([entry(n) for n in range(80)], most=10)
    heavy = made([entry(n, weight=LIMIT // 8 if n < 25 else 500) for n in range(80)], most=10)
    assert "archive/1.2/atom.xml" in heavy
    for file in ("atom.xml", "feed.xml", "feed.json"):
        assert light[f"archive/2/{file}"].make() == heavy[f"archive/2/{file}"].make()


def valid_atom(content: bytes) -> None:
    schema = etree.RelaxNG(etree.parse(str(SCHEMAS / "atom.rng")))
    schema.assertValid(etree.fromstring(content))


def valid_json(content: bytes) -> None:
    schema = json.loads((SCHEMAS / "jsonfeed.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(content))


@pytest.mark.parametrize(("file", "valid"), [("atom.xml", valid_atom), ("feed.json", valid_json)])
def test_every_document_follows_its_schema(file: str, valid: Callable[[bytes], None]) -> None:
    """Current, archived, filling and partial ones alike."""
    leaves = made([entry(n, text="a &amp; b ]]> 🧬") for n in range(40)], most=10)
    documents = [path for path in leaves if path.endswith(file)]
    assert len(documents) == 4
    for path in documents:
        valid(leaves[path].make())
    valid(made([])[file].make())


def test_the_schemas_refuse_what_is_wrong() -> None:
    """A test that cannot fail proves nothing."""
    leaves = made([entry(1)])
    with pytest.raises(etree.DocumentInvalid):
        valid_atom(leaves["atom.xml"].make().replace(b"<updated>", b"<updated>x"))
    with pytest.raises(jsonschema.ValidationError):
        valid_json(leaves["feed.json"].make().replace(b'"id"', b'"guid"'))
