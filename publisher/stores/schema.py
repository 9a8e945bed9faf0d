"""The schema's version: bringing a store up to date, and knowing one that is from elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, exists, insert, select

from publisher.errors import StoreError
from publisher.stores.database import Database
from publisher.stores.tables import instant, meta, micros

_STARTED_AT = "started_at"


def migrate(database: Database, now: datetime) -> None:
    """Bring the schema up to date in one transaction; the first time, `now` is its beginning.

    Raises StoreError, also where a newer publisher wrote the store.
    """
    with database.change() as connection:
        config = _config(connection)
        _refuse_newer(connection, config, database.where)
        command.upgrade(config, "head")
        known = exists().where(meta.c.key == _STARTED_AT)
        if not connection.scalar(select(known)):
            connection.execute(insert(meta).values(key=_STARTED_AT, value=str(micros(now))))


def started_at(connection: Connection, where: str) -> datetime:
    """When the store began. Raises StoreError where it was never set up."""
    value = connection.scalar(select(meta.c.value).where(meta.c.key == _STARTED_AT))
    if value is None:
        raise StoreError(f"the store {where} has no beginning: put the last backup in its place")
    return instant(int(value))


def check(connection: Connection, where: str) -> str:
    """The version, when it is this one. Raises StoreError otherwise."""
    config = _config(connection)
    _refuse_newer(connection, config, where)
    current = MigrationContext.configure(connection).get_current_revision()
    head = ScriptDirectory.from_config(config).get_current_head()
    if current != head:
        raise StoreError(
            f"the store {where} is of version {current or 'none'}, this publisher needs {head}: "
            "start publisher again, so that it brings the store up to date"
        )
    return str(current)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _refuse_newer(connection: Connection, config: Config, where: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise StoreError(
            f"the store {where} was written by a newer publisher (version {current}): "
            "install that version again, or put back the backup from before the upgrade"
        )
