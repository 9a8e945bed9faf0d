"""Harm a cluster again and again for some minutes, and account for every message. `make chaos`.

    python -m tests.chaos [--seconds 180] [--count 20000] [--seed N] [--report docs/chaos.md]

Four workers, each a process with two connections, send issues of `--count` messages through a
relay on a real socket from one PostgreSQL, at a limit by the second that all of them share. One
sits in a network namespace of its own. Meanwhile, at random: kill -9 of a worker (another takes
its place), SIGSTOP for longer than a lease and SIGCONT, the namespace's line taken down for as
long, a line to PostgreSQL cut between a commit and its answer, a new version (the schema changes,
a worker is told to end and another begins), and PostgreSQL stopped and started, half of the times
as in a crash. One issue follows another until the time is over; then nobody is harmed any more
until the last is finished. The relay's own log is held against the store. Ends with 1 where a
message was lost or arrived twice, more are in doubt than connections died, or a second was too
full.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg

from publisher.domain.issue import Issue
from publisher.ports import Store
from tests import factories
from tests.harm import CONNECTIONS, LEASE, PER_SECOND, WORKERS, Chaos, Far, Place, Tally
from tests.journeys.cluster import cluster_store
from tests.postgres import Server, running
from tests.transports.timed import TimedRelay, fullest
from tests.verbs.outbox import readers, release, subscribe

PATIENCE = 600
"""Seconds after the last harm within which the last issue must be finished."""
DURABLE = "-c fsync=on -c synchronous_commit=on -c max_connections=200 -c log_min_messages=fatal "

_FEEDBACK = re.compile(rb"^Feedback-ID: (\S+)", re.MULTILINE)


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


def account(tally: Tally, server: Server, name: str, relay: TimedRelay) -> None:
    """Hold the store against the relay's log, message by message."""
    tally.fullest = fullest(relay.whole, timedelta(seconds=1))
    arrived: Counter[tuple[int, str]] = Counter()
    numbers: dict[bytes, int] = {}
    for one in relay.received:
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


SHORT = """\
| kill -9 of one of four workers, again and again | `test_killed_again_and_again_everybody_is_accounted_for` | yes |
| a worker frozen past its lease and woken; a fence that is old | `test_a_frozen_worker_that_wakes_sends_and_settles_nothing_of_others` | yes |
| PostgreSQL restarted | `test_the_server_may_be_restarted_meanwhile` | yes |
| a line cut between commit and answer | `test_a_line_cut_between_commit_and_answer` | yes |
| a network partition of one worker | `test_a_partition_of_one_worker` | yes |
| a new version with a migration | `test_the_schema_may_change_meanwhile` | yes |
| limits of all workers together | `test_limits_hold_over_all_workers` | yes |
| two schedulers on one slot | `test_two_schedulers_and_two_workers_make_one_issue` | no: slots have nothing to do with sending |
| processes that begin before PostgreSQL | `test_who_stays_waits_for_the_store` | yes, where it is restarted |"""


def report(tally: Tally, seed: int, server: str) -> str:
    """Markdown."""
    rows = (
        ("issues, one after the other", tally.issues),
        ("messages", tally.messages),
        ("workers killed (`kill -9`)", tally.kills),
        ("workers frozen (SIGSTOP, 1 to 6 s; a lease is 2 s) and woken", tally.freezes),
        ("times that one worker's network was taken away (1 to 6 s)", tally.partitions),
        ("lines to PostgreSQL cut between a commit and its answer", tally.cuts),
        (
            "new versions: the schema changed, a worker ended on SIGTERM, another began",
            tally.deploys,
        ),
        ("PostgreSQL crashed (`immediate`) and started", tally.crashes),
        ("PostgreSQL restarted (`fast`)", tally.restarts),
        ("accepted by the relay", tally.accepted),
        (f"in doubt (`unknown`); at most {tally.most:,} may be", tally.unknown),
        ("workers that ended by themselves", len(tally.deaths)),
        (f"messages in the fullest second; {PER_SECOND} may be, of all workers", tally.fullest),
        ("**arrived twice**", tally.twice),
        ("**lost**", tally.lost),
    )
    table = "\n".join(f"| {what} | {number:,} |" for what, number in rows)
    return f"""# Chaos: the last report

`make chaos` harms a cluster at random and then holds the relay's own log against the store, message by message. This
is its last report; [scaling](scaling.md) says what is promised.

| | |
|---|---:|
{table}

{"Every promise was kept." if tally.kept else "**A promise was broken.**"} In doubt is at most one message for each \
connection that died or froze while it sent; each of them may have arrived, and none was sent again.

| fault | its short form, with every test | here |
|---|---|---|
{SHORT}

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
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(port, DURABLE) as server:
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
        relay = stack.enter_context(TimedRelay())
        near = Place(server.url(name), ("127.0.0.1", relay.port))
        chaos = Chaos(server, name, near, Far(stack, server, name, relay), chance)
        stack.callback(chaos.close)
        harm(chaos, store, options.seconds, chance)
        account(chaos.tally, server, name, relay)
        with server.connected(name) as connection:
            number = connection.info.parameter_status("server_version")
    text = report(chaos.tally, options.seed, f"PostgreSQL {number}")
    if options.report is not None:
        options.report.write_text(text)
    sys.stdout.write(text + "".join(f"\nA worker ended: {why}" for why in chaos.tally.deaths))
    sys.exit(0 if chaos.tally.kept else 1)


if __name__ == "__main__":
    main()
