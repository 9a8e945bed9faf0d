"""What PostgreSQL says when it fails, in plain words; SQLite's own are in test_store_sqlite."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from publisher.errors import StoreError
from publisher.stores import open_store
from publisher.stores.database import Company
from publisher.stores.failures import explain
from publisher.stores.opening import open_database
from tests.contracts.samples import HOST, NOW, people
from tests.postgres import Server

QUICK = timedelta(milliseconds=50)


@pytest.fixture
def name(postgres: Server, blank: str) -> str:
    return postgres.create(blank)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    """The message says what to look at, and gives nothing away."""
    url = "postgresql+psycopg://publisher:geheim@127.0.0.1:1/journal"
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1.* cannot be reached: see that Post") as e:
        open_store(url, host=HOST)
    assert "geheim" not in str(e.value)


def test_a_database_that_is_not_there(postgres: Server) -> None:
    """It is made by a person: guessing an owner and an encoding would be worse."""
    with pytest.raises(StoreError, match="is not there: make it with PostgreSQL's `createdb`"):
        open_store(postgres.url("nosuch"), host=HOST)


@pytest.mark.parametrize("url", ["postgresql://me@here/x", "mysql://me@here/x", "postgres"])
def test_other_kinds_are_refused(url: str) -> None:
    """Only the driver that is tested is taken; the answer shows both forms."""
    with pytest.raises(StoreError, match=r"write sqlite:///.* or postgresql\+psycopg://"):
        open_store(url, host=HOST)


def test_a_store_without_tables_is_set_up_by_migrate(postgres: Server) -> None:
    """An empty database is one that was not set up; afterwards it is sound."""
    store = open_store(postgres.url(postgres.create()), host=HOST)
    with pytest.raises(StoreError, match="has not been set up"):
        store.subscribers.counts()
    store.migrate(NOW)
    assert store.started_at() == NOW
    assert "is sound" in store.check()
    store.close()


def test_a_server_that_goes_away_and_comes_back(postgres: Server, name: str) -> None:
    """A restart costs the calls of that moment; the next ones find their way again."""
    store = open_store(postgres.url(name), host=HOST)
    people(store, 1)
    postgres.stop("fast")
    with pytest.raises(StoreError, match="cannot be reached"):
        store.subscribers.counts()
    postgres.start()
    assert store.subscribers.counts() == {"digest": {"confirmed": 1}}
    store.close()


def test_nobody_waits_longer_than_said(postgres: Server, name: str) -> None:
    """A writer that stands still holds the others up for a bounded time."""
    database = open_database(postgres.url(name), "FULL", QUICK)
    refused = pytest.raises(StoreError, match="locked by another program")
    with database.write(), refused, database.write():
        pass
    database.close()


def test_who_decides_waits_for_messages_and_they_for_each_other_not(
    postgres: Server, name: str
) -> None:
    """Messages are journalled together; whoever decides over people comes after or before."""
    database = open_database(postgres.url(name), "FULL", timedelta(seconds=20))
    order: list[str] = []

    def decide() -> None:
        with database.write():
            order.append("decided")

    with database.write(company=Company.TOGETHER):
        with database.write(company=Company.TOGETHER), database.write(company=Company.ASIDE):
            order.append("together")
        thread = threading.Thread(target=decide)
        thread.start()
        with database.read() as connection:
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not _fresh(database.engine, waiting):
                pass
        assert connection is not None
        order.append("journalled")
    thread.join()
    assert order == ["together", "journalled", "decided"]
    database.close()


def _fresh(engine: object, query: object) -> int:
    with engine.connect() as connection:  # type: ignore[attr-defined]
        return int(connection.scalar(query))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("25006", "name the primary server"),
        ("28P01", "does not let us in"),
        ("40P01", "exclude each other: try again"),
        ("42501", "make the user the owner"),
        ("53100", "has no room left"),
        ("53300", "has no free connection"),
        ("57P01", "cannot be reached"),
        ("57014", "took too long"),
        ("22003", "answered"),
    ],
)
def test_each_state_has_its_remedy(state: str, words: str) -> None:
    """The classes of the appendix that an operator can do something about."""
    error = psycopg.errors.lookup(state)("whatever the server said")
    assert words in str(explain(error, "there"))


def test_without_the_driver_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The embedded engine needs none of it; who names PostgreSQL is told what to install."""
    monkeypatch.setattr("publisher.stores.postgres.find_spec", lambda _: None)
    with pytest.raises(StoreError, match=r"pip install 'journal-publisher\[cluster\]'"):
        open_store("postgresql+psycopg://publisher@127.0.0.1:1/journal", host=HOST)


def test_deliveries_are_cleaned_up_early(postgres: Server, name: str) -> None:
    """At 1% of dead or new rows, not at a fifth of what years have left there."""
    with postgres.connected(name) as connection:
        row = connection.execute(
            "SELECT reloptions FROM pg_class WHERE oid = 'delivery'::regclass"
        ).fetchone()
    assert row is not None
    assert {
        "autovacuum_vacuum_scale_factor=0.01",
        "autovacuum_vacuum_insert_scale_factor=0.01",
    } <= set(row[0])
