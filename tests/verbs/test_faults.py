"""What may break while an issue is sent, on a real disk and a real socket.

After each, the counts add up to the frozen audience, and the relay's own log says the same.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from publisher import transports as kinds
from publisher.dispatch import Progress
from publisher.domain.issue import Issue
from publisher.errors import StoreError
from publisher.ports import Transport
from publisher.stores import open_store
from tests import factories
from tests.transports.relay import Act, Answer, Relay
from tests.verbs.outbox import (
    ACCEPTED,
    QUICK,
    REFUSED,
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


def smtp(relay: Relay, connections: int = 3) -> Transport:
    given: dict[str, Any] = {"host": "127.0.0.1", "port": relay.port, "security": "none"}
    return kinds.connect("default", "smtp", given | {"connections": connections})


def after_ten(spoil: Callable[[], None]) -> Callable[[Progress], None]:
    """Calls `spoil`, once, when ten were accepted."""
    spoilt = threading.Event()

    def on_progress(progress: Progress) -> None:
        if progress.counts.get("accepted", 0) >= 10 and not spoilt.is_set():
            spoilt.set()
            spoil()

    return on_progress


def breaking(post: Post, relay: Relay, spoil: Callable[[], None], words: str) -> Issue:
    """An issue whose sending ends with `words`, for `spoil` was called."""
    issue = release(post.store, post.journal)
    with pytest.raises(StoreError, match=words):
        post.dispatcher(smtp(relay)).drain(never(), on_progress=after_ten(spoil))
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

        issue = breaking(post, relay, fill, "has no room left")
        ballast.unlink()
        add_up(post, relay, issue)
        store.close()


def test_a_disk_that_becomes_read_only_is_named_and_repeats_nothing(disk: Path) -> None:
    """Sending stops with a sentence about the disk; once it may be written to it goes on."""
    with Relay() as relay:
        store = open_at(disk / "journal.db", "FULL")
        post = Post(store, factories.journal(), Clock())
        subscribe(store, "weekly", readers(PEOPLE))

        def harden() -> None:
            store.close()  # Linux lets nobody harden a disk on which files are open for writing
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

        issue = breaking(post, relay, harden, "is on a disk that is read-only")
        with pytest.raises(StoreError, match="is on a disk that is read-only"):
            open_at(disk / "journal.db")
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        add_up(post, relay, issue)
        store.close()


HOLD = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(1)
held.execute("ROLLBACK")
"""


def test_a_store_locked_by_another_process_is_waited_for(tmp_path: Path) -> None:
    """Longer than the store itself waits: sending stands still, goes on, and nobody is in doubt."""
    path = tmp_path / "journal.db"
    with Relay() as relay, ExitStack() as stack:
        open_at(path).close()
        store = open_store(
            f"sqlite:///{path}",
            host="journal.example.org",
            synchronous="NORMAL",
            busy_timeout=timedelta(seconds=0.05),
        )
        stack.callback(store.close)
        post = Post(store, factories.journal(), Clock())
        subscribe(store, "weekly", readers(PEOPLE))
        issue = release(store, post.journal)

        def hold() -> None:
            holder = stack.enter_context(
                subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
            )
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(StoreError, match="locked by another program"):
                store.outbox.lapse(post.clock())

        bounds = replace(QUICK, patience=(0.2,) * 200)
        report = post.dispatcher(smtp(relay), bounds=bounds).drain(
            never(), on_progress=after_ten(hold)
        )
        assert report.counts == {"accepted": PEOPLE}
        assert post.counts(issue) == {ACCEPTED: PEOPLE}
        assert sorted(one.recipient for one in relay.received) == readers(PEOPLE)


def test_the_log_names_what_was_refused_or_never_answered_by_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An issue and a delivery to look at, the server's words, and nobody's address."""
    caplog.set_level(logging.INFO, "publisher.dispatch")
    answers: dict[str, list[Answer]] = {
        "RCPT": ["550 5.1.1 <reader00000@example.org> is not here"],
        "BODY": [Act.DROP],
    }
    with Relay(answers) as relay:
        store = open_at(tmp_path / "journal.db")
        post = Post(store, factories.journal(), Clock())
        subscribe(store, "weekly", readers(5))
        issue = release(store, post.journal)
        post.dispatcher(smtp(relay, connections=1)).drain(never())
        assert post.counts(issue) == {ACCEPTED: 3, REFUSED: 1, UNKNOWN: 1}
        told = {vars(record)["delivery"]: record for record in caplog.records}
        assert {vars(record)["issue"] for record in told.values()} == {issue.id}
        assert set(told) == {each.id for each in store.issues.trouble(issue.id)}
        store.close()
    words = sorted(record.getMessage().partition(": ")[2] for record in told.values())
    assert words[0].startswith("refused (550 5.1.1 <<address>> is not here")
    assert words[1].startswith("unknown (")
    assert "@" not in caplog.text


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
