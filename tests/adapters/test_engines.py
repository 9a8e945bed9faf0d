"""The queue: what is passed on, once, with the transaction that makes it true."""

from __future__ import annotations

import itertools
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.wakeup import NOTICES, PART, Share, Wakeup, bounds, parts
from publisher.engines import connect
from publisher.engines.queue import conninfo
from publisher.errors import SettingsError, StoreError
from publisher.ports import Engine, Store
from tests import factories
from tests.journeys.cluster import cluster_store
from tests.postgres import Server, postgres
from tests.verbs.outbox import readers, release, subscribe

__all__ = ["postgres"]


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    name = postgres.create()
    yield name
    postgres.drop(name)


@pytest.fixture
def url(postgres: Server, database: str) -> str:
    return postgres.url(database)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    found = cluster_store(url)
    yield found
    found.close()


def engine_of(url: str) -> Engine:
    found = connect("procrastinate", url)
    assert found is not None
    return found


@given(st.integers(1, 10**12), st.integers(0, 10**5))
def test_parts_cover_every_id_once(first: int, more: int) -> None:
    """A range of ids is covered by its parts, each of which lies beside the next."""
    found = list(parts(first, first + more))
    assert bounds(found[0])[0] <= first
    assert bounds(found[-1])[1] >= first + more
    assert all(bounds(a)[1] + 1 == bounds(b)[0] for a, b in itertools.pairwise(found))
    assert all(bounds(part)[1] - bounds(part)[0] + 1 == PART for part in found)


def test_embedded_needs_nothing() -> None:
    """Nobody has to be woken in one process."""
    assert connect("embedded", "sqlite:///store.db") is None


def test_a_queue_needs_a_store_that_others_reach() -> None:
    """Said before anything is opened, with both ways out."""
    with pytest.raises(SettingsError, match="needs a store in PostgreSQL"):
        connect("procrastinate", "sqlite:///store.db")


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, and what to install."""
    monkeypatch.setitem(sys.modules, "publisher.engines.queue", None)
    with pytest.raises(SettingsError, match=r"pip install 'journal-publisher\[cluster\]'"):
        connect("procrastinate", "postgresql+psycopg://publisher@127.0.0.1:1/journal")


def test_a_queue_that_is_not_there_is_told_of(url: str) -> None:
    """Before the store was migrated, and where there is no server."""
    with pytest.raises(StoreError, match="has no queue yet: run `publisher store migrate`"):
        engine_of(url).waiting()
    with pytest.raises(StoreError, match="see that PostgreSQL runs"):
        engine_of("postgresql+psycopg://publisher:geheim@127.0.0.1:1/journal").waiting()
    with pytest.raises(StoreError, match="nothing is lost"):
        work(engine_of("postgresql+psycopg://publisher@127.0.0.1:1/journal"), lambda _: False)


def test_its_tables_are_made_once_and_brought_along(
    store: Store, url: str, postgres: Server, database: str
) -> None:
    """Doing it again changes nothing; with an older last migration the newer ones are applied."""
    engine = engine_of(url)
    engine.migrate()
    assert engine.waiting().jobs == {}
    with psycopg.connect(postgres.conninfo(database)) as connection:
        newest = connection.execute("SELECT value FROM meta WHERE key = 'procrastinate'").fetchone()
        assert newest is not None
        connection.execute("UPDATE meta SET value = '03.04.00_02' WHERE key = 'procrastinate'")
    engine.migrate()
    with psycopg.connect(postgres.conninfo(database)) as connection:
        again = connection.execute("SELECT value FROM meta WHERE key = 'procrastinate'").fetchone()
        assert again == newest


def test_an_issue_is_told_of_once_in_its_own_transaction(store: Store, url: str) -> None:
    """Planning, release and resume say the same; it waits once for each part, and for notices."""
    subscribe(store, "weekly", readers(PART + 10))
    release(store, factories.journal())
    assert engine_of(url).waiting().jobs == {"weekly": 2}
    assert [one.key for one in store.outbox.wakeups()] == ["issue-1-0", "issue-1-1"]


def test_what_is_rolled_back_was_never_said(
    store: Store, url: str, postgres: Server, database: str
) -> None:
    """A wake-up is part of the transaction that it belongs to."""
    engine = engine_of(url)
    conninfo = postgres.conninfo(database)
    with psycopg.connect(conninfo) as connection:
        connection.execute("SELECT 1")  # as in the store, something was done before
        engine.wake(connection, (NOTICES, NOTICES, Wakeup(1, "weekly", 0)))
        connection.rollback()
    assert engine.waiting().jobs == {}
    with psycopg.connect(conninfo) as connection:
        engine.wake(connection, (NOTICES, NOTICES, Wakeup(1, "weekly", 0)))
    assert engine.waiting().jobs == {"notices": 1, "weekly": 1}


def work(
    engine: Engine,
    answer: Callable[[Wakeup], bool],
    sweep: tuple[Wakeup, ...] = (),
    share: Share | None = None,
) -> list[Wakeup]:
    """Drain; what it was woken for."""
    seen: list[Wakeup] = []

    def one(wakeup: Wakeup, over: Callable[[], bool]) -> bool:
        assert not over()
        seen.append(wakeup)
        return answer(wakeup)

    # In a thread of its own, as in the program: the browser's loop may run in this one.
    with ThreadPoolExecutor(1) as thread:
        share, stop = share or Share(drained=True), threading.Event()
        thread.submit(engine.work, one, lambda: sweep, share=share, stop=stop).result(timeout=120)
    return seen


def test_notices_first_then_parts_and_what_is_not_done_comes_again(store: Store, url: str) -> None:
    """By priority; a part that has more is put back until it has not."""
    engine = engine_of(url)
    left = {"issue-1-0": 2, "issue-1-1": 0}

    def answer(wakeup: Wakeup) -> bool:
        left[wakeup.key] = left.get(wakeup.key, 0) - 1
        return left[wakeup.key] >= 0

    swept = (Wakeup(1, "weekly", 0), Wakeup(1, "weekly", 1), NOTICES)
    seen = work(engine, answer, swept)
    assert seen[0] == NOTICES
    assert [one.key for one in seen].count("issue-1-0") == 3
    assert [one.key for one in seen].count("issue-1-1") == 1
    assert engine.waiting().jobs == {}


def test_a_worker_may_be_for_some_newsletters_alone(store: Store, url: str) -> None:
    """And for notices, which somebody waits for."""
    engine = engine_of(url)
    swept = (Wakeup(1, "weekly", 0), Wakeup(2, "monthly", 3), NOTICES)
    seen = work(engine, lambda _: False, swept, Share(newsletters=("monthly",), drained=True))
    assert {one.key for one in seen} == {"notices", "issue-2-3"}
    assert engine.waiting().jobs == {"weekly": 1}


def test_a_job_that_fails_is_kept_for_a_look_and_said_again(store: Store, url: str) -> None:
    """The sweep is not stopped by one that failed."""
    engine = engine_of(url)

    def fail(_: Wakeup) -> bool:
        raise ValueError("broken")

    assert set(work(engine, fail, (NOTICES,))) == {NOTICES}
    assert set(work(engine, lambda _: False, (NOTICES,))) == {NOTICES}


DIE = """
WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat)
VALUES (now() - interval '1 day') RETURNING id)
UPDATE procrastinate_jobs SET status = 'doing', worker_id = dead.id FROM dead
"""


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_job_of_a_dead_worker_is_run_again(
    store: Store, url: str, postgres: Server, database: str, concurrency: int
) -> None:
    """It is known by its heartbeat, which came to an end; the sweep tells of nothing here."""
    engine = engine_of(url)
    with psycopg.connect(postgres.conninfo(database)) as connection:
        engine.wake(connection, (Wakeup(1, "weekly", 0),))
        connection.execute(DIE)
    share = Share(drained=True, concurrency=concurrency)
    assert work(engine, lambda _: False, share=share) == [Wakeup(1, "weekly", 0)]
    assert engine.waiting().jobs == {}


def test_workers_that_join_at_once_run_each_job_again_once(
    store: Store, url: str, postgres: Server, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """They look for dead workers one after the other: nobody puts back what another began."""
    engine = engine_of(url)
    jobs = [Wakeup(number, "weekly", 0) for number in range(1, 21)]
    with psycopg.connect(postgres.conninfo(database)) as connection:
        engine.wake(connection, jobs)
        connection.execute(DIE)
    with ThreadPoolExecutor(4) as threads:
        seen = threads.map(lambda _: work(engine_of(url), lambda _: False), range(4))
        assert sorted(one.key for some in seen for one in some) == sorted(one.key for one in jobs)
    assert engine.waiting().jobs == {}
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def test_nothing_is_woken_before_its_time(store: Store, url: str) -> None:
    """An issue that was planned ahead waits in the queue."""
    engine = engine_of(url)
    later = datetime.now(UTC) + timedelta(hours=1)
    assert work(engine, lambda _: False, (Wakeup(1, "weekly", 0, later),)) == []
    assert engine.waiting().jobs == {"weekly": 1}


def test_an_issue_gives_way_to_a_notice(store: Store, url: str) -> None:
    """With everybody busy a notice does not wait for the end of a long slice."""
    engine = engine_of(url)
    seen: list[str] = []
    pause = threading.Event()

    def one(wakeup: Wakeup, over: Callable[[], bool]) -> bool:
        seen.append(wakeup.key)
        if len(seen) > 1:
            return False
        with psycopg.connect(conninfo(url)) as connection:
            engine.wake(connection, (NOTICES,))
        for _ in range(200):  # nearly as long as a slice is, were it not for the notice
            if over():
                return True
            pause.wait(0.1)
        return False

    share, swept = Share(drained=True), (Wakeup(1, "weekly", 0),)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(engine.work, one, lambda: swept, share=share, stop=pause).result(120)
    assert seen == ["issue-1-0", "notices", "issue-1-0"]
    assert engine.waiting().jobs == {}
