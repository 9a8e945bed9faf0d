"""A copy of a store in SQLite, taken while programs write to it."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from publisher.errors import Defect, StoreError
from publisher.ports import Store
from publisher.stores.sql import SqlStore


def backup(store: Store, path: Path) -> int:
    """Write the store as it is at one instant to a new file `path`; the file's bytes.

    Whoever writes meanwhile goes on. Only the owner may read the file, nothing that was deleted
    is in it, and it is read back before it gets its name: a backup that broke off never has it.
    Never overwrites. Raises StoreError. (https://www.sqlite.org/lang_vacuum.html, VACUUM INTO)
    """
    if not (isinstance(store, SqlStore) and store.database.is_sqlite):
        raise Defect("only a store in SQLite is backed up by a copy of its file")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            made = Path(folder) / path.name
            os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            _write(store, made)
            _read_back(made)
            # The name is taken first, so that nobody's file is overwritten between two looks.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            made.replace(path)
        _sync(path.parent)
        return path.stat().st_size
    except FileExistsError as error:
        raise StoreError(f"{path} is there already: name a new file, nothing is lost") from error
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise StoreError(
            f"the backup {path} cannot be written ({why}): "
            "see that its folder exists, may be written to and has room for the whole store"
        ) from error


def _write(store: SqlStore, made: Path) -> None:
    held = store.database.engine.raw_connection()
    try:
        # Outside any transaction; it reads one snapshot, as every reader does.
        held.cursor().execute("VACUUM INTO ?", (str(made),))
    finally:
        held.close()
    _sync(made)


def _read_back(made: Path) -> None:
    with closing(sqlite3.connect(f"{made.as_uri()}?mode=ro", uri=True)) as copy:
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise StoreError(
            f"the backup is damaged ({found}): look at `publisher store status` and at the disk"
        )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
