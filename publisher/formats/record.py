"""An article as it was read, to bytes and back: what a cache keeps, and what workers hand over.

A record is JSON and compressed text, never code, so reading one does no more than fail.
The long texts stay compressed in memory until somebody asks for them: ten thousand articles
take tens of megabytes, not hundreds, and a list of titles unpacks none of them.
"""

from __future__ import annotations

import json
import sys
import types
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache, lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from publisher.domain.article import Article
from publisher.domain.bibliography import Entry
from publisher.domain.finding import Finding
from publisher.errors import Defect
from publisher.formats.stamps import Stamp

DEEP = ("body", "body_html", "sources", "citations", "questions")
"""The fields that only the article's own page and feed entry show: they stay compressed."""
_TEXTS = DEEP[:2]
_LEVEL = 1  # a third of the text's size at a tenth of the default level's cost
_SIZE = 4
_SHORT = 40
_UNPACKED = 64

Turn = Callable[[Any], Any]
_FINDINGS = tuple[Finding, ...]
_READER = json.JSONDecoder()


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
    """`record` as bytes."""
    article = record.article
    light, deep = None, b""
    if article is not None:
        light = [pack(getattr(article, name)) for name, pack, _ in _fields(deep=False)]
        deep = zlib.compress(_deep(article), _LEVEL)
    pack, _ = _turns(_FINDINGS)
    whole = [record.version, light, pack(record.findings), list(record.pictures), record.drawn]
    head = _json(whole)
    return len(head).to_bytes(_SIZE, "big") + head + deep


def decode(arena: bytes, start: int = 0, stop: int | None = None) -> Record:
    """The record at `arena[start:stop]`; its long texts stay there. Raises ValueError.

    Many records share one arena, because a process that was forked then shares it too: the
    kernel copies a page only where a reference is counted on it.
    """
    stop = len(arena) if stop is None else stop
    begin = start + _SIZE
    middle = begin + int.from_bytes(arena[start:begin], "big")
    try:
        # Whether it is one value of JSON and nothing after it is plain to see: it has five parts.
        (version, light, findings, pictures, drawn), _ = _READER.raw_decode(
            str(arena[begin:middle], "utf-8")
        )
        if findings:
            _, unpack = _turns(_FINDINGS)
            findings = unpack(findings)
        if drawn:
            drawn = ((key, stamp) for key, stamp in drawn)
        article = None if light is None else _shelved(light, arena, middle, stop)
        return Record(version, article, tuple(findings), tuple(pictures), tuple(drawn))
    except (TypeError, AttributeError, LookupError) as wrong:
        raise ValueError(f"no record of an article: {wrong}") from wrong


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
    head = json.dumps([(key, stamp, len(content)) for key, stamp, content in records]).encode()
    return b"".join((head, b"\n", *(content for _, _, content in records)))


def apart(arena: bytes) -> Iterator[tuple[str, Stamp | None, int, int]]:
    """The key and stamp of each record and where in `arena` it starts and stops."""
    start = arena.index(b"\n") + 1
    for key, stamp, length in json.loads(arena[:start]):
        yield key, stamp and Stamp(*stamp), start, start + length
        start += length


def encode_works(entries: tuple[Entry, ...], findings: tuple[Finding, ...]) -> bytes:
    """The works of one file, and what is wrong with it, as bytes."""
    (pack, _), (pack_wrong, _) = _turns(tuple[Entry, ...]), _turns(tuple[Finding, ...])
    return _json([pack(entries), pack_wrong(findings)])


def decode_works(content: bytes) -> tuple[tuple[Entry, ...], tuple[Finding, ...]]:
    """What `encode_works` was given. Raises ValueError."""
    (_, unpack), (_, unpack_wrong) = _turns(tuple[Entry, ...]), _turns(tuple[Finding, ...])
    try:
        entries, findings = json.loads(content)
        return unpack(entries), unpack_wrong(findings)
    except (TypeError, AttributeError, LookupError) as wrong:
        raise ValueError(f"no record of works: {wrong}") from wrong


class _Shelved(Article):
    """An article whose deep fields are unpacked when they are asked for.

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
        return _unpacked(self._arena, self._start, self._stop)[index]

    return property(get)


for _index, _name in enumerate(DEEP):
    setattr(_Shelved, _name, _field(_index))


@lru_cache(maxsize=_UNPACKED)
def _unpacked(arena: bytes, start: int, stop: int) -> tuple[Any, ...]:
    raw = zlib.decompress(arena[start:stop])
    texts: list[str] = []
    at = 0
    for _ in _TEXTS:
        end = at + _SIZE + int.from_bytes(raw[at : at + _SIZE], "big")
        texts.append(raw[at + _SIZE : end].decode("utf-8", "surrogatepass"))
        at = end
    rest = zip(_fields(deep=True)[len(_TEXTS) :], json.loads(raw[at:]), strict=True)
    return (*texts, *(unpack(value) for (_, _, unpack), value in rest))


def _deep(article: Article) -> bytes:
    """The deep fields: the long texts as they are, each after its length, then JSON."""
    parts: list[bytes] = []
    for name in _TEXTS:
        text = getattr(article, name).encode("utf-8", "surrogatepass")
        parts += (len(text).to_bytes(_SIZE, "big"), text)
    rest = _fields(deep=True)[len(_TEXTS) :]
    parts.append(_json([pack(getattr(article, name)) for name, pack, _ in rest]))
    return b"".join(parts)


def _values(article: Article) -> tuple[Any, ...]:
    return tuple(getattr(article, each.name) for each in fields(Article))


def _shelved(light: list[Any], arena: bytes, start: int, stop: int) -> Article:
    made: Any = object.__new__(_Shelved)
    puts, turns = _slots()
    for index, unpack in turns:
        if (value := light[index]) is not None:
            light[index] = unpack(value)
    for put, value in zip(puts, light, strict=True):
        put(made, value)
    for put, value in zip(_places(), (arena, start, stop), strict=True):
        put(made, value)
    article: Article = made
    return article


@cache
def _slots() -> tuple[tuple[Callable[[Any, Any], None], ...], tuple[tuple[int, Turn], ...]]:
    """What puts each light field into a frozen article, and how those that JSON does not know
    come back, by their index. None stays None.
    """
    light = _fields(deep=False)
    puts = tuple(getattr(Article, name).__set__ for name, _, _ in light)
    turns = ((index, turn) for index, (_, _, turn) in enumerate(light) if turn is not _same)
    return puts, tuple(turns)


@cache
def _places() -> tuple[Callable[[Any, Any], None], ...]:
    return tuple(vars(_Shelved)[name].__set__ for name in _Shelved.__slots__)


_WRITER = json.JSONEncoder(separators=(",", ":"))


def _json(value: object) -> bytes:
    return _WRITER.encode(value).encode()


# --- values that JSON does not know ---------------------------------------------------------


@cache
def _fields(*, deep: bool) -> tuple[tuple[str, Turn, Turn], ...]:
    hints = get_type_hints(Article)
    names = DEEP if deep else [each.name for each in fields(Article) if each.name not in DEEP]
    plain = ((name, *_turns(hints[name])) for name in names)
    # Most texts of an article are its own: only those within a tuple are worth holding once.
    return tuple((name, pack, _same if turn is _text else turn) for name, pack, turn in plain)


@cache
def _turns(hint: Any) -> tuple[Turn, Turn]:
    """How a value of this type becomes JSON, and how it comes back."""
    if hint in (int, bool):
        return _same, _same
    if hint is str:
        return _same, _text
    if hint in (date, datetime):
        return hint.isoformat, hint.fromisoformat
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _value, hint
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass(hint)
    inner = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType) and inner[1:] == (types.NoneType,):
        return _optional(inner[0])
    if get_origin(hint) is tuple and inner[1:] == (...,):
        pack, unpack = _turns(inner[0])
        return lambda many: [pack(one) for one in many], lambda many: tuple(map(unpack, many))
    raise Defect(f"an article has a value of {hint}, which no record can hold yet")


def _optional(hint: Any) -> tuple[Turn, Turn]:
    pack, unpack = _turns(hint)
    return (
        lambda value: None if value is None else pack(value),
        lambda value: None if value is None else unpack(value),
    )


def _dataclass(hint: Any) -> tuple[Turn, Turn]:
    hints = get_type_hints(hint)
    turns = [(each.name, *_turns(hints[each.name])) for each in fields(hint)]
    unpacks = [unpack for _, _, unpack in turns]
    return (
        lambda value: [pack(getattr(value, name)) for name, pack, _ in turns],
        lambda values: hint(*(turn(one) for turn, one in zip(unpacks, values, strict=True))),
    )


def _same(value: Any) -> Any:
    return value


def _value(member: Enum) -> Any:
    return member.value


def _text(value: str) -> str:
    """Short texts repeat themselves (kinds, journals, authors): each is held once."""
    return sys.intern(value) if len(value) <= _SHORT else value
