"""A feed as documents of a bounded size: the current one, and an archive that stands still.

RFC 5005 §4: the document that people subscribe to leads to archived ones, and those to older
ones. A reader that has fetched an archived page need never fetch it again, so a page must stay
as it is. The archive is therefore counted from the oldest item, PAGE to a page, whatever the
settings say, and a page that is full changes only with one of its own items.

The page that is still filling stands at its address already (`archive/3/`), because the page
before it names it as the next; but it does not call itself archived, and the current document
does not lead there. Where the current document lacks some of it, it leads to a copy whose
address tells how full it is (`archive/3-17/`), so that a fuller one is another document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from publisher.domain.leaf import Leaf, fingerprint
from publisher.formats import atom, jsonfeed, mould, rss
from publisher.formats.feed import Addresses, Feed, Item

PAGE = 25
"""Items on a page of the archive. Changing it changes every archived page of every journal."""
LIMIT = 512 * 1024
"""The most bytes of a document."""
ROOM = LIMIT - 8 * 1024
"""What is left for items beside the head."""

FORMS = (rss.FORMAT, atom.FORMAT, jsonfeed.FORMAT)


Written = tuple[bytes, ...]
"""One entry in each of FORMS."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An item that is not written yet. `key` is the hash of all that `make` depends on.

    `weight` is about the bytes that it takes in the largest of the formats.
    """

    id: str
    published_at: datetime
    updated_at: datetime
    weight: int
    key: str
    make: Callable[[], Written]


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of the archive: `name` is its folder, `following` the next one's, and `entries`
    come oldest first. While it is `filling` it is no archived one yet.
    """

    name: str
    following: str | None
    entries: Sequence[Entry]
    filling: bool = False


def leaves(feed: Feed, entries: Iterable[Entry], most: int, root: str) -> dict[str, Leaf]:
    """Every document of `feed`, which comes without items, by its path below `root`.

    `root` is the journal's URL. The current document has the `most` items that were published
    or changed last, or as many as it has room for: a correction or a withdrawal of an old
    article is in it too.
    """
    oldest = sorted(entries, key=lambda entry: (entry.published_at, entry.id))
    current = _newest(oldest, most)
    shown = {entry.id for entry in current}
    found: dict[str, Leaf] = {}
    previous: Addresses | None = None
    for page in _archive(oldest, shown):
        own = _below(feed, page.name)
        archived = replace(
            feed,
            rss_url=own.rss,
            atom_url=own.atom,
            json_url=own.json,
            current=Addresses(feed.rss_url, feed.atom_url, feed.json_url),
            previous=previous,
            following=_below(feed, page.following) if page.following else None,
            archived=not page.filling,
        )
        found |= _documents(archived, page.entries, root)
        previous = previous if page.filling else own
    return found | _documents(replace(feed, previous=previous), current, root)


def _newest(oldest: Sequence[Entry], most: int) -> list[Entry]:
    """Those that changed last, within `most` and ROOM, oldest first; one at least."""
    chosen: list[Entry] = []
    weight = 0
    for entry in sorted(oldest, key=lambda e: (e.updated_at, e.id), reverse=True)[:most]:
        weight += entry.weight
        if chosen and weight > ROOM:
            break
        chosen.append(entry)
    ids = {entry.id for entry in chosen}
    return [entry for entry in oldest if entry.id in ids]


def _archive(oldest: Sequence[Entry], shown: set[str]) -> Iterator[_Page]:
    """The pages of the archive, oldest first; none while the current document has everything."""
    if len(shown) == len(oldest):
        return
    full, rest = divmod(len(oldest), PAGE)
    for number in range(1, full + 1):
        held = oldest[(number - 1) * PAGE : number * PAGE]
        yield from _split(f"{number}", f"{number + 1}", held)
    held = oldest[full * PAGE :]
    yield _Page(f"{full + 1}", None, _fitting(held), filling=True)
    if any(entry.id not in shown for entry in held):
        yield from _split(f"{full + 1}-{rest}", f"{full + 1}", held)


def _split(name: str, following: str, entries: Sequence[Entry]) -> Iterator[_Page]:
    """A page, or where it is too heavy its parts, oldest first.

    The newest part keeps the page's name, so that the page after it stays as it is.
    """
    parts: list[list[Entry]] = [[]]
    weight = 0
    for entry in reversed(entries):
        if parts[-1] and weight + entry.weight > ROOM:
            parts.append([])
            weight = 0
        parts[-1].insert(0, entry)
        weight += entry.weight
    names = [name, *(f"{name}.{number}" for number in range(2, len(parts) + 1))]
    for number in range(len(parts) - 1, -1, -1):
        yield _Page(names[number], names[number - 1] if number else following, parts[number])


def _fitting(entries: Sequence[Entry]) -> Sequence[Entry]:
    """As many of the newest as there is room for."""
    weight, start = 0, len(entries)
    while start and weight + entries[start - 1].weight <= ROOM:
        start -= 1
        weight += entries[start].weight
    return entries[start:]


def write(item: Item) -> Written:
    """`item` in each of FORMS; it stands so in every document that has it."""
    return tuple(mould.entry(form, item) for form in FORMS)


def _documents(feed: Feed, entries: Sequence[Entry], root: str) -> dict[str, Leaf]:
    """The three formats of one document."""
    newest = list(reversed(entries))
    changed = max((entry.updated_at for entry in entries), default=None)
    feed = replace(feed, changed_at=changed)
    key = fingerprint(feed, [entry.key for entry in newest])
    near = newest[0].published_at.isoformat() if newest else ""
    own = (feed.rss_url, feed.atom_url, feed.json_url)
    return {
        url.removeprefix(f"{root}/"): Leaf(
            fingerprint(number, key), partial(_make, number, feed, newest), near
        )
        for number, url in enumerate(own)
    }


def _make(number: int, feed: Feed, entries: Sequence[Entry]) -> bytes:
    return mould.document(FORMS[number], feed, [entry.make()[number] for entry in entries])


def _below(feed: Feed, name: str) -> Addresses:
    """Where the page `name` of the feed's archive is."""
    whole = (feed.rss_url, feed.atom_url, feed.json_url)
    parts = (url.rpartition("/") for url in whole)
    return Addresses(*(f"{base}/archive/{name}/{file}" for base, _, file in parts))
