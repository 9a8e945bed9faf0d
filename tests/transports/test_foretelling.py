"""The next envelope behind a message (RFC 2920 §3.1): one round trip each, and nothing at stake."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator

import pytest

from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome, OutcomeKind
from publisher.errors import TransportUnavailable
from publisher.ports import ForetellingSender
from publisher.transports import sender as senders
from publisher.transports.exchange import Lost
from publisher.transports.sender import CAUTION, SmtpSender
from publisher.transports.session import Session, Timeouts
from tests.transports import authority
from tests.transports.relay import Act, Answer, Relay
from tests.transports.test_groups import BAD_SEQUENCE, CHUNKS, GROUPS, warm
from tests.transports.test_smtp import transport

ACCEPTED, DEFERRED = OutcomeKind.ACCEPTED, OutcomeKind.DEFERRED
REFUSED, UNKNOWN = OutcomeKind.REFUSED, OutcomeKind.UNKNOWN

Mail = tuple[bytes, Envelope]


def mail(name: str, size: int = 0) -> Mail:
    """A plain message for one reader."""
    lines = b"x" * 70 + b"\r\n"
    content = b"Subject: %b\r\n\r\nHello\r\n" % name.encode() + lines * (size // len(lines))
    return content, Envelope("us@example.org", f"{name}@example.org", plain=True)


ONE, TWO, THREE = mail("one"), mail("two"), mail("three")


def heard(sender: SmtpSender) -> Outcome:
    """What became of the message under way, as the ledger's thread finds out."""
    while True:
        ready, _, _ = select.select([sender.fileno()], [], [], 5)
        assert ready, "the relay says nothing"
        outcome = sender.finish()
        if outcome is not None:
            return outcome


def done(sender: SmtpSender, one: Mail, following: Mail | None = None) -> Outcome:
    """One message, without waiting."""
    return sender.begin(*one, following) or heard(sender)


TAKEN = b"250 ok\r\n250 ok\r\n354 go on\r\n"

Bare = tuple[SmtpSender, socket.socket]


def _session(listener: socket.socket) -> Session:
    """A session with whoever accepts there, before anything was said."""
    session = Session.__new__(Session)
    session._timeouts = Timeouts(5, 5, 5)
    session._context = None
    session._heard, session._unwritten, session._behind, session.silent = b"", b"", 0, False
    session._ended = ""
    session.file = None
    session.esmtp_features = {"pipelining": ""}
    session.sock = socket.create_connection(listener.getsockname(), 5)
    return session


@pytest.fixture
def bare() -> Iterator[Bare]:
    """A sender that has proved itself, and the other end of its line."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = SmtpSender(_session(listener), "here", 10, senders.Manners())
        sender._proven = True
        line, _ = listener.accept()
        with line:
            line.settimeout(5)
            yield sender, line
            sender._end()


def read_until(line: socket.socket, end: bytes) -> bytes:
    read = b""
    while not read.endswith(end):
        more = line.recv(65536)
        assert more, "the sender hung up"
        read += more
    return read


def under_way(sender: SmtpSender, line: socket.socket, one: Mail, following: Mail) -> None:
    """`one` has left with the envelope of what is `following`; nothing of both is answered."""
    assert sender.begin(*one, following) is None
    read_until(line, b"DATA\r\n")
    line.sendall(TAKEN)
    select.select([sender.fileno()], [], [], 5)
    assert sender.finish() is None
    opening = f"RCPT TO:<{following[1].recipient}>\r\nDATA\r\n".encode()
    written = read_until(line, opening)
    assert written == one[0] + b".\r\nMAIL FROM:<us@example.org>\r\n" + opening


def recipients(relay: Relay) -> list[str]:
    return [one.recipient.partition("@")[0] for one in relay.received if one.accepted][1:]


def told(relay: Relay, name: str) -> bool:
    return any(command.startswith(f"RCPT TO:<{name}@") for command in relay.commands)


def test_each_message_takes_one_round_trip() -> None:
    """The server has the next envelope before it answers, and nothing else of that message."""
    with Relay(always=GROUPS) as relay:
        sender = warm(relay)
        assert isinstance(sender, ForetellingSender)
        assert sender.foretells
        assert done(sender, ONE, TWO).kind is ACCEPTED
        assert sender.promised
        assert recipients(relay) == ["one"]
        assert done(sender, TWO, THREE).kind is ACCEPTED
        assert done(sender, THREE).kind is ACCEPTED
        assert not sender.promised
        sender.close()
    assert recipients(relay) == ["one", "two", "three"]
    verbs = [command.split(" ")[0] for command in relay.commands]
    assert verbs == ["EHLO", *["MAIL", "RCPT", "DATA"] * 4, "QUIT"]


def test_the_envelope_leaves_in_the_messages_own_write(bare: Bare) -> None:
    """A server that has not answered the message yet has heard who is next."""
    sender, line = bare
    under_way(sender, line, ONE, TWO)
    line.sendall(b"250 queued\r\n" + TAKEN)
    assert heard(sender) == Outcome(ACCEPTED, 250, "queued")
    assert sender.begin(*TWO) is None
    assert line.recv(65536) == TWO[0] + b".\r\n"


@pytest.mark.parametrize("cut", range(1, 30))
def test_answers_may_come_in_pieces(bare: Bare, cut: int) -> None:
    """The message's own settles it; the envelope's are waited for in the next one's turn."""
    sender, line = bare
    under_way(sender, line, ONE, TWO)
    said = b"250 queued\r\n" + TAKEN
    line.sendall(said[:cut])
    if cut < len(b"250 queued\r\n"):
        select.select([sender.fileno()], [], [], 5)
        assert sender.finish() is None
        line.sendall(said[cut:])
    assert heard(sender) == Outcome(ACCEPTED, 250, "queued")
    assert sender.promised
    if cut >= len(b"250 queued\r\n"):
        assert sender.begin(*TWO, THREE) is None
        line.sendall(said[cut:])
        select.select([sender.fileno()], [], [], 5)
        assert sender.finish() is None
    else:
        assert sender.begin(*TWO, THREE) is None
    read_until(line, b"three@example.org>\r\nDATA\r\n")
    line.sendall(b"250 queued\r\n" + TAKEN)
    assert heard(sender).kind is ACCEPTED


@pytest.mark.parametrize("offer", [{"EHLO": "250 relay"}, CHUNKS])
def test_others_are_not_told(offer: dict[str, str]) -> None:
    """Without PIPELINING it would be wrong; with CHUNKING a message takes one round trip anyway."""
    with Relay(always=offer) as relay:
        sender = warm(relay)
        assert not sender.foretells
        outcome = sender.begin(*ONE, TWO) or sender.wait()
        assert outcome.kind is ACCEPTED
        assert not sender.promised
        sender.close()
    assert not told(relay, "two")


def test_a_session_tells_of_no_more_messages_than_it_may_carry() -> None:
    """After the last one, QUIT follows, not an envelope."""
    with Relay(always=GROUPS) as relay:
        sender = warm(relay, messages_per_connection=3)
        assert done(sender, ONE, TWO).kind is ACCEPTED
        assert not sender.foretells
        assert done(sender, TWO, THREE).kind is ACCEPTED
        assert not sender.usable
        sender.close()
    assert not told(relay, "three")
    assert relay.commands[-1] == "QUIT"


@pytest.mark.parametrize(
    "odd",
    [
        (b"Subject: x\r\n\r\n.\r\n", Envelope("us@example.org", "two@example.org")),
        (TWO[0], Envelope("us@example.org", "two", plain=True)),
        (TWO[0], Envelope("us@example.org", "t<wo@example.org", plain=True)),
        (TWO[0] + b"x" * 2_000_000, TWO[1]),
    ],
)
def test_what_has_to_be_looked_at_is_not_told(odd: Mail) -> None:
    """Not plain, not an address, too large: it goes its own way, or is refused, in its turn."""
    with Relay(always={"EHLO": "250-relay\r\n250-SIZE 1000000\r\n250 PIPELINING"}) as relay:
        sender = warm(relay)
        assert done(sender, ONE, odd).kind is ACCEPTED
        assert not sender.promised
        assert done(sender, THREE).kind is ACCEPTED
        sender.close()
    assert recipients(relay) == ["one", "three"]


# --- when nothing follows ------------------------------------------------------------------------


def test_what_was_told_and_is_not_sent_gets_nothing() -> None:
    """The line is dropped behind DATA: QUIT would be a line of a message."""
    with Relay(always=GROUPS) as relay:
        sender = warm(relay)
        assert done(sender, ONE, TWO).kind is ACCEPTED
        sender.close()
    assert told(relay, "two")
    assert recipients(relay) == ["one"]
    assert "QUIT" not in relay.commands


@pytest.mark.parametrize("waiting", [False, True])
def test_another_message_than_was_told_is_not_sent_there(waiting: bool) -> None:
    """It would reach whoever was told of."""
    with Relay(always=GROUPS) as relay:
        sender = warm(relay)
        assert done(sender, ONE, TWO).kind is ACCEPTED
        with pytest.raises(TransportUnavailable, match="told of another; nothing was sent"):
            _ = sender.send(*THREE) if waiting else sender.begin(*THREE)
        assert not sender.usable
    assert recipients(relay) == ["one"]


@pytest.mark.parametrize("says", [b"", b"421 4.4.2 waited too long\r\n"])
def test_a_server_that_hangs_up_before_its_message_leaves_no_doubt(
    bare: Bare, monkeypatch: pytest.MonkeyPatch, says: bytes
) -> None:
    """The line is looked at before the message is written, unless it was heard from just now."""
    monkeypatch.setattr(senders, "MOMENT", -1.0)
    sender, line = bare
    under_way(sender, line, ONE, TWO)
    line.sendall(b"250 queued\r\n" + TAKEN)
    assert heard(sender).kind is ACCEPTED
    line.sendall(says)
    line.shutdown(socket.SHUT_RDWR)
    with pytest.raises(TransportUnavailable, match="by itself; nothing was sent"):
        sender.begin(*TWO)
    assert not sender.usable


@pytest.mark.parametrize("says", [b"", b"421 4.4.2 bye\r\n"])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"550 5.7.1 spam\r\n" + TAKEN, b""),
        (b"250-queued\r\n250 as 1\r\n" + TAKEN, b""),
        (b"250 queued\r\n250 ok\r\n", b"250 ok\r\n354 go on\r\n"),
        (b"250 queued\r\n", TAKEN),
        (b"250 queued\r\n250 ok\r\n250-ok\r\n", b"250 ok\r\n354 go on\r\n"),
    ],
)
def test_an_end_that_came_with_the_answers_leaves_no_doubt(
    bare: Bare, first: bytes, then: bytes, says: bytes
) -> None:
    """However they were cut: the envelope was taken, and the line is over before the message."""
    sender, line = bare
    under_way(sender, line, ONE, TWO)
    line.sendall(first)
    assert heard(sender).kind in (ACCEPTED, REFUSED)
    assert sender.promised
    line.sendall(then + says)
    line.shutdown(socket.SHUT_RDWR)
    with pytest.raises(TransportUnavailable, match="nothing was sent"):
        _ = sender.begin(*TWO) or heard(sender)


def test_a_line_that_is_reset_behind_a_message_is_told_less(bare: Bare) -> None:
    """Its answer may have been lost for what was behind it: that message is in doubt, once."""
    sender, line = bare
    under_way(sender, line, ONE, TWO)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()
    assert heard(sender).kind is UNKNOWN
    assert sender._manners.caution == CAUTION


def test_a_line_that_is_reset_before_the_message_leaves_no_doubt(bare: Bare) -> None:
    """The first message of a session, whose envelope was taken by a server that is gone."""
    sender, line = bare
    sender._proven = False
    assert sender.begin(*ONE) is None
    read_until(line, b"DATA\r\n")
    line.sendall(TAKEN)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()
    with pytest.raises(TransportUnavailable, match="nothing was sent"):
        heard(sender)


# --- what may be answered to it ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ({"MAIL": "451 later", "RCPT": BAD_SEQUENCE, "DATA": BAD_SEQUENCE}, DEFERRED, 451),
        ({"RCPT": "450 greylisted", "DATA": "554 no valid recipients"}, DEFERRED, 450),
        ({"RCPT": "550-no\r\n550 such user", "DATA": "503 no valid recipients"}, REFUSED, 550),
        ({"RCPT": "550 no", "DATA": Act.DROP}, REFUSED, 550),
        ({"RCPT": "550 no"}, REFUSED, 550),  # and 354: a lone dot
        ({"DATA": "451 not now"}, DEFERRED, 451),
        ({"BODY": "550 spam"}, REFUSED, 550),
        ({"BODY": Act.DROP}, UNKNOWN, 0),
    ],
)
def test_each_answer_finds_its_own_message(
    script: dict[str, Answer], kind: OutcomeKind, code: int
) -> None:
    """What is said to the envelope behind is the next one's outcome, in its own turn."""
    with Relay(always=GROUPS) as relay:
        sender = warm(relay)
        usual: Answer = "250 2.1.0 ok"
        for verb, answer in script.items():
            ones = {"DATA": "354 go ahead", "BODY": "250 2.0.0 queued"}.get(verb, usual)
            relay._script[verb].extend([ones, answer])
        if "BODY" not in script and "DATA" not in script:
            relay._script["BODY"].extend(["250 2.0.0 queued", "554 no valid recipients"])
        assert done(sender, ONE, TWO).kind is ACCEPTED
        assert sender.promised
        outcome = sender.begin(*TWO, THREE) or heard(sender)
        assert (outcome.kind, outcome.code) == (kind, code)
        relay._script.clear()
        if sender.usable:
            assert sender.foretells is ("MAIL" not in script)  # that may be a misunderstanding
            assert done(sender, THREE).kind is ACCEPTED
        sender.close()
    assert "two" not in recipients(relay)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("452 disk full", DEFERRED), ("550 spam", REFUSED), ("550-no\r\n550 spam", REFUSED)],
)
def test_a_refused_message_does_not_harm_the_next(answer: str, kind: OutcomeKind) -> None:
    """Its envelope stands: the session goes on where it is."""
    with Relay(always=GROUPS) as relay:
        sender = warm(relay)
        relay._script["BODY"].append(answer)
        assert done(sender, ONE, TWO).kind is kind
        assert sender.promised
        assert done(sender, TWO).kind is ACCEPTED
        sender.close()
    assert recipients(relay) == ["two"]


@pytest.mark.parametrize(("answer", "kind"), [("421 bye", DEFERRED), (Act.DROP, UNKNOWN)])
def test_what_was_told_is_free_again_when_the_session_ends(
    answer: Answer, kind: OutcomeKind
) -> None:
    """Only the message under way is touched."""
    with Relay(always=GROUPS) as relay:
        sender = warm(relay)
        relay._script["BODY"].append(answer)
        assert done(sender, ONE, TWO).kind is kind
        assert not sender.promised
        assert not sender.usable


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", [Act.DROP, "421 4.3.2 shutting down", "what?"])
def test_an_envelope_that_is_lost_sent_nothing(verb: str, answer: Answer) -> None:
    """Where its first answer did not come, the next thousand messages have nothing behind them."""
    with Relay(always=GROUPS) as relay:
        way = transport(relay, messages_per_connection=5000)
        sender = way.open()
        assert sender.send(*ONE).kind is ACCEPTED
        relay._script[verb].extend(["354 go ahead" if verb == "DATA" else "250 ok", answer])
        assert done(sender, ONE, TWO).kind is ACCEPTED
        with pytest.raises(TransportUnavailable):
            _ = sender.begin(*TWO) or heard(sender)
        assert not sender.usable
        again = way.open()
        assert again.send(*ONE).kind is ACCEPTED
        if verb == "MAIL" and answer != "421 4.3.2 shutting down":
            assert not again.foretells
            for _ in range(CAUTION):
                assert done(again, ONE, THREE).kind is ACCEPTED
        assert again.foretells
        again.close()
    assert "two" not in recipients(relay)


@pytest.mark.parametrize("answer", ["500 what?", BAD_SEQUENCE, "554 improper pipelining"])
def test_a_server_that_does_not_understand_it_refuses_nobody(answer: str) -> None:
    """The first answer is no reader's: whoever was told of goes alone, now and later."""
    with Relay(always=GROUPS) as relay:
        way = transport(relay)
        sender = way.open()
        assert sender.send(*ONE).kind is ACCEPTED
        relay._script["MAIL"].extend(["250 ok", answer])
        assert done(sender, ONE, TWO).kind is ACCEPTED
        with pytest.raises(TransportUnavailable, match="behind another message"):
            _ = sender.begin(*TWO) or heard(sender)
        again = way.open()
        assert again.send(*ONE).kind is ACCEPTED
        assert not again.foretells
        assert done(again, TWO, THREE).kind is ACCEPTED
        assert not again.promised
        again.close()


def test_a_server_that_forgets_it_is_not_told_again() -> None:
    """It answers the message and nothing more; after that the silence costs nobody anything."""
    with Relay(always=GROUPS) as relay:
        way = transport(relay, command_timeout=0.3)
        sender = way.open()
        assert sender.send(*ONE).kind is ACCEPTED
        relay._script["MAIL"].extend(["250 ok", Act.HANG])
        assert done(sender, ONE, TWO).kind is ACCEPTED
        assert sender.begin(*TWO) is None
        with pytest.raises(TransportUnavailable, match="nothing was sent"):
            sender.wait()
        again = way.open()
        assert again.send(*TWO).kind is ACCEPTED
        assert not again.foretells
        again.close()


# --- lines that take less than all --------------------------------------------------------------


def test_a_message_that_does_not_fit_is_waited_out_with_what_is_behind() -> None:
    """The thread that takes over writes both."""
    large = mail("one", 20_000_000)
    with Relay(always=GROUPS) as relay:
        sender = warm(relay)
        assert sender.begin(*large, TWO) is None
        while not sender.promised:  # the relay answers one by one
            select.select([sender.fileno()], [], [], 5)
            assert sender.finish() is None
        assert sender.wait().kind is ACCEPTED
        assert sender.promised
        assert (sender.begin(*TWO) or sender.wait()).kind is ACCEPTED
        sender.close()
    assert recipients(relay) == ["one", "two"]


def test_a_large_mail_goes_out_in_one_write() -> None:
    """On a line with the segments of an Ethernet, whose server has read nothing of it yet."""
    with socket.socket() as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        session = Session.__new__(Session)
        session._timeouts, session._context = Timeouts(5, 5, 5), None
        host, port = listener.getsockname()
        with session._get_socket(host, port, 5) as line:
            line.setblocking(False)
            assert line.send(b"x" * 200_000) == 200_000


def test_a_message_whose_end_did_not_go_was_not_sent(bare: Bare) -> None:
    """However much of it did."""
    large = mail("one", 20_000_000)
    sender, line = bare
    assert sender.begin(*large, TWO) is None
    read_until(line, b"DATA\r\n")
    line.sendall(TAKEN)
    select.select([sender.fileno()], [], [], 5)
    assert sender.finish() is None
    line.close()
    with pytest.raises(TransportUnavailable, match="nothing was sent"):
        sender.wait()


def test_bytes_behind_are_nobodys_trouble() -> None:
    """What is waited for is written, or is Lost; what is behind is found out by the answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        session = _session(listener)
        line, _ = listener.accept()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        session.wait_for(0)
        much = b"b" * 20_000_000
        session.queue(b"abc" + much, len(much))
        assert session.flush_now()  # all that is waited for has gone
        assert session._unwritten
        session.queue(b"def")
        assert not session.flush_now()
        line.close()
        session.wait_for(5)
        session._unwritten, session._behind = much, len(much)
        session.flush()  # nothing of it is waited for, so nothing is said of the broken line
        session.queue(b"more")
        with pytest.raises(Lost):
            session.flush()
        session.close()


@pytest.mark.parametrize("size", [16_300, 16_384, 32_700, 32_768, 49_100, 200_000])
def test_a_tls_line_that_is_full_gets_each_byte_once(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    """TLS takes all of a write or none, and a write that is tried again must not be shorter."""
    trusted = authority.make(tmp_path_factory.mktemp("authority"))
    client = ssl.create_default_context(cafile=str(trusted.ca_file))
    read: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with trusted.context.wrap_socket(line, server_side=True) as secure:
                stalled.wait(5)
                while more := secure.recv(65536):
                    read.append(more)

        stalled = threading.Event()
        server = threading.Thread(target=serve)
        server.start()
        session = _session(listener)
        assert session.sock is not None
        session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        session.sock = client.wrap_socket(session.sock, server_hostname="127.0.0.1")
        session.wait_for(0)
        session.queue(b"m" * size + b"e" * 100, 100)
        went = session.flush_now()
        stalled.set()
        if not went:
            session.wait_for(5)
            session.flush()
        session.queue(b"next")
        session.wait_for(5)
        session.flush()
        session.sock.shutdown(socket.SHUT_WR)  # to close at once would reset the line
        server.join()
        session.close()
    assert b"".join(read) == b"m" * size + b"e" * 100 + b"next"


def test_it_travels_under_tls_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same on an encrypted line."""
    trusted = authority.make(tmp_path_factory.mktemp("authority"))
    with Relay(always=GROUPS, context=trusted.context, implicit=True) as relay:
        sender = warm(relay, security="implicit", ca_file=str(trusted.ca_file))
        assert done(sender, ONE, TWO).kind is ACCEPTED
        assert sender.promised
        assert done(sender, TWO).kind is ACCEPTED
        sender.close()
    assert recipients(relay) == ["one", "two"]
