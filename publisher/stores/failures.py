"""What a database says when it fails, in plain words with a remedy: the one place for it."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from publisher.errors import StoreAway, StoreError

# The primary result code is the low byte of the extended one: https://www.sqlite.org/rescode.html
_WORDS = {
    sqlite3.SQLITE_BUSY: (
        "is locked by another program for too long",
        "see whether another publisher, a backup or an SQLite shell holds it, and try again",
    ),
    sqlite3.SQLITE_LOCKED: (
        "is locked by another task",
        "try again; if it stays so, restart publisher",
    ),
    sqlite3.SQLITE_READONLY: (
        "is read-only",
        "let its user write to the file and its folder, on a disk that is mounted for writing",
    ),
    sqlite3.SQLITE_FULL: (
        "has no room left",
        "free some space on its disk and run the command again; nothing was half written",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "see that the path is right and that the user who runs publisher may read and write it",
    ),
    sqlite3.SQLITE_PERM: (
        "may not be opened",
        "let the user who runs publisher read and write it",
    ),
    sqlite3.SQLITE_NOTADB: (
        "is not a publisher database",
        "see that the store's URL names the right file, or put a backup in its place",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "stop publisher, keep a copy of the file, and put the last backup in its place",
    ),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written by the disk",
        "see the system's log for disk faults, then start publisher again",
    ),
}
_READ_ONLY_DISK = (
    "is on a disk that is read-only",
    "see in the system's log why, and mount it for writing again; nothing was half written",
)
_DISK = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)
_UNREACHABLE = (
    "cannot be reached",
    "see that PostgreSQL runs, and that the address, the port and the network are right",
)
_NOT_SET_UP = (
    "has not been set up, or by another version",
    "start publisher again, so that it brings the store up to date",
)
# By SQLSTATE, the longest match first:
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_FULL = (
    "has no free connection",
    "raise PostgreSQL's max_connections, or run fewer processes",
)
_STATES = {
    "25006": (
        "is read-only",
        "name the primary server of PostgreSQL, not one that only follows it",
    ),
    "28": (
        "does not let us in",
        "see that the user, the password and pg_hba.conf fit each other",
    ),
    "3D000": (
        "is not there",
        "make it with PostgreSQL's `createdb`, or mend its name in the store's URL",
    ),
    "40": ("had two changes at once that exclude each other", "try again"),
    "42501": (
        "does not let this user change it",
        "make the user the owner of the database",
    ),
    "42P01": _NOT_SET_UP,
    "53100": (
        "has no room left",
        "free some space on its disk and run the command again; nothing was half written",
    ),
    "53300": _FULL,
    "55P03": (
        "is locked by another program for too long",
        "see in pg_stat_activity who holds it, and try again",
    ),
    "57014": ("took too long to answer", "see PostgreSQL's log, and try again"),
    "08": _UNREACHABLE,
    "57P": _UNREACHABLE,
}
# libpq tells of a session that never began in words alone.
_BEFORE = (("does not exist", "3D000"), ("authentication failed", "28"), ("pg_hba.conf", "28"))


def explain(error: BaseException, where: str) -> StoreError:
    """A StoreError for what the database driver raised; `where` names the store."""
    what, mend = (
        _disk(error, where)
        or _words(error)
        or (
            f"answered '{error}'",
            "see docs/operations.md, and report it if that does not help",
        )
    )
    kind = StoreAway if (what, mend) in (_UNREACHABLE, _FULL) else StoreError
    return kind(f"the store {where} {what}: {mend}")


def _disk(error: BaseException, where: str) -> tuple[str, str] | None:
    """SQLite has three words for a disk that became read-only; the disk itself says which."""
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int) or code & 0xFF not in _DISK:
        return None
    try:
        with TemporaryFile(dir=Path(where).parent):
            return None
    except OSError as wrong:
        return _READ_ONLY_DISK if wrong.errno == errno.EROFS else None


def _words(error: BaseException) -> tuple[str, str] | None:
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        # "No such table" has no code of its own.
        return _WORDS.get(code & 0xFF) or (_NOT_SET_UP if "no such table" in str(error) else None)
    if isinstance(error, sqlite3.Error) or not hasattr(error, "sqlstate"):
        return None
    state = error.sqlstate
    if state is None:  # what is said before a session began has none
        return next((_STATES[each] for said, each in _BEFORE if said in str(error)), _UNREACHABLE)
    return next((_STATES[state[:n]] for n in (5, 3, 2) if state[:n] in _STATES), None)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Let no driver's exception out. A broken unique key is an answer, and passes."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise explain(error.orig or error, where) from error
    except sqlite3.Error as error:
        raise explain(error, where) from error
    except PoolTimeout as error:
        raise StoreError(
            f"the store {where} has no free connection: run fewer connections at a time"
        ) from error
