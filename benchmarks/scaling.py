"""From one machine to ten million subscribers, on paper: what is measured, and what follows.

    python -m benchmarks.scaling [--rows 100000] [--count 3000] [--only-times]

Measures on a real PostgreSQL: bytes of a subscriber, a subscription and a delivery with their
indexes (`pg_total_relation_size`), of a delivery after it was sent, of the write-ahead log for each
message, the connections that a worker holds, and one worker's rate and processor time through
Postfix's smtp-sink. The table of audiences is reckoned from these alone.

`--only-times` measures what a message and a transaction cost each part (`benchmarks.times`), plays
clusters through with these times (`benchmarks.simulation`), and holds that against real runs of 1, 2
and 4 workers, of which the times know only the first; then it plays what cannot be run here.
"""

from __future__ import annotations

import argparse
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg

from benchmarks.cluster import DURABLE, shared
from benchmarks.dispatch import processor, sink
from benchmarks.simulation import Place, Provider, Times, last, play
from benchmarks.times import run, times
from publisher.domain.wakeup import PART
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
FLEETS = (1, 2, 4, 8, 16)
"""Workers."""
TRAVEL = 0.02
"""Seconds to a mail server in another town and back."""
DEFERS = 0.05
"""The share of all attempts that is deferred: greylisting, full mailboxes, haste."""


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


def hold(server: Server, count: int) -> Times:
    """What was played beside what was measured, on this machine; the times it was played with."""
    here = Place(os.cpu_count() or 1)
    single, several = run(server, 1, 1, count // 2), run(server, 1, 10, count)
    known = times(server, single, several)
    print("\nMeasured, a part's processor time, in milliseconds:\n")
    print("| | for each transaction | for each message |\n|---|---:|---:|")
    for name, (each, message) in (("worker", known.worker), ("PostgreSQL", known.database)):
        print(f"| {name} | {each * 1000:.2f} | {message * 1000:.2f} |")
    print(f"| server that takes the mail | | {known.sink * 1000:.2f} |")
    print(f"| flush of the log, waited for | {known.flush * 1000:.2f} | |")
    print("\n| workers × connections | played, messages/s | measured | played ÷ measured ", end="")
    print("| transactions a message, played | measured |")
    print("|---|---:|---:|---:|---:|---:|")
    for workers, connections in ((1, 1), (1, 10), (2, 5), (4, 2)):
        real = {(1, 1): single, (1, 10): several}.get((workers, connections))
        # A worker takes on a part at a time: fewer parts than workers would leave some idle.
        real = real or run(server, workers, connections, max(count, workers * PART))
        played = play(known, here, workers, connections)
        print(
            f"| {workers} × {connections} | {played.rate:,.0f} | {real.rate:,.0f} "
            f"| {played.rate / real.rate:.2f} | {played.commits:.2f} | {real.commits:.2f} |",
            flush=True,
        )
    return known


def beyond(known: Times) -> None:
    """Played: PostgreSQL on a machine of its own, workers and mail servers elsewhere."""
    far = replace(known, travel=TRAVEL)
    print(
        f"\nPlayed: PostgreSQL alone on {MACHINE} processors, workers of ten connections on other "
    )
    print(f"machines, {TRAVEL * 1000:.0f} ms to the mail server and back:\n")
    print(
        "| workers | messages/s | PostgreSQL's processors busy | its log busy | hours for 10,000,000 |"
    )
    print("|---:|---:|---:|---:|---:|")
    for workers in FLEETS:
        played = play(far, Place(MACHINE, apart=True), workers, 10)
        print(
            f"| {workers} | {played.rate:,.0f} | {played.processors:.0%} | {played.log:.0%} "
            f"| {10_000_000 / played.rate / 3600:.1f} |",
            flush=True,
        )
    fastest = play(far, Place(MACHINE, apart=True), FLEETS[-1], 10).rate
    print(
        f"\nPlayed, hours until 90% and 100% were accepted, where a provider defers {DEFERS:.0%} of all "
    )
    print("attempts (waits as in `domain/retry.py`) and lets through:\n")
    print("| subscribers | " + " | ".join(f"{limit:,}/s" for limit in LIMITS) + " |")
    print("|---:" * (len(LIMITS) + 1) + "|")
    for audience in AUDIENCES:
        cells = (last(audience, fastest, Provider(limit, DEFERS)) for limit in LIMITS)
        print(f"| {audience:,} | " + " | ".join(f"{m:,.1f}, {w:,.1f}" for m, w in cells) + " |")


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--only-times", action="store_true")
    options = parser.parse_args()
    print("\n## From one machine to ten million subscribers, on paper")
    with running(54_797, DURABLE) as server:
        if not options.only_times:
            show(measure(server, options.rows, options.count))
        beyond(hold(server, options.count))
        with server.connected() as connection:
            version = connection.info.parameter_status("server_version")
    print(f"\n{processor()}, {os.cpu_count()} cores, PostgreSQL {version}")


if __name__ == "__main__":
    main()
