"""Data of retractions into a new file: row by row, in memory that does not grow."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from publisher.domain.retraction import Event, Snapshot, doi_key
from publisher.formats import retractionwatch
from publisher.formats.retractionwatch import NotTheData
from publisher.retractions import fetching
from publisher.retractions.memory import VERSION

_ROWS = 2_000
_SCHEMA = """
CREATE TABLE snapshot (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE event (
    id INTEGER PRIMARY KEY, record INTEGER NOT NULL, nature TEXT NOT NULL, day TEXT,
    doi TEXT, pmid TEXT, notice TEXT, reasons TEXT NOT NULL, replaced INTEGER NOT NULL,
    replacement TEXT
);
CREATE TABLE work (
    key TEXT NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (key, event)
) WITHOUT ROWID;
"""


def write(fresh: Path, stream: BinaryIO, origin: str, now: datetime, day: date) -> Snapshot:
    """Put all that `stream` holds into the new file `fresh`. Raises NotTheData."""
    digest = hashlib.sha256()
    newest: date | None = None
    rows = 0
    with closing(sqlite3.connect(fresh, isolation_level=None)) as base:
        base.execute("PRAGMA journal_mode = OFF")  # it is nobody's yet; a crash leaves a stray
        base.execute("PRAGMA synchronous = OFF")
        base.executescript(_SCHEMA)
        base.execute("BEGIN")
        try:
            events = retractionwatch.parse(retractionwatch.decoded(_whole(stream, digest)))
            while some := list(islice(events, _ROWS)):
                numbered = list(enumerate(some, rows + 1))
                base.executemany(
                    "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?)",
                    [(number, *_row(each)) for number, each in numbered],
                )
                base.executemany("INSERT OR IGNORE INTO work VALUES (?,?)", _keys(numbered))
                rows += len(some)
                days = [each.on for each in some if each.on and each.on <= now.date()]
                newest = max([*days, *([newest] if newest else [])], default=None)
        except NotTheData as wrong:
            raise NotTheData(f"{origin}: {wrong}; nothing was changed") from None
        if not rows:
            raise NotTheData(f"{origin} has no rows; nothing was changed")
        (works,) = base.execute("SELECT count(DISTINCT key) FROM work").fetchone()
        made = Snapshot(day, digest.hexdigest(), rows, works, origin, now, newest)
        base.executemany("INSERT INTO snapshot VALUES (?,?)", _told(made).items())
        base.execute("COMMIT")
    return made


def _told(made: Snapshot) -> dict[str, str]:
    return {
        "version": VERSION,
        "as_of": made.as_of.isoformat(),
        "sha256": made.sha256,
        "rows": str(made.rows),
        "works": str(made.works),
        "origin": made.origin,
        "loaded_at": made.loaded_at.isoformat(),
        "newest": made.newest.isoformat() if made.newest else "",
    }


def _whole(stream: BinaryIO, digest: Any) -> Iterator[bytes]:
    """The lines, hashed as they pass. Raises NotTheData where the last one is cut off."""
    size, last = 0, b"\n"
    for line in stream:
        size += len(line)
        if size > fetching.LARGEST:
            raise NotTheData(f"the file has more than {fetching.LARGEST:,} bytes")
        digest.update(line)
        last = line
        yield line
    if not last.endswith(b"\n"):
        raise NotTheData("the file does not end with a line break, so it may be cut off")


def _row(event: Event) -> tuple[object, ...]:
    return (
        event.record,
        str(event.nature),
        event.on.isoformat() if event.on else None,
        event.doi,
        event.pmid,
        event.notice,
        json.dumps(event.reasons, ensure_ascii=False),
        event.replaced,
        event.replacement,
    )


def _keys(numbered: Iterable[tuple[int, Event]]) -> Iterator[tuple[str, int]]:
    for number, event in numbered:
        if event.doi:
            yield doi_key(event.doi), number
        if event.pmid:
            yield f"pmid:{event.pmid}", number
