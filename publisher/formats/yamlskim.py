"""Front matter as nearly everybody writes it, read line by line.

Keys with a text on the same line, lists in brackets, and one level below: lists of texts or
mappings, and mappings. Whatever else YAML knows, or might read otherwise, gives None and is for
YAML's own parser, which is several times as slow. `tests/formats/test_yamltree.py` holds both
against each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Several
from typing import Any, NamedTuple

from publisher.formats.yamlnodes import Mapping, Node, Scalar, Sequence

_LONGEST = 20_000
_LINE = re.compile(
    r"( *)(- )?(?:([a-z_]+):(?![^ \n]) *)?"
    r"""(?:"([^"\\\n]*)"|'([^'\n]*)'|\[([^\n]*)\]|([A-Za-z0-9(][^\n]*?))? *\n"""
)
_WORD = re.compile(r"[A-Za-z0-9(][\w ().+/-]*")


_NOTHING = (None, None, None)
# What a NamedTuple's own call comes to, without the call: most of the time here is in making them.
_new: Any = tuple.__new__


class _Line(NamedTuple):
    """A line: the column of what is in it, whether `- ` stands before that, key and value."""

    column: int
    item: bool
    key: Scalar | None
    value: Scalar | Sequence | None
    number: int


def skim(text: str, first_line: int = 1) -> Mapping | None:
    """The tree of `text`, whose first line counts as `first_line`; None where it is not so."""
    if len(text) > _LONGEST or not text.replace("\n", "").isprintable():
        return None
    lines: list[_Line] = []
    end = 0
    text = f"{text}\n"
    for number, found in enumerate(_LINE.finditer(text), first_line):
        if found.start() != end:
            return None
        end = found.end()
        parts = found.groups()
        if not any(parts[1:]) and parts[3:6] == _NOTHING:
            continue  # an empty line
        line = _line(parts, number)
        if line is None:
            return None
        lines.append(line)
    return _tree(lines) if lines and end == len(text) else None


def _line(parts: Several[str | None], number: int) -> _Line | None:
    indent, dash, name, double, single, flow, plain = parts
    value: Scalar | Sequence | None = None
    if plain is not None:
        if ": " in plain or " #" in plain or plain[-1] == ":":
            return None
        value = _new(Scalar, (plain, "", number))
    elif double is not None:
        value = _new(Scalar, (double, '"', number))
    elif single is not None:
        value = _new(Scalar, (single, "'", number))
    elif flow is not None and (value := _flow(flow, number)) is None:
        return None
    column = len(indent or "") + (2 if dash else 0)
    key = _new(Scalar, (name, "", number)) if name else None
    made: _Line = _new(_Line, (column, dash is not None, key, value, number))
    return made


def _flow(inner: str, number: int) -> Sequence | None:
    words = [word.strip() for word in inner.split(",")] if inner.strip() else []
    if not all(map(_WORD.fullmatch, words)):
        return None
    return Sequence(tuple(Scalar(word, "", number) for word in words), number)


def _tree(lines: Several[_Line]) -> Mapping | None:
    pairs: list[tuple[Scalar, Node]] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.column or line.key is None:  # a `-` has a column of its own
            return None
        at += 1
        value: Node | None = line.value
        if value is None:
            below = at
            while at < len(lines) and lines[at].column:
                at += 1
            value = _below(lines[below:at])
        if value is None:
            return None
        pairs.append((line.key, value))
    return Mapping(tuple(pairs), lines[0].number)


def _below(lines: Several[_Line]) -> Node | None:
    """What stands indented below a key: all in one column."""
    if not lines or any(line.column != lines[0].column or line.value is None for line in lines):
        return None
    if not lines[0].item:
        return _mapping(lines)
    starts = [at for at, line in enumerate(lines) if line.item]
    stops = [*starts[1:], len(lines)]
    items: list[Node] = []
    for start, stop in zip(starts, stops, strict=True):
        first = lines[start]
        if first.key is None:
            item: Node | None = first.value if stop == start + 1 else None
        else:
            item = _mapping(lines[start:stop])
        if item is None:
            return None
        items.append(item)
    return Sequence(tuple(items), lines[0].number)


def _mapping(lines: Several[_Line]) -> Mapping | None:
    pairs: list[tuple[Scalar, Node]] = []
    for number, line in enumerate(lines):
        if line.key is None or line.value is None or (number and line.item):
            return None
        pairs.append((line.key, line.value))
    return Mapping(tuple(pairs), lines[0].number)
