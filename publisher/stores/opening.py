"""A store's URL → its database, whichever kind it names."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from publisher.errors import StoreError
from publisher.ports import Wake
from publisher.stores import sqlite
from publisher.stores.database import Database

_WRITE = "write sqlite:///path/to/publisher.db or postgresql+psycopg://user@host/name"


def parse(url: str) -> URL:
    """The parts of a store's URL. Raises StoreError, which never shows a password."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(f"the store's URL cannot be read: {_WRITE}") from error
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StoreError(f"a store of the kind '{parsed.drivername}' is not known: {_WRITE}")
    return parsed


def open_database(
    url: str,
    synchronous: str,
    busy_timeout: timedelta,
    *,
    only_read: bool = False,
    wake: Wake | None = None,
) -> Database:
    """Open (and for SQLite create) the database that `url` names. Raises StoreError.

    `synchronous` is SQLite's alone; `busy_timeout` bounds any wait for another's lock.
    `only_read`: nothing is created, and whoever tries to change anything gets a StoreError.
    `wake` is PostgreSQL's: whom to tell that there is something to send.
    """
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        return sqlite.connect(parsed, synchronous, busy_timeout, only_read=only_read)
    from publisher.stores import postgres  # its driver comes with an extra

    return postgres.connect(parsed, busy_timeout, only_read=only_read, wake=wake)
