"""One database: its engine, and the two ways to talk to it, read and write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import Enum
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, text
from sqlalchemy.exc import IntegrityError

from publisher.domain.ledger import Head
from publisher.errors import Defect, StoreError
from publisher.stores.checkpoints import FALLBACK, Checkpoints
from publisher.stores.failures import explain, translated

POOL = 8
OVERFLOW = 24
HEAD = "publisher_head"
"""The key in a connection's `info` of what its transaction added to the ledger last."""
SNAPSHOT = "publisher_snapshot"
"""The execution option of transactions that see the state of their beginning alone."""


HASTY = "NORMAL"
"""The `synchronous` with which SQLite does not wait for the disk at each commit."""


class Company(Enum):
    """Beside whom a transaction may write, where a database lets several write at once.

    SQLite has one writer, and PostgreSQL is held to the same order by a lock that belongs to
    the transaction: whoever decides over people or issues is ALONE, so that nothing started
    meanwhile has seen the state before; messages on their way are claimed, journalled and
    settled TOGETHER. What a unique key alone decides, and takes long, is written ASIDE.
    """

    ALONE = "SELECT pg_advisory_xact_lock(7470081)"
    TOGETHER = "SELECT pg_advisory_xact_lock_shared(7470081)"
    ASIDE = ""


@dataclass(slots=True)
class Bare:
    """A transaction on the driver's own `cursor`; `given_up`: it is to be rolled back."""

    cursor: Any
    given_up: bool = False


class Database:
    """Connections to one store. Safe to share between threads.

    SQLite has one writer at a time. Inside a process writers queue on a lock, which wakes
    them at once; between processes SQLite's busy handler polls, up to `busy_timeout`.
    PostgreSQL's writers queue by `Company`.
    """

    def __init__(self, engine: Engine, where: str, only_read: bool = False) -> None:
        self._only_read = only_read
        self.engine = engine
        self.where = where
        self._bare: PoolProxiedConnection | None = None
        self._spare: list[PoolProxiedConnection] = []
        self.synchronous = HASTY  # what SQLite's connections are set to
        self._mode = HASTY  # what the one that is kept is set to now
        self.on_head: Callable[[Head], None] = lambda _: None  # hears of it once it is committed
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._lock = Lock()
        self._turn: AbstractContextManager[object] = self._lock if self.is_sqlite else nullcontext()
        self._checkpoints: Checkpoints | None = None
        self._reader: Engine = engine
        self._writer: Engine = engine  # in PostgreSQL READ COMMITTED: each statement looks anew
        self._aside: Engine = engine
        if self.is_sqlite:
            self._writer = self._aside = engine.execution_options(publisher_begin="BEGIN IMMEDIATE")
        else:
            self._reader = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._aside = engine.execution_options(
                isolation_level="REPEATABLE READ", **{SNAPSHOT: True}
            )

    def options(self, **options: object) -> None:
        """Execution options of every connection from now on."""
        for engine in {self.engine, self._reader, self._writer, self._aside}:
            engine.update_execution_options(**options)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot. Raises StoreError."""
        with translated(self.where), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, keep: bool = True, company: Company = Company.ALONE) -> Iterator[Connection]:
        """One transaction, committed at the end (`keep`) or rolled back, and on any exception.

        Raises StoreError; sqlalchemy's IntegrityError passes where a unique key is the answer.
        """
        self._refuse()
        writer = self._aside if company is Company.ASIDE else self._writer
        with translated(self.where), self._turn, writer.connect() as connection:
            transaction = connection.begin()
            if company.value and not self.is_sqlite:
                connection.execute(text(company.value))
            head: Head | None = None
            try:
                yield connection
                if keep:
                    transaction.commit()
                    head = connection.info.get(HEAD)
            finally:
                connection.info.pop(HEAD, None)
                if transaction.is_active:
                    transaction.rollback()
        if head is not None:
            self.on_head(head)

    @contextmanager
    def change(
        self, *, keep: bool = True, company: Company = Company.ALONE
    ) -> Iterator[Connection]:
        """`write` where no unique key can be broken unless we are wrong. Raises Defect then."""
        try:
            with self.write(keep=keep, company=company) as connection:
                yield connection
        except IntegrityError as error:
            raise Defect(f"the store {self.where} refused a row: {error.orig}") from error

    @contextmanager
    def glance(self) -> Iterator[Any]:
        """The driver's cursor for one look, outside any transaction. For SQLite.

        Raises StoreError.
        """
        with translated(self.where), self._turn:
            cursor = self._driver().cursor()
            yield cursor
            cursor.close()

    def _driver(self) -> PoolProxiedConnection:
        """A connection of its own for what runs for every message."""
        if self._bare is None:
            self._bare = self.engine.raw_connection()
            self._mode = self.synchronous
            if self.synchronous == HASTY and not self._only_read:
                self._bare.cursor().execute(f"PRAGMA wal_autocheckpoint = {FALLBACK}")
                self._checkpoints = Checkpoints(self.where, self._lock)
        return self._bare

    @contextmanager
    def bare(self, *, lasting: bool = True) -> Iterator[Bare]:
        """One transaction on a driver's cursor, without SQLAlchemy around it. For SQLite.

        Committed at the end unless `given_up`, and never on an exception. What need not be
        `lasting` outlives this process, but a power cut only once something behind it does.
        Raises StoreError.
        """
        self._refuse()
        with translated(self.where), self._turn:
            cursor: Any = self._driver().cursor()
            beside = self._checkpoints
            transaction = Bare(cursor)
            self._synchronise(cursor, self.synchronous if lasting else HASTY)
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield transaction
                if not transaction.given_up:
                    cursor.execute("COMMIT")
                    if beside is not None:
                        beside.committed()
            finally:
                # What failed may have ended the transaction, or not.
                if cursor.connection.in_transaction:
                    cursor.execute("ROLLBACK")
                cursor.close()

    def _synchronise(self, cursor: Any, mode: str) -> None:
        if mode == self._mode:
            return
        # As a script: such a pragma takes effect while it is compiled, and the driver keeps
        # statements that were compiled before.
        cursor.executescript(f"PRAGMA synchronous = {mode}")
        self._mode = mode

    @contextmanager
    def raw(self) -> Iterator[Any]:
        """The driver's own connection, for whoever commits by himself. For PostgreSQL.

        It is kept for the next one, and not asked first whether it still lives: that would be a
        round trip for every message. One that fails is let go. Raises StoreError.
        """
        self._refuse()
        with translated(self.where):
            held = self._spare.pop() if self._spare else self._fresh()
            try:
                yield held.driver_connection
            except BaseException as error:
                held.invalidate()
                if hasattr(error, "sqlstate"):  # the driver's, which is not always installed
                    raise explain(error, self.where) from error
                raise
            self._spare.append(held)

    def _fresh(self) -> PoolProxiedConnection:
        """One that commits each script by itself."""
        held = self.engine.raw_connection()
        driver: Any = held.driver_connection
        driver.autocommit = True
        return held

    def _refuse(self) -> None:
        if self._only_read:
            raise StoreError(f"the store {self.where} was opened for looking alone")

    def close(self) -> None:
        """Let go of every connection."""
        if self._checkpoints is not None:
            self._checkpoints.close()
            self._checkpoints = None
        if self._bare is not None:
            self._bare.close()
            self._bare = None
        while self._spare:
            self._spare.pop().close()
        self.engine.dispose()
