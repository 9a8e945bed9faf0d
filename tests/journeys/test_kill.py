"""kill -9 at any moment of a send: nobody lost, nobody mailed twice, few in doubt."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from publisher.domain.issue import Issue, IssueState
from publisher.ports import Store
from tests import factories
from tests.transports.relay import Relay
from tests.verbs.outbox import ACCEPTED, UNKNOWN, open_at, readers, release, subscribe

ROOT = Path(__file__).parents[2]
AUDIENCE = 2000
CONNECTIONS = 4

pytestmark = pytest.mark.crash


@contextmanager
def sending(path: Path, relay: Relay) -> Iterator[subprocess.Popen[bytes]]:
    """The victim; it is gone at the end, whatever happens."""
    arguments = [str(path), str(relay.port), str(CONNECTIONS), "1.5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.journeys.sending", *arguments],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(relay: Relay, process: subprocess.Popen[bytes], count: int) -> None:
    """Until the server has had `count` messages in all."""
    pause = threading.Event()
    for _ in range(12_000):
        if len(relay.received) >= count:
            return
        if process.poll() is not None:
            assert process.stderr is not None
            pytest.fail(f"it ended by itself: {process.stderr.read().decode()}")
        pause.wait(0.005)
    pytest.fail(f"only {len(relay.received)} of {count} messages came")


def end(process: subprocess.Popen[bytes]) -> None:
    """Until it ends by itself."""
    _, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints.decode()


def states(store: Store, issue: Issue) -> Mapping[str, str]:
    """Address → state of its delivery, for everybody in the audience."""
    addresses: dict[int, str] = {}
    while page := store.subscribers.list("weekly", after=max(addresses, default=0)):
        addresses |= {one.id: one.address for one in page}
    troubled = {
        one.subscription_id: one.state.value
        for one in store.issues.trouble(issue.id, limit=AUDIENCE)
    }
    return {address: troubled.get(number, ACCEPTED) for number, address in addresses.items()}


def account_for_everybody(store: Store, issue: Issue, relay: Relay, most: int) -> int:
    """Compare the store with the server's own log; how many are in doubt."""
    found = store.issues.get(issue.id)
    counts = {state: number for state, number in found.counts.items() if number}
    assert found.audience == sum(counts.values()) == AUDIENCE
    assert set(counts) <= {ACCEPTED, UNKNOWN}
    assert found.state is IssueState.FINISHED
    arrived = Counter(one.recipient for one in relay.received)
    assert max(arrived.values()) == 1
    by_address = states(store, issue)
    accepted = {address for address, state in by_address.items() if state == ACCEPTED}
    unknown = {address for address, state in by_address.items() if state == UNKNOWN}
    assert len(accepted) == counts[ACCEPTED]
    assert accepted <= set(arrived)
    assert set(arrived) - accepted <= unknown
    assert len(unknown) == counts.get(UNKNOWN, 0) <= most
    return len(unknown)


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_again_and_again_everybody_is_accounted_for(tmp_path: Path, seed: int) -> None:
    """Nobody accepted is sent again; in doubt is at most one a connection for each kill."""
    path = tmp_path / "journal.db"
    store = open_at(path, synchronous="FULL")
    subscribe(store, "weekly", readers(AUDIENCE))
    issue = release(store, factories.journal(), padding=3000)
    moments = random.Random(seed)  # noqa: S311 - moments to kill at, not secrets
    kills = sorted(moments.sample(range(20, AUDIENCE - 50), 4))
    with Relay() as relay:
        for count in kills:
            with sending(path, relay) as process:
                wait_for(relay, process, count)
        with sending(path, relay) as process:
            end(process)
    account_for_everybody(store, issue, relay, most=len(kills) * CONNECTIONS)
    store.close()


def test_sigterm_leaves_nobody_in_doubt(tmp_path: Path) -> None:
    """What is under way is finished, the rest goes back, and the next process sends it."""
    path = tmp_path / "journal.db"
    store = open_at(path, synchronous="FULL")
    subscribe(store, "weekly", readers(AUDIENCE))
    issue = release(store, factories.journal())
    with Relay() as relay:
        for count in (300, 900):
            with sending(path, relay) as process:
                wait_for(relay, process, count)
                process.send_signal(signal.SIGTERM)
                end(process)
            counts = store.issues.get(issue.id).counts
            assert not any(counts.get(state) for state in ("claimed", "sending", UNKNOWN))
            assert counts[ACCEPTED] == len(relay.received)
        with sending(path, relay) as process:
            end(process)
    assert account_for_everybody(store, issue, relay, most=0) == 0
    store.close()
