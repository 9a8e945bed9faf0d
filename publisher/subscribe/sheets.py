"""CSV as spreadsheets and other services write it, as numbered records; memory stays flat."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from publisher.errors import UsageError

MAX_BYTES = 2 * 1024**3
MAX_ROWS = 10_000_000
MAX_LINE = 10_000
"""Characters in one line; a cell of several lines has at most 131,072, the limit of `csv`."""
MAX_CELLS = 500

DELIMITERS = ",;\t"
SEP = re.compile(r"sep=([,;\t|])\s*", re.IGNORECASE)
"""The line with which Excel names its separator."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """`header`: the cells of its first row. `records` can be walked once: (row number, cells)."""

    header: Sequence[str]
    records: Iterator[tuple[int, Sequence[str]]]


def open_sheet(file: BinaryIO, is_address: Callable[[str], bool]) -> Sheet:
    """Begin to read an import file: UTF-8 with or without BOM, separated by comma, semicolon or
    tab; `is_address` tells a heading of addresses, by which the separator is found.

    Raises UsageError, here or while records are walked, for what is wrong with the file as a
    whole: too large, not UTF-8, not CSV.
    """
    if file.seek(0, os.SEEK_END) > MAX_BYTES:
        raise UsageError(f"the file is larger than {MAX_BYTES // 1024**3} GiB; split it")
    file.seek(0)
    lines = _lines(file)
    first = next(lines, "")
    told = SEP.fullmatch(first)
    delimiter = told[1] if told else _delimiter(first.strip("\r\n"), is_address)
    records = _records(lines if told else chain((first,), lines), delimiter, 2 if told else 1)
    return Sheet(next(records, (1, ()))[1], records)


def _lines(file: BinaryIO) -> Iterator[str]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    number = 0
    try:
        while line := text.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise UsageError(
                    f"line {number} is longer than {MAX_LINE:,} characters; is a quotation mark "
                    "missing, or is it no CSV?"
                )
            if "\0" in line:
                raise UsageError(
                    "the file holds NUL bytes, so it is no CSV; save it as 'CSV UTF-8'"
                )
            yield line
    except UnicodeDecodeError:
        raise UsageError(
            f"line {_not_utf8(file)} is not UTF-8; save the file as 'CSV UTF-8' and try again"
        ) from None
    finally:
        with contextlib.suppress(ValueError):  # whoever opened it has closed it already
            text.detach()


def _not_utf8(file: BinaryIO) -> int:
    """The first line that is not; a character never goes over the end of a line."""
    file.seek(0)
    for number, line in enumerate(file, 1):
        try:
            line.decode()
        except UnicodeDecodeError:
            return number
    return 1


def _delimiter(line: str, is_address: Callable[[str], bool]) -> str:
    """Whatever cuts a column of addresses out of the first line."""
    for delimiter in DELIMITERS:
        if any(is_address(cell) for cell in next(csv.reader([line], delimiter=delimiter), [])):
            return delimiter
    return max(DELIMITERS, key=line.count)


def _records(
    lines: Iterator[str], delimiter: str, first: int
) -> Iterator[tuple[int, Sequence[str]]]:
    """Numbered as spreadsheets do. Raises UsageError for malformed quoting."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    last = first + MAX_ROWS
    try:
        for number, record in enumerate(reader, first):
            if number > last:
                raise UsageError(f"the file has more than {MAX_ROWS:,} rows; split it")
            if len(record) > MAX_CELLS:
                raise UsageError(f"row {number} has more than {MAX_CELLS} cells; is it a list?")
            yield number, record
    except csv.Error as error:
        raise UsageError(
            f"line {reader.line_num + first - 1} is no CSV: {error}; a quotation mark is missing "
            "or misplaced"
        ) from None
