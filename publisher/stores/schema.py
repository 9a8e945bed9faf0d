"""The schema's version: bringing a store up to date, and knowing one that is from elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import ColumnClause, Connection, column, exists, insert, select, table
from sqlalchemy.exc import OperationalError, ProgrammingError

from publisher.errors import StoreError
from publisher.stores.database import Database
from publisher.stores.tables import instant, meta, micros

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
MOVED_TO = "moved_to"
"""The key in `meta` that says where this store's journal is now."""
_STARTED_AT = "started_at"


def migrate(database: Database, now: datetime) -> None:
    """Bring the schema up to date in one transaction; the first time, `now` is its beginning.

    Raises StoreError, also where a newer publisher wrote the store.
    """
    with database.change() as connection:
        if not is_current(connection):
            _upgrade(connection, database.where)
        where = connection.scalar(select(meta.c.value).where(meta.c.key == MOVED_TO))
        if where is not None:
            raise StoreError(
                f'the store {database.where} was moved: set store = "{where}" in the settings'
            )
        known = exists().where(meta.c.key == _STARTED_AT)
        if not connection.scalar(select(known)):
            connection.execute(insert(meta).values(key=_STARTED_AT, value=str(micros(now))))


def is_current(connection: Connection) -> bool:
    """Whether the schema is of the newest migration; without Alembic, which takes a third of
    the time of a small command to import.
    """
    newest = max(file.name.partition("_")[0] for file in _MIGRATIONS.glob("versions/[0-9]*.py"))
    version: ColumnClause[str] = column("version_num")
    try:
        with connection.begin_nested():
            found = connection.scalars(select(version).select_from(table("alembic_version"))).all()
    except (OperationalError, ProgrammingError):
        return False  # there is no such table yet
    return found == [newest]


def must_be_current(connection: Connection, where: str) -> None:
    """For whoever cannot change it. Raises StoreError where the schema is of another version."""
    if not is_current(connection):
        raise StoreError(
            f"the store {where} is of another version than this publisher: "
            "`publisher status` brings it up to date"
        )


def _upgrade(connection: Connection, where: str) -> None:
    from alembic import command

    config = _config(connection)
    _refuse_newer(connection, config, where)
    command.upgrade(config, "head")


def started_at(connection: Connection, where: str) -> datetime:
    """When the store began. Raises StoreError where it was never set up."""
    value = connection.scalar(select(meta.c.value).where(meta.c.key == _STARTED_AT))
    if value is None:
        raise StoreError(f"the store {where} has no beginning: put the last backup in its place")
    return instant(int(value))


def check(connection: Connection, where: str) -> str:
    """The version, when it is this one. Raises StoreError otherwise."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

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
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _refuse_newer(connection: Connection, config: Config, where: str) -> None:
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise StoreError(
            f"the store {where} was written by a newer publisher (version {current}): "
            "install that version again, or put back the backup from before the upgrade"
        )
