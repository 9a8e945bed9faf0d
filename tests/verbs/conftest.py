"""A real store on disk and the shipped templates, for every verb."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher.domain.template import TemplateSet
from publisher.ports import Store
from publisher.stores import open_store
from publisher.templates import Folders

BEGINNING = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
"""When the store of these tests began: a Sunday."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A migrated SQLite store in a file."""
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}", synchronous="NORMAL")
    opened.migrate(BEGINNING)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def templates() -> TemplateSet:
    """The shipped templates."""
    return Folders().load()


@pytest.fixture
def dump(store: Store, tmp_path: Path) -> Callable[[], str]:
    """Everything that the store holds, as SQL."""

    def whole() -> str:
        with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
            return "\n".join(connection.iterdump())

    return whole
