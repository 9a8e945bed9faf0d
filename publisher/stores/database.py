"""One database: its engine, its pragmas, and the two ways to talk to it, read and write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    PoolProxiedConnection,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry

from publisher.errors import Defect, StoreError
from publisher.stores.failures import translated

SYNCHRONOUS = ("FULL", "NORMAL", "EXTRA")
POOL = 8
OVERFLOW = 24


@dataclass(slots=True)
class Bare:
    """A transaction on the driver's own `cursor`; `given_up`: it is to be rolled back."""

    cursor: Any
    given_up: bool = False


class Database:
    """Connections to one store. Safe to share between threads.

    SQLite has one writer at a time. Inside a process writers queue on a lock, which wakes
    them at once; between processes SQLite's busy handler polls, up to `busy_timeout`.
    """

    def __init__(self, engine: Engine, where: str) -> None:
        self.engine = engine
        self.where = where
        self._bare: PoolProxiedConnection | None = None
        self._writer = engine.execution_options(publisher_begin="BEGIN IMMEDIATE")
        self._turn: AbstractContextManager[object] = (
            Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot. Raises StoreError."""
        with translated(self.where), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, keep: bool = True) -> Iterator[Connection]:
        """One transaction, committed at the end (`keep`) or rolled back, and on any exception.

        Raises StoreError; sqlalchemy's IntegrityError passes where a unique key is the answer.
        """
        with translated(self.where), self._turn, self._writer.connect() as connection:
            transaction = connection.begin()
            try:
                yield connection
                if keep:
                    transaction.commit()
            finally:
                if transaction.is_active:
                    transaction.rollback()

    @contextmanager
    def change(self, *, keep: bool = True) -> Iterator[Connection]:
        """`write` where no unique key can be broken unless we are wrong. Raises Defect then."""
        try:
            with self.write(keep=keep) as connection:
                yield connection
        except IntegrityError as error:
            raise Defect(f"the store {self.where} refused a row: {error.orig}") from error

    @contextmanager
    def bare(self) -> Iterator[Bare]:
        """One transaction on a driver's cursor, without SQLAlchemy around it. For SQLite.

        Committed at the end unless `given_up`, and never on an exception. Raises StoreError.
        """
        with translated(self.where), self._turn:
            if self._bare is None:
                self._bare = self.engine.raw_connection()
            cursor: Any = self._bare.cursor()
            transaction = Bare(cursor)
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield transaction
                if not transaction.given_up:
                    cursor.execute("COMMIT")
            finally:
                # What failed may have ended the transaction, or not.
                if cursor.connection.in_transaction:
                    cursor.execute("ROLLBACK")
                cursor.close()

    def close(self) -> None:
        """Let go of every connection."""
        if self._bare is not None:
            self._bare.close()
            self._bare = None
        self.engine.dispose()


def open_database(url: str, synchronous: str, busy_timeout: timedelta) -> Database:
    """Open, or create, the database that `url` names. Raises StoreError."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            "the store's URL cannot be read: write sqlite:///path/to/publisher.db"
        ) from error
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(
            f"a store of the kind '{parsed.get_backend_name()}' is not known: "
            "write sqlite:///path/to/publisher.db"
        )
    if synchronous not in SYNCHRONOUS:
        raise StoreError(
            f"'{synchronous}' is no way to synchronise: write one of {', '.join(SYNCHRONOUS)}"
        )
    path = _path(parsed)
    _create(path)
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
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A reader that turns writer half-way may find itself outrun (SQLITE_BUSY_SNAPSHOT),
        # so writers say so at once.
        connection.exec_driver_sql(
            connection.get_execution_options().get("publisher_begin", "BEGIN")
        )

    database = Database(engine, str(path))
    try:
        with database.read() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema")
    except StoreError:
        database.close()
        raise
    return database


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
