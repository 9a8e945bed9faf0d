"""From one store into another, table by table, while the journal runs.

Rows are compared in chunks by their hash, and only chunks that differ are written: so a copy that
broke off goes on where it was, and a second pass writes only what changed during the first. The
last pass holds the source's writers back, proves that both are equal, and closes the source for
good, so that no message is sent from both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Table,
    Text,
    delete,
    func,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert

from publisher.errors import StoreError
from publisher.stores.database import Database
from publisher.stores.ledger_rows import ledger
from publisher.stores.schema import MOVED_TO
from publisher.stores.tables import Instant, meta, metadata, micros

CHUNK = 5000
"""Rows that are compared, and written if need be, at a time: memory stays flat."""
OWN = ("procrastinate", MOVED_TO, "moved_at")
"""Keys of `meta` that belong to one database alone."""
CLOSED = "it was moved: start publisher again with the new store in its settings"

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Copied:
    """One table: rows in both, how many were written in the last pass, the SHA-256 of all."""

    table: str
    rows: int
    written: int
    sha256: str


def copy(
    source: Database,
    target: Database,
    now: datetime,
    on_table: Callable[[str, int], None],
) -> tuple[Copied, ...]:
    """Make `target` equal to `source`, and close `source`; one answer a table.

    `on_table` hears the table's name and how many of its rows are done. The target must have
    the schema, and be empty or hold what an earlier copy left. Raises StoreError.
    """
    _refuse(source, target)
    with source.read() as there:
        _pass(there, target, on_table)
    with source.write() as there:
        copied = _pass(there, target, on_table)
        _sequences(there, target)
        _prove(target, copied)
        _close(there, target.where, now)
    return copied


def _refuse(source: Database, target: Database) -> None:
    with source.read() as there:
        began = there.scalar(select(meta.c.value).where(meta.c.key == "started_at"))
    with target.read() as here:
        # A store of its own has a beginning of its own; a copy that broke off has the source's.
        own = here.scalar(select(meta.c.value).where(meta.c.key == "started_at"))
        used = here.scalar(select(func.count()).select_from(metadata.tables["issue"]))
        people = here.scalar(select(func.count()).select_from(metadata.tables["subscriber"]))
    if own not in (None, began) and (used or people):
        raise StoreError(
            f"the store {target.where} belongs to another journal already: name an empty database"
        )


def _pass(
    there: Connection, target: Database, on_table: Callable[[str, int], None]
) -> tuple[Copied, ...]:
    """Parents before children; what is no more, children before parents."""
    tables = [_plain(table) for table in metadata.sorted_tables]
    with target.write() as here:
        for table in reversed(tables):
            _forget(there, here, table)
    copied = []
    for table in tables:
        written = rows = 0
        digest = hashlib.sha256()
        for low, chunk in _chunks(there, table):
            rows += len(chunk)
            digest.update(_bytes(chunk))
            with target.write() as here:
                if _bytes(_between(here, table, low, _key(table, chunk[-1]))) != _bytes(chunk):
                    written += len(chunk)
                    _put(here, table, chunk)
            on_table(table.name, rows)
        copied.append(Copied(table.name, rows, written, digest.hexdigest()))
    return tuple(copied)


# --- reading ----------------------------------------------------------------------------------


def _plain(table: Table) -> Table:
    """The table as it is stored: an instant stays a number."""
    kinds = (
        Column(
            c.name,
            BigInteger() if isinstance(c.type, Instant) else c.type,
            primary_key=c.primary_key,
        )
        for c in table.c
    )
    return Table(table.name, MetaData(), *kinds)


def _keys(connection: Connection, table: Table) -> Sequence[ColumnElement[Any]]:
    """The primary key as it is ordered: by bytes, in any database."""
    if connection.dialect.name == "sqlite":
        return list(table.primary_key)
    return [c.collate("C") if isinstance(c.type, Text) else c for c in table.primary_key]


def _chunks(connection: Connection, table: Table) -> Iterator[tuple[Row | None, list[Row]]]:
    """(the key before, rows) in order of the key."""
    low: Row | None = None
    while chunk := _between(connection, table, low, None, CHUNK):
        yield low, chunk
        low = _key(table, chunk[-1])


def _between(
    connection: Connection, table: Table, low: Row | None, high: Row | None, most: int | None = None
) -> list[Row]:
    """Rows with `low` < key ≤ `high`; `most` of them where it is given."""
    keys = _keys(connection, table)
    query = select(table).order_by(*keys).limit(most)
    if table.name == meta.name:
        query = query.where(table.c.key.not_in(OWN))
    if low is not None:
        query = query.where(tuple_(*keys) > tuple_(*map(literal, low)))
    if high is not None:
        query = query.where(tuple_(*keys) <= tuple_(*map(literal, high)))
    return [tuple(row) for row in connection.execute(query)]


def _key(table: Table, row: Row) -> Row:
    return tuple(v for column, v in zip(table.c, row, strict=True) if column.primary_key)


def _bytes(rows: Sequence[Row]) -> bytes:
    return repr(rows).encode()


# --- writing ----------------------------------------------------------------------------------


def _forget(there: Connection, here: Connection, table: Table) -> None:
    """Delete what a pass before had copied and the source no longer has."""
    for low, chunk in _chunks(here, table):
        kept = {_key(table, row) for row in _between(there, table, low, _key(table, chunk[-1]))}
        gone = [key for row in chunk if (key := _key(table, row)) not in kept]
        if gone:
            here.execute(delete(table).where(tuple_(*_keys(here, table)).in_(gone)))


def _put(here: Connection, table: Table, rows: Sequence[Row]) -> None:
    names = table.c.keys()
    statement = insert(table)
    others = {c.name: statement.excluded[c.name] for c in table.c if not c.primary_key}
    if table.name == ledger.name:
        others = {}  # it is only ever added to; the proof at the end reads it like any other
    keys = table.primary_key.c.keys()
    here.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=others)
        if others
        else statement.on_conflict_do_nothing(),
        [dict(zip(names, row, strict=True)) for row in rows],
    )


def _sequences(there: Connection, target: Database) -> None:
    """Ids are never used twice, not even those of rows that are gone."""
    given = there.execute(text("SELECT name, seq FROM sqlite_sequence"))
    last: dict[str, int] = {row[0]: row[1] for row in given}
    with target.write() as here:
        for table in metadata.sorted_tables:
            if last.get(table.name):
                here.execute(
                    text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"),
                    {"name": table.name, "last": last[table.name]},
                )


def _prove(target: Database, copied: Sequence[Copied]) -> None:
    """Every row of the target, read again. Raises StoreError where it is not the source's."""
    with target.read() as here:
        for each, table in zip(copied, metadata.sorted_tables, strict=True):
            rows, digest = 0, hashlib.sha256()
            for _, chunk in _chunks(here, _plain(table)):
                rows += len(chunk)
                digest.update(_bytes(chunk))
            if (rows, digest.hexdigest()) != (each.rows, each.sha256):
                raise StoreError(
                    f"the copy of '{each.table}' in {target.where} is not the same "
                    f"({rows} rows of {each.rows}): the journal stays where it is; copy again"
                )


def _close(there: Connection, where: str, now: datetime) -> None:
    """From now on the source only tells where everything went, to running processes too."""
    there.execute(
        meta.insert(),
        [{"key": MOVED_TO, "value": where}, {"key": "moved_at", "value": str(micros(now))}],
    )
    for table in metadata.sorted_tables:
        for act in ("INSERT", "UPDATE", "DELETE"):
            there.execute(
                text(
                    f"CREATE TRIGGER moved_{table.name}_{act} BEFORE {act} ON {table.name} "
                    f"BEGIN SELECT RAISE(ABORT, '{CLOSED}'); END"
                )
            )
