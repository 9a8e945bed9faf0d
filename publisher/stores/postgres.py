"""PostgreSQL as the store: one journal on several machines. Comes with the extra `cluster`."""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec

from sqlalchemy import URL, Connection, create_engine, text

from publisher.errors import StoreError
from publisher.ports import Wake
from publisher.stores.database import OVERFLOW, POOL, Database
from publisher.stores.waking import WAKE

CONNECT_SECONDS = 10
IDLE_MILLISECONDS = 10_000
"""How long a transaction may stand still: a worker that froze in the middle of one, or was cut off,
holds everybody up so long, and loses it."""


def connect(
    parsed: URL, busy_timeout: timedelta, *, only_read: bool = False, wake: Wake | None = None
) -> Database:
    """Reach the database that `parsed` names; it must be there already. Raises StoreError.

    Time zones play no part: instants are numbers. Text is compared as bytes where its order
    counts, so the database's collation does not matter.
    """
    if find_spec("psycopg") is None:
        raise StoreError(
            "a store in PostgreSQL needs a driver that is not installed: "
            "install it with: pip install 'journal-publisher[cluster]'"
        )
    timeout = int(busy_timeout.total_seconds() * 1000)
    engine = create_engine(
        parsed,
        execution_options={WAKE: wake},
        pool_size=POOL,
        max_overflow=OVERFLOW,
        # A server that was restarted leaves dead connections in the pool; asking costs one
        # round trip, an issue that stops costs a night.
        pool_pre_ping=True,
        connect_args={
            "application_name": "publisher",
            "connect_timeout": CONNECT_SECONDS,
            # Silence of the other side is found out within a minute, not in two hours.
            "keepalives_idle": 20,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
            "options": f"-c lock_timeout={timeout} "
            f"-c idle_in_transaction_session_timeout={IDLE_MILLISECONDS}",
        },
    )
    database = Database(engine, parsed.render_as_string(hide_password=True), only_read)
    try:
        with database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
    except StoreError:
        database.close()
        raise
    return database


def check(connection: Connection, where: str) -> None:
    """Raises StoreError where the server only follows another one."""
    if connection.scalar(text("SELECT pg_is_in_recovery()")):
        raise StoreError(
            f"the store {where} is read-only: name the primary server of PostgreSQL, "
            "not one that only follows it"
        )
