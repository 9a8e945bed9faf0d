"""Several commands in one write (RFC 2920) and messages in chunks (RFC 3030), on real sockets."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.message import Envelope
from publisher.domain.outcome import OutcomeKind
from publisher.errors import TransportError, TransportUnavailable
from publisher.transports.exchange import Exchange, LoginWanted, Lost, Pace
from publisher.transports.sender import CAUTION, SmtpSender
from tests.transports import authority
from tests.transports.relay import Act, Answer, Relay
from tests.transports.test_smtp import MESSAGE, READER, transport

ACCEPTED, DEFERRED = OutcomeKind.ACCEPTED, OutcomeKind.DEFERRED
REFUSED, UNKNOWN = OutcomeKind.REFUSED, OutcomeKind.UNKNOWN

GROUPS = {"EHLO": "250-relay\r\n250 PIPELINING"}
CHUNKS = {"EHLO": "250-relay\r\n250-PIPELINING\r\n250 CHUNKING"}
CHUNKS_ONLY = {"EHLO": "250-relay\r\n250 CHUNKING"}


def warm(relay: Relay, **options: Any) -> SmtpSender:
    """A session that has sent one message: from here on it says as much at once as it ever does."""
    sender = transport(relay, **options).open()
    assert sender.send(MESSAGE, READER).kind is ACCEPTED
    return sender


def delivered(relay: Relay) -> int:
    return sum(one.accepted for one in relay.received)


# --- what travels together ----------------------------------------------------------------------


def test_a_group_is_said_and_its_replies_are_all_read() -> None:
    """With PIPELINING, MAIL, RCPT and DATA come together, message after message."""
    with Relay(always=GROUPS) as relay:
        sender = warm(relay)
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        sender.close()
    verbs = [command.split(" ")[0] for command in relay.commands]
    assert verbs == ["EHLO", *["MAIL", "RCPT", "DATA"] * 2, "QUIT"]
    assert [one.content for one in relay.received] == [MESSAGE, MESSAGE]


@pytest.mark.parametrize("offer", [CHUNKS, CHUNKS_ONLY])
def test_a_chunk_carries_the_message_as_it_is(offer: dict[str, str]) -> None:
    """With CHUNKING there is no dot to stuff and none at the end, with PIPELINING or without."""
    message = b"Subject: x\r\n\r\n.dot\r\n..\r\n.\r\nend"
    with Relay(always=offer) as relay:
        sender = transport(relay).open()
        for _ in range(3):
            assert sender.send(message, READER).kind is ACCEPTED
        sender.close()
    assert [one.content for one in relay.received] == [message + b"\r\n"] * 3
    assert f"BDAT {len(message) + 2} LAST" in relay.commands
    assert not any(command.startswith("DATA") for command in relay.commands)


def test_what_the_operator_turned_off_is_not_used() -> None:
    """`pipelining = false` and `chunking = false` go step by step, whatever is offered."""
    with Relay(always=CHUNKS) as relay:
        sender = transport(relay, pipelining=False, chunking=False).open()
        assert sender._pace(chunk=False) is Pace.STEPS
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        assert "DATA" in relay.commands
        sender.close()


def test_the_message_goes_ahead_only_to_a_server_that_has_answered_a_group() -> None:
    """The first message of a session waits for the envelope's answers, whatever is offered."""
    with Relay(always=CHUNKS) as relay:
        sender = transport(relay).open()
        assert sender._pace(chunk=True) is Pace.GROUP
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        assert sender._pace(chunk=True) is Pace.AHEAD
        sender.close()
        again = transport(relay).open()
        assert again._pace(chunk=True) is Pace.GROUP
        again.close()


# --- refusals ------------------------------------------------------------------------------------

BAD_SEQUENCE = "503 5.5.1 MAIL first"


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ({"MAIL": "451 later", "RCPT": BAD_SEQUENCE, "DATA": BAD_SEQUENCE}, DEFERRED, 451),
        ({"MAIL": "553 not you", "RCPT": BAD_SEQUENCE, "DATA": BAD_SEQUENCE}, DEFERRED, 553),
        ({"RCPT": "450 greylisted", "DATA": "554 no valid recipients"}, DEFERRED, 450),
        ({"RCPT": "550-no\r\n550 such user", "DATA": "503 no valid recipients"}, REFUSED, 550),
        ({"RCPT": "550 no", "DATA": "421 and goodbye"}, REFUSED, 550),
        ({"RCPT": "550 no", "DATA": Act.DROP}, REFUSED, 550),
        ({"DATA": "451 not now"}, DEFERRED, 451),
        ({"DATA": "554 no"}, REFUSED, 554),
        ({"BODY": "452 disk full"}, DEFERRED, 452),
        ({"BODY": "550 spam"}, REFUSED, 550),
        ({"BODY": "421 going down"}, DEFERRED, 421),
    ],
)
def test_each_reply_of_a_group_is_heard(
    script: dict[str, Answer], kind: OutcomeKind, code: int
) -> None:
    """The first refusal is the outcome; what follows from it is noise. The next message goes."""
    with Relay(always=GROUPS) as relay:
        way = transport(relay)
        sender = way.open()
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        for verb, answer in script.items():
            relay._script[verb].append(answer)
        outcome = sender.send(MESSAGE, READER)
        assert (outcome.kind, outcome.code) == (kind, code)
        if not sender.usable:
            sender = way.open()
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        sender.close()
    assert delivered(relay) == 2
    assert relay.commands[-1] == "QUIT"


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ({"MAIL": "451 later", "RCPT": BAD_SEQUENCE, "BDAT": BAD_SEQUENCE}, DEFERRED, 451),
        ({"RCPT": "450 greylisted", "BDAT": "554 no valid recipients"}, DEFERRED, 450),
        ({"RCPT": "550-no\r\n550 such user", "BDAT": "503 no"}, REFUSED, 550),
        ({"RCPT": "550 no", "BDAT": "421 and goodbye"}, REFUSED, 550),
        ({"RCPT": "550 no", "BDAT": Act.DROP}, REFUSED, 550),
        ({"MAIL": "552 too big", "RCPT": Act.DROP}, DEFERRED, 552),
        ({"BDAT": "451 not now"}, DEFERRED, 451),
        ({"BDAT": "552 too big"}, REFUSED, 552),
        ({"BDAT": "421 going down"}, DEFERRED, 421),
        ({"BDAT": "354 what"}, UNKNOWN, 354),
        ({"BDAT": Act.DROP}, UNKNOWN, 0),
        ({"BDAT": Act.HANG}, UNKNOWN, 0),
        ({"BDAT": "nonsense"}, UNKNOWN, 0),
        ({"RCPT": Act.DROP}, UNKNOWN, 0),
        ({"MAIL": Act.DROP}, UNKNOWN, 0),
        ({"MAIL": Act.HANG}, UNKNOWN, 0),
        ({"RCPT": "550 no", "BDAT": "250 thanks"}, UNKNOWN, 250),
        ({"MAIL": "550 no", "BDAT": "250 thanks"}, UNKNOWN, 250),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_each_reply_of_a_group_with_its_message_is_heard(
    script: dict[str, Answer], kind: OutcomeKind, code: int, first: bool
) -> None:
    """Once the message has left with its envelope, only a refusal that was read is one.

    The first message of a session waits for the envelope's answers: until then silence, or an
    end, has sent nothing.
    """
    lost = first and kind is UNKNOWN and "BDAT" not in script
    if first and code == 250:
        return  # refused at the envelope, no chunk follows
    with Relay(always=CHUNKS) as relay:
        way = transport(relay, command_timeout=0.3, final_timeout=0.3)
        sender = way.open()
        if not first:
            assert sender.send(MESSAGE, READER).kind is ACCEPTED
        for verb, answer in script.items():
            relay._script[verb].append(answer)
        if lost:
            with pytest.raises(TransportUnavailable, match="nothing was sent"):
                sender.send(MESSAGE, READER)
        else:
            outcome = sender.send(MESSAGE, READER)
            assert (outcome.kind, outcome.code) == (kind, code)
        assert sender.usable == (kind is not UNKNOWN and code != 421 and not _ends(script, first))
        relay._script.clear()
        sender = sender if sender.usable else way.open()
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        sender.close()


def _ends(script: dict[str, Answer], first: bool) -> bool:
    """Whether an answer that is heard ends the session; one to an unsent BDAT is not."""
    ending = [verb for verb, said in script.items() if said is Act.DROP or str(said)[:3] == "421"]
    return bool(ending) and not (first and ending == ["BDAT"] and len(script) > 1)


@pytest.mark.parametrize("offer", [GROUPS, CHUNKS])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_421_within_a_group_took_nothing(offer: dict[str, str], verb: str) -> None:
    """Without a recipient there is no message, even where its bytes had left already."""
    with Relay(always=offer) as relay:
        sender = warm(relay)
        relay._script[verb].append("421 4.3.2 shutting down")
        with pytest.raises(TransportUnavailable, match="ends the session"):
            sender.send(MESSAGE, READER)
        assert not sender.usable
    assert delivered(relay) == 1


@pytest.mark.parametrize("offer", [GROUPS, CHUNKS])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_login_wanted_in_a_group_is_for_the_operator(offer: dict[str, str], verb: str) -> None:
    """530 would come for everybody, so nobody is marked refused."""
    with Relay(always=offer) as relay:
        sender = warm(relay)
        relay._script[verb].append("530 5.7.0 Authentication required")
        relay._script["BDAT"].append(BAD_SEQUENCE)
        with pytest.raises(TransportError, match="username and password"):
            sender.send(MESSAGE, READER)
    assert delivered(relay) == 1


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", [Act.DROP, Act.HANG, "what?", "250-a\r\n251 b"])
def test_a_group_without_its_message_that_is_lost_sent_nothing(verb: str, answer: Answer) -> None:
    """With DATA the message leaves after the 354, so silence before it is no doubt."""
    with Relay(always=GROUPS) as relay:
        sender = warm(relay, command_timeout=0.3)
        relay._script[verb].append(answer)
        with pytest.raises(TransportUnavailable, match="nothing was sent"):
            sender.send(MESSAGE, READER)
    assert delivered(relay) == 1


# --- 354 in spite of a refusal ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dot", "usable"),
    [("554 5.5.1 no valid recipients", True), ("250 thanks for nothing", False), (Act.DROP, False)],
)
def test_a_lone_dot_answers_a_354_without_recipients(dot: Answer, usable: bool) -> None:
    """RFC 2920 §3.1: nothing of the message leaves, and the refusal stands."""
    with Relay({"RCPT": ["550 5.1.1 no"], "BODY": [dot]}, GROUPS) as relay:
        sender = transport(relay).open()
        outcome = sender.send(MESSAGE, READER)
        assert (outcome.kind, outcome.code) == (REFUSED, 550)
        assert sender.usable is usable
        sender.close()
    assert [one.content for one in relay.received] == [b""]


def test_a_354_after_a_refused_sender_drops_the_line() -> None:
    """A dot would send an empty mail to the recipient whom that server has taken."""
    with Relay({"MAIL": ["550 no"]}, GROUPS) as relay:
        sender = transport(relay).open()
        with pytest.raises(TransportUnavailable, match="whose sender it refused"):
            sender.send(MESSAGE, READER)
        assert not sender.usable
    assert relay.received == []


# --- servers that promise too much ------------------------------------------------------------------


@pytest.mark.parametrize("offer", [GROUPS, CHUNKS])
def test_a_server_that_lies_about_pipelining_is_asked_step_by_step(offer: dict[str, str]) -> None:
    """It forgets what came behind MAIL: nothing was sent, and later sessions take turns."""
    with Relay({"RCPT": [Act.HANG]}, offer) as relay:
        way = transport(relay, command_timeout=0.3)
        with pytest.raises(TransportUnavailable, match="nothing was sent"):
            way.open().send(MESSAGE, READER)
        sender = way.open()
        assert sender._pace(chunk=True) is Pace.STEPS
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        sender.close()
    assert delivered(relay) == 1


def test_after_a_doubt_messages_wait_for_their_envelopes_again() -> None:
    """A relay that hangs up now and then leaves no trail of doubts."""
    with Relay(always=CHUNKS) as relay:
        way = transport(relay, messages_per_connection=5000)
        sender = way.open()
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        relay._script["MAIL"].append(Act.DROP)
        assert sender.send(MESSAGE, READER).kind is UNKNOWN
        sender = way.open()
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        relay._script["MAIL"].append(Act.DROP)
        with pytest.raises(TransportUnavailable, match="nothing was sent"):
            sender.send(MESSAGE, READER)
        sender = way.open()
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        paces = [sender._pace(chunk=True) for _ in range(CAUTION)]
        assert paces[0] is Pace.GROUP
        assert paces[-1] is Pace.AHEAD
        sender.close()


@pytest.mark.parametrize("offer", [{"EHLO": "250 relay"}, GROUPS, CHUNKS])
@pytest.mark.parametrize(
    "ending", [b"250 2.0.0 queued\r\n421 4.4.2 too many messages\r\n", Act.DROP]
)
def test_a_server_that_hangs_up_between_messages_leaves_no_doubt(
    offer: dict[str, str], ending: Answer
) -> None:
    """Its end is noticed before anything of the next message is written."""
    verb = "BDAT" if offer is CHUNKS else "BODY"
    with Relay(always=offer) as relay:
        sender = transport(relay).open()
        if ending is Act.DROP:
            assert sender.send(MESSAGE, READER).kind is ACCEPTED
            relay.hang_up()
        else:
            relay._script[verb].append(ending)
            assert sender.send(MESSAGE, READER).kind is ACCEPTED
        with pytest.raises(TransportUnavailable, match="by itself; nothing was sent"):
            sender.send(MESSAGE, READER)
        assert not sender.usable
    assert not any(one.content != MESSAGE for one in relay.received)
    assert len(relay.received) == 1


# --- without waiting --------------------------------------------------------------------------------


def test_an_exchange_under_way_is_waited_out_by_somebody_else() -> None:
    """`begin` returns at once; `finish` says None until the answer is there; `wait` waits."""
    with Relay(always=CHUNKS) as relay:
        sender = transport(relay).open()
        assert sender.begin(MESSAGE, READER) is None
        assert sender.fileno() >= 0
        assert sender.wait().kind is ACCEPTED
        assert sender.begin(MESSAGE, Envelope("", "no-address")) is not None
        sender.close()
        assert sender.fileno() == -1


def test_a_message_that_does_not_fit_into_the_line_is_finished_by_waiting() -> None:
    """Half of it in our hands is half a message: nothing is in doubt, nothing is lost."""
    big = (b"x" * 998 + b"\r\n") * 20_000
    with Relay(always=CHUNKS) as relay:
        sender = warm(relay)
        outcome = sender.begin(big, READER) or sender.wait()
        assert outcome.kind is ACCEPTED
        sender.close()
    assert relay.received[-1].content == big


@pytest.mark.parametrize("offer", [GROUPS, CHUNKS])
def test_closing_in_the_middle_of_a_message_says_no_more(offer: dict[str, str]) -> None:
    """QUIT would be read as part of it."""
    with Relay({"MAIL": [Act.HANG]}, offer) as relay:
        sender = transport(relay).open()
        assert sender.begin(MESSAGE, READER) is None
        sender.close()
        assert not sender.usable
    assert "QUIT" not in relay.commands


def test_groups_travel_under_tls_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Pipelining, chunks and not waiting, on an encrypted line."""
    trusted = authority.make(tmp_path_factory.mktemp("authority"))
    with Relay(always=CHUNKS, context=trusted.context, implicit=True) as relay:
        sender = warm(relay, security="implicit", ca_file=str(trusted.ca_file))
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        outcome = sender.begin(MESSAGE, READER) or sender.wait()
        assert outcome.kind is ACCEPTED
        sender.close()
    assert delivered(relay) == 3


# --- DSN and tokens ---------------------------------------------------------------------------------


def test_reports_are_asked_for_where_they_are_known() -> None:
    """RFC 3461: RET, ENVID, NOTIFY and ORCPT, in xtext, and only where DSN is offered."""
    envelope = Envelope("us@example.org", "a+b=c@example.org", "0a1b@journal.example.org")
    with Relay(always={"EHLO": "250-relay\r\n250 DSN"}) as relay:
        sender = transport(relay).open()
        assert sender.send(MESSAGE, envelope).kind is ACCEPTED
        sender.close()
    assert "MAIL FROM:<us@example.org> RET=HDRS ENVID=0a1b@journal.example.org" in relay.commands
    ours = "RCPT TO:<a+b=c@example.org> NOTIFY=FAILURE ORCPT=rfc822;a+2Bb+3Dc@example.org"
    assert ours in relay.commands


def test_an_address_beyond_ascii_is_not_put_into_a_report() -> None:
    """ORCPT has another form for it (RFC 6533), which few servers read: it is left out."""
    offer = {"EHLO": "250-relay\r\n250-SMTPUTF8\r\n250 DSN"}
    with Relay(always=offer) as relay:
        sender = transport(relay).open()
        sender.send(MESSAGE, Envelope("us@example.org", "jörg@example.org", "x" * 200))
        sender.close()
    assert "MAIL FROM:<us@example.org> SMTPUTF8 RET=HDRS" in relay.commands
    assert "RCPT TO:<jörg@example.org> NOTIFY=FAILURE" in relay.commands


# --- the exchange alone -------------------------------------------------------------------------------

replies = st.lists(
    st.tuples(st.sampled_from([220, 250, 251, 354, 421, 450, 503, 530, 550, 554]), st.just("x")),
    max_size=8,
)


@given(pace=st.sampled_from(Pace), chunk=st.booleans(), said=replies, written=st.booleans())
def test_whatever_is_answered_nothing_is_claimed_that_was_not_said(
    pace: Pace, chunk: bool, said: list[tuple[int, str]], written: bool
) -> None:
    """Accepted only by a 2yz to the message and to its recipient; in doubt only once it left."""
    exchange = Exchange(b"MAIL\r\n", b"RCPT\r\n", b"CONTENT", pace, chunk=chunk)
    out = exchange.to_write()
    heard: list[tuple[str, int]] = []
    try:
        for code, text in said:
            if exchange.outcome is not None:
                break
            assert exchange.awaited
            heard.append((exchange.awaited[0].name, code))
            exchange.take(code, text)
            out += exchange.to_write()
        outcome = exchange.outcome or exchange.lost("the end", written=written)
    except (Lost, LoginWanted):
        assert dict(heard).get("MESSAGE") is None
        return
    assert (b"CONTENT" in out) == exchange.whole
    if outcome is None:
        assert not (exchange.whole and written)
    elif outcome.kind is ACCEPTED:
        answers = dict(heard)
        assert all(200 <= answers[step] < 300 for step in ("MAIL", "RCPT", "MESSAGE"))
    elif outcome.kind is UNKNOWN:
        assert exchange.whole
        assert not exchange.usable
    else:
        assert any(code >= 300 for _, code in heard)
    assert len(list(itertools.takewhile(lambda one: one[1] != 421, heard))) >= len(heard) - 1
