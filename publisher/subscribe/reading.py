"""CSV as spreadsheets and other services write it, read row by row with reasons."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from publisher.domain.journal import Journal, Newsletter
from publisher.domain.subscription import NewSubscriber
from publisher.errors import UsageError
from publisher.subscribe import addresses, cells

MAX_BYTES = 32 * 1024 * 1024
MAX_ROWS = 200_000
MAX_LINE = 10_000
"""Characters in one line. Together they bound the memory of an import."""

DELIMITERS = ",;\t"
SEP = re.compile(r"sep=([,;\t|])\r?$", re.IGNORECASE | re.MULTILINE)
"""The line with which Excel names its separator."""

HEADERS: Mapping[str, str] = {
    "email": "address",
    "email address": "address",
    "address": "address",
    "mail": "address",
    "name": "name",
    "full name": "name",
    "topics": "topics",
    "topic": "topics",
    "categories": "topics",
    "cadence": "cadence",
    "frequency": "cadence",
    "language": "language",
    "lang": "language",
    "state": "state",
    "status": "state",
}
"""Spellings of column names, and the columns they mean. Others are left alone."""

CONFIRMED = frozenset({"", "confirmed", "subscribed", "active"})


@dataclass(frozen=True, slots=True)
class Row:
    """One good row; `number` counts as spreadsheets do, the header being 1."""

    number: int
    subscriber: NewSubscriber


@dataclass(frozen=True, slots=True)
class Parsed:
    """Good rows, (row number, reason) for each bad one, and columns that were not understood."""

    rows: tuple[Row, ...]
    bad: tuple[tuple[int, str], ...]
    ignored: tuple[str, ...] = ()


def parse_csv(raw: bytes, *, journal: Journal, newsletter: Newsletter) -> Parsed:
    """Read an import file: UTF-8 with or without BOM, separated by comma, semicolon or tab.

    The first row names the columns; only the address is required. Raises UsageError for what
    is wrong with the file as a whole: too large, not UTF-8, not CSV, no column of addresses.
    """
    text = _text(raw)
    records = _records(text, _delimiter(text))
    header = next(records, (1, list[str]()))[1]
    columns, ignored = _columns(header)
    rows: list[Row] = []
    bad: list[tuple[int, str]] = []
    first: dict[str, int] = {}
    for number, record in records:
        if number > MAX_ROWS + 1:
            raise UsageError(f"the file has more than {MAX_ROWS:,} rows; split it")
        if not any(cell.strip() for cell in record):
            continue
        try:
            found = _row(record, header, columns, journal, newsletter)
        except UsageError as error:
            bad.append((number, str(error)))
            continue
        earlier = first.setdefault(found.key, number)
        if earlier != number:
            bad.append((number, f"the same address as in row {earlier}"))
        else:
            rows.append(Row(number, found))
    return Parsed(tuple(rows), tuple(bad), ignored)


def _text(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise UsageError(f"the file is larger than {MAX_BYTES // 1024**2} MiB; split it")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError(
            f"line {line} is not UTF-8; save the file as 'CSV UTF-8' and try again"
        ) from None
    if "\0" in text:
        raise UsageError("the file holds NUL bytes, so it is no CSV; save it as 'CSV UTF-8'")
    for number, content in enumerate(io.StringIO(text), 1):
        if len(content) > MAX_LINE:
            raise UsageError(f"line {number} is longer than {MAX_LINE:,} characters")
    return text


def _delimiter(text: str) -> str:
    """What the first line says by `sep=`, or whatever cuts a column of addresses out of it."""
    line = text.partition("\n")[0].strip("\r")
    if (told := SEP.match(line)) is not None:
        return told[1]
    for delimiter in DELIMITERS:
        if any(_meaning(cell) == "address" for cell in _cut(line, delimiter)):
            return delimiter
    return max(DELIMITERS, key=line.count)


def _cut(line: str, delimiter: str) -> Sequence[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells) of each record. Raises UsageError for malformed quoting."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, record in enumerate(reader, 1):
            if number == 1 and SEP.match(text):
                continue
            yield number, record
    except csv.Error as error:
        raise UsageError(
            f"line {reader.line_num} is no CSV: {error}; a quotation mark is missing or misplaced"
        ) from None


def _meaning(header: str) -> str | None:
    words = " ".join(header.replace("_", " ").replace("-", " ").casefold().split())
    return HEADERS.get("email" if words == "e mail" else words.replace("e mail", "email"))


def _columns(header: Sequence[str]) -> tuple[Mapping[str, int], tuple[str, ...]]:
    columns: dict[str, int] = {}
    ignored: list[str] = []
    for position, cell in enumerate(header):
        meaning = _meaning(cell)
        if meaning is None:
            if cell.strip():
                ignored.append(_ignored(cell.strip()[:60]))
        elif meaning in columns:
            raise UsageError(
                f"the columns '{header[columns[meaning]]}' and '{cell}' mean the same; remove one"
            )
        else:
            columns[meaning] = position
    if "address" not in columns:
        named = ", ".join(cell.strip()[:30] for cell in header) if header else "nothing"
        if any("@" in cell for cell in header):
            named = "a person already"
        raise UsageError(
            "the first row must name the columns, one of them 'email' "
            f"(also: name, topics, cadence, language); it holds {named}"
        )
    return columns, tuple(ignored)


def _ignored(name: str) -> str:
    near = get_close_matches(name.casefold(), HEADERS, 1, 0.8)
    return f"{name} (did you mean '{near[0]}'?)" if near else name


def _row(
    record: Sequence[str],
    header: Sequence[str],
    columns: Mapping[str, int],
    journal: Journal,
    newsletter: Newsletter,
) -> NewSubscriber:
    if any(cell.strip() for cell in record[len(header) :]):
        raise UsageError(f"it has {len(record)} cells, the header {len(header)}")
    given = {
        meaning: cells.restore(record[position]) if position < len(record) else ""
        for meaning, position in columns.items()
    }
    state = given.pop("state", "").strip().casefold()
    if state not in CONFIRMED:
        raise UsageError(f"the file itself says '{state[:60]}', not confirmed")
    if not given["address"].strip():
        raise UsageError("there is no address")
    return addresses.subscriber(journal, newsletter, **given)
