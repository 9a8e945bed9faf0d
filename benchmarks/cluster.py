"""What sending costs on PostgreSQL: one process alone, and 1, 2 and 4 workers woken by the queue.

    python -m benchmarks.cluster [--count 10000] [--planned 100000] [--rows 0]

The same messages as in `benchmarks.dispatch` go through Postfix's smtp-sink, ten connections in
all. Messages a second are those between the first and the last answer; processor time is that of
the workers, and transactions are PostgreSQL's own count of commits meanwhile. `--planned` readers
are planned by one INSERT … SELECT; `--rows` deliveries are made to look at the plan of a claim
(10,000,000 take some minutes and 3 GB). 0 leaves a part out.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import func, select

from benchmarks.dispatch import PADDING, processor, sink
from publisher.domain.issue import Issue
from publisher.ports import Store
from publisher.stores import lanes, open_store
from publisher.stores.outbox import MAX_ID
from publisher.stores.sql import SqlStore
from publisher.stores.tables import delivery, micros
from tests import factories
from tests.journeys.cluster import ROOT, cluster_store
from tests.postgres import Server, running
from tests.verbs.outbox import NOW, open_at, readers, release, subscribe

CONNECTIONS = 10
DURABLE = "-c fsync=on -c synchronous_commit=on -c max_wal_size=8GB -c shared_buffers=512MB "


def alone(store: Store, where: str, port: int, count: int) -> tuple[float, float]:
    """One process that nobody wakes: the embedded engine. Messages/s and its CPU seconds."""
    subscribe(store, "weekly", readers(count))
    issue = release(store, factories.journal(), padding=PADDING)
    script = [sys.executable, "-m", "tests.journeys.sending", where, str(port), str(CONNECTIONS)]
    process = subprocess.Popen([*script, "60"], cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return speed(store, issue, count), usage.ru_utime + usage.ru_stime


def worker(url: str, port: int, connections: int) -> list[str]:
    """The command of one worker."""
    words = [url, "127.0.0.1", str(port), str(connections), "60", "1", "{}"]
    return [sys.executable, "-m", "tests.journeys.cluster", *words]


def shared(store: Store, url: str, port: int, count: int, workers: int) -> tuple[float, float]:
    """Workers of a cluster; the same."""
    subscribe(store, "weekly", readers(count))
    command = worker(url, port, max(1, CONNECTIONS // workers))
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(workers)]
    time.sleep(4)  # they are ready
    issue = release(store, factories.journal(), padding=PADDING)
    while store.issues.get(issue.id).state.value != "finished":
        time.sleep(0.2)
    spent = 0.0
    for process in processes:
        process.send_signal(signal.SIGTERM)
        _, _, usage = os.wait4(process.pid, 0)
        spent += usage.ru_utime + usage.ru_stime
    return speed(store, issue, count), spent


def speed(store: Store, issue: Issue, count: int) -> float:
    """Messages a second between the first and the last that was settled."""
    found = store.issues.get(issue.id)
    assert found.counts["accepted"] == count, found.counts
    first, last = _span(store, issue.id)
    return count / ((last - first) / 1_000_000)


def _span(store: Store, issue_id: int) -> tuple[int, int]:
    assert isinstance(store, SqlStore)
    settled = delivery.c.settled_at
    with store.database.read() as connection:
        first, last = connection.execute(
            select(func.min(settled), func.max(settled)).where(delivery.c.issue_id == issue_id)
        ).one()
    return micros(first), micros(last)


def commits(server: Server, name: str) -> int:
    """Transactions committed in a database since it was made."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        time.sleep(1.5)  # the server's statistics come late
        row = connection.execute(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = %s", [name]
        ).fetchone()
    assert row is not None
    return int(row[0])


def rows(server: Server, count: int, runs: int) -> None:
    """A table of rates."""
    print("| engine | store | workers | messages/s | CPU s per 1,000 | commits per message |")
    print("|---|---|---:|---:|---:|---:|")
    for engine, workers in (
        ("embedded", 0),
        ("embedded", 1),
        *[("procrastinate", n) for n in (1, 2, 4)],
    ):
        rates, spent, told = [], [], []
        for _ in range(runs):
            with ExitStack() as stack:
                port = stack.enter_context(sink())
                scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                if workers == 0:
                    store = open_at(scratch / "store.db", synchronous="FULL")
                    found = alone(store, str(scratch / "store.db"), port, count)
                    told.append(0.0)
                else:
                    name = server.create()
                    url = server.url(name)
                    if engine == "embedded":
                        store = open_store(url, host="journal.example.org")
                        store.migrate(NOW)
                        before = commits(server, name)
                        found = alone(store, url, port, count)
                    else:
                        store = cluster_store(url)
                        before = commits(server, name)
                        found = shared(store, url, port, count, workers)
                    told.append((commits(server, name) - before) / count)
                    stack.callback(server.drop, name)
                stack.callback(store.close)
                rates.append(found[0])
                spent.append(found[1] / count * 1000)
        kept = "SQLite, FULL" if workers == 0 else "PostgreSQL"
        each = f"{statistics.median(told):.2f}" if workers else ""
        print(
            f"| {engine} | {kept} | {max(workers, 1)} | {statistics.median(rates):,.0f} "
            f"| {statistics.median(spent):.2f} | {each} |",
            flush=True,
        )


def plan(server: Server, count: int) -> None:
    """How long it takes to plan an issue for `count` readers."""
    name = server.create()
    store = cluster_store(server.url(name))
    with psycopg.connect(server.conninfo(name)) as connection:
        connection.execute(
            "INSERT INTO subscriber (address, key, name, created_at) SELECT a, a, '', 0 "
            "FROM (SELECT 'reader-' || i || '@example.org' AS a FROM generate_series(1, %s) i) x",
            [count],
        )
        connection.execute(
            "INSERT INTO subscription (subscriber_id, newsletter, state, token_id, created_at, "
            "confirmed_at) SELECT id, 'weekly', 'confirmed', lpad(to_hex(id), 16, '0'), 0, 0 "
            "FROM subscriber"
        )
    with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
        connection.execute("ANALYZE")
    began = time.perf_counter()
    issue = release(store, factories.journal())
    took = time.perf_counter() - began
    assert store.issues.get(issue.id).audience == count
    print(f"\nPlanning and releasing an issue for {count:,} readers: {took:.1f} s")
    store.close()
    server.drop(name)


def explain(server: Server, count: int) -> None:
    """The plan of a claim where `count` deliveries of ten earlier issues are there as well."""
    name = server.create()
    store = cluster_store(server.url(name))
    assert isinstance(store, SqlStore)
    subscribe(store, "weekly", readers(20_000))
    issue = release(store, factories.journal())
    with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO delivery (issue_id, subscription_id, edition_id, state, attempts, "
            "settled_at, code, reply) SELECT 1000000 + i %% 10, i / 10, 1, 'accepted', 1, i, 250, "
            "'2.0.0 Ok' FROM generate_series(1, %s) i",
            [count],
        )
        for statement in ("VACUUM ANALYZE delivery", "CHECKPOINT"):
            connection.execute(statement.encode())
        for words, low, high in (("its part", 0, 4999), ("the whole issue", 0, MAX_ID)):
            values = {"issue": issue.id, "low": low, "high": high, "number": 200}
            print(f"\nA claim of 200 from {words}, among {count:,} other deliveries:\n")
            rows = connection.execute(
                f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {claim(connection, values, store)}".encode()
            ).fetchall()
            print("\n".join(f"    {line}" for (line,) in rows), flush=True)
    store.close()
    server.drop(name)


def claim(connection: psycopg.Connection, values: Mapping[str, Any], store: SqlStore) -> str:
    """The statement that workers run, with its values."""
    compiled = lanes.deliveries().claim.compile(dialect=store.database.engine.dialect)
    return psycopg.ClientCursor(connection).mogrify(
        compiled.string.encode(), {**compiled.params, "worker": "w", "until": 0, **values}
    )


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--planned", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=0)
    options = parser.parse_args()
    print("\n## On PostgreSQL\n")
    with running(54_799, DURABLE) as server:
        if options.count:
            rows(server, options.count, options.runs)
        if options.planned:
            plan(server, options.planned)
        if options.rows:
            explain(server, options.rows)
    print(f"\n{processor()}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
