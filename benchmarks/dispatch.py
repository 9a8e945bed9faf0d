"""How fast an issue leaves, beside Postfix's own load generator and others, through the same sink.

    python benchmarks/dispatch.py [--count 20000] [--runs 3] [--connections 10]

The sink is `smtp-sink -c` (C, keeps nothing). `smtp-source -d` (C) sends the same number of
messages of the same size and stores nothing; we journal every delivery in SQLite, settle it,
and put a token and headers of its own into every message. What programs commonly send with
(nodemailer, aiosmtplib, smtplib) sends a tenth as many in the same run: it is far behind.
Prints a Markdown table: the median rate, and how many times the yardstick's, all runs together,
with its 95% interval; the speed of a virtual machine may change by a fifth from run to run.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the sample values live with the tests

from benchmarks import peers
from publisher import transports
from publisher.dispatch import Bounds, Dispatcher
from publisher.formats.dkim import UNSIGNED, Signers
from publisher.ports import Store
from tests import factories
from tests.verbs.outbox import KEYS, open_at, readers, release, subscribe

SIZE = 24_576
"""Bytes of a message, about that of a digest."""
YARDSTICK = "Postfix smtp-source -d, nothing stored"
ENOUGH = 5
"""Runs from which on an interval is given."""
PADDING = SIZE - 1100
"""Bytes of it that an otherwise tiny mail needs more."""


@dataclass(frozen=True)
class Options:
    """What to measure."""

    count: int
    runs: int
    connections: int


@contextmanager
def sink() -> Iterator[int]:
    """A running smtp-sink; its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [peers.program("smtp-sink"), *user, "-c", f"127.0.0.1:{port}", "1000"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit("smtp-sink does not answer")
        yield port
    finally:
        process.kill()
        process.wait()


def smtp_source(options: Options, size: int, port: int) -> float:
    """Messages a second of Postfix's load generator."""
    command = [peers.program("smtp-source"), "-d", "-s", str(options.connections)]
    command += ["-m", str(options.count), "-l", str(size), f"127.0.0.1:{port}"]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return options.count / (time.perf_counter() - began)


def ours(
    options: Options, synchronous: str, port: int, folder: Path, signers: Signers = UNSIGNED
) -> tuple[float, int]:
    """Messages a second of `dispatch`, planned beforehand, and the size of one."""
    path = Path(tempfile.mkdtemp(dir=folder)) / "journal.db"
    store = open_at(path, synchronous)
    journal = factories.journal()
    subscribe(store, "weekly", readers(options.count))
    issue = release(store, journal, padding=PADDING)
    settings = {"host": "127.0.0.1", "port": port, "security": "none"}
    settings |= {"connections": options.connections, "messages_per_connection": 1_000_000}
    dispatcher = Dispatcher(
        journal=journal,
        keys=KEYS,
        outbox=store.outbox,
        issues=store.issues,
        notices=store.notices,
        transports={"default": transports.connect("default", "smtp", settings)},
        clock=lambda: datetime.now(UTC),
        jitter=random.random,
        worker="benchmark",
        bounds=Bounds(),
        signers=signers,
    )
    # What preparing left behind is none of sending's business; the program does the same.
    gc.collect()
    gc.freeze()
    began = time.perf_counter()
    report = dispatcher.drain(threading.Event())
    took = time.perf_counter() - began
    assert report.counts == {"accepted": options.count}, report
    assert store.issues.get(issue.id).counts["accepted"] == options.count
    size = message_size(store, dispatcher, folder)
    store.close()
    return options.count / took, size


def message_size(store: Store, dispatcher: Dispatcher, folder: Path) -> int:
    """Bytes of one message of the same edition, taken from a folder transport."""
    release(store, dispatcher.journal, padding=PADDING)
    stop = threading.Event()
    out = Path(tempfile.mkdtemp(dir=folder))
    one = transports.connect("default", "folder", {"path": str(out)})
    Dispatcher(
        journal=dispatcher.journal,
        keys=KEYS,
        outbox=store.outbox,
        issues=store.issues,
        notices=store.notices,
        transports={"default": one},
        clock=dispatcher.clock,
        jitter=dispatcher.jitter,
        worker="size",
        bounds=Bounds(batch=1),
    ).drain(stop, on_progress=lambda _: stop.set())
    return next(out.glob("*.eml")).stat().st_size


def measure(options: Options, folder: Path) -> tuple[dict[str, list[float]], int]:
    """Rates by sender, run by run, and the size of a message.

    They take turns, in another order each time, so that a machine that changes its speed hits
    all alike.
    """
    connections = options.connections
    size = size_of_ours(options, folder)
    senders: dict[str, Callable[[int], float]] = {
        "publisher, journalling, synchronous=FULL": (
            lambda port: ours(options, "FULL", port, folder)[0]
        ),
        "publisher, journalling, synchronous=NORMAL": (
            lambda port: ours(options, "NORMAL", port, folder)[0]
        ),
        YARDSTICK: lambda port: smtp_source(options, size, port),
    }
    for library in peers.LIBRARIES:
        senders[f"{library}, nothing stored"] = partial(
            peers.rate, library, count=options.count // 10, connections=connections, size=size
        )
    rates: dict[str, list[float]] = {name: [] for name in senders}
    chance = random.Random(options.runs)
    for run in range(options.runs):
        for name in chance.sample(list(senders), len(senders)):
            with sink() as port:
                rates[name].append(senders[name](port))
        print(f"run {run + 1} of {options.runs} done", file=sys.stderr)
    return rates, size


def size_of_ours(options: Options, folder: Path) -> int:
    """Bytes of one of our messages."""
    with sink() as port:
        return ours(replace(options, count=10), "NORMAL", port, folder)[1]


def of_yardstick(rates: list[float], yardstick: list[float]) -> str:
    """How many times the yardstick's rate, over all runs together, with its 95% interval.

    Runs are drawn anew from those there were (bootstrap): both senders' of the same run, for
    they had about the same machine.
    """
    whole = statistics.harmonic_mean(rates) / statistics.harmonic_mean(yardstick)
    if len(rates) < ENOUGH:
        return f"{whole:.2f}×"
    chance = random.Random(len(rates))
    drawn = sorted(
        statistics.harmonic_mean([rates[run] for run in runs])
        / statistics.harmonic_mean([yardstick[run] for run in runs])
        for runs in (chance.choices(range(len(rates)), k=len(rates)) for _ in range(2000))
    )
    return f"{whole:.2f}× ({drawn[50]:.2f} to {drawn[-51]:.2f})"


def postfix_version() -> str:
    found = subprocess.run(
        [peers.program("postconf"), "-d", "-h", "mail_version"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(found, platform.machine())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--connections", type=int, default=10)
    options = Options(**vars(parser.parse_args()))
    for library in peers.LIBRARIES:
        peers.check(library)
    with tempfile.TemporaryDirectory() as folder:
        rates, size = measure(options, Path(folder))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    print(f"{options.count} messages of {size} bytes, {options.connections} connections, ", end="")
    print(f"sink smtp-sink -c, median of {options.runs} runs\n")
    print("| sender | messages/s | of smtp-source, all runs together | runs |")
    print("|---|---:|---:|---|")
    for name, median in sorted(medians.items(), key=lambda item: -item[1]):
        runs = ", ".join(f"{rate:,.0f}" for rate in rates[name])
        told = of_yardstick(rates[name], rates[YARDSTICK])
        print(f"| {name} | {median:,.0f} | {told} | {runs} |")

    print(
        f"\n{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}; ",
        end="",
    )
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, ", end="")
    print(f"SQLAlchemy {version('sqlalchemy')}, Postfix {postfix_version()}")


if __name__ == "__main__":
    main()
