"""A copy of a store in SQLite, taken while it is written to."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from publisher.errors import Defect, StoreError
from publisher.stores import backing, open_store
from publisher.stores.backing import backup
from publisher.stores.sql import SqlStore
from tests.contracts.samples import HOST, NOW, admit, people, row
from tests.postgres import Server


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}", host=HOST)
    store.migrate(NOW)
    assert isinstance(store, SqlStore)
    yield store
    store.close()


def test_a_backup_is_the_store_at_one_instant(opened: SqlStore, tmp_path: Path) -> None:
    """Rows are equal, the schema is known, its owner alone reads it, and nothing else is left."""
    people(opened, 300)
    size = backup(opened, tmp_path / "copy.db")
    assert size == (tmp_path / "copy.db").stat().st_size
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    copy = open_store(f"sqlite:///{tmp_path / 'copy.db'}", host=HOST)
    assert copy.rows() == opened.rows()
    assert "is sound" in copy.check()
    copy.close()
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} <= {"store.db", "copy.db"}


def test_writers_go_on_meanwhile(opened: SqlStore, tmp_path: Path) -> None:
    """Each backup is whole: every reader in it has a subscription, whatever was being written."""
    done = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for number in range(30):
                admit(opened, *(row(f"round{number}-{one}") for one in range(20)))
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    made: list[Path] = []
    while not done.is_set() or not made:
        made.append(tmp_path / f"copy{len(made)}.db")
        backup(opened, made[-1])
    thread.join()
    assert not failures
    for path in made:
        with closing(sqlite3.connect(path)) as raw:
            readers = raw.execute("SELECT count(*) FROM subscriber").fetchone()[0]
            assert raw.execute("SELECT count(*) FROM subscription").fetchone()[0] == readers
            assert readers % 20 == 0


def test_no_file_is_overwritten(opened: SqlStore, tmp_path: Path) -> None:
    """Not even one that somebody made between two looks."""
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        backup(opened, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(opened: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/copy\.db cannot be written \(No such file"):
        backup(opened, tmp_path / "nowhere/copy.db")


def test_a_damaged_copy_never_gets_its_name(
    opened: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that does not keep what it was given is found out before anybody relies on it."""
    people(opened, 300)
    write = backing._write

    def tear(store: SqlStore, made: Path) -> None:
        write(store, made)
        with made.open("r+b") as file:
            file.seek(4096 * 2)
            file.write(b"\xff" * 4096 * 20)

    monkeypatch.setattr(backing, "_write", tear)
    with pytest.raises(StoreError, match=r"damaged|cannot be written \(database disk image"):
        backup(opened, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_store_in_postgresql_has_a_program_of_its_own(postgres: Server, tmp_path: Path) -> None:
    store = open_store(postgres.url(postgres.create()), host=HOST)
    with pytest.raises(Defect):
        backup(store, tmp_path / "copy.db")
    store.close()
