"""SQLite as the store: its file, its pragmas, and when a transaction begins."""

from __future__ import annotations

import os
import sqlite3
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from publisher.errors import StoreError
from publisher.stores.database import OVERFLOW, POOL, Database

SYNCHRONOUS = ("FULL", "NORMAL", "EXTRA")


def connect(
    parsed: URL, synchronous: str, busy_timeout: timedelta, *, only_read: bool = False
) -> Database:
    """Open, or create, the file that `parsed` names; see `opening`. Raises StoreError."""
    if synchronous not in SYNCHRONOUS:
        raise StoreError(
            f"'{synchronous}' is no way to synchronise: write one of {', '.join(SYNCHRONOUS)}"
        )
    path = _path(parsed)
    if not only_read:
        _create(path)
    elif not path.is_file():
        raise StoreError(f"there is no store {path} yet: `publisher status` makes it")
    engine = create_engine(
        parsed,
        pool_size=POOL,
        max_overflow=OVERFLOW,
        connect_args={"timeout": busy_timeout.total_seconds(), "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        # The driver's own idea of when a transaction begins stays out of it: we say BEGIN.
        connection.isolation_level = None
        if only_read:
            connection.execute("PRAGMA query_only = ON")
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        # Who was forgotten is not to be read in the file's free pages either.
        connection.execute("PRAGMA secure_delete = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A reader that turns writer half-way may find itself outrun (SQLITE_BUSY_SNAPSHOT),
        # so writers say so at once.
        connection.exec_driver_sql(
            connection.get_execution_options().get("publisher_begin", "BEGIN")
        )

    database = Database(engine, str(path), only_read)
    database.synchronous = synchronous
    try:
        with database.read() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema")
    except StoreError:
        database.close()
        raise
    return database


def check(connection: Connection, where: str) -> None:
    """Read the whole file. Raises StoreError where it is damaged."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise StoreError(
            f"the store {where} is damaged ({found.splitlines()[-1]}): "
            "stop publisher, keep a copy of the file, and put the last backup in its place"
        )


def _path(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise StoreError(
            "a store in memory would forget who was mailed: write sqlite:///path/to/publisher.db"
        )
    return Path(url.database)


def _create(path: Path) -> None:
    """Make an empty file that only its owner may read: it will hold people's addresses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreError(
            f"the store {path} cannot be created ({error.strerror}): "
            "see that its folder exists and that the user who runs publisher may write to it"
        ) from error
