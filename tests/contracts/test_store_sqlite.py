"""What holds for SQLite alone: the file, its failures in plain words, its query plans."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from publisher.errors import Defect, StoreError
from publisher.ports import Store
from publisher.stores import open_store
from publisher.stores.checkpoints import COMMITS, Checkpoints
from publisher.stores.opening import open_database
from publisher.stores.sql import SqlStore
from publisher.stores.tables import metadata, micros
from tests.contracts.samples import HOST, NOW, claim, people, release, start
from tests.waiting import until

QUICK = timedelta(milliseconds=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store will be; neither the file nor its folder exists."""
    return tmp_path / "var" / "publisher.db"


@pytest.fixture
def opened(path: Path) -> Iterator[SqlStore]:
    """A migrated store with its insides in reach, impatient with locks."""
    store = open_store(f"sqlite:///{path}", host=HOST, busy_timeout=QUICK)
    assert isinstance(store, SqlStore)
    store.migrate(NOW)
    yield store
    store.close()


def test_a_new_store_is_for_its_owner_only(path: Path, opened: Store) -> None:
    """The file and its companions hold addresses: mode 0600; the folder is made."""
    people(opened, 1)
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file.name


def test_pragmas_hold_on_every_connection(opened: SqlStore) -> None:
    """WAL, foreign keys, full synchronisation."""
    for _ in range(2):
        with opened.database.engine.connect() as connection:
            values = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "foreign_keys", "synchronous")
            ]
        assert values == ["wal", 1, 2]
        opened.close()


def test_only_what_must_last_waits_for_the_disk(opened: SqlStore) -> None:
    """A claim outlives the process; what is journalled behind it is on the disk with it."""
    modes: list[int] = []

    def note(transaction: Any) -> None:
        modes.append(transaction.cursor.execute("PRAGMA synchronous").fetchone()[0])

    database = opened.database
    for lasting in (True, False, True):
        with database.bare(lasting=lasting) as transaction:
            note(transaction)
    with (
        pytest.raises(StoreError, match="has not been set up"),
        database.bare(lasting=False) as transaction,
    ):
        transaction.cursor.execute("SELECT * FROM no_table")
    with database.bare() as transaction:
        note(transaction)
    with database.write(), sqlite3.connect(database.where, timeout=0) as other:
        other.execute("SELECT 1")
        database._turn = nullcontext()
        with pytest.raises(StoreError, match="locked"), database.bare(lasting=False):
            pytest.fail("two wrote at once")
    with database.bare() as transaction:
        note(transaction)
    assert modes == [2, 1, 2, 2, 2]


def carrying() -> int:
    """Threads that do."""
    return sum(each.name == "checkpoints" for each in threading.enumerate())


def larger(path: Path, before: int) -> None:
    """Wait until this file is, which is all that is seen from outside."""
    until(lambda: path.stat().st_size > before)


@pytest.fixture
def hasty(path: Path) -> Iterator[SqlStore]:
    """One that does not wait for the disk."""
    store = open_store(f"sqlite:///{path}", host=HOST, synchronous="NORMAL")
    assert isinstance(store, SqlStore)
    store.migrate(NOW)
    yield store
    store.close()


def write(store: SqlStore, commits: int) -> None:
    """So many commits of about five pages each."""
    for _ in range(commits):
        with store.database.bare() as transaction:
            transaction.cursor.execute("INSERT INTO sample VALUES (zeroblob(20000))")


def test_the_log_is_carried_over_beside_the_writer(path: Path, hasty: SqlStore) -> None:
    """No commit waits for it, and the log does not grow for ever."""
    others = carrying()
    with hasty.database.bare() as transaction:
        transaction.cursor.execute("CREATE TABLE sample (text)")
    for _ in range(12):
        before = path.stat().st_size
        write(hasty, COMMITS)
        larger(path, before)
    log = path.with_name(path.name + "-wal")
    assert log.stat().st_size < 12 * COMMITS * 5 * 4096 / 2
    assert carrying() == others + 1
    hasty.close()
    assert carrying() == others
    assert not log.exists()


def test_whoever_waits_for_the_disk_carries_it_over_himself(opened: SqlStore) -> None:
    """With FULL there is no such thread."""
    others = carrying()
    with opened.database.bare() as transaction:
        transaction.cursor.execute("CREATE TABLE sample (text)")
    assert carrying() == others


def test_what_stops_it_is_said_once_and_it_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that is gone is not made anew; one that is back is seen to again."""
    there = tmp_path / "store.db"
    beside = Checkpoints(str(there), threading.Lock())

    def due() -> None:
        for _ in range(COMMITS):
            beside.committed()

    due()
    until(lambda: "is not carried over" in caplog.text)
    due()
    assert not there.exists()
    with closing(sqlite3.connect(there, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("CREATE TABLE sample (text)")
        before = there.stat().st_size
        other.execute("INSERT INTO sample VALUES (zeroblob(20000))")

        def carried_over() -> bool:
            due()
            return there.stat().st_size > before

        until(carried_over)
    beside.close()
    assert caplog.text.count("is not carried over") == 1


def test_it_ends_whenever_it_is_told_to(path: Path, hasty: SqlStore) -> None:
    """At work, about to wait, or waiting for a writer's turn, which may be whose end it is."""
    others = carrying()
    for _ in range(100):
        beside = Checkpoints(str(path), threading.Lock())
        for _ in range(COMMITS):
            beside.committed()
        beside.close()
    with hasty.database.bare() as transaction:
        transaction.cursor.execute("CREATE TABLE sample (text)")
    write(hasty, 3 * COMMITS)
    turn = threading.Lock()
    with turn:
        beside = Checkpoints(str(path), turn)
        for _ in range(COMMITS):
            beside.committed()
        time.sleep(0.05)  # mostly it waits for the turn by then; it must end in any case
        beside.close()
    hasty.close()
    assert carrying() == others


def test_a_log_that_a_reader_holds_back_is_left_for_later(path: Path, hasty: SqlStore) -> None:
    """Whoever reads sees what was there when he began, and nobody waits for him."""
    database = hasty.database
    with database.bare() as transaction:
        transaction.cursor.execute("CREATE TABLE sample (text)")
    with database.read() as reader:
        asked = text("SELECT count(*) FROM sample")
        assert reader.scalar(asked) == 0
        write(hasty, 2 * COMMITS)
        assert reader.scalar(asked) == 0
        before = 1_000_000  # what came before him may be carried over, and is less than this
        assert path.stat().st_size < before
    write(hasty, COMMITS)
    larger(path, before)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "cannot be read"),
        ("oracle://host/db", "'oracle' is not known"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:////proc/no/such/place.db", "cannot be created"),
    ],
)
def test_a_wrong_url_is_explained(url: str, words: str) -> None:
    """Each says what to write or do instead."""
    with pytest.raises(StoreError, match=words):
        open_store(url)


def test_an_unknown_synchronous_is_refused(path: Path) -> None:
    """OFF would lose what a power cut catches; it is not offered."""
    with pytest.raises(StoreError, match="FULL, NORMAL"):
        open_store(f"sqlite:///{path}", synchronous="OFF")


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """Plain words, and the file is left as it was."""
    path.parent.mkdir()
    path.write_bytes(b"not a database at all, but long enough to be looked at " * 40)
    with pytest.raises(StoreError, match="is not a publisher database"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"not a database")


def test_a_folder_cannot_be_a_store(path: Path) -> None:
    """A path that cannot be opened says so."""
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store(f"sqlite:///{path}")


def test_a_damaged_store_says_so(path: Path, opened: Store) -> None:
    """`check` reads every page; a torn one is named, with the way out."""
    people(opened, 200)
    opened.close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = raw.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'subscription'"
        ).fetchone()[0]
        size = raw.execute("PRAGMA page_size").fetchone()[0]
    raw.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(StoreError, match=r"(?s)is damaged.*backup"):
        opened.check()


def test_a_locked_store_says_so(path: Path, opened: Store) -> None:
    """Another program that writes for too long is named as the cause."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another program"):
        people(opened, 1)
    other.execute("ROLLBACK")
    other.close()
    assert len(people(opened, 1)) == 1


def test_a_read_only_store_says_so(opened: SqlStore) -> None:
    """Reading goes on; writing names the remedy."""

    @event.listens_for(opened.database.engine, "checkout")
    def _forbid(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    assert opened.subscribers.list() == []
    with pytest.raises(StoreError, match="read-only"):
        people(opened, 1)


def test_a_full_disk_says_so_and_leaves_nothing_half_written(opened: SqlStore) -> None:
    """The transaction is gone as a whole, and the store works on."""

    @event.listens_for(opened.database.engine, "checkout")
    def _limit(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # the pages there are, and no more

    with pytest.raises(StoreError, match="no room left"):
        people(opened, 2000)
    event.remove(opened.database.engine, "checkout", _limit)
    opened.close()
    assert opened.subscribers.counts() == {}
    assert len(people(opened, 1)) == 1


def test_too_many_readers_at_once_wait_no_longer_than_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool without a free connection is the operator's business, in words."""
    monkeypatch.setattr("publisher.stores.sqlite.POOL", 1)
    monkeypatch.setattr("publisher.stores.sqlite.OVERFLOW", 0)
    database = open_database(f"sqlite:///{path}", "FULL", QUICK)
    monkeypatch.setattr(database.engine.pool, "_timeout", 0.001)
    with database.read(), pytest.raises(StoreError, match="no free connection"), database.read():
        pass
    database.close()


def test_a_store_that_was_not_set_up_says_so(path: Path) -> None:
    """Without tables every question has the same plain answer."""
    store = open_store(f"sqlite:///{path}")
    for ask in (store.started_at, store.check, store.subscribers.counts):
        with pytest.raises(StoreError, match="start publisher again"):
            ask()
    store.close()


def test_a_newer_store_is_refused(opened: SqlStore) -> None:
    """A version that this publisher does not know is neither migrated nor called sound."""
    with opened.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for ask in (lambda: opened.migrate(NOW), opened.check):
        with pytest.raises(StoreError, match="newer publisher"):
            ask()


def test_a_store_without_its_beginning_is_refused(opened: SqlStore) -> None:
    """Its age decides which slots were missed: nobody may guess it."""
    with opened.database.write() as connection:
        connection.execute(text("DELETE FROM meta"))
    with pytest.raises(StoreError, match="no beginning"):
        opened.started_at()


def test_other_errors_are_passed_on_in_the_drivers_words(opened: SqlStore) -> None:
    """What nobody foresaw still becomes a StoreError; so does the bare driver's exception."""
    with pytest.raises(StoreError, match="no such column"), opened.database.read() as connection:
        connection.execute(text("SELECT no_such_thing"))
    with pytest.raises(StoreError, match="answered"), opened.database.read():
        sqlite3.connect(":memory:").execute("nonsense")


def test_counts_that_do_not_add_up_are_a_defect(opened: SqlStore) -> None:
    """The sound issue is finished, the other is reported and left as it is."""
    people(opened, 1)
    wrong, sound = release(opened, "a"), release(opened, "b")
    opened.outbox.advance([], [], timedelta(0), NOW)
    with opened.database.write() as connection:
        connection.execute(text("UPDATE issue SET audience = 2 WHERE id = :id"), {"id": wrong.id})
        connection.execute(text("UPDATE delivery SET state = 'accepted'"))
    with pytest.raises(Defect, match=f"issue {wrong.id} has 1 deliveries for 2 readers"):
        opened.outbox.finish(NOW)
    assert opened.issues.get(sound.id).state == "finished"
    assert opened.issues.get(wrong.id).state == "sending"


def test_migrations_make_the_schema_that_the_code_knows(path: Path, opened: SqlStore) -> None:
    """The SQL of every table and index is the same, from migrations and from tables.py."""
    fresh = open_database(f"sqlite:///{path.with_name('fresh.db')}", "FULL", QUICK)
    with fresh.write() as connection:
        metadata.create_all(connection)
    query = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND sql NOT NULL"
    schemas = []
    for database in (fresh, opened.database):
        with database.read() as connection:
            rows = connection.execute(text(query)).all()
        schemas.append({name: sorted(split(sql)) for name, sql in rows})
    schemas[1].pop("alembic_version")
    assert schemas[0] == schemas[1]
    fresh.close()


def split(sql: str) -> list[str]:
    """Columns and constraints of a CREATE statement; their order does not matter."""
    plain = re.sub(r'^CREATE TABLE "(\w+)"', r"CREATE TABLE \1", sql)  # quoted by a renaming
    return re.split(r",\s*(?![^()]*\))", " ".join(plain.split()).removesuffix(" )"))


def test_naive_datetimes_are_not_stored() -> None:
    """An instant without a zone is a mistake of ours."""
    with pytest.raises(TypeError):
        micros(datetime(2026, 1, 1))  # noqa: DTZ001 (that is the point)


def _plans(store: SqlStore) -> dict[str, str]:
    """The plan of every statement that the outbox sends, as SQLite explains it."""
    seen: dict[str, str] = {}

    @event.listens_for(store.database.engine, "before_cursor_execute")
    def _explain(
        connection: Any, cursor: Any, statement: str, parameters: Any, _: Any, many: bool
    ) -> None:
        if statement.lstrip().upper().startswith(("UPDATE", "SELECT")):
            one = parameters[0] if many else parameters
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", one).fetchall()
            seen[" ".join(statement.split())] = "\n".join(str(row[3]) for row in rows)

    people(store, 3)
    release(store)
    seen.clear()
    held = start(store, claim(store, 2))
    store.outbox.renew("worker", timedelta(minutes=1), NOW)
    store.outbox.lapse(NOW)
    store.outbox.wake(NOW, timedelta(hours=1))
    store.outbox.next_due()
    store.outbox.pending()
    store.outbox.finish(NOW)
    store.outbox.give_back(held, NOW)
    event.remove(store.database.engine, "before_cursor_execute", _explain)
    return seen


def test_the_outbox_never_reads_a_whole_table(opened: SqlStore) -> None:
    """Every statement of the hot path finds its deliveries and notices through an index."""
    plans = _plans(opened)
    scans = {
        statement: line
        for statement, plan in plans.items()
        for line in plan.splitlines()
        if line.startswith(("SCAN delivery", "SCAN notice", "SCAN subscri", "SCAN issue"))
        and "USING" not in line
    }
    assert scans == {}
    (claimed,) = [
        plan
        for statement, plan in plans.items()
        if statement.startswith("UPDATE delivery") and "LIMIT" in statement
    ]
    assert "delivery_state (issue_id=? AND state=? AND due_at=? AND id>? AND id<?)" in claimed
    assert "TEMP B-TREE" not in claimed
    (noticed,) = [
        plan
        for statement, plan in plans.items()
        if statement.startswith("UPDATE notice") and "LIMIT" in statement
    ]
    assert "notice_state (state=?)" in noticed
