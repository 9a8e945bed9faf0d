"""What may break while an issue is sent, on a real disk and a real socket.

After each, the counts add up to the frozen audience, and the relay's own log says the same.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from publisher import transports as kinds
from publisher.dispatch import Progress
from publisher.domain.issue import Issue
from publisher.errors import StoreError
from publisher.ports import Transport
from tests import factories
from tests.transports.relay import Relay
from tests.verbs.outbox import (
    ACCEPTED,
    QUICK,
    UNKNOWN,
    Clock,
    Post,
    never,
    open_at,
    readers,
    release,
    subscribe,
)

PEOPLE = 300
"""More than a batch, so that something is still to be claimed when it breaks."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk of its own needs root and the right to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def smtp(relay: Relay) -> Transport:
    given: dict[str, Any] = {"host": "127.0.0.1", "port": relay.port, "security": "none"}
    return kinds.connect("default", "smtp", given | {"connections": 3})


def breaking(post: Post, relay: Relay, spoil: Callable[[], None]) -> Issue:
    """An issue that is being sent when `spoil` is called, once, after ten answers."""
    issue = release(post.store, post.journal)
    spoilt = threading.Event()

    def on_progress(progress: Progress) -> None:
        if progress.counts.get("accepted", 0) >= 10 and not spoilt.is_set():
            spoilt.set()
            spoil()

    with pytest.raises(StoreError):
        post.dispatcher(smtp(relay)).drain(never(), on_progress=on_progress)
    assert spoilt.is_set()
    return issue


def add_up(post: Post, relay: Relay, issue: Issue) -> None:
    """Everybody has it once by the relay's log, or is one of the few in doubt."""
    post.clock.forward(seconds=61)
    post.dispatcher(smtp(relay)).drain(never())
    got = [one.recipient for one in relay.received if one.accepted]
    assert len(got) == len(set(got)), "somebody got it twice"
    counts = post.counts(issue)
    assert counts.get(UNKNOWN, 0) <= 3
    assert counts[ACCEPTED] + counts.get(UNKNOWN, 0) == PEOPLE
    assert set(got) == set(readers(PEOPLE)) or len(got) >= counts[ACCEPTED]


def test_a_disk_that_fills_up_stops_the_sending_and_repeats_nothing(disk: Path) -> None:
    with Relay() as relay:
        store = open_at(disk / "journal.db", "FULL")
        post = Post(store, factories.journal(), Clock())
        subscribe(store, "weekly", readers(PEOPLE))
        ballast = disk / "ballast"

        def fill() -> None:
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    return

        issue = breaking(post, relay, fill)
        ballast.unlink()
        add_up(post, relay, issue)
        store.close()


def test_a_clock_that_jumps_back_repeats_nothing(tmp_path: Path) -> None:
    with Relay() as relay:
        store = open_at(tmp_path / "journal.db")
        post = Post(store, factories.journal(), Clock())
        subscribe(store, "weekly", readers(PEOPLE))
        issue = release(store, post.journal)

        def back(progress: Progress) -> None:
            if progress.counts.get("accepted", 0) == 10:
                post.clock.forward(hours=-5)

        bounds = replace(QUICK, batch=50)
        post.dispatcher(smtp(relay), bounds=bounds).drain(never(), on_progress=back)
        assert post.counts(issue) == {ACCEPTED: PEOPLE}
        assert sorted(one.recipient for one in relay.received) == readers(PEOPLE)
        store.close()
