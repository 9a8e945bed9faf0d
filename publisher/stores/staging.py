"""Rows of an import between being read and being taken in: a private file that nobody else sees.

SQLite deletes it as soon as it is opened, so that nothing stays of it, however the program ends.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime

from publisher.domain.subscription import Consent, NewSubscriber
from publisher.errors import StoreError
from publisher.ports import Staged

_TABLE = """
CREATE TABLE staged (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, address TEXT NOT NULL,
    name TEXT NOT NULL, topics TEXT, cadence TEXT, language TEXT, time_zone TEXT, consent TEXT
)
"""
_CACHE = -16_384
"""KiB that SQLite may hold of it: what does not fit is on disk."""


class Staging:
    """`ports.Staging` in a temporary SQLite file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, rows: Sequence[Staged]) -> Sequence[tuple[int, int]]:
        """Keep them; (row, earlier row) for each whose address was there, which is left out."""
        with _translated():
            before = self._connection.total_changes
            self._connection.executemany(
                "INSERT OR IGNORE INTO staged VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (_values(number, row) for number, row in rows),
            )
            if self._connection.total_changes - before == len(rows):
                return ()
            return [
                (number, earlier)
                for number, row in rows
                if (earlier := self._number(row.key)) != number
            ]

    def batches(self, size: int) -> Iterator[Sequence[Staged]]:
        """All of them, in the order of their numbers, at most `size` at once."""
        last = -1
        with _translated():
            while True:
                found = self._connection.execute(
                    "SELECT * FROM staged WHERE number > ? ORDER BY number LIMIT ?", (last, size)
                ).fetchall()
                if not found:
                    return
                last = found[-1][0]
                yield [(each[0], _row(each)) for each in found]

    def _number(self, key: str) -> int:
        found = self._connection.execute("SELECT number FROM staged WHERE key = ?", (key,))
        return int(found.fetchone()[0])


@contextmanager
def open_staging() -> Iterator[Staging]:
    """An empty one; gone afterwards. Raises StoreError, also where the disk is full."""
    with _translated():
        # An empty name is a temporary file that is deleted at once (sqlite.org/inmemorydb.html).
        connection = sqlite3.connect("", isolation_level=None)
        try:
            connection.execute(f"PRAGMA cache_size = {_CACHE}")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute(_TABLE)
            connection.execute("BEGIN")
            yield Staging(connection)
        finally:
            connection.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(
            f"rows cannot be kept for the moment ({error}): see that the temporary folder has "
            "room, or name another one in SQLITE_TMPDIR"
        ) from error


def _values(number: int, row: NewSubscriber) -> tuple[object, ...]:
    agreed = row.consent
    return (
        number,
        row.key,
        row.address,
        row.name,
        None if row.topics is None else "|".join(row.topics),
        row.cadence,
        row.language,
        row.time_zone,
        agreed and json.dumps(asdict(agreed) | {"at": agreed.at.isoformat()}, ensure_ascii=False),
    )


def _row(values: tuple[object, ...]) -> NewSubscriber:
    _, key, address, name, topics, cadence, language, time_zone, agreed = values
    consent = None
    if isinstance(agreed, str):
        told = json.loads(agreed)
        consent = Consent(**(told | {"at": datetime.fromisoformat(told["at"])}))
    return NewSubscriber(
        address=str(address),
        key=str(key),
        name=str(name),
        topics=None if topics is None else tuple(str(topics).split("|")),
        cadence=None if cadence is None else str(cadence),
        language=None if language is None else str(language),
        time_zone=None if time_zone is None else str(time_zone),
        consent=consent,
    )
