"""An article as it was read, to bytes and back: what a cache keeps, and what workers hand over.

A record is JSON and compressed MessagePack, never code, so reading one does no more than fail.
The long texts stay compressed in memory until somebody asks for them: ten thousand articles
take tens of megabytes, not hundreds, and a list of titles unpacks none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from typing import Any, get_type_hints

import lz4.block
import msgspec

from publisher.domain.article import Article
from publisher.domain.bibliography import Entry
from publisher.domain.finding import Finding
from publisher.errors import OperatorError
from publisher.formats.stamps import Stamp

DEEP = ("body", "body_html", "sources", "citations", "questions")
"""The fields that only the article's own page and feed entry show: they stay compressed."""
_SIZE = 4
_UNPACKED = 64


@dataclass(frozen=True, slots=True)
class Record:
    """One file as it was read. `version` is the SHA-256 (hex) of its bytes, `pictures` the paths
    of the images that the article shows, `drawn` what it takes from the bibliography (see
    `frontmatter.Parsed`); there is no article when an error blocks it.
    """

    version: str
    article: Article | None
    findings: tuple[Finding, ...]
    pictures: tuple[str, ...] = ()
    drawn: tuple[tuple[str, str], ...] = ()


def encode(record: Record) -> bytes:
    """`record` as bytes: JSON for what is looked at soon, which keeps an instant's own offset,
    and packed behind it what is not.
    """
    article = record.article
    light, deep = None, b""
    if article is not None:
        light = [getattr(article, name) for name in _light()]
        deep = lz4.block.compress(_PACK.encode([getattr(article, name) for name in DEEP]))
    head = _JSON.encode((record.version, light, record.findings, record.pictures, record.drawn))
    return len(head).to_bytes(_SIZE, "big") + head + deep


def decode(arena: bytes, start: int = 0, stop: int | None = None) -> Record:
    """The record at `arena[start:stop]`; its long texts stay there. Raises ValueError.

    Whether those are whole is seen when one is asked for: an OperatorError where they are not.

    Many records share one arena, because a process that was forked then shares it too: the
    kernel copies a page only where a reference is counted on it.
    """
    stop = len(arena) if stop is None else stop
    begin = start + _SIZE
    middle = begin + int.from_bytes(arena[start:begin], "big")
    try:
        version, light, findings, pictures, drawn = _head().decode(arena[begin:middle])
    except msgspec.DecodeError as wrong:
        raise ValueError(f"no record of an article: {wrong}") from wrong
    article = None if light is None else _shelved(light, arena, middle, stop)
    return Record(version, article, findings, pictures, drawn)


class Slices(Mapping[str, bytes]):
    """Records by key, each cut out of its arena when it is asked for: none is held twice."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[bytes, int, int]] = {}

    def add(self, key: str, arena: bytes, start: int, stop: int) -> None:
        """`arena[start:stop]` under `key`."""
        self._places[key] = arena, start, stop

    def __getitem__(self, key: str) -> bytes:
        arena, start, stop = self._places[key]
        return arena[start:stop]

    def __contains__(self, key: object) -> bool:
        return key in self._places  # a Mapping would cut it out to see whether it is there

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def together(records: Sequence[tuple[str, Stamp | None, bytes]]) -> bytes:
    """Records in one piece: a line of their keys, stamps and lengths, then themselves."""
    head = _JSON.encode([(key, stamp, len(content)) for key, stamp, content in records])
    return b"".join((head, b"\n", *(content for _, _, content in records)))


def apart(arena: bytes) -> Iterator[tuple[str, Stamp | None, int, int]]:
    """The key and stamp of each record and where in `arena` it starts and stops."""
    start = arena.index(b"\n") + 1
    for key, stamp, length in _PARTS.decode(arena[:start]):
        yield key, stamp, start, start + length
        start += length


def encode_works(entries: tuple[Entry, ...], findings: tuple[Finding, ...]) -> bytes:
    """The works of one file, and what is wrong with it, as bytes."""
    return _JSON.encode((entries, findings))


def decode_works(content: bytes) -> tuple[tuple[Entry, ...], tuple[Finding, ...]]:
    """What `encode_works` was given. Raises ValueError."""
    try:
        return _works().decode(content)
    except msgspec.DecodeError as wrong:
        raise ValueError(f"no record of works: {wrong}") from wrong


class _Shelved(Article):
    """An article whose deep fields are unpacked when they are asked for: too late for reading the
    file in their place, so that damage is said instead. Raises OperatorError.

    To everybody else it is an Article: equal to one with the same fields, and a copy of it
    (`dataclasses.replace`, pickle) is a plain one.
    """

    __slots__ = ("_arena", "_start", "_stop")
    _arena: bytes
    _start: int
    _stop: int

    def __new__(cls, *values: Any, **named: Any) -> Any:
        """Only `_shelved` makes these; whoever calls the class gets an Article."""
        return Article(*values, **named)

    def __reduce__(self) -> tuple[Any, ...]:
        return Article, _values(self)

    def __eq__(self, other: object) -> bool:
        return _values(self) == _values(other) if isinstance(other, Article) else NotImplemented

    def __hash__(self) -> int:
        return hash(_values(self))


def _field(index: int) -> property:
    def get(self: _Shelved) -> Any:
        try:
            return _unpacked(self._arena, self._start, self._stop)[index]
        except (lz4.block.LZ4BlockError, msgspec.DecodeError, ValueError, MemoryError) as wrong:
            raise OperatorError(
                f"what was kept of {self.path} is damaged ({wrong}): delete var/cache in the "
                "journal's folder, which is made anew, and try again"
            ) from wrong

    return property(get)


for _index, _name in enumerate(DEEP):
    setattr(_Shelved, _name, _field(_index))


@lru_cache(maxsize=_UNPACKED)
def _unpacked(arena: bytes, start: int, stop: int) -> tuple[Any, ...]:
    found: tuple[Any, ...] = _deep().decode(lz4.block.decompress(arena[start:stop]))
    return found


def _values(article: Article) -> tuple[Any, ...]:
    return tuple(getattr(article, each.name) for each in fields(Article))


def _shelved(light: tuple[Any, ...], arena: bytes, start: int, stop: int) -> Article:
    made: Any = object.__new__(_Shelved)
    for put, value in zip(_slots(), (*light, arena, start, stop), strict=True):
        put(made, value)
    article: Article = made
    return article


@cache
def _slots() -> tuple[Any, ...]:
    """What puts each value into a frozen article."""
    owned = [vars(Article)[name] for name in _light()]
    owned += [vars(_Shelved)[name] for name in _Shelved.__slots__]
    return tuple(slot.__set__ for slot in owned)


@cache
def _light() -> tuple[str, ...]:
    return tuple(each.name for each in fields(Article) if each.name not in DEEP)


# --- how they are written -------------------------------------------------------------------
# What reads them is made at the first use: it looks at every type within an article.

_JSON = msgspec.json.Encoder()
_PACK = msgspec.msgpack.Encoder()
_PARTS = msgspec.json.Decoder(list[tuple[str, Stamp | None, int]])


def _types(names: Sequence[str]) -> Any:
    hints = get_type_hints(Article)
    return tuple[tuple(hints[name] for name in names)]  # type: ignore[misc]  # only known now


@cache
def _head() -> msgspec.json.Decoder[Any]:
    article: Any = _types(_light()) | None
    others: Any = tuple[Finding, ...], tuple[str, ...], tuple[tuple[str, str], ...]
    return msgspec.json.Decoder(tuple[(str, article, *others)])


@cache
def _deep() -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(_types(DEEP))


@cache
def _works() -> msgspec.json.Decoder[tuple[tuple[Entry, ...], tuple[Finding, ...]]]:
    return msgspec.json.Decoder(tuple[tuple[Entry, ...], tuple[Finding, ...]])
