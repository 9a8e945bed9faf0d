"""Procrastinate's own tables: made with the journal's, and brought along when it changes.

It ships its migrations as files and leaves it to us to remember which were applied. Ours are in
`meta`, under the name of the last file.
https://procrastinate.readthedocs.io/en/stable/howto/production/migrations.html
"""

from __future__ import annotations

from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager

KEY = "procrastinate"
LOCK = 7470082
"""An advisory lock: several processes may start at once."""


def migrate(connection: psycopg.Connection) -> None:
    """In one transaction: make the tables, or apply what is newer than what is there."""
    files = sorted(Path(SchemaManager.get_migrations_path()).glob("[0-9]*.sql"))
    newest = files[-1].name
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        row = connection.execute("SELECT value FROM meta WHERE key = %s", [KEY]).fetchone()
        if row is None:
            _run(connection, SchemaManager.get_schema())
        elif row[0] < newest:
            for file in files:
                if file.name > row[0]:
                    _run(connection, file.read_text(encoding="utf-8"))
        else:
            return
        connection.execute(
            "INSERT INTO meta (key, value) VALUES (%s, %s) "
            "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
            [KEY, newest],
        )


def _run(connection: psycopg.Connection, script: str) -> None:
    """Several statements at once: without parameters psycopg sends them as they are."""
    connection.execute(script.encode())
