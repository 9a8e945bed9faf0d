"""Documents of a format as its own writer writes them, without asking it for every entry.

A format's writer (`rss.render`, `atom.render`, `jsonfeed.render`) makes one feed whose values are
marks. What it wrote, with the marks cut out, is a mould: filled with the values of an entry,
spelt as the format spells them, it gives the bytes that the writer would have given. There is
one mould for each shape of entry (with a picture or without, so many authors) and for each kind
of head; `tests/formats/test_mould.py` holds both ways against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from publisher.errors import Defect
from publisher.formats.feed import Addresses, Enclosure, Feed, Item

Spell = Callable[[str], str]
"""A value as it stands in the document: `<` becomes `&lt;`."""

# A noncharacter, which `feed.clean` takes out of every text.
_MARK = "\ufdd0"
_SLOT = re.compile(f"{_MARK}(\\d+){_MARK}")
_PUBLISHED = datetime(1971, 2, 3, 4, 5, 6, tzinfo=UTC)
_UPDATED = datetime(1972, 3, 4, 5, 6, 7, tzinfo=UTC)
_CHANGED = datetime(1973, 4, 5, 6, 7, 8, tzinfo=UTC)
_LENGTH = 918_273_645
_SHAPES = 512


@dataclass(frozen=True, slots=True)
class Format:
    """What a mould must know of a format beside its writer.

    `published`, `updated` and `changed` are how it writes an item's dates and the feed's;
    `summary` what it does to a summary before it is spelt; `spell` chooses a spelling by what
    stands before a value; `entry` finds the one entry of a document, and `between` stands
    between two. `references` writes an item's sources, which stand before the `end` of its
    entry: there may be any number of each kind, so they are in no mould.
    """

    render: Callable[[Feed], bytes]
    published: Callable[[datetime], str]
    updated: Callable[[datetime], str]
    changed: Callable[[datetime], str]
    spell: Callable[[str], Spell]
    entry: re.Pattern[str]
    references: Callable[[Item], str]
    end: bytes
    between: bytes = b""
    summary: Spell = str


@dataclass(frozen=True, slots=True)
class _Mould:
    """Text, and between each two pieces of it the number of a value and how it is spelt."""

    pieces: tuple[str, ...]
    slots: tuple[tuple[int, Spell], ...]

    def fill(self, values: Sequence[str]) -> bytes:
        """The text with these values, as UTF-8."""
        parts = [self.pieces[0]]
        for piece, (number, spell) in zip(self.pieces[1:], self.slots, strict=True):
            parts += (spell(values[number]), piece)
        return "".join(parts).encode()


def entry(form: Format, item: Item) -> bytes:
    """One entry, as it stands in a document of this format."""
    texts = (item.id, item.url, item.title, item.summary, item.content_html, item.language or "")
    shape = (
        tuple(map(bool, texts)),
        bool(item.image),
        len(item.authors),
        len(item.categories),
    )
    values = [*texts, form.published(item.published_at), form.updated(item.updated_at)]
    values[3] = form.summary(item.summary)
    image = item.image
    values += (image.url, image.type, str(image.length)) if image else ("", "", "")
    values += item.authors
    values += item.categories
    made = _entry(form, shape).fill(values)
    if not item.references:
        return made
    return made[: -len(form.end)] + form.references(item).encode() + form.end


def document(form: Format, feed: Feed, entries: Sequence[bytes]) -> bytes:
    """A whole document: `feed`, which comes without items but `changed_at`, and its entries."""
    if not entries:
        return form.render(feed)
    own = (feed.rss_url, feed.atom_url, feed.json_url)
    values = [*own, form.changed(feed.updated_at)]
    marked = [_mark(number) for number in range(3)]
    related: list[Addresses | None] = []
    for each in (feed.current, feed.previous, feed.following):
        start = len(values)
        related.append(each and Addresses(*(_mark(start + n) for n in range(3))))
        values += (each.rss, each.atom, each.json) if each else ("", "", "")
    whole = replace(
        feed,
        rss_url=marked[0],
        atom_url=marked[1],
        json_url=marked[2],
        current=related[0],
        previous=related[1],
        following=related[2],
        changed_at=None,
    )
    head, foot = _frame(form, whole)
    return b"".join((head.fill(values), form.between.join(entries), foot.fill(values)))


Shape = tuple[tuple[bool, ...], bool, int, int]


@lru_cache(maxsize=_SHAPES)
def _entry(form: Format, shape: Shape) -> _Mould:
    """The mould of entries of this shape, in a feed that does not matter."""
    feed = Feed("i", "t", "d", "h", "r", "a", "j", "en", "n", (_pattern(shape),))
    text = _parts(form, form.render(feed).decode())[1]
    text = text.replace(form.published(_PUBLISHED), _mark(6))
    text = text.replace(form.updated(_UPDATED), _mark(7))
    return _cut(form, text.replace(str(_LENGTH), _mark(10)))


@lru_cache(maxsize=_SHAPES)
def _frame(form: Format, feed: Feed) -> tuple[_Mould, _Mould]:
    """What stands before and after the entries."""
    item = replace(_pattern(((True,) * 5 + (False,), False, 0, 0)), updated_at=_CHANGED)
    head, _, foot = _parts(form, form.render(replace(feed, items=(item,))).decode())
    # Where the format says when the whole feed was updated, it says so in the head.
    head = head.replace(form.changed(_CHANGED), _mark(3))
    return _cut(form, head), _cut(form, foot)


def _parts(form: Format, whole: str) -> tuple[str, str, str]:
    """What stands before the one entry, the entry, and what stands after it."""
    found = form.entry.search(whole)
    if found is None:
        raise Defect("a feed's writer wrote no entry")
    return whole[: found.start()], found[0], whole[found.end() :]


def _pattern(shape: Shape) -> Item:
    """An item whose values are their own numbers in `entry`'s list, marked."""
    texts = [_mark(number) if there else "" for number, there in enumerate(shape[0])]
    authors = [_mark(11 + number) for number in range(shape[2])]
    categories = [_mark(11 + shape[2] + number) for number in range(shape[3])]
    return Item(
        id=texts[0],
        url=texts[1],
        title=texts[2],
        summary=texts[3],
        content_html=texts[4],
        language=texts[5] or None,
        published_at=_PUBLISHED,
        updated_at=_UPDATED,
        image=Enclosure(_mark(8), _LENGTH, _mark(9)) if shape[1] else None,
        authors=tuple(authors),
        categories=tuple(categories),
    )


def _cut(form: Format, text: str) -> _Mould:
    parts = _SLOT.split(text)
    pieces, numbers = parts[::2], parts[1::2]
    slots = (
        (int(number), form.spell(before))
        for number, before in zip(numbers, pieces[:-1], strict=True)
    )
    return _Mould(tuple(pieces), tuple(slots))


def _mark(number: int) -> str:
    return f"{_MARK}{number}{_MARK}"


# --- how XML spells values --------------------------------------------------------------------


def text(value: str) -> str:
    """Text between tags, as libxml2 writes it."""
    return _long(value) if len(value) > _LONG else _escaped(value)


def _escaped(value: str) -> str:
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value.replace("\r", "&#13;")


_LONG = 1_000
_long = lru_cache(maxsize=2)(_escaped)
"""Two formats in turn ask for the same content."""


def attribute(value: str) -> str:
    """The value of an attribute in double quotes, as libxml2 writes it."""
    value = text(value).replace('"', "&quot;")
    return value.replace("\n", "&#10;").replace("\t", "&#9;")
