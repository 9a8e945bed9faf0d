"""From one machine to ten million subscribers, on paper: what is measured, and what follows.

    python -m benchmarks.scaling [--rows 100000] [--count 3000]

Measures on a real PostgreSQL: bytes of a subscriber, a subscription and a delivery with their
indexes (`pg_total_relation_size`), of a delivery after it was sent, of the write-ahead log for each
message, the connections that a worker holds, and one worker's rate and processor time through
Postfix's smtp-sink. The table of audiences is reckoned from these alone.
"""

from __future__ import annotations

import argparse
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from benchmarks.cluster import DURABLE, shared
from benchmarks.dispatch import processor, sink
from publisher.ports import Store
from tests import factories
from tests.journeys.cluster import cluster_store
from tests.postgres import Server, running
from tests.verbs.outbox import release, subscribe

AUDIENCES = (10_000, 100_000, 1_000_000, 10_000_000)
ISSUES_A_YEAR = 52
YEARS = 5
"""As long as who received an issue is remembered by default (`correction_window`)."""
HOURS = 4
"""Within which an issue should have left."""
LIMITS = (14, 100, 500, 1000)
"""Messages a second that a provider may allow."""
MACHINE = 8
"""Processors of a machine that is bought for this."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes a row with its indexes, WAL bytes and processor seconds a message, a worker's rate.

    `delivery` is one that was planned, `sent` one that left just now, with the dead rows that its
    four states left behind, and `settled` one after all of these were cleaned up.
    """

    subscriber: float
    subscription: float
    delivery: float
    sent: float
    settled: float
    wal: float
    rate: float
    seconds: float
    connections: int


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What an audience needs: GB of people, of one issue and of all that are kept; messages a
    second for an issue within HOURS; workers, their processors and connections; GB of WAL.
    """

    people: float
    issue: float
    kept: float
    rate: float
    workers: int
    processors: float
    connections: int
    wal: float


def reckon(audience: int, known: Measured, hours: float = HOURS) -> Reckoned:
    """Multiplication alone: nothing here was run at this size."""
    rate = audience / (hours * 3600)
    workers = max(1, math.ceil(rate / known.rate))
    return Reckoned(
        people=audience * (known.subscriber + known.subscription) / 1e9,
        issue=audience * known.sent / 1e9,
        kept=audience * known.settled * ISSUES_A_YEAR * YEARS / 1e9,
        rate=rate,
        workers=workers,
        processors=rate * known.seconds,
        connections=workers * known.connections,
        wal=audience * known.wal / 1e9,
    )


def fill(server: Server, name: str, count: int) -> tuple[Store, dict[str, float]]:
    """A store with `count` readers and one issue planned for them; bytes a row of each table."""
    store = cluster_store(server.url(name))
    subscribe(store, "weekly", [f"reader-{number:08d}@example.org" for number in range(count)])
    release(store, factories.journal())
    tables = ("subscriber", "subscription", "delivery")
    return store, {table: size(server, name, table) / count for table in tables}


def size(server: Server, name: str, table: str, before: str = "SELECT 1") -> int:
    """Bytes of a table with its indexes, once `before` was done."""
    with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
        connection.execute(before.encode())
        row = connection.execute("SELECT pg_total_relation_size(%s::regclass)", [table]).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def watched(server: Server, name: str) -> Iterator[list[int]]:
    """How many connections a database has, again and again; our own left out."""
    seen: list[int] = []
    stop = threading.Event()

    def look() -> None:
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
            while not stop.wait(0.2):
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name]
                ).fetchone()
                assert row is not None
                seen.append(int(row[0]))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def position(server: Server) -> int:
    """Bytes of write-ahead log since the server was made."""
    with psycopg.connect(server.conninfo("postgres")) as connection:
        row = connection.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(row[0])


def measure(server: Server, rows: int, count: int) -> Measured:
    """Everything that the reckoning starts from."""
    name = server.create()
    store, sizes = fill(server, name, rows)
    store.close()
    server.drop(name)
    name = server.create()
    store = cluster_store(server.url(name))
    with sink() as port, watched(server, name) as seen:
        before = position(server)
        rate, spent = shared(store, server.url(name), port, count, 1)
        wal = (position(server) - before) / count
    own = 2  # this program's store: one that asks, one in its pool
    store.close()
    sent = size(server, name, "delivery") / count
    settled = size(server, name, "delivery", "VACUUM FULL delivery") / count
    server.drop(name)
    return Measured(
        sizes["subscriber"],
        sizes["subscription"],
        sizes["delivery"],
        sent,
        settled,
        wal,
        rate,
        spent / count,
        max(seen) - own,
    )


def show(known: Measured) -> None:
    """Markdown."""
    print("\nMeasured:\n")
    print("| | |\n|---|---:|")
    print(f"| a subscriber with its indexes | {known.subscriber:,.0f} bytes |")
    print(f"| a subscription with its consent and indexes | {known.subscription:,.0f} bytes |")
    print(f"| a delivery with its indexes, planned | {known.delivery:,.0f} bytes |")
    print(f"| just after it was sent, dead rows included | {known.sent:,.0f} bytes |")
    print(f"| and once these are cleaned up | {known.settled:,.0f} bytes |")
    print(f"| write-ahead log for a message, from planning to settling | {known.wal:,.0f} bytes |")
    print(f"| one worker with ten connections | {known.rate:,.0f} messages/s |")
    print(f"| processor time of a worker | {known.seconds * 1000:.2f} ms a message |")
    print(f"| connections of a worker to PostgreSQL, at most | {known.connections} |")
    print(f"\nReckoned, for an issue that leaves within {HOURS} hours, {ISSUES_A_YEAR} a year:\n")
    print(
        "| subscribers | people, GB | one issue, GB | five years of issues, GB | WAL an issue, GB "
        "| messages/s | workers | processors | connections |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for audience in AUDIENCES:
        of = reckon(audience, known)
        print(
            f"| {audience:,} | {of.people:,.2f} | {of.issue:,.2f} | {of.kept:,.0f} | {of.wal:,.2f} "
            f"| {of.rate:,.1f} | {of.workers} | {of.processors:,.1f} | {of.connections} |"
        )
    print("\nReckoned, hours until an issue has left where a provider allows so much:\n")
    print("| subscribers | " + " | ".join(f"{limit:,}/s" for limit in LIMITS) + " |")
    print("|---:" * (len(LIMITS) + 1) + "|")
    for audience in AUDIENCES:
        hours = " | ".join(f"{audience / limit / 3600:,.1f}" for limit in LIMITS)
        print(f"| {audience:,} | {hours} |")


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=3000)
    options = parser.parse_args()
    print("\n## From one machine to ten million subscribers, on paper")
    with running(54_797, DURABLE) as server:
        show(measure(server, options.rows, options.count))
        with server.connected() as connection:
            version = connection.info.parameter_status("server_version")
    print(f"\n{processor()}, {os.cpu_count()} cores, PostgreSQL {version}")


if __name__ == "__main__":
    main()
