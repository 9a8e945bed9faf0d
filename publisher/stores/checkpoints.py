"""SQLite's log is carried over into the database beside whoever writes, not within his commits.

Left to itself SQLite does that in each commit that finds 1,000 pages in the log, and whoever
commits waits for it: 5 ms, or far longer on a busy disk, in which ten connections run dry
(https://www.sqlite.org/wal.html §4). This is for writers that do not wait for the disk at each
commit: where they do, flushing the database beside them makes them wait longer, and so does a
longer log.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

log = logging.getLogger("publisher.stores")

COMMITS = 200
"""About as many come to 1,000 pages."""
LONG = 2_000
"""Pages (8 MB) of a log that is begun anew: for that alone the writer is kept waiting, as long as
the disk takes to flush what came last. Until then who was deleted may still be read in it."""
FALLBACK = 4_000
"""Pages after which the writer does it himself, should nobody else."""
WAIT = 1.0
"""Seconds to bear a file that is locked while it is opened; nothing else waits for a lock."""
AGAIN = 0.1
"""Seconds between two looks whether it is over, while others write."""


class Checkpoints:
    """A thread with a connection of its own. `turn` is what writers of this process queue on."""

    def __init__(self, path: str, turn: threading.Lock) -> None:
        # A file that is gone is not made anew.
        self._file = f"{Path(path).absolute().as_uri()}?mode=rw"
        self._turn = turn
        self._commits = 0
        self._due = threading.Event()
        self._over = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def committed(self) -> None:
        """Said by the writer, in his turn."""
        self._commits += 1
        if self._commits >= COMMITS:
            self._commits = 0
            self._due.set()

    def close(self) -> None:
        """Wait for the one under way, and do no other."""
        self._over = True
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()  # before the look: what is said meanwhile is not forgotten
            if self._over:
                return
            try:
                with closing(sqlite3.connect(self._file, timeout=WAIT, uri=True)) as base:
                    self._carry_over(base)
            except sqlite3.Error as error:
                # Locked, or held back by a reader: it is carried over the next time.
                locked = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                if not self._failing and not locked:
                    log.warning("SQLite's log is not carried over (%s): see to the disk", error)
                self._failing = self._failing or not locked
            else:
                self._failing = False

    def _carry_over(self, base: sqlite3.Connection) -> None:
        base.execute("PRAGMA synchronous = NORMAL")
        if _pages(base) >= LONG:
            # With nothing new in it meanwhile, the next writer begins it at its beginning.
            while not self._turn.acquire(timeout=AGAIN):
                if self._over:
                    return
            try:
                _pages(base)
            finally:
                self._turn.release()


def _pages(base: sqlite3.Connection) -> int:
    """Carry over what is new in the log; how many pages it has."""
    pages: int = base.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
    return pages
