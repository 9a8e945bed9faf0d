"""Workers of a cluster: processes that share an issue in PostgreSQL, for tests that harm them.

`python -m tests.journeys.cluster STORE HOST PORT CONNECTIONS LEASE_SECONDS CONCURRENCY LIMITS`
is one; LIMITS is the settings' table as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from publisher.app import open_app
from publisher.domain.issue import Issue
from publisher.domain.wakeup import Share
from publisher.engines import connect
from publisher.formats.pepper import Pepper
from publisher.ports import Store
from publisher.scheduler import run
from publisher.scheduler.reaching import reach
from publisher.settings import Dispatching, Settings, TransportSettings
from publisher.settings_traffic import LimitsTable, policy
from publisher.stores import open_store
from tests.journeys.running import settings
from tests.transports.relay import Received, Relay
from tests.verbs.outbox import NOW

ROOT = Path(__file__).parents[2]
HOST = "journal.example.org"


def cluster_store(url: str) -> Store:
    """The store as an App opens it, with its queue."""
    engine = connect("procrastinate", url)
    assert engine is not None
    store = open_store(url, host=HOST, pepper=Pepper(()), wake=engine.wake)
    store.migrate(NOW)
    engine.migrate()
    return store


def settings_for(
    root: Path,
    url: str,
    relay: tuple[str, int],
    connections: int,
    lease: float,
    limits: str = "{}",
) -> Settings:
    """A journal whose only transport is a relay at this host and port."""
    allowed = policy(LimitsTable.read(json.loads(limits)))
    options = {"host": relay[0], "port": relay[1], "security": "none", "connections": connections}
    return replace(
        settings(root),
        store_url=url,
        engine="procrastinate",
        transports={"default": TransportSettings("default", "smtp", options, allowed)},
        dispatching=Dispatching(lease=timedelta(seconds=lease), batch=50),
    )


@contextmanager
def worker(
    url: str,
    relay: Relay,
    *,
    connections: int = 2,
    lease: float = 2.0,
    concurrency: int = 1,
    limits: str = "{}",
    prefix: tuple[str, ...] = (),
    at: tuple[str, int] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of its own process; gone at the end, whatever happens.

    `prefix` runs it; `at` is where it finds the relay.
    """
    host, port = at or ("127.0.0.1", relay.port)
    words = [url, host, str(port), str(connections), str(lease), str(concurrency), limits]
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "tests.journeys.cluster", *words],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(store: Store, issue: Issue, seconds: float = 120) -> Issue:
    """The issue, once it is finished."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.1)):
        found = store.issues.get(issue.id)
        if found.state.value == "finished":
            return found
        pause.wait(0.1)
    raise AssertionError(f"still not finished: {store.issues.get(issue.id)}")


def account(found: Issue, received: list[Received], audience: int, most: int) -> int:
    """Hold the counts against the relay's own log; how many are in doubt, at most `most`."""
    counts = {state: number for state, number in found.counts.items() if number}
    assert found.audience == sum(counts.values()) == audience
    assert set(counts) <= {"accepted", "unknown"}
    arrived = Counter(one.recipient for one in received)
    assert max(arrived.values()) == 1
    unknown = counts.get("unknown", 0)
    assert unknown <= most
    assert counts["accepted"] <= len(arrived) <= counts["accepted"] + unknown
    return unknown


def main() -> None:
    """Work until SIGTERM, as `publisher worker --concurrency N` does."""
    url, host, port, connections, lease, concurrency, limits = sys.argv[1:]
    root = Path("/nonexistent")
    relay = (host, int(port))
    given = settings_for(root, url, relay, int(connections), float(lease), limits)
    app = reach(lambda: open_app(given))
    if app is None:
        return
    run(
        app,
        clock=lambda: datetime.now(UTC),
        stop=threading.Event(),
        serve=False,
        work=True,
        schedule=False,
        share=Share(concurrency=int(concurrency)),
    )
    app.close()


if __name__ == "__main__":
    main()
