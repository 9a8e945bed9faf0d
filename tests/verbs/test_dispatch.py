"""Draining the outbox, on a real store, through transports that misbehave on request."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher import transports as kinds
from publisher.dispatch import Bounds, Progress
from publisher.dispatch.composing import Composer
from publisher.dispatch.doubts import REMEMBERED, Losses
from publisher.domain.delivery import Claim, DeliveryState, OutboxKind, Settlement
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.message import Envelope
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.outcome import ACCEPTED as OK
from publisher.domain.outcome import Outcome, OutcomeKind
from publisher.domain.retry import RetryPolicy
from publisher.domain.subscription import SubscriptionEvent, Suppression, SuppressionReason
from publisher.errors import Defect, SettingsError, StoreError, TransportError, TransportUnavailable
from publisher.formats import token
from publisher.ports import Issues, Outbox
from publisher.transports.memory import MemoryTransport
from tests import factories
from tests.transports.relay import Act, Relay
from tests.verbs.outbox import (
    ACCEPTED,
    CLAIMED,
    DEFERRED,
    KEYS,
    NOW,
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
    two_newsletters,
)

LATER = Outcome(OutcomeKind.DEFERRED, 450, "4.2.0 greylisted")
NO = Outcome(OutcomeKind.REFUSED, 550, "5.1.1 no such user")
SILENCE = Outcome(OutcomeKind.UNKNOWN, 0, "no answer")
LOST = TransportUnavailable("the line broke")


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    store = open_at(tmp_path / "journal.db")
    yield Post(store, factories.journal(), Clock())
    store.close()


def recipients(transport: MemoryTransport) -> list[str]:
    return [sent.envelope.recipient for sent in transport.sent]


def threads() -> int:
    return sum(thread.name.startswith("connection-") for thread in threading.enumerate())


# --- the plain journey ------------------------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 4])
def test_everybody_gets_it_once(post: Post, connections: int) -> None:
    """All are accepted, the issue is finished, no connection stays behind."""
    subscribe(post.store, "weekly", readers(50))
    issue = release(post.store, post.journal)
    transport = MemoryTransport(connections=connections)
    report = post.dispatcher(transport, bounds=replace(QUICK, batch=7)).drain(never())
    assert sorted(recipients(transport)) == readers(50)
    assert post.counts(issue) == {ACCEPTED: 50}
    assert post.state(issue) is IssueState.FINISHED
    assert report.finished == (issue.id,)
    assert report.counts == {"accepted": 50}
    assert report.by_issue == {issue.id: {"accepted": 50}}
    assert (report.paused, report.failed, report.stopped) == ((), (), False)
    assert threads() == 0


def test_a_message_is_made_for_its_reader(post: Post) -> None:
    """Address, name, token and ids are the reader's own; a resend would have the same ids."""
    subscribe(post.store, "weekly", ["reader@example.org"])
    release(post.store, post.journal)
    transport = MemoryTransport()
    post.dispatcher(transport).drain(never())
    sent = transport.sent[0]
    assert sent.envelope == Envelope("bounces@journal.example.org", "reader@example.org")
    head, _, body = sent.message.partition(b"\r\n\r\n")
    assert b"\r\nTo: reader@example.org\r\n" in head
    assert b"\r\nDate: Tue, 24 Nov 2026 08:00:00 +0000\r\n" in head
    assert b"@journal.example.org>" in head.partition(b"Message-ID: <")[2].splitlines()[0]
    reader = post.store.subscribers.by_address("reader@example.org")[0]
    made = token.make(KEYS, token.Purpose.UNSUBSCRIBE, reader.token_id).encode()
    assert made in body.replace(b"=\r\n", b"")


def test_nothing_to_send_opens_nothing(post: Post) -> None:
    """An empty outbox costs no connection."""
    transport = MemoryTransport(openings=[AssertionError("opened")])
    assert post.dispatcher(transport).drain(never()).counts == {}


def test_never_more_connections_than_messages(post: Post) -> None:
    """Two messages do not open ten sessions."""
    subscribe(post.store, "weekly", readers(2))
    release(post.store, post.journal)
    relay = MemoryTransport(connections=10)
    opened: list[None] = []
    real = relay.open

    def count() -> Any:
        opened.append(None)
        return real()

    relay.open = count  # type: ignore[method-assign]  # a counter in front of the real one
    post.dispatcher(relay).drain(never())
    assert 1 <= len(opened) <= 2


def test_only_the_issue_that_was_asked_for(post: Post) -> None:
    """`issue_id` leaves other issues and notices alone."""
    subscribe(post.store, "weekly", readers(3))
    first, second = release(post.store, post.journal), release(post.store, post.journal)
    notice(post)
    report = post.dispatcher(MemoryTransport()).drain(never(), issue_id=second.id)
    assert report.by_issue == {second.id: {"accepted": 3}}
    assert post.counts(first) == {QUEUED: 3}
    assert post.store.notices.state("welcome:1") is DeliveryState.QUEUED


def test_progress_is_told_as_it_happens(post: Post) -> None:
    """Counts only grow, end at the audience, and no more is under way than connections."""
    subscribe(post.store, "weekly", readers(30))
    release(post.store, post.journal)
    seen: list[Progress] = []
    transport = MemoryTransport(connections=3)
    post.dispatcher(transport).drain(never(), on_progress=seen.append)
    numbers = [progress.counts.get("accepted", 0) for progress in seen]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 30
    assert max(progress.under_way for progress in seen) <= 3


def notice(post: Post, transport: str = "default", address: str = "reader@example.org") -> None:
    post.store.notices.add(
        Notice(NoticeKind.WELCOME, "welcome:1", address, "Welcome", "Hello", transport=transport),
        "nonce",
        NOW,
    )


def test_a_notice_goes_before_an_issue(post: Post) -> None:
    """Somebody waits for it."""
    subscribe(post.store, "weekly", readers(3))
    release(post.store, post.journal)
    notice(post, address="new@example.org")
    transport = MemoryTransport()
    report = post.dispatcher(transport).drain(never())
    assert recipients(transport)[0] == "new@example.org"
    assert b"Subject: Welcome" in transport.sent[0].message
    assert report.by_issue[None] == {"accepted": 1}
    assert post.store.notices.state("welcome:1") is DeliveryState.ACCEPTED


# --- outcomes ---------------------------------------------------------------------------------


def test_each_outcome_has_its_state(post: Post) -> None:
    """The server's code and words are kept, without the address."""
    subscribe(post.store, "weekly", readers(3))
    issue = release(post.store, post.journal)
    no = Outcome(OutcomeKind.REFUSED, 550, "reader00000@example.org is unknown")
    report = post.dispatcher(MemoryTransport(script=[no, LATER])).drain(never())
    assert report.counts == {"refused": 1, "deferred": 1, "accepted": 1}
    assert post.counts(issue) == {REFUSED: 1, DEFERRED: 1, ACCEPTED: 1}
    refused, deferred = post.store.issues.trouble(issue.id)
    assert (refused.code, refused.reply) == (550, "<address> is unknown")
    assert (deferred.code, deferred.due_at) == (450, NOW + timedelta(minutes=5))
    assert post.state(issue) is IssueState.SENDING


def test_a_deferred_message_is_tried_again_when_due(post: Post) -> None:
    """After 5, then 15 minutes, then it is accepted, and the issue is finished."""
    subscribe(post.store, "weekly", readers(1))
    issue = release(post.store, post.journal)
    transport = MemoryTransport(script=[LATER, LATER])
    dispatcher = post.dispatcher(transport)
    dispatcher.drain(never())
    for tries, wait in ((1, 5), (2, 15)):
        post.clock.forward(minutes=wait, seconds=-1)
        dispatcher.drain(never())
        assert len(transport.sent) == tries
        post.clock.forward(seconds=1)
        dispatcher.drain(never())
    assert len(transport.sent) == 3
    assert post.state(issue) is IssueState.FINISHED


def test_a_message_deferred_for_too_long_is_refused(post: Post) -> None:
    """After the limit it is not tried again."""
    subscribe(post.store, "weekly", readers(1))
    issue = release(post.store, post.journal)
    bounds = replace(QUICK, retry=RetryPolicy(limit=timedelta(hours=1)))
    transport = MemoryTransport(script=[LATER])
    dispatcher = post.dispatcher(transport, bounds=bounds)
    dispatcher.drain(never())
    post.clock.forward(hours=2)
    dispatcher.drain(never())
    assert post.counts(issue) == {REFUSED: 1}
    assert len(transport.sent) == 1


def test_an_address_no_mail_can_carry_is_refused_alone(post: Post) -> None:
    """One bad row does not stop the others."""
    subscribe(post.store, "weekly", ["a b@example.org", "reader@example.org"])
    issue = release(post.store, post.journal)
    transport = MemoryTransport()
    post.dispatcher(transport).drain(never())
    assert post.counts(issue) == {REFUSED: 1, ACCEPTED: 1}
    assert recipients(transport) == ["reader@example.org"]
    assert "a b@" not in post.store.issues.trouble(issue.id)[0].reply


# --- doubt ------------------------------------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 4])
def test_a_relay_that_never_answers_pauses_the_issue(post: Post, connections: int) -> None:
    """Three in a row, and what was under way: it does not run through the audience."""
    subscribe(post.store, "weekly", readers(100))
    issue = release(post.store, post.journal)
    transport = MemoryTransport(connections=connections, script=[SILENCE] * 100)
    report = post.dispatcher(transport).drain(never())
    assert 3 <= len(transport.sent) <= connections + 3
    assert post.state(issue) is IssueState.PAUSED
    assert post.counts(issue) == {
        UNKNOWN: len(transport.sent),
        QUEUED: 100 - len(transport.sent),
    }
    assert [(one.issue_id, one.transport) for one in report.paused] == [(issue.id, "default")]
    assert "never answered" in (post.store.issues.get(issue.id).reason or "")
    # Nothing happens by itself after that.
    assert post.dispatcher(transport).drain(never()).counts == {}


@pytest.mark.parametrize("offer", ["250 relay", "250-a\r\n250-PIPELINING\r\n250 CHUNKING"])
def test_a_relay_that_drops_every_dot_pauses_the_issue(post: Post, offer: str) -> None:
    """The same over a real socket: at most connections + 3 messages are in doubt."""
    subscribe(post.store, "weekly", readers(100))
    issue = release(post.store, post.journal)
    with Relay(always={"EHLO": offer, "BODY": Act.DROP, "BDAT": Act.DROP}) as relay:
        options = {"host": "127.0.0.1", "port": relay.port, "security": "none", "connections": 4}
        post.dispatcher(kinds.connect("default", "smtp", options)).drain(never())
    assert post.state(issue) is IssueState.PAUSED
    assert 3 <= len(relay.received) <= 4 + 3
    assert post.counts(issue)[UNKNOWN] == len(relay.received)


def test_a_stray_unknown_does_not_pause(post: Post) -> None:
    """Two, with an answer between, are reported and no more."""
    subscribe(post.store, "weekly", readers(20))
    issue = release(post.store, post.journal)
    transport = MemoryTransport(script=[SILENCE, OK, SILENCE])
    report = post.dispatcher(transport).drain(never())
    assert report.counts == {"unknown": 2, "accepted": 18}
    assert report.paused == ()
    assert post.state(issue) is IssueState.FINISHED


def test_earlier_doubts_of_the_issue_count(post: Post) -> None:
    """0.1% of an issue, at least three, whichever drain they came in; resuming goes on."""
    subscribe(post.store, "weekly", readers(20))
    issue = release(post.store, post.journal)
    transport = MemoryTransport(script=[SILENCE, OK, SILENCE, OK, SILENCE, OK, OK, SILENCE])
    dispatcher = post.dispatcher(transport)
    assert len(dispatcher.drain(never()).paused) == 1
    assert len(transport.sent) == 5
    post.store.issues.move(issue.id, IssueEvent.RESUME, NOW)
    assert len(dispatcher.drain(never()).paused) == 1
    assert len(transport.sent) == 8


def test_other_issues_go_on_when_one_is_paused(post: Post) -> None:
    """A transport's other issues are not paused with it."""
    subscribe(post.store, "weekly", readers(5))
    first, second = release(post.store, post.journal), release(post.store, post.journal)
    report = post.dispatcher(MemoryTransport(script=[SILENCE] * 3)).drain(never())
    assert post.state(first) is IssueState.PAUSED
    assert post.counts(second) == {ACCEPTED: 5}
    assert report.by_issue[first.id] == {"unknown": 3}


def test_unanswered_notices_stop_the_transport(post: Post) -> None:
    """There is no issue to pause, so the transport is reported and rests."""
    for number in range(6):
        post.store.notices.add(
            Notice(NoticeKind.WELCOME, f"w:{number}", f"r{number}@example.org", "Hi", "Hello"),
            f"n{number}",
            NOW,
        )
    transport = MemoryTransport(script=[SILENCE] * 6)
    report = post.dispatcher(transport).drain(never())
    assert report.counts == {"unknown": 3}
    assert [one.transport for one in report.failed] == ["default"]
    assert post.store.notices.counts() == {"unknown": 3, "queued": 3}


def test_staff_who_pause_at_the_same_moment_are_not_contradicted(post: Post) -> None:
    """The pause is theirs; ours is not reported."""
    subscribe(post.store, "weekly", readers(10))
    issue = release(post.store, post.journal)

    def pause(progress: Progress) -> None:
        # The third is under way by then; its settlement is the one that would pause.
        if progress.counts.get("unknown") == 2 and progress.under_way:
            post.store.issues.move(issue.id, IssueEvent.PAUSE, NOW, reason="wait")

    report = post.dispatcher(MemoryTransport(script=[SILENCE] * 10)).drain(
        never(), on_progress=pause
    )
    assert report.paused == ()
    assert post.store.issues.get(issue.id).reason == "wait"
    assert post.counts(issue) == {UNKNOWN: 3, QUEUED: 7}


# --- transports that fail -----------------------------------------------------------------------


def test_a_lost_session_burns_no_attempt(post: Post) -> None:
    """The message goes out with the next session, once."""
    subscribe(post.store, "weekly", readers(5))
    issue = release(post.store, post.journal)
    transport = MemoryTransport(script=[OK, LOST, LOST])
    report = post.dispatcher(transport).drain(never())
    assert report.counts == {"accepted": 5, "returned": 2}
    assert sorted(recipients(transport)) == readers(5)
    assert post.state(issue) is IssueState.FINISHED


def test_a_transport_that_cannot_be_opened_is_reported_and_loses_nothing(post: Post) -> None:
    """After the last attempt everything is back in the queue."""
    subscribe(post.store, "weekly", readers(5))
    issue = release(post.store, post.journal)
    transport = MemoryTransport(connections=2, openings=[TransportUnavailable("gone")] * 99)
    report = post.dispatcher(transport).drain(never())
    assert [(one.transport, one.reason) for one in report.failed] == [("default", "gone")]
    assert post.counts(issue) == {QUEUED: 5}
    assert threads() == 0


def test_a_refused_login_is_not_repeated(post: Post) -> None:
    """Waiting mends no password: one attempt for each connection at most."""
    subscribe(post.store, "weekly", readers(5))
    release(post.store, post.journal)
    openings = iter([TransportError("wrong password")] * 2)
    transport = MemoryTransport(connections=2, openings=openings)
    report = post.dispatcher(transport).drain(never())
    assert report.failed[0].reason == "wrong password"
    assert recipients(transport) == []


def test_one_connection_fewer_is_no_failure(post: Post) -> None:
    """A server that takes only so many sessions still gets everything."""
    subscribe(post.store, "weekly", readers(20))
    issue = release(post.store, post.journal)
    busy = TransportUnavailable("too many connections")
    openings = [None, busy, busy, busy]
    transport = MemoryTransport(connections=2, openings=openings)
    report = post.dispatcher(transport).drain(never())
    assert post.counts(issue) == {ACCEPTED: 20}
    assert report.failed == ()


def test_other_transports_go_on(post: Post) -> None:
    """One that is down holds up neither the other's issues nor its own for later."""
    post.journal = two_newsletters()
    for newsletter in ("weekly", "monthly"):
        subscribe(post.store, newsletter, readers(12))
    first, second = (release(post.store, post.journal, n) for n in ("weekly", "monthly"))
    down = MemoryTransport("default", openings=[TransportUnavailable("gone")] * 99)
    up = MemoryTransport("other", connections=2)
    notice(post)
    dispatcher = post.dispatcher(down, up, bounds=replace(QUICK, batch=5))
    report = dispatcher.drain(never())
    assert [one.transport for one in report.failed] == ["default"]
    assert post.counts(first) == {QUEUED: 12}
    assert post.counts(second) == {ACCEPTED: 12}
    assert post.store.notices.state("welcome:1") is DeliveryState.QUEUED
    assert post.dispatcher(MemoryTransport("default"), up).drain(never()).failed == ()
    assert post.counts(first) == {ACCEPTED: 12}


def test_a_transport_the_settings_lost_is_reported(post: Post) -> None:
    """For an issue and for a notice; nothing is lost, the rest goes."""
    post.journal = two_newsletters("gone")
    for newsletter in ("weekly", "monthly"):
        subscribe(post.store, newsletter, readers(3))
    first, second = (release(post.store, post.journal, n) for n in ("weekly", "monthly"))
    notice(post, transport="vanished")
    report = post.dispatcher(MemoryTransport()).drain(never())
    assert {one.transport for one in report.failed} == {"gone", "vanished"}
    assert "[transports.gone]" in next(
        one.reason for one in report.failed if one.transport == "gone"
    )
    assert (post.counts(first), post.counts(second)) == ({ACCEPTED: 3}, {QUEUED: 3})
    assert post.store.notices.state("welcome:1") is DeliveryState.QUEUED


def test_a_newsletter_the_settings_lost_is_an_error_with_a_remedy(post: Post) -> None:
    """Nothing is sent, nothing stays claimed."""
    subscribe(post.store, "weekly", readers(3))
    issue = release(post.store, post.journal)
    bare = replace(post.journal, newsletters=())
    with pytest.raises(SettingsError, match=r"'weekly'.*put it back"):
        post.dispatcher(MemoryTransport(), journal=bare).drain(never())
    assert post.counts(issue) == {QUEUED: 3}


def test_a_message_that_always_loses_its_session_waits_like_a_deferred_one(post: Post) -> None:
    """It cannot hold up the others for ever; after three sessions it is deferred."""
    subscribe(post.store, "weekly", readers(4))
    issue = release(post.store, post.journal)
    poison = "reader00001@example.org"

    class Picky(MemoryTransport):
        def take(self, message: bytes, envelope: Envelope) -> Outcome:
            if envelope.recipient == poison:
                raise LOST
            return super().take(message, envelope)

    report = post.dispatcher(Picky(), bounds=replace(QUICK, reopen=(0.0,) * 3)).drain(never())
    assert report.counts == {"accepted": 3, "returned": 2, "deferred": 1}
    assert post.counts(issue) == {ACCEPTED: 3, DEFERRED: 1}
    assert report.failed == ()


def test_sessions_that_only_ever_get_lost_are_a_failing_transport(post: Post) -> None:
    """A server that hangs up at every MAIL is left alone after a few."""
    subscribe(post.store, "weekly", readers(50))
    issue = release(post.store, post.journal)
    with Relay(always={"MAIL": "421 not now"}) as relay:
        options = {"host": "127.0.0.1", "port": relay.port, "security": "none", "connections": 2}
        report = post.dispatcher(kinds.connect("default", "smtp", options)).drain(never())
    assert len(report.failed) == 1
    assert "421" not in report.failed[0].reason or "ends the session" in report.failed[0].reason
    assert post.counts(issue) == {QUEUED: 50}
    assert len(relay.sessions) <= 2 * 3


def test_a_server_that_closes_after_some_messages_gets_them_all(post: Post) -> None:
    """Silent ends between messages cost nothing but a new session."""
    subscribe(post.store, "weekly", readers(40))
    issue = release(post.store, post.journal)
    drops = [Act.DROP if number % 6 == 5 else "250 ok" for number in range(60)]
    with Relay({"MAIL": drops}) as relay:
        options = {"host": "127.0.0.1", "port": relay.port, "security": "none", "connections": 3}
        post.dispatcher(kinds.connect("default", "smtp", options)).drain(never())
    assert post.counts(issue) == {ACCEPTED: 40}
    assert sorted(one.recipient for one in relay.received) == readers(40)


# --- who left meanwhile -------------------------------------------------------------------------


def test_whoever_leaves_before_the_first_byte_is_not_sent_to(post: Post) -> None:
    """Claimed long before, but the journal entry tests the subscription and suppressions."""
    subscribe(post.store, "weekly", readers(10))
    issue = release(post.store, post.journal)
    gone, hidden = readers(10)[8:]
    left: list[str] = []

    def leave(_: Progress) -> None:
        if not left:
            left.extend([gone, hidden])
            reader = post.store.subscribers.by_address(gone)[0]
            post.store.subscribers.change(reader.id, SubscriptionEvent.UNSUBSCRIBE, NOW)
            post.store.suppressions.add(Suppression(hidden, SuppressionReason.STAFF, NOW))

    transport = MemoryTransport()
    post.dispatcher(transport).drain(never(), on_progress=leave)
    assert recipients(transport) == readers(8)
    assert post.counts(issue) == {ACCEPTED: 8, "cancelled": 2}
    assert post.state(issue) is IssueState.FINISHED


@pytest.mark.parametrize("event", [IssueEvent.PAUSE, IssueEvent.CANCEL])
def test_staff_can_stop_an_issue_while_it_is_sent(post: Post, event: IssueEvent) -> None:
    """Nothing more starts; what was claimed waits, or is cancelled."""
    subscribe(post.store, "weekly", readers(30))
    issue = release(post.store, post.journal)

    def halt(progress: Progress) -> None:
        if progress.counts.get("accepted") == 5:
            post.store.issues.move(issue.id, event, NOW)

    transport = MemoryTransport()
    post.dispatcher(transport).drain(never(), on_progress=halt)
    assert len(transport.sent) == 6  # one was under way
    rest = {QUEUED: 24} if event is IssueEvent.PAUSE else {"cancelled": 24}
    assert post.counts(issue) == {ACCEPTED: 6, **rest}


def test_two_workers_send_nothing_twice(post: Post) -> None:
    """They share the audience."""
    subscribe(post.store, "weekly", readers(200))
    issue = release(post.store, post.journal)
    pair = [MemoryTransport(connections=2), MemoryTransport(connections=2)]
    running = [
        threading.Thread(
            target=post.dispatcher(one, bounds=replace(QUICK, batch=10)).drain, args=(never(),)
        )
        for one in pair
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert sorted(recipients(pair[0]) + recipients(pair[1])) == readers(200)
    assert post.counts(issue) == {ACCEPTED: 200}


# --- stopping -------------------------------------------------------------------------------------


def test_a_stop_finishes_what_is_under_way_and_gives_back_the_rest(post: Post) -> None:
    """Nothing stays claimed or sending, and the next drain sends the rest."""
    subscribe(post.store, "weekly", readers(50))
    issue = release(post.store, post.journal)
    stop = threading.Event()
    transport = MemoryTransport(connections=2)

    def halt(progress: Progress) -> None:
        if progress.counts.get("accepted", 0) >= 10:
            stop.set()

    report = post.dispatcher(transport).drain(stop, on_progress=halt)
    assert report.stopped
    done = len(transport.sent)
    assert 10 <= done < 50
    assert post.counts(issue) == {ACCEPTED: done, QUEUED: 50 - done}
    assert threads() == 0
    post.dispatcher(transport).drain(never())
    assert sorted(recipients(transport)) == readers(50)


def test_a_stop_that_was_there_before_sends_nothing(post: Post) -> None:
    """Not one message is claimed."""
    subscribe(post.store, "weekly", readers(2))
    issue = release(post.store, post.journal)
    stop = threading.Event()
    stop.set()
    assert post.dispatcher(MemoryTransport()).drain(stop).stopped
    assert post.counts(issue) == {QUEUED: 2}


def test_a_stop_does_not_wait_out_a_back_off(post: Post) -> None:
    """A connection that waits to try again ends at once."""
    subscribe(post.store, "weekly", readers(2))
    issue = release(post.store, post.journal)
    stop = threading.Event()

    class Stopping(MemoryTransport):
        def open(self) -> Any:
            stop.set()
            raise TransportUnavailable("gone")

    bounds = replace(QUICK, reopen=(3600.0,))
    assert post.dispatcher(Stopping(), bounds=bounds).drain(stop).stopped
    assert post.counts(issue) == {QUEUED: 2}


def test_what_outlasts_the_grace_is_left_to_lapse(post: Post) -> None:
    """It becomes unknown when the lease ends, and is never sent again by itself."""
    subscribe(post.store, "weekly", readers(3))
    issue = release(post.store, post.journal)
    stop, entered, go_on = threading.Event(), threading.Event(), threading.Event()

    class Hanging(MemoryTransport):
        def take(self, message: bytes, envelope: Envelope) -> Outcome:
            stop.set()
            entered.set()
            assert go_on.wait(30)
            return super().take(message, envelope)

        def open(self) -> Any:
            sender = super().open()
            sender.close = self.left.set  # type: ignore[method-assign]  # shows that the thread ends
            return sender

        left = threading.Event()

    transport = Hanging()
    dispatcher = post.dispatcher(transport, bounds=replace(QUICK, grace=timedelta(0)))
    report = dispatcher.drain(stop)
    assert entered.is_set()
    assert report.abandoned == 1
    assert post.counts(issue) == {"sending": 1, QUEUED: 2}
    go_on.set()
    post.clock.forward(seconds=61)
    report = post.dispatcher(MemoryTransport()).drain(never())
    assert report.lapsed == 1
    assert post.counts(issue) == {UNKNOWN: 1, ACCEPTED: 2}
    assert transport.left.wait(30)


# --- when things break ------------------------------------------------------------------------------


class Weak:
    """A real outbox, or real issues, of which some calls fail as a locked or full store does.

    `deaf`: the call is carried out, and its answer is lost.
    """

    def __init__(self, real: Outbox | Issues) -> None:
        self._real = real
        self.failures: dict[str, list[bool]] = {}
        self.deaf = False
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if not callable(real):
            return real

        def call(*args: Any, **options: Any) -> Any:
            self.calls.append(name)
            plan = self.failures.get(name)
            if plan and plan.pop(0):
                if self.deaf:
                    real(*args, **options)
                raise StoreError("the store has no room left")
            return real(*args, **options)

        return call


def test_a_store_that_recovers_in_time_is_forgiven(post: Post) -> None:
    """Nobody is sent to twice for it, and nobody forgotten."""
    subscribe(post.store, "weekly", readers(20))
    issue = release(post.store, post.journal)
    weak = Weak(post.store.outbox)
    weak.failures["advance"] = [False, False, True, True, False, True, False]
    transport = MemoryTransport(connections=2)
    post.dispatcher(transport, outbox=weak).drain(never())
    assert sorted(recipients(transport)) == readers(20)
    assert post.counts(issue) == {ACCEPTED: 20}


@pytest.mark.parametrize("deaf", [False, True])
def test_a_pause_is_asked_for_until_it_stands(post: Post, deaf: bool) -> None:
    """A store that fails just then must not let doubt run through the audience."""
    subscribe(post.store, "weekly", readers(10))
    issue = release(post.store, post.journal)
    weak = Weak(post.store.issues)
    weak.deaf = deaf
    weak.failures["move"] = [True, not deaf]
    outbox = Weak(post.store.outbox)
    outbox.failures["finish"] = [True]
    transport = MemoryTransport(script=[SILENCE] * 10)
    report = post.dispatcher(transport, issues=weak, outbox=outbox).drain(never())
    assert [each.issue_id for each in report.paused] == [issue.id]
    assert post.state(issue) is IssueState.PAUSED
    assert post.counts(issue) == {UNKNOWN: 3, QUEUED: 7}


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_an_answer_that_was_lost_costs_nobody_anything(data: st.DataObject) -> None:
    """Whichever commits were kept without our hearing of it: everybody once, nobody in doubt."""
    with TemporaryDirectory() as folder:
        store = open_at(Path(folder) / "journal.db")
        post = Post(store, factories.journal(), Clock())
        subscribe(store, "weekly", readers(12))
        issue = release(store, post.journal)
        weak = Weak(store.outbox)
        weak.deaf = True
        # Never more in a row than the ledger has patience for.
        lost = [data.draw(st.integers(0, 2)) for _ in range(8)]
        weak.failures["advance"] = [each for n in lost for each in [*([True] * n), False]]
        transport = MemoryTransport(connections=data.draw(st.integers(1, 3)))
        post.dispatcher(transport, outbox=weak).drain(never())
        assert sorted(recipients(transport)) == readers(12)
        assert post.counts(issue) == {ACCEPTED: 12}
        store.close()


def test_a_store_that_stays_broken_stops_the_sending(post: Post) -> None:
    """Nothing goes out that is not journalled; what could not be settled lapses to unknown."""
    subscribe(post.store, "weekly", readers(20))
    issue = release(post.store, post.journal)
    weak = Weak(post.store.outbox)
    weak.failures["advance"] = [False, False, False] + [True] * 500
    weak.failures["give_back"] = [True]
    transport = MemoryTransport(connections=2)
    with pytest.raises(StoreError, match="no room"):
        post.dispatcher(transport, outbox=weak).drain(never())
    assert threads() == 0
    counts = post.counts(issue)
    settled, sending = counts.get(ACCEPTED, 0), counts.get("sending", 0)
    assert len(transport.sent) == settled + sending
    assert sending <= 2
    post.clock.forward(seconds=61)
    after = MemoryTransport()
    post.dispatcher(after).drain(never())
    assert post.counts(issue) == {ACCEPTED: 20 - sending, **({UNKNOWN: sending} if sending else {})}
    assert not set(recipients(after)) & set(recipients(transport))


def test_a_last_settlement_is_tried_until_the_end(post: Post) -> None:
    """What is known when the store comes back is settled, though the drain has failed."""
    subscribe(post.store, "weekly", readers(5))
    issue = release(post.store, post.journal)
    weak = Weak(post.store.outbox)
    weak.failures["advance"] = [False, True, True, True]
    transport = MemoryTransport()
    with pytest.raises(StoreError):
        post.dispatcher(transport, outbox=weak).drain(never())
    assert post.counts(issue) == {ACCEPTED: 1, QUEUED: 4}


class Surprise(Exception):
    """Something no transport should raise."""


def test_a_transport_that_raises_what_it_should_not_leaves_one_in_doubt(post: Post) -> None:
    """The transport had the message, so nobody knows; the rest is given back; it is raised."""
    subscribe(post.store, "weekly", readers(10))
    issue = release(post.store, post.journal)
    transport = MemoryTransport(script=[OK, Surprise("bug")])
    with pytest.raises(Surprise, match="bug"):
        post.dispatcher(transport).drain(never())
    assert post.counts(issue) == {ACCEPTED: 1, UNKNOWN: 1, QUEUED: 8}
    assert threads() == 0


def test_a_message_that_cannot_be_made_is_not_in_doubt(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transport had it: it goes back to the queue."""
    subscribe(post.store, "weekly", readers(3))
    issue = release(post.store, post.journal)
    monkeypatch.setattr(token, "written", lambda *_: (_ for _ in ()).throw(Surprise("key")))
    with pytest.raises(Surprise, match="key"):
        post.dispatcher(MemoryTransport()).drain(never())
    assert post.counts(issue) == {QUEUED: 3}


def test_an_edition_that_does_not_compile_sends_nothing(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found before anything is journalled."""
    subscribe(post.store, "weekly", readers(3))
    issue = release(post.store, post.journal)
    with monkeypatch.context() as patch:
        patch.setattr("publisher.formats.placeholder.TOKEN", "not in there")
        with pytest.raises(Exception, match="unsubscribe"):
            post.dispatcher(MemoryTransport()).drain(never())
    assert post.counts(issue) == {QUEUED: 3}


def test_an_interruption_leaves_nothing_in_our_hands(post: Post) -> None:
    """Ctrl-C in the middle: finished, given back, and raised as it is."""
    subscribe(post.store, "weekly", readers(30))
    issue = release(post.store, post.journal)

    def interrupt(progress: Progress) -> None:
        if progress.counts.get("accepted") == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        post.dispatcher(MemoryTransport()).drain(never(), on_progress=interrupt)
    counts = post.counts(issue)
    assert set(counts) == {ACCEPTED, QUEUED}
    assert threads() == 0


def test_a_dead_workers_claims_are_taken_over(post: Post) -> None:
    """Claimed ones are sent, the one it was sending is in doubt and left alone."""
    subscribe(post.store, "weekly", readers(6))
    issue = release(post.store, post.journal)
    claims = post.store.outbox.claim("dead", 4, timedelta(seconds=60), NOW)
    post.store.outbox.advance((), claims[:1], timedelta(seconds=60), NOW)
    transport = MemoryTransport()
    assert post.dispatcher(transport).drain(never()).lapsed == 0
    assert post.counts(issue) == {"sending": 1, CLAIMED: 3, ACCEPTED: 2}
    post.clock.forward(seconds=61)
    assert post.dispatcher(transport).drain(never()).lapsed == 1
    assert post.counts(issue) == {UNKNOWN: 1, ACCEPTED: 5}
    assert claims[0].address not in recipients(transport)


def test_leases_are_renewed_while_it_takes_long(post: Post) -> None:
    """A drain longer than its lease loses nothing to another worker; both ways of the clock."""
    subscribe(post.store, "weekly", readers(10))
    issue = release(post.store, post.journal)
    weak = Weak(post.store.outbox)

    class Slow(MemoryTransport):
        def take(self, message: bytes, envelope: Envelope) -> Outcome:
            post.clock.forward(seconds=25 if len(self.sent) != 5 else -80)
            return super().take(message, envelope)

    report = post.dispatcher(Slow(), outbox=weak).drain(never())
    assert weak.calls.count("renew") >= 8
    assert report.lapsed == 0
    assert post.counts(issue) == {ACCEPTED: 10}


def test_the_bounds_are_stated() -> None:
    """The defaults that the documentation names."""
    bounds = Bounds()
    assert (bounds.lease, bounds.batch) == (timedelta(seconds=60), 200)
    assert bounds.grace < bounds.lease
    assert sum(bounds.patience) < bounds.lease.total_seconds()


class Watching:
    """A real outbox that checks the first invariant of the design at every commit."""

    def __init__(self, outbox: Outbox, most: int) -> None:
        self._outbox, self._most = outbox, most
        self.sending: set[tuple[OutboxKind, int]] = set()
        self.commits = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    def advance(
        self,
        settled: Sequence[Settlement],
        starting: Sequence[Claim],
        lease: timedelta,
        now: datetime,
        *,
        again: bool = False,
    ) -> frozenset[tuple[OutboxKind, int]]:
        self.commits += 1
        granted = self._outbox.advance(settled, starting, lease, now, again=again)
        self.sending -= {(one.claim.kind, one.claim.id) for one in settled}
        self.sending |= granted
        assert len(self.sending) <= self._most
        return granted


def test_journalled_before_and_settled_after(post: Post) -> None:
    """What a transport is given is `sending` by then, and at most one a connection is."""
    subscribe(post.store, "weekly", readers(120))
    issue = release(post.store, post.journal)
    watching = Watching(post.store.outbox, most=3)
    wrong: list[str] = []

    class Asking(MemoryTransport):
        def take(self, message: bytes, envelope: Envelope) -> Outcome:
            if post.counts(issue).get("sending", 0) < 1:
                wrong.append(envelope.recipient)
            return super().take(message, envelope)

    transport = Asking(connections=3)
    post.dispatcher(transport, outbox=watching).drain(never())
    assert wrong == []
    assert watching.sending == set()
    assert watching.commits <= 121 + 3
    assert post.counts(issue) == {ACCEPTED: 120}


def test_an_issue_that_is_not_sending_is_left_alone(post: Post) -> None:
    """Asking for a paused one sends nothing, whatever its newsletter's transport."""
    subscribe(post.store, "weekly", readers(2))
    issue = release(post.store, post.journal)
    post.store.issues.move(issue.id, IssueEvent.PAUSE, NOW)
    report = post.dispatcher().drain(never(), issue_id=issue.id)
    assert (report.counts, report.failed) == ({}, ())


def test_counting_losses_takes_no_more_memory_than_stated() -> None:
    """The oldest is forgotten first, so a flood of lost sessions costs a bounded amount."""
    losses = Losses(limit=2)
    claims = [
        Claim(OutboxKind.NOTICE, number, 1, 0, NOW, "r@example.org", "", "", "<1@x>", NOW)
        for number in range(REMEMBERED + 1)
    ]
    assert not any(losses.too_many(claim) for claim in claims)
    assert not losses.too_many(claims[0])
    assert losses.too_many(claims[-1])


def test_a_delivery_without_an_edition_is_our_own_mistake(post: Post) -> None:
    """It is said so, before anything is journalled."""
    claim = Claim(OutboxKind.DELIVERY, 7, 1, 0, NOW, "r@example.org", "", "", "<1@x>", NOW)
    composer = Composer(post.journal, KEYS, post.store.issues, post.store.notices, None)
    with pytest.raises(Defect, match="delivery 7"):
        composer.prepare(claim)
