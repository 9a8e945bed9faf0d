"""The stores that the contract suite runs against. Another store joins by its name in STORES."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from publisher.ports import Store
from publisher.stores import open_store
from tests.contracts.samples import HOST, NOW

STORES = ("sqlite",)


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store of its own for each test."""
    assert request.param == "sqlite"
    return f"sqlite:///{tmp_path / 'var' / 'publisher.db'}"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store, migrated at NOW."""
    opened = open_store(store_url, synchronous="NORMAL", host=HOST)
    opened.migrate(NOW)
    yield opened
    opened.close()
