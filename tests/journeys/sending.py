"""A process that sends until there is nothing left: the victim of the crash test.

`python -m tests.journeys.sending STORE PORT CONNECTIONS LEASE_SECONDS`
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from publisher import transports
from publisher.dispatch import Bounds, Dispatcher
from publisher.stores import open_store
from tests import factories
from tests.verbs.outbox import KEYS, open_at


def main() -> None:
    """Drain again and again, as the scheduler does, until the issue is finished or SIGTERM."""
    path, port, connections, lease = sys.argv[1:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    store = (
        open_store(path, host="journal.example.org")
        if "://" in path
        else open_at(Path(path), synchronous="FULL")
    )
    options = {
        "host": "127.0.0.1",
        "port": int(port),
        "security": "none",
        "connections": int(connections),
    }
    dispatcher = Dispatcher(
        journal=factories.journal(),
        keys=KEYS,
        outbox=store.outbox,
        issues=store.issues,
        notices=store.notices,
        transports={"default": transports.connect("default", "smtp", options)},
        clock=lambda: datetime.now(UTC),
        jitter=random.random,
        worker=f"{os.getpid()}-{os.urandom(4).hex()}",
        bounds=Bounds(lease=timedelta(seconds=float(lease)), batch=50, grace=timedelta(seconds=10)),
    )
    while not stop.is_set() and not dispatcher.drain(stop).finished:
        stop.wait(0.1)
    store.close()


if __name__ == "__main__":
    main()
