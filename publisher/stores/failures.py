"""What a database says when it fails, in plain words with a remedy: the one place for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from publisher.errors import StoreError

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


def explain(error: BaseException, where: str) -> StoreError:
    """A StoreError for what the database driver raised; `where` names the store."""
    code = getattr(error, "sqlite_errorcode", None)
    words = _WORDS.get(code & 0xFF) if isinstance(code, int) else None
    if words is None and "no such table" in str(error):
        words = (
            "has not been set up, or by another version",
            "start publisher again, so that it brings the store up to date",
        )
    what, mend = words or (
        f"answered '{error}'",
        "see docs/operations.md, and report it if that does not help",
    )
    return StoreError(f"the store {where} {what}: {mend}")


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
