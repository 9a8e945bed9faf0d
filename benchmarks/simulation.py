"""A cluster that sends, played through event by event: what its parts' times come to together.

Two models, both of nothing but times that were measured elsewhere. `play` is one of single
messages: workers whose one thread gathers what came back, settles it and journals what goes next
in one transaction; PostgreSQL's processors and its log, which is flushed for all who wait at
once; a server that takes messages one after the other. `last` is one of an issue in lots of many
messages: what a provider lets through, what it defers, and when that is tried again.

`benchmarks.scaling` measures the times, and holds the first model against real runs.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import simpy

from publisher.domain.retry import RetryPolicy

Steps = Generator[simpy.Event, Any, None]

SECONDS = 5.0
"""How long `play` watches; what comes before, while everything fills up, is not counted."""
WARM_UP = 1.0
SPREAD = (0.5, 1.5)
"""How far a single message's time may be from the one that is usual."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of a processor that a message or a transaction takes, and seconds that it waits.

    `worker`, `database`: (for each transaction, for each message). `sink`: processor time of the
    server that takes the mail, one message at a time. `flush`: the log's way to the disk.
    `travel`: a message's way to the server and its answer's way back, no processor involved.
    """

    worker: tuple[float, float]
    database: tuple[float, float]
    sink: float
    flush: float
    travel: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Processors of one machine that has everything (`apart`=False), or of PostgreSQL's alone."""

    processors: int
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """Messages a second, transactions a message, and how busy PostgreSQL's parts were (0 to 1)."""

    rate: float
    commits: float
    processors: float
    log: float


class _Busy:
    """A resource with so many places, and how long they were taken."""

    def __init__(self, env: simpy.Environment, places: int) -> None:
        self.env = env
        self.places = places
        self.resource = simpy.Resource(env, places)
        self.taken = 0.0

    def hold(self, seconds: float) -> Steps:
        with self.resource.request() as turn:
            yield turn
            yield self.env.timeout(seconds)
        if self.env.now > WARM_UP:
            self.taken += seconds

    def share(self) -> float:
        return self.taken / (self.places * (self.env.now - WARM_UP))


class _Log:
    """Whoever commits waits for the next flush that begins; one serves all who wait."""

    def __init__(self, env: simpy.Environment, seconds: float) -> None:
        self.env = env
        self.seconds = seconds
        self.waiting: list[simpy.Event] = []
        self.wanted = env.event()
        self.taken = 0.0
        env.process(self._run())

    def commit(self) -> simpy.Event:
        done = self.env.event()
        self.waiting.append(done)
        if not self.wanted.triggered:
            self.wanted.succeed()
        return done

    def _run(self) -> Steps:
        while True:
            yield self.wanted
            self.wanted = self.env.event()
            served, self.waiting = self.waiting, []
            yield self.env.timeout(self.seconds)
            self.taken += self.seconds if self.env.now > WARM_UP else 0.0
            for done in served:
                done.succeed()


class _Cluster:
    """Everything that workers share."""

    def __init__(self, env: simpy.Environment, times: Times, place: Place) -> None:
        self.env = env
        self.times = times
        self.database = _Busy(env, place.processors)
        # Workers and the server on machines of their own are never short of a processor here.
        self.place = place
        self.server = _Busy(env, 1)
        self.log = _Log(env, times.flush)
        self.chance = random.Random(1)
        self.settled = self.transactions = 0

    def work(self, seconds: float) -> Steps:
        """Of a worker, or of the server that takes the mail."""
        if self.place.apart:
            yield self.env.timeout(seconds)
        else:
            yield from self.database.hold(seconds)

    def send(self, back: simpy.Store) -> Steps:
        """One message there, and its answer back; without chance all would keep step for ever."""
        sink = self.times.sink * self.chance.uniform(*SPREAD)
        yield self.env.timeout(self.times.travel * self.chance.uniform(*SPREAD))
        if self.place.apart:
            yield self.env.timeout(sink)
        else:
            with self.server.resource.request() as turn:
                yield turn
                yield from self.database.hold(sink)
        yield back.put(None)

    def worker(self, connections: int) -> Steps:
        """A ledger: one transaction settles what came back and journals what goes next."""
        back = simpy.Store(self.env)
        came, idle = 0, connections
        while True:
            each, message = self.times.worker
            yield from self.work(each + idle * message)
            each, message = self.times.database
            yield from self.database.hold(each + idle * message)
            yield self.log.commit()
            if self.env.now > WARM_UP:
                self.settled += came
                self.transactions += 1
            for _ in range(idle):
                self.env.process(self.send(back))
            yield back.get()
            came = 1 + len(back.items)
            back.items.clear()
            idle = came


def play(
    times: Times, place: Place, workers: int, connections: int, seconds: float = SECONDS
) -> Played:
    """`workers` with `connections` each, an issue that never ends."""
    env = simpy.Environment()
    cluster = _Cluster(env, times, place)
    for _ in range(workers):
        env.process(cluster.worker(connections))
    env.run(until=WARM_UP + seconds)
    return Played(
        rate=cluster.settled / seconds,
        commits=cluster.transactions / max(cluster.settled, 1),
        processors=cluster.database.share(),
        log=cluster.log.taken / seconds,
    )


def _some_of(number: int, share: float, chance: random.Random) -> int:
    """How many of so many, by the normal distribution that stands for the binomial one."""
    found = round(chance.gauss(number * share, (number * share * (1 - share)) ** 0.5))
    return min(max(found, 0), number)


@dataclass(frozen=True, slots=True)
class Provider:
    """Messages a second that it lets through, and the share that it defers at each attempt."""

    rate: float
    defers: float


def last(
    audience: int, rate: float, provider: Provider, lot: int = 1000, seed: int = 1
) -> tuple[float, float]:
    """Hours until nine in ten of an issue were accepted, and until all were.

    The cluster sends `rate` messages a second where the provider lets it. What is deferred comes
    back in lots, after the waits of `RetryPolicy`.
    """
    env = simpy.Environment()
    gate = simpy.Resource(env, 1)
    chance = random.Random(seed)
    policy = RetryPolicy()
    began = datetime.fromisoformat("2026-01-01T00:00+00:00")
    through = min(rate, provider.rate)
    accepted = [(0.0, 0)]

    def go(messages: int, attempts: int) -> Steps:
        while messages:
            with gate.request() as turn:
                yield turn
                yield env.timeout(messages / through)
            deferred = _some_of(messages, provider.defers, chance)
            accepted.append((env.now, accepted[-1][1] + messages - deferred))
            messages, attempts = deferred, attempts + 1
            now = began + timedelta(seconds=env.now)
            yield env.timeout((policy.due(attempts, now, chance.random()) - now).total_seconds())

    for start in range(0, audience, lot):
        env.process(go(min(lot, audience - start), 0))
    env.run()
    most = next(at for at, number in accepted if number >= 0.9 * audience)
    whole = next(at for at, number in accepted if number >= audience)
    return most / 3600, whole / 3600
