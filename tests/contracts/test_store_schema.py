from datetime import timedelta
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import text

from publisher.stores import open_store, schema
from publisher.stores.opening import open_database
from tests.factories import NOW


def test_a_store_of_the_newest_migration_is_known_without_alembic(tmp_path: Path) -> None:
    """New, brought up to date, of another version: the short way says what Alembic would."""
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    base = open_database(url, "FULL", timedelta(seconds=5))
    with base.change() as connection:
        assert not schema.is_current(connection)
        newest = ScriptDirectory.from_config(schema._config(connection)).get_current_head()
    store = open_store(url, host="journal.example.org")
    store.migrate(NOW)
    store.migrate(NOW)
    with base.change() as connection:
        assert schema.is_current(connection)
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == newest
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        assert not schema.is_current(connection)
    store.close()
    base.close()
