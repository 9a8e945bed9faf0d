"""The data of retractions on this machine: one SQLite file that is replaced whole."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from publisher.domain.retraction import Event, Nature, Snapshot, doi_key
from publisher.errors import StoreError, UsageError
from publisher.formats import retractionwatch
from publisher.formats.retractionwatch import NotTheData

LARGEST = 512 * 1024 * 1024
"""Bytes of a file of data; Retraction Watch's has about 60."""
TIMEOUT = 60.0
"""Seconds for connecting, and between two pieces of what is fetched."""
SHRINK = 0.9
"""A file with less than this share of the rows before is no newer one, but a part of one."""
_ROWS = 2_000
_KEYS = 500
_VERSION = "1"
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


class RetractionFile:
    """Implements `ports.Retractions` with the file `path`; there need be none.

    A file that is there and cannot be read is a StoreError: what cannot be checked is not clear.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def stamp(self) -> tuple[int, int, int] | None:
        """What changes when the data do; None while there are none. Cheap."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as wrong:
            raise self._unusable(wrong.strerror) from wrong
        return found.st_mtime_ns, found.st_size, found.st_ino

    def snapshot(self) -> Snapshot | None:
        """What data there are; None where there are none."""
        if self.stamp() is None:
            return None
        with self._reading() as base:
            told = dict(base.execute("SELECT name, value FROM snapshot"))
            if told.get("version") != _VERSION:
                raise self._unusable("it was written by another version")
            return Snapshot(
                as_of=date.fromisoformat(told["as_of"]),
                sha256=told["sha256"],
                rows=int(told["rows"]),
                works=int(told["works"]),
                origin=told["origin"],
                loaded_at=datetime.fromisoformat(told["loaded_at"]),
                newest=date.fromisoformat(told["newest"]) if told["newest"] else None,
            )

    def find(self, keys: Collection[str]) -> Mapping[str, tuple[Event, ...]]:
        """The notices about each of `keys` that has any."""
        if not keys or self.stamp() is None:
            return {}
        found: dict[str, tuple[Event, ...]] = {}
        with self._reading() as base:
            for some in _pieces(sorted(set(keys)), _KEYS):
                marks = ",".join("?" * len(some))
                rows = base.execute(
                    f"SELECT key, e.* FROM work JOIN event e ON e.id = event WHERE key IN ({marks})"  # noqa: S608 - marks alone
                    " ORDER BY key, event",
                    some,
                )
                for key, _, *row in rows:
                    found[key] = (*found.get(key, ()), _event(row))
        return found

    def refresh(self, origin: str, now: datetime, as_of: date | None = None) -> Snapshot:
        """Load the data from `origin` (a file, a folder, or an http address) in place of the old.

        `as_of` is the day that they are of; without it that of the file's last change, or of the
        download. Raises UsageError for what is not there, not the data, cut off, or older than
        what there is, and StoreError where the new file cannot be written; then the old one
        stays as it is.
        """
        with _opened(origin) as (stream, dated):
            day = as_of or min(dated or now.date(), now.date())
            before = self.snapshot()
            if before is not None and day < before.as_of:
                raise UsageError(
                    f"{origin} is of {day}, older than the data of {before.as_of} that are here: "
                    "the old ones stay; say --as-of if that day is wrong"
                )
            return self._replace(stream, origin, now, day, before)

    def _replace(
        self, stream: BinaryIO, origin: str, now: datetime, day: date, before: Snapshot | None
    ) -> Snapshot:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".retractions-")
            os.close(handle)
        except OSError as wrong:
            raise self._unusable(wrong.strerror) from wrong
        fresh = Path(name)
        try:
            made = _write(fresh, stream, origin, now, day)
            if before is not None and made.rows < SHRINK * before.rows:
                raise UsageError(
                    f"{origin} has {made.rows:,} rows and the data that are here {before.rows:,}: "
                    f"it looks cut off, so the old ones stay; if not, delete {self._path} first"
                )
            with fresh.open("rb") as written:
                os.fsync(written.fileno())
            fresh.chmod(0o644)
            fresh.replace(self._path)
        except (OSError, sqlite3.Error) as wrong:
            raise self._unusable(str(wrong)) from wrong
        finally:
            fresh.unlink(missing_ok=True)
        return made

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(
                sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
            ) as base:
                yield base
        except (sqlite3.Error, ValueError, KeyError) as wrong:
            raise self._unusable(str(wrong)) from wrong

    def _unusable(self, why: str | None) -> StoreError:
        return StoreError(
            f"{self._path}, the data of retractions, cannot be used: {why}; mend that, or delete "
            "it and run `publisher sources refresh`: until then nothing is checked, so nothing goes"
        )


def _write(fresh: Path, stream: BinaryIO, origin: str, now: datetime, day: date) -> Snapshot:
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
            raise NotTheData(f"{origin}: {wrong}; the old data stay as they are") from None
        if not rows:
            raise NotTheData(f"{origin} has no rows; the old data stay as they are")
        (works,) = base.execute("SELECT count(DISTINCT key) FROM work").fetchone()
        made = Snapshot(day, digest.hexdigest(), rows, works, origin, now, newest)
        base.executemany("INSERT INTO snapshot VALUES (?,?)", _told(made).items())
        base.execute("COMMIT")
    return made


def _told(made: Snapshot) -> dict[str, str]:
    return {
        "version": _VERSION,
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
        if size > LARGEST:
            raise NotTheData(f"the file has more than {LARGEST:,} bytes")
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


def _event(row: list[Any]) -> Event:
    record, nature, day, doi, pmid, notice, reasons, replaced, replacement = row
    return Event(
        record=record,
        nature=Nature(nature),
        on=date.fromisoformat(day) if day else None,
        doi=doi,
        pmid=pmid,
        notice=notice,
        reasons=tuple(json.loads(reasons)),
        replaced=bool(replaced),
        replacement=replacement,
    )


def _keys(numbered: Iterable[tuple[int, Event]]) -> Iterator[tuple[str, int]]:
    for number, event in numbered:
        if event.doi:
            yield doi_key(event.doi), number
        if event.pmid:
            yield f"pmid:{event.pmid}", number


def _pieces(values: list[str], size: int) -> Iterator[list[str]]:
    return (values[at : at + size] for at in range(0, len(values), size))


# --- where the data come from -----------------------------------------------------------------


@contextmanager
def _opened(origin: str) -> Iterator[tuple[BinaryIO, date | None]]:
    """The data as a stream, and the day that the file was changed last."""
    if origin.startswith(("http://", "https://")):
        with tempfile.TemporaryFile() as spool:
            _download(origin, spool)
            spool.seek(0)
            yield spool, None
        return
    path = _newest_in(Path(origin))
    try:
        with path.open("rb") as stream:
            changed = os.fstat(stream.fileno()).st_mtime
            yield stream, datetime.fromtimestamp(changed).astimezone().date()
    except OSError as wrong:
        raise UsageError(f"{path} cannot be read: {wrong.strerror}") from wrong


def _newest_in(path: Path) -> Path:
    """The file itself, or the `*.csv` of a folder that was changed last."""
    if not path.is_dir():
        return path
    found = [file for file in path.iterdir() if file.suffix.lower() == ".csv" and file.is_file()]
    if not found:
        raise UsageError(f"there is no .csv file in {path}")
    return max(found, key=lambda file: (file.stat().st_mtime_ns, file.name))


def _download(url: str, spool: BinaryIO) -> None:
    import httpx  # a tenth of a second that a file on disk does not need

    from publisher import __version__

    agent = {"User-Agent": f"journal-publisher/{__version__} (retraction data refresh)"}
    size = 0
    try:
        with (
            httpx.Client(timeout=TIMEOUT, follow_redirects=True, headers=agent) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise UsageError(f"{url} answers {answer.status_code} {answer.reason_phrase}")
            for piece in answer.iter_bytes():
                size += len(piece)
                if size > LARGEST:
                    raise NotTheData(f"{url} has more than {LARGEST:,} bytes")
                spool.write(piece)
    except (httpx.HTTPError, httpx.InvalidURL) as wrong:
        raise UsageError(
            f"{url} cannot be fetched ({type(wrong).__name__}: {wrong}); the old data stay"
        ) from wrong
