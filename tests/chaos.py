"""Harm a cluster again and again for some minutes, and account for every message. `make chaos`.

    python -m tests.chaos [--seconds 180] [--count 20000] [--seed N] [--report docs/chaos.md]

Four workers, each a process with two connections, send issues of `--count` messages through a
relay on a real socket from one PostgreSQL. Meanwhile, at random: kill -9 of a worker (another
takes its place), SIGSTOP for longer than a lease and SIGCONT, and PostgreSQL stopped and started,
half of the times as in a crash. One issue follows another until the time is over; then nobody is
harmed any more until the last is finished. The relay's own log is held against the store. Ends
with 1 where a message was lost or arrived twice, or more are in doubt than connections died.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

import psycopg

from publisher.domain.issue import Issue
from publisher.ports import Store
from tests import factories
from tests.journeys.cluster import ROOT, cluster_store
from tests.postgres import Server, running
from tests.transports.relay import Received, Relay
from tests.verbs.outbox import readers, release, subscribe

WORKERS = 4
CONNECTIONS = 2
LEASE = 2.0
"""Seconds; a worker is frozen for about as long, shorter or longer."""
PATIENCE = 180
"""Seconds after the last harm within which the last issue must be finished."""
DURABLE = "-c fsync=on -c synchronous_commit=on -c max_connections=200 -c log_min_messages=fatal "

_FEEDBACK = re.compile(rb"^Feedback-ID: (\S+)", re.MULTILINE)


@dataclass(slots=True)
class Tally:
    """What was done to the cluster, and what became of the messages."""

    kills: int = 0
    freezes: int = 0
    crashes: int = 0
    restarts: int = 0
    deaths: list[str] = field(default_factory=list)
    issues: int = 0
    messages: int = 0
    accepted: int = 0
    unknown: int = 0
    twice: int = 0
    lost: int = 0
    seconds: float = 0.0

    @property
    def most(self) -> int:
        """As many may be in doubt: one for each connection that died or froze."""
        each = self.kills + self.freezes + WORKERS * (self.crashes + self.restarts)
        return CONNECTIONS * each

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.twice or self.deaths) and self.unknown <= self.most


@dataclass(slots=True)
class Worker:
    """One process; `wakes_at`: it is frozen until then."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    wakes_at: float | None = None

    @classmethod
    def start(cls, url: str, relay: Relay) -> Self:
        """As `publisher worker`; what it says goes to a file, since a pipe would fill up."""
        log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process is killed
        words = [url, "127.0.0.1", str(relay.port), str(CONNECTIONS), str(LEASE), "1", "{}"]
        command = [sys.executable, "-m", "tests.journeys.cluster", *words]
        return cls(subprocess.Popen(command, cwd=ROOT, stderr=log), log)

    def wake(self) -> None:
        """Go on where it was frozen."""
        self.process.send_signal(signal.SIGCONT)
        self.wakes_at = None

    def kill(self) -> None:
        """kill -9; frozen or not."""
        self.process.kill()
        self.process.wait()
        self.log.close()


class Chaos:
    """A cluster, and what harms it. `step` does one thing or none."""

    def __init__(self, server: Server, url: str, relay: Relay, chance: random.Random) -> None:
        self._server, self._url, self._relay, self._chance = server, url, relay, chance
        self._workers = [Worker.start(url, relay) for _ in range(WORKERS)]
        self.tally = Tally()

    def step(self) -> None:
        """Harm one worker, or all through the server."""
        kind = self._chance.choices(("kill", "freeze", "server"), (10, 8, 1))[0]
        if kind == "server":
            crash = self._chance.random() < 0.5
            self._server.stop("immediate" if crash else "fast")
            time.sleep(self._chance.uniform(0, 1))
            self._server.start()
            self.tally.crashes += crash
            self.tally.restarts += not crash
            return
        place = self._chance.randrange(WORKERS)
        worker = self._workers[place]
        if kind == "kill":
            worker.kill()
            self._workers[place] = Worker.start(self._url, self._relay)
            self.tally.kills += 1
        elif worker.wakes_at is None:
            worker.process.send_signal(signal.SIGSTOP)
            worker.wakes_at = time.monotonic() + self._chance.uniform(0.5, 3) * LEASE
            self.tally.freezes += 1

    def mind(self) -> None:
        """Wake who has been frozen long enough; note who ended by himself, and start another."""
        for place, worker in enumerate(self._workers):
            if worker.process.poll() is not None:
                worker.log.seek(0)
                self.tally.deaths.append(worker.log.read().decode(errors="replace")[-2000:])
                self._workers[place] = Worker.start(self._url, self._relay)
            elif worker.wakes_at is not None and worker.wakes_at < time.monotonic():
                worker.wake()

    def rest(self) -> None:
        """Nobody is frozen any more."""
        for worker in self._workers:
            if worker.wakes_at is not None:
                worker.wake()

    def close(self) -> None:
        """End every process."""
        for worker in self._workers:
            worker.kill()


def harm(chaos: Chaos, store: Store, seconds: float, chance: random.Random) -> list[Issue]:
    """One issue after the other until the time is over, and the last of them finished."""
    journal = factories.journal()
    issues = [release(store, journal)]
    began = time.monotonic()
    next_at = began + 3
    while time.monotonic() < began + seconds + PATIENCE:
        chaos.mind()
        time.sleep(0.05)
        over = time.monotonic() > began + seconds
        if over:
            chaos.rest()
        elif time.monotonic() > next_at:
            chaos.step()
            next_at = time.monotonic() + chance.uniform(0.1, 2.5)
        if store.issues.get(issues[-1].id).state.value == "finished":
            if over:
                time.sleep(2 * LEASE)  # whoever woke late has said what he had to say
                chaos.tally.seconds = time.monotonic() - began
                return issues
            issues.append(release(store, journal))
    raise SystemExit(f"still not finished: {store.issues.get(issues[-1].id)}")


def account(tally: Tally, server: Server, name: str, received: list[Received]) -> None:
    """Hold the store against the relay's log, message by message."""
    arrived: Counter[tuple[int, str]] = Counter()
    numbers: dict[bytes, int] = {}
    for one in received:
        found = _FEEDBACK.search(one.content)
        assert found is not None
        arrived[numbers.setdefault(found[1], len(numbers)), one.recipient] += 1
    tally.twice = sum(1 for number in arrived.values() if number > 1)
    with server.connected(name) as connection:
        rows = connection.execute(
            "SELECT i.id, i.audience, d.state, s.address FROM delivery d "
            "JOIN issue i ON i.id = d.issue_id JOIN subscription p ON p.id = d.subscription_id "
            "JOIN subscriber s ON s.id = p.subscriber_id ORDER BY i.id"
        ).fetchall()
    audience = {issue: people for issue, people, _, _ in rows}
    # Issues are sent one after the other, so the relay met them in this order.
    place = {issue: number for number, issue in enumerate(sorted(audience))}
    states = Counter(state for _, _, state, _ in rows)
    tally.issues, tally.messages = len(audience), sum(audience.values())
    tally.accepted, tally.unknown = states["accepted"], states["unknown"]
    tally.lost = tally.messages - tally.accepted - tally.unknown
    tally.lost += sum(
        1
        for issue, _, state, address in rows
        if state == "accepted" and not arrived[place[issue], address]
    )


def report(tally: Tally, seed: int, server: str) -> str:
    """Markdown."""
    rows = (
        ("issues, one after the other", tally.issues),
        ("messages", tally.messages),
        ("workers killed (`kill -9`)", tally.kills),
        ("workers frozen (SIGSTOP, 1 to 6 s; a lease is 2 s) and woken", tally.freezes),
        ("PostgreSQL crashed (`immediate`) and started", tally.crashes),
        ("PostgreSQL restarted (`fast`)", tally.restarts),
        ("accepted by the relay", tally.accepted),
        (f"in doubt (`unknown`); at most {tally.most:,} may be", tally.unknown),
        ("workers that ended by themselves", len(tally.deaths)),
        ("**arrived twice**", tally.twice),
        ("**lost**", tally.lost),
    )
    table = "\n".join(f"| {what} | {number:,} |" for what, number in rows)
    return f"""# Chaos: the last report

`make chaos` harms a cluster at random and then holds the relay's own log against the store, message by message. This
is its last report; [scaling](scaling.md) says what is promised, and `tests/journeys/test_cluster.py` is the short form
that runs with every test.

| | |
|---|---:|
{table}

{"Every promise was kept." if tally.kept else "**A promise was broken.**"} In doubt is at most one message for each \
connection that died or froze while it sent; each of them may have arrived, and none was sent again.

{WORKERS} workers with {CONNECTIONS} connections each, {tally.seconds:.0f} s, seed {seed}. {machine()}, {server}, \
Python {platform.python_version()}, psycopg {psycopg.__version__}.
"""


def machine() -> str:
    """The processor and how many there are of it."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    found = re.search(r"model name\s*: (.*)", text)
    return f"{found[1] if found else platform.machine()}, {os.cpu_count()} cores"


@contextmanager
def cluster(count: int) -> Iterator[tuple[Server, str, Store]]:
    """A server that syncs, a database in it, and a store with `count` readers."""
    with running(54_798, DURABLE) as server:
        name = server.create()
        store = cluster_store(server.url(name))
        subscribe(store, "weekly", readers(count))
        try:
            yield server, name, store
        finally:
            store.close()


def main() -> None:
    """Write the report; exit with 1 where a promise was broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 - moments to harm at, not secrets
    with ExitStack() as stack:
        server, name, store = stack.enter_context(cluster(options.count))
        relay = stack.enter_context(Relay())
        chaos = Chaos(server, server.url(name), relay, chance)
        stack.callback(chaos.close)
        harm(chaos, store, options.seconds, chance)
        account(chaos.tally, server, name, relay.received)
        with server.connected(name) as connection:
            number = connection.info.parameter_status("server_version")
    text = report(chaos.tally, options.seed, f"PostgreSQL {number}")
    if options.report is not None:
        options.report.write_text(text)
    sys.stdout.write(text + "".join(f"\nA worker ended: {why}" for why in chaos.tally.deaths))
    sys.exit(0 if chaos.tally.kept else 1)


if __name__ == "__main__":
    main()
