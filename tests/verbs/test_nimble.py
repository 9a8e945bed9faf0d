"""One thread that serves many sessions: what may go wrong between it and theirs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from publisher import transports as kinds
from publisher.dispatch import Progress, wires
from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome
from publisher.errors import Defect
from publisher.ports import NimbleSender, Transport
from publisher.transports.memory import MemoryTransport
from tests import factories
from tests.transports.relay import Act, Answer, Relay
from tests.transports.test_groups import CHUNKS, GROUPS
from tests.verbs.outbox import (
    ACCEPTED,
    DEFERRED,
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


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    store = open_at(tmp_path / "journal.db")
    yield Post(store, factories.journal(), Clock())
    store.close()


def smtp(relay: Relay, **options: Any) -> Transport:
    given = {"host": "127.0.0.1", "port": relay.port, "security": "none", "connections": 3}
    return kinds.connect("default", "smtp", {**given, **options})


def arrived(relay: Relay) -> list[str]:
    return sorted(one.recipient for one in relay.received if one.accepted and one.content)


@pytest.mark.parametrize("offer", [{}, GROUPS, CHUNKS])
def test_everybody_gets_it_once_whatever_is_offered(post: Post, offer: dict[str, str]) -> None:
    """By steps, in groups and ahead, over many sessions of a few messages each."""
    subscribe(post.store, "weekly", readers(60))
    issue = release(post.store, post.journal)
    with Relay(always=offer) as relay:
        transport = smtp(relay, messages_per_connection=4)
        post.dispatcher(transport, bounds=replace(QUICK, batch=10)).drain(never())
    assert post.counts(issue) == {ACCEPTED: 60}
    assert arrived(relay) == readers(60)


@pytest.mark.parametrize(
    ("script", "counts"),
    [
        ({"MAIL": ["250 ok", "250 ok", "421 closing"]}, {ACCEPTED: 40}),
        (
            {"RCPT": [*["250 ok"] * 5, "550 5.1.1 no", "450 4.2.0 later", Act.DROP]},
            {ACCEPTED: 38, DEFERRED: 1, REFUSED: 1},
        ),
        (
            {"BODY": ["250 ok", "451 later", "550 spam", Act.DROP]},
            {ACCEPTED: 37, DEFERRED: 1, REFUSED: 1, UNKNOWN: 1},
        ),
    ],
)
def test_each_answer_finds_its_own_message(
    post: Post, script: dict[str, list[Answer]], counts: dict[str, int]
) -> None:
    """Refusals, deferrals and lost lines among many sessions: the counts are the server's own."""
    subscribe(post.store, "weekly", readers(40))
    issue = release(post.store, post.journal)
    with Relay(script, GROUPS) as relay:
        post.dispatcher(smtp(relay)).drain(never())
    assert post.counts(issue) == counts
    assert len(set(arrived(relay))) == len(arrived(relay)) == counts[ACCEPTED]


@pytest.mark.parametrize("offer", [GROUPS, CHUNKS])
def test_a_slow_answer_is_waited_for_by_the_sessions_own_thread(
    post: Post, monkeypatch: pytest.MonkeyPatch, offer: dict[str, str]
) -> None:
    """With no patience at all every exchange changes hands, and none is lost or repeated."""
    monkeypatch.setattr(wires, "PATIENCE", 0.0)
    subscribe(post.store, "weekly", readers(30))
    issue = release(post.store, post.journal)
    with Relay(always=offer) as relay:
        post.dispatcher(smtp(relay)).drain(never())
    assert post.counts(issue) == {ACCEPTED: 30}
    assert arrived(relay) == readers(30)


def test_silence_ends_with_the_transports_own_time_out(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that took over waits as long as the transport is told to, and no longer."""
    monkeypatch.setattr(wires, "PATIENCE", 0.0)
    subscribe(post.store, "weekly", readers(3))
    issue = release(post.store, post.journal)
    with Relay({"BODY": [Act.HANG]}, GROUPS) as relay:
        transport = smtp(relay, connections=1, final_timeout=0.2)
        post.dispatcher(transport).drain(never())
    assert post.counts(issue) == {ACCEPTED: 2, UNKNOWN: 1}


def test_a_stop_hands_what_is_under_way_to_its_thread(post: Post) -> None:
    """Out of grace the drain ends; the message lapses into unknown, and nothing hangs."""
    subscribe(post.store, "weekly", readers(5))
    issue = release(post.store, post.journal)
    stop = threading.Event()

    def progress(now: Progress) -> None:
        if now.under_way:
            stop.set()

    with Relay(always={**GROUPS, "BODY": Act.HANG}) as relay:
        report = post.dispatcher(
            smtp(relay, connections=1), bounds=replace(QUICK, grace=timedelta())
        ).drain(stop, on_progress=progress)
        assert (report.abandoned, report.stopped) == (1, True)
    for thread in threading.enumerate():
        if thread.name.startswith("connection-"):
            thread.join()
    post.clock.forward(minutes=5)
    post.dispatcher(MemoryTransport()).drain(never())
    assert post.counts(issue) == {ACCEPTED: 4, UNKNOWN: 1}


class _Broken:
    """A plug-in's session with a fault of its own."""

    usable = True

    def __init__(self, bell: Any) -> None:
        self._bell = bell

    def fileno(self) -> int:
        return int(self._bell.fileno())

    def send(self, message: bytes, envelope: Envelope) -> Outcome:
        raise Defect("never asked for")

    begin = send

    def finish(self) -> Outcome:
        raise Defect("never asked for")

    wait = finish

    def close(self) -> None:
        self._bell.close()


def test_a_fault_in_a_session_ends_the_drain_and_leaves_no_message_behind(post: Post) -> None:
    """Its message is in doubt, for the transport had it; the rest is still queued."""
    subscribe(post.store, "weekly", readers(3))
    issue = release(post.store, post.journal)
    transport = MemoryTransport()
    one, other = socket.socketpair()
    broken = _Broken(one)
    assert isinstance(broken, NimbleSender)
    transport.open = lambda: broken  # type: ignore[method-assign,assignment,return-value]  # a session of another kind
    with pytest.raises(Defect, match="never asked for"):
        post.dispatcher(transport).drain(never())
    other.close()
    assert post.counts(issue) == {"queued": 2, UNKNOWN: 1}


def test_a_sender_may_be_nimble_or_not() -> None:
    """The memory transport's is not; nothing is asked of it but `send`."""
    assert not isinstance(MemoryTransport().open(), NimbleSender)
