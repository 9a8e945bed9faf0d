"""TOML with line numbers: the standard library's parser has none to offer."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*\[")
_BLANK = re.compile(r"\s*(#.*)?$")
_PLACE = re.compile(r" \(at line (\d+), column \d+\)$")


@dataclass(frozen=True, slots=True)
class Document:
    """What a TOML text says, and the line (from 1) at which each key and table begins."""

    values: Mapping[str, Any]
    lines: Mapping[Path, int]

    def line(self, path: Sequence[str | int]) -> int | None:
        """The line of the key at `path`, or of the nearest table around it; None: nowhere."""
        for length in range(len(path), 0, -1):
            if found := self.lines.get(tuple(path[:length])):
                return found
        return None


class BadToml(ValueError):
    """The text is not TOML. `line` counts from 1; None: at its end."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


def parse(text: str) -> Document:
    """Read a TOML text (version 1.0). Raises BadToml."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _PLACE.search(message)
        raise BadToml(_PLACE.sub("", message), int(place[1]) if place else None) from None
    return Document(values, _lines(text.split("\n")))


def _lines(rows: Sequence[str]) -> dict[Path, int]:
    """Where each statement begins. The whole text is valid, so each statement comes to an end."""
    found: dict[Path, int] = {}
    arrays: dict[Path, int] = {}
    table: Path = ()
    at = 0
    while at < len(rows):
        if _BLANK.match(rows[at]):
            at += 1
            continue
        begin, statement = at, rows[at]
        while (value := _try(statement)) is None:
            at += 1
            statement += "\n" + rows[at]
        at += 1
        if _HEADER.match(statement):
            table = _place(value, arrays)
            paths = [table[:length] for length in range(1, len(table) + 1)]
        else:
            paths = [table + inner for inner in _keys(value)]
        for path in paths:
            found.setdefault(path, begin + 1)
    return found


def _try(statement: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return None


def _place(header: Mapping[str, Any], arrays: dict[Path, int]) -> Path:
    """The path that a `[table]` or `[[table]]` header means, given the arrays opened so far."""
    path: Path = ()
    value: Any = header
    while value:
        key, value = next(iter(value.items()))
        path += (key,)
        if isinstance(value, list):
            arrays[path] = arrays.get(path, -1) + 1
            return (*path, arrays[path])
        if path in arrays:
            path += (arrays[path],)
    return path


def _keys(value: Any, path: Path = ()) -> list[Path]:
    """Every path in a statement's value, outermost first."""
    if isinstance(value, dict):
        inner = [p for key, each in value.items() for p in _keys(each, (*path, key))]
    elif isinstance(value, list):
        inner = [p for index, each in enumerate(value) for p in _keys(each, (*path, index))]
    else:
        inner = []
    return ([path] if path else []) + inner
