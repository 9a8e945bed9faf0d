"""Readers whose server was told of them behind another message, and what may come between."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.dispatch import Progress, ahead, wires
from publisher.dispatch.lane import Lane
from publisher.dispatch.roads import Roads
from publisher.domain.issue import IssueEvent
from publisher.domain.subscription import Suppression, SuppressionReason
from publisher.ports import Transport
from tests import factories
from tests.transports.relay import Act, Answer, Relay
from tests.transports.test_groups import GROUPS
from tests.verbs import test_nimble as nimble
from tests.verbs.outbox import (
    ACCEPTED,
    DEFERRED,
    QUEUED,
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
from tests.waiting import until


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    store = open_at(tmp_path / "journal.db")
    yield Post(store, factories.journal(), Clock())
    store.close()


def smtp(relay: Relay, **options: Any) -> Transport:
    return nimble.smtp(relay, **{"connections": 1, **options})


def arrived(relay: Relay) -> list[str]:
    assert all(one.content for one in relay.received)
    return [one.recipient for one in relay.received if one.accepted]


def told(relay: Relay, reader: str) -> int:
    return sum(command.startswith(f"RCPT TO:<{reader}>") for command in relay.commands)


def test_everybody_but_the_first_two_is_told_of_behind_another(post: Post) -> None:
    """One session, one round trip a message, and a farewell at the end."""
    subscribe(post.store, "weekly", readers(20))
    issue = release(post.store, post.journal)
    with Relay(always=GROUPS) as relay:
        post.dispatcher(smtp(relay)).drain(never())
    assert post.counts(issue) == {ACCEPTED: 20}
    assert arrived(relay) == readers(20)
    assert len(relay.sessions) == 1
    assert relay.commands[-1] == "QUIT"


def test_whoever_leaves_after_their_server_was_told_gets_nothing(post: Post) -> None:
    """The conditional update decides; the line is dropped, another is opened, the rest goes."""
    subscribe(post.store, "weekly", readers(10))
    issue = release(post.store, post.journal)
    gone = readers(10)[4]

    def leave(progress: Progress) -> None:
        if progress.counts.get("accepted") == 3:  # the fourth is under way, the fifth was told of
            post.store.suppressions.add(Suppression(gone, SuppressionReason.STAFF, post.clock()))

    with Relay(always=GROUPS) as relay:
        post.dispatcher(smtp(relay)).drain(never(), on_progress=leave)
    assert post.counts(issue) == {ACCEPTED: 9, "cancelled": 1}
    assert arrived(relay) == [one for one in readers(10) if one != gone]
    assert told(relay, gone) == 1
    assert len(relay.sessions) == 2


@pytest.mark.parametrize("event", [IssueEvent.PAUSE, IssueEvent.CANCEL])
@pytest.mark.parametrize("connections", [1, 3])
def test_an_issue_that_is_stopped_sends_no_more_to_whoever_was_told_of(
    post: Post, event: IssueEvent, connections: int
) -> None:
    """They wait, or are cancelled, with all the others; going on sends to each once."""
    subscribe(post.store, "weekly", readers(40))
    issue = release(post.store, post.journal)

    def halt(progress: Progress) -> None:
        if progress.counts.get("accepted", 0) >= 10 and not relay_halted.is_set():
            relay_halted.set()
            post.store.issues.move(issue.id, event, post.clock())

    relay_halted = threading.Event()
    with Relay(always=GROUPS) as relay:
        transport = smtp(relay, connections=connections)
        post.dispatcher(transport).drain(never(), on_progress=halt)
        done = len(arrived(relay))
        assert 10 <= done <= 10 + 2 * connections
        rest = QUEUED if event is IssueEvent.PAUSE else "cancelled"
        assert post.counts(issue) == {ACCEPTED: done, rest: 40 - done}
        if event is IssueEvent.PAUSE:
            post.store.issues.move(issue.id, IssueEvent.RESUME, post.clock())
            post.dispatcher(transport).drain(never())
            assert sorted(arrived(relay)) == readers(40)


def test_a_gate_that_closes_gives_back_whoever_was_told_of(post: Post) -> None:
    """As a retraction does that is heard of while an issue leaves."""
    subscribe(post.store, "weekly", readers(20))
    issue = release(post.store, post.journal)
    accepted = [0]

    def gate(_: int) -> str | None:
        return "a source was retracted" if accepted[0] >= 8 else None

    def progress(now: Progress) -> None:
        accepted[0] = now.counts.get("accepted", 0)

    with Relay(always=GROUPS) as relay:
        dispatcher = replace(post.dispatcher(smtp(relay, connections=2)), gate=gate)
        report = dispatcher.drain(never(), on_progress=progress)
        done = len(arrived(relay))
    assert [each.reason for each in report.paused] == ["a source was retracted"]
    assert post.counts(issue) == {ACCEPTED: done, QUEUED: 20 - done}


def test_a_stop_gives_back_whoever_was_told_of(post: Post) -> None:
    """What is under way is finished, and no line stays open."""
    subscribe(post.store, "weekly", readers(40))
    issue = release(post.store, post.journal)
    stop = threading.Event()

    def halt(progress: Progress) -> None:
        if progress.counts.get("accepted", 0) >= 10:
            stop.set()

    with Relay(always=GROUPS) as relay:
        transport = smtp(relay, connections=2)
        post.dispatcher(transport).drain(stop, on_progress=halt)
        done = len(arrived(relay))
        assert post.counts(issue) == {ACCEPTED: done, QUEUED: 40 - done}
        post.dispatcher(transport).drain(never())
    assert sorted(arrived(relay)) == readers(40)


def test_a_message_that_cannot_be_made_is_told_of_to_nobody(post: Post) -> None:
    """It is refused in its own turn, and those around it are not held up."""
    addresses = readers(6)
    addresses[3] = "no\x7fone@example.org"
    subscribe(post.store, "weekly", addresses)
    issue = release(post.store, post.journal)
    with Relay(always=GROUPS) as relay:
        post.dispatcher(smtp(relay)).drain(never())
    assert post.counts(issue) == {ACCEPTED: 5, REFUSED: 1}
    assert arrived(relay) == [one for one in addresses if "\x7f" not in one]


def test_signed_messages_are_told_of_once_they_are_made(post: Post) -> None:
    """Their making is not waited for."""
    made = ahead.Ahead(lambda _: lambda: (b"x", object()), worthwhile=True)  # type: ignore[arg-type,return-value]  # any thing made
    claim = _claim(post)
    assert made.made(claim) is None  # not begun
    made.begin([claim])
    found: list[bytes] = []

    def is_made() -> bool:
        message = made.made(claim)
        found.extend([] if message is None else message[:1])
        return bool(found)

    until(is_made)
    assert found == [b"x"]
    made.close()


def _claim(post: Post) -> Any:
    subscribe(post.store, "weekly", readers(1))
    release(post.store, post.journal)
    return post.store.outbox.claim("w", 1, QUICK.lease, post.clock())[0]


def test_when_threads_take_over_nothing_is_told_twice(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no patience at all every message changes hands."""
    monkeypatch.setattr(wires, "PATIENCE", 0.0)
    subscribe(post.store, "weekly", readers(30))
    issue = release(post.store, post.journal)
    with Relay(always=GROUPS) as relay:
        post.dispatcher(smtp(relay, connections=3)).drain(never())
    assert post.counts(issue) == {ACCEPTED: 30}
    assert sorted(arrived(relay)) == readers(30)


def test_nobody_waits_for_an_answer_to_somebody_else(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one takes long, whom its server was told of leaves by another session."""
    monkeypatch.setattr(wires, "PATIENCE", 0.05)
    subscribe(post.store, "weekly", readers(8))
    issue = release(post.store, post.journal)
    seen: list[tuple[int, int]] = []
    with Relay({"BODY": ["250 ok", "250 ok", "250 ok", Act.HANG]}, GROUPS) as relay:
        transport = smtp(relay, connections=2, final_timeout=3)
        post.dispatcher(transport).drain(
            never(),
            on_progress=lambda now: seen.append((now.counts.get("accepted", 0), now.under_way)),
        )
    assert post.counts(issue) == {ACCEPTED: 7, UNKNOWN: 1}
    assert (7, 1) in seen


def test_a_lane_that_is_slowed_down_has_told_nobody_anything(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An envelope would be a promise that a limit may break."""
    before: list[int] = []

    def count(lane: Lane) -> int:
        return sum(each.following is not None for each in lane.connections)

    slow_down = Roads._slow_down

    def noting(roads: Roads, lane: Lane, slow: Any) -> Any:
        before.append(count(lane))
        held = slow_down(roads, lane, slow)
        assert count(lane) == 0
        return held

    monkeypatch.setattr(Roads, "_slow_down", noting)
    subscribe(post.store, "weekly", readers(30))
    issue = release(post.store, post.journal)
    with Relay({"BODY": [*["250 ok"] * 8, "451 4.7.1 too fast"]}, GROUPS) as relay:
        post.dispatcher(smtp(relay, connections=3)).drain(never())
    assert sum(before)
    counts = post.counts(issue)
    assert counts[ACCEPTED] == len(arrived(relay)) == len(set(arrived(relay)))


answers: Mapping[str, list[Answer]] = {
    "MAIL": ["250 ok", "250 ok", "250 ok", "451 later", "421 bye", "553 not you", Act.DROP],
    "RCPT": ["250 ok", "250 ok", "250 ok", "550 no", "450 later", "421 bye", Act.DROP],
    "DATA": ["354 go ahead", "354 go ahead", "354 go ahead", "451 later", "554 no", Act.DROP],
    "BODY": ["250 ok", "250 ok", "250 ok", "451 later", "550 spam", "421 bye", Act.DROP],
}


@settings(max_examples=30, deadline=None)
@given(data=st.data(), connections=st.integers(1, 3), each=st.sampled_from([3, 100]))
def test_whatever_is_answered_the_counts_are_the_servers_own(
    data: st.DataObject, connections: int, each: int
) -> None:
    """Nobody gets two, and nobody counts as accepted whom the server did not take."""
    script = {
        verb: data.draw(st.lists(st.sampled_from(said), max_size=25), label=verb)
        for verb, said in answers.items()
    }
    with TemporaryDirectory() as folder:
        store = open_at(Path(folder) / "journal.db")
        post = Post(store, factories.journal(), Clock())
        subscribe(store, "weekly", readers(20))
        issue = release(store, post.journal)
        with Relay(script, GROUPS) as relay:
            transport = smtp(relay, connections=connections, messages_per_connection=each)
            bounds = replace(QUICK, reopen=(0.0,) * 60)
            post.dispatcher(transport, bounds=bounds).drain(never())
        counts = post.counts(issue)
        # A lone dot withdraws a message; the relay takes it for one that is empty.
        taken = [one.recipient for one in relay.received if one.accepted and one.content]
        assert len(set(taken)) == len(taken) == counts.get(ACCEPTED, 0)
        dropped = sum(said is Act.DROP for said in script["BODY"])
        assert counts.get(UNKNOWN, 0) <= dropped
        assert set(counts) <= {ACCEPTED, DEFERRED, REFUSED, UNKNOWN, QUEUED}
        store.close()
