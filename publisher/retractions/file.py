"""The data of retractions on this machine: one SQLite file that is replaced whole."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from publisher.alone import alone
from publisher.domain import refreshing
from publisher.domain.refreshing import Attempt
from publisher.domain.retraction import Event, Nature, Snapshot
from publisher.errors import StoreError, UsageError
from publisher.retractions.memory import NOTHING, VERSION, Known, RefreshMemory

SHRINK = 0.9
"""A file with less than this share of the rows before is no newer one, but a part of one."""
_KEYS = 500


class RetractionFile:
    """Implements `ports.Retractions` with the file `path`; there need be none.

    A file that is there and cannot be read is a StoreError: what cannot be checked is not clear.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._memory = RefreshMemory(path.with_suffix(".json"))

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
            if told.get("version") != VERSION:
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
        download. A server is asked only for what changed since: what it says is as it was is of
        this day from now on. Raises UsageError for what is not there, not the data, cut off, or
        older than what there is, and StoreError where the new file cannot be written; then the
        old one stays as it is.
        """
        from publisher.retractions import fetching  # what reads the data loads none

        before, told = self._present(), self._memory.read()
        same = before is not None and (told.origin, told.sha256) == (origin, before.sha256)
        with fetching.opened(origin, told.validators if same else NOTHING) as found:
            day = as_of or min(found.changed or now.date(), now.date())
            if before is not None and day < before.as_of:
                raise UsageError(
                    f"{origin} is of {day}, older than the data of {before.as_of} that are here: "
                    "the old ones stay; say --as-of if that day is wrong"
                )
            if found.stream is not None:
                made = self._replace(found.stream, origin, now, day, before)
                said = found.validators
            else:  # a server says so only of what it was told that we have
                assert before is not None  # noqa: S101 - as said above
                made, said = self._confirm(before, day), told.validators
        self._memory.keep(Known(origin, made.sha256, said, Attempt(now), made.as_of))
        return made

    def had(self) -> date | None:
        """The day of the last data that were loaded here, also where they are gone since."""
        return self._memory.read().as_of

    def attempt(self) -> Attempt | None:
        """When the data were asked for last, and whether that fails."""
        return self._memory.read().attempt

    def failed(self, why: str, now: datetime) -> Attempt:
        """Keep in mind that they could not be had at `now`."""
        made = refreshing.failed(self.attempt(), why, now)
        self._memory.tried(made)
        return made

    def turn(self) -> AbstractContextManager[bool]:
        """Whether this process alone asks for the data, as long as the block lasts."""
        return alone(self._path, lambda wrong: self._unusable(wrong.strerror))

    def _present(self) -> Snapshot | None:
        """What is here now; data that cannot be read are replaced like none."""
        try:
            return self.snapshot()
        except StoreError:
            return None

    def _confirm(self, before: Snapshot, day: date) -> Snapshot:
        """The same data, known to be those of `day`: in a copy that takes their place at once."""
        made = replace(before, as_of=day)
        if day == before.as_of:
            return made
        with self._fresh() as fresh:
            shutil.copyfile(self._path, fresh)
            with closing(sqlite3.connect(fresh)) as base, base:
                base.execute(
                    "UPDATE snapshot SET value = ? WHERE name = 'as_of'", (day.isoformat(),)
                )
            self._swap_in(fresh)
        return made

    def _replace(
        self, stream: BinaryIO, origin: str, now: datetime, day: date, before: Snapshot | None
    ) -> Snapshot:
        from publisher.retractions import writing

        with self._fresh() as fresh:
            made = writing.write(fresh, stream, origin, now, day)
            if before is not None and made.rows < SHRINK * before.rows:
                raise UsageError(
                    f"{origin} has {made.rows:,} rows and the data that are here {before.rows:,}: "
                    f"it looks cut off, so the old ones stay; if not, delete {self._path} first"
                )
            self._swap_in(fresh)
        return made

    @contextmanager
    def _fresh(self) -> Iterator[Path]:
        """A new file beside the data, gone at the end unless it has taken their place."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".retractions-")
            os.close(handle)
        except OSError as wrong:
            raise self._unusable(wrong.strerror) from wrong
        fresh = Path(name)
        try:
            yield fresh
        except (OSError, sqlite3.Error) as wrong:
            raise self._unusable(str(wrong)) from wrong
        finally:
            fresh.unlink(missing_ok=True)

    def _swap_in(self, fresh: Path) -> None:
        with fresh.open("rb") as written:
            os.fsync(written.fileno())
        fresh.chmod(0o644)
        fresh.replace(self._path)

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
            f"{self._path}, the data of retractions, cannot be used: {why}; mend that, or run "
            "`publisher sources refresh`, which puts others in its place: until then nothing is "
            "checked, so nothing goes"
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


def _pieces(values: list[str], size: int) -> Iterator[list[str]]:
    return (values[at : at + size] for at in range(0, len(values), size))
