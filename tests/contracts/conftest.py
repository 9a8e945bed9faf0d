"""The stores that the contract suite runs against. Another store joins by its name in STORES."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from publisher.ports import Store
from publisher.stores import open_store
from tests.contracts.samples import HOST, NOW
from tests.postgres import Server, postgres

__all__ = ["postgres"]

STORES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def blank(postgres: Server) -> str:
    """A database of the newest schema, for others to begin as."""
    name = postgres.create()
    store = open_store(postgres.url(name), host=HOST)
    store.migrate(NOW)
    store.close()
    return name


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store of its own for each test; in PostgreSQL its tables are there already."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'var' / 'publisher.db'}"
        return
    server: Server = request.getfixturevalue("postgres")
    name = server.create(request.getfixturevalue("blank"))
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store, migrated at NOW."""
    opened = open_store(store_url, synchronous="NORMAL", host=HOST)
    opened.migrate(NOW)
    yield opened
    opened.close()
