"""What a message and a transaction cost each part of a cluster: real runs, and the kernel's clocks.

One worker with one connection makes a transaction for each message; with ten it makes one for
several. From the processor time of both runs follows what a transaction costs and what a message
does, for the worker and for PostgreSQL.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.cluster import commits, speed, worker
from benchmarks.dispatch import PADDING, sink
from benchmarks.simulation import Times
from publisher.domain.issue import IssueEvent
from tests import factories
from tests.journeys.cluster import ROOT, cluster_store
from tests.postgres import Server
from tests.verbs.outbox import NOW, planned, readers, subscribe

TICK = os.sysconf("SC_CLK_TCK")
PATIENCE = 120.0
"""Seconds within which workers are ready, and twice within which they are done."""


@dataclass(frozen=True, slots=True)
class Run:
    """Messages a second, transactions a message, and processor seconds a message of each part."""

    rate: float
    commits: float
    worker: float
    database: float
    sink: float


def run(server: Server, workers: int, connections: int, count: int) -> Run:
    """`count` messages by `workers` with `connections` each, through Postfix's smtp-sink."""
    name = server.create()
    store = cluster_store(server.url(name))
    subscribe(store, "weekly", readers(count))
    issue = planned(store, factories.journal(), padding=PADDING)
    with sink() as port, _workers(server.url(name), port, workers, connections) as pids:
        _wait(server, name, "SELECT count(*) FROM procrastinate_workers", workers, pids)
        parts = (pids, [_postmaster(server), *_below(_postmaster(server))], _sinks())
        before = [_spent(part) for part in parts]
        transactions = commits(server, name)
        store.issues.move(issue.id, IssueEvent.RELEASE, NOW)
        _wait(server, name, "SELECT count(*) FROM issue WHERE state = 'finished'", 1, pids)
        parts = (pids, [_postmaster(server), *_below(_postmaster(server))], _sinks())
        spent = [(_spent(part) - was) / count for part, was in zip(parts, before, strict=True)]
        made = (commits(server, name) - transactions) / count
    rate = speed(store, issue, count)
    store.close()
    server.drop(name)
    return Run(rate, made, *spent)


def times(server: Server, single: Run, several: Run) -> Times:
    """From a worker's run with one connection, and one with several."""

    def of(first: float, second: float) -> tuple[float, float]:
        each = max(0.0, (first - second) / (single.commits - several.commits))
        return each, max(0.0, second - several.commits * each)

    return Times(
        worker=of(single.worker, several.worker),
        database=of(single.database, several.database),
        sink=several.sink,
        flush=flush(server),
    )


def flush(server: Server, number: int = 300) -> float:
    """Seconds that a commit waits for the log alone: with it, less without it; medians."""
    name = server.create()
    found = {}
    with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
        connection.execute("CREATE TABLE one (number integer)")
        connection.execute("INSERT INTO one VALUES (0)")
        for how in ("on", "off"):
            connection.execute(f"SET synchronous_commit = {how}".encode())
            took = []
            for _ in range(number):
                began = time.perf_counter()
                connection.execute("UPDATE one SET number = number + 1")
                took.append(time.perf_counter() - began)
            found[how] = statistics.median(took)
    server.drop(name)
    return max(0.0, found["on"] - found["off"])


@contextmanager
def _workers(url: str, port: int, workers: int, connections: int) -> Iterator[list[int]]:
    command = worker(url, port, connections)
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(workers)]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(server: Server, name: str, query: str, number: int, pids: list[int]) -> None:
    until = time.monotonic() + 2 * PATIENCE
    with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
        while time.monotonic() < until:
            row = connection.execute(query.encode()).fetchone()
            if row is not None and row[0] >= number:
                return
            if any(_stat(pid)[:1] in ([], ["Z"]) for pid in pids):
                sys.exit("a worker ended by itself")
            time.sleep(0.1)
    sys.exit(f"it did not come to {number}: {query}")


# --- the kernel's clocks ----------------------------------------------------------------------


def _spent(pids: list[int]) -> float:
    """Processor seconds of these processes, and of what they waited for; those gone left out."""
    total = 0
    for pid in pids:
        fields = _stat(pid)
        total += sum(int(field) for field in fields[11:15]) if fields else 0
    return total / TICK


def _stat(pid: int) -> list[str]:
    """What follows the name in /proc/PID/stat (proc(5)): state, parent, …; empty where it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _below(parent: int) -> list[int]:
    """Processes whose parent this is."""
    found = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    return [pid for pid in found if (fields := _stat(pid)) and int(fields[1]) == parent]


def _sinks() -> list[int]:
    """smtp-sink, which this process started, and all below it."""
    found = []
    for pid in _below(os.getpid()):
        if b"smtp-sink" in Path(f"/proc/{pid}/cmdline").read_bytes():
            found += [pid, *_below(pid)]
    return found


def _postmaster(server: Server) -> int:
    return int((server.root / "data" / "postmaster.pid").read_text().split()[0])
