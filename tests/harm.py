"""What is done to a cluster by `tests.chaos`: workers in their places, and what harms them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, ClassVar, Self

from tests.journeys.cable import Cable
from tests.journeys.cluster import ROOT
from tests.journeys.netns import namespace
from tests.postgres import Server
from tests.transports.relay import Relay

WORKERS = 4
CONNECTIONS = 2
LEASE = 2.0
"""Seconds; a worker is frozen for about as long, shorter or longer."""
PER_SECOND = 150
"""The limit of all workers together."""


@dataclass(slots=True)
class Tally:
    """What was done to the cluster, and what became of the messages."""

    kills: int = 0
    freezes: int = 0
    partitions: int = 0
    cuts: int = 0
    deploys: int = 0
    crashes: int = 0
    restarts: int = 0
    fullest: int = 0
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
        each = self.kills + self.freezes + self.partitions
        each += WORKERS * (self.crashes + self.restarts)
        return CONNECTIONS * each

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        whole = not (self.lost or self.twice or self.deaths)
        return whole and self.unknown <= self.most and self.fullest <= PER_SECOND


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker runs: how it reaches the store and the relay, and what runs it there."""

    url: str
    relay: tuple[str, int]
    prefix: tuple[str, ...] = ()


@dataclass(slots=True)
class Worker:
    """One process; `wakes_at`: it is frozen until then."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]
    wakes_at: float | None = None

    @classmethod
    def start(cls, place: Place) -> Self:
        """As `publisher worker`; what it says goes to a file, since a pipe would fill up."""
        log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process is killed
        host, port = place.relay
        limits = json.dumps({"per_second": PER_SECOND})
        words = [place.url, host, str(port), str(CONNECTIONS), str(LEASE), "1", limits]
        command = [*place.prefix, sys.executable, "-m", "tests.journeys.cluster", *words]
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

    def said(self) -> str:
        """The end of what it said."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-2000:]


class Far:
    """A namespace, and the two lines of the worker in it. `cut`: the next commit's answer is lost."""

    def __init__(self, stack: ExitStack, server: Server, name: str, relay: Relay) -> None:
        self.name = f"pub{os.getpid() % 250}"
        host, prefix = stack.enter_context(namespace(self.name, os.getpid() % 250))
        socket = str(server.root / f".s.PGSQL.{server.port}")
        self.cut = False
        self.store = stack.enter_context(Cable(socket, host, self._cut_at))
        line = stack.enter_context(Cable(("127.0.0.1", relay.port), host))
        url = f"postgresql+psycopg://publisher@{host}:{self.store.port}/{name}"
        self.place = Place(url, (host, line.port), prefix)
        self.up_at: float | None = None

    def _cut_at(self, piece: bytes) -> bool:
        if not (self.cut and b"xact_lock_shared" in piece and b"UPDATE" in piece):
            return False
        self.cut = False
        return True

    def down(self, seconds: float) -> None:
        """Nothing gets through for so long."""
        self._line("down")
        self.up_at = time.monotonic() + seconds

    def up(self) -> None:
        """Everything does again."""
        self._line("up")
        self.up_at = None

    def _line(self, state: str) -> None:
        subprocess.run(["ip", "link", "set", f"{self.name}a", state], check=True)


class Chaos:
    """A cluster, and what harms it. `step` does one thing or none."""

    KINDS: ClassVar = {"kill": 10, "freeze": 8, "partition": 3, "cut": 3, "deploy": 2, "server": 1}

    def __init__(
        self, server: Server, name: str, near: Place, far: Far, chance: random.Random
    ) -> None:
        self._server, self._name, self._far, self._chance = server, name, far, chance
        self._places = [far.place, *[near] * (WORKERS - 1)]
        self._workers = [Worker.start(place) for place in self._places]
        self.tally = Tally()

    def step(self) -> None:
        """Harm one worker, or all through the server."""
        (kind,) = self._chance.choices(tuple(self.KINDS), tuple(self.KINDS.values()))
        number = self._chance.randrange(WORKERS)
        frozen = self._workers[number].wakes_at is not None
        if kind == "server":
            self._stop_server()
        elif kind == "kill":
            self._workers[number].kill()
            self._begin(number)
            self.tally.kills += 1
        elif kind == "freeze" and not frozen:
            worker = self._workers[number]
            worker.process.send_signal(signal.SIGSTOP)
            worker.wakes_at = time.monotonic() + self._spell()
            self.tally.freezes += 1
        elif kind == "partition" and self._far.up_at is None:
            self._far.down(self._spell())
            self.tally.partitions += 1
        elif kind == "cut":
            self._far.cut = True
        elif kind == "deploy" and not frozen and (number or self._far.up_at is None):
            self._deploy(number)

    def _spell(self) -> float:
        return self._chance.uniform(0.5, 3) * LEASE

    def _begin(self, number: int) -> None:
        self._workers[number] = Worker.start(self._places[number])

    def _stop_server(self) -> None:
        crash = self._chance.random() < 0.5
        self._server.stop("immediate" if crash else "fast")
        time.sleep(self._chance.uniform(0, 1))
        self._server.start()
        self.tally.crashes += crash
        self.tally.restarts += not crash

    def _deploy(self, number: int) -> None:
        """The schema grows while everybody sends; then one worker after the other is a new one."""
        self.tally.deploys += 1
        column = f"later{self.tally.deploys}"
        with self._server.connected(self._name) as connection:
            connection.execute(f"ALTER TABLE delivery ADD COLUMN {column} text".encode())
            connection.execute(f"CREATE INDEX {column} ON delivery ({column})".encode())
        worker = self._workers[number]
        worker.process.terminate()
        try:
            ended = worker.process.wait(timeout=90)
        except subprocess.TimeoutExpired:
            ended = None
        # Who had only just been started did not know the signal yet, and had begun nothing.
        if ended not in (0, -signal.SIGTERM):
            self.tally.deaths.append(f"it ended with {ended} when told to: {worker.said()}")
        worker.kill()
        self._begin(number)

    def mind(self) -> None:
        """Wake who has been frozen long enough; note who ended by himself, and start another."""
        self.tally.cuts = self._far.store.cuts
        if self._far.up_at is not None and self._far.up_at < time.monotonic():
            self._far.up()
        for number, worker in enumerate(self._workers):
            if worker.process.poll() is not None:
                self.tally.deaths.append(worker.said())
                self._begin(number)
            elif worker.wakes_at is not None and worker.wakes_at < time.monotonic():
                worker.wake()

    def rest(self) -> None:
        """Nobody is frozen or cut off any more."""
        self._far.cut = False
        if self._far.up_at is not None:
            self._far.up()
        for worker in self._workers:
            if worker.wakes_at is not None:
                worker.wake()

    def close(self) -> None:
        """End every process."""
        for worker in self._workers:
            worker.kill()
