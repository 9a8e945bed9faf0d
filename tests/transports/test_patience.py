"""A server that hangs: how long each step of a session is waited for (RFC 5321 §4.5.3.2)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from publisher.domain.outcome import OutcomeKind
from publisher.errors import TransportUnavailable
from publisher.transports.smtp import SmtpOptions, connect
from tests.transports import authority
from tests.transports.relay import Act, Answer, Relay
from tests.transports.test_groups import CHUNKS, CHUNKS_ONLY, GROUPS
from tests.transports.test_smtp import MESSAGE, READER, transport

SHORT: dict[str, Any] = {"connect_timeout": 0.3, "command_timeout": 0.3, "final_timeout": 0.3}
LOGIN = {"username": "post@journal.example.org", "password": "correct horse"}
BEFORE = "220 relay\r\n250-relay\r\n250 STARTTLS\r\n220 go ahead\r\n"
"""All that a server says until the handshake of STARTTLS."""


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> authority.Authority:
    return authority.make(tmp_path_factory.mktemp("authority"))


@contextmanager
def saying(words: str, after: float = 0.0) -> Iterator[int]:
    """The port of a server that says this to its only client after some seconds, and no more."""
    over = threading.Event()

    def serve() -> None:
        line, _ = listener.accept()
        with line:
            over.wait(after)
            line.sendall(words.encode())
            over.wait()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join()


def test_the_defaults_are_the_minima_of_the_standard() -> None:
    """Of the steps that share a setting, the one that may take longest counts."""
    minutes = {"greeting": 5, "MAIL": 5, "RCPT": 5, "DATA": 2, "a block of data": 3}
    options = SmtpOptions.read({"host": "relay.example.org"})
    assert options.command_timeout == 60 * max(minutes.values())
    assert options.final_timeout == 60 * 10


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"])
def test_a_server_that_hangs_before_the_message_has_got_nothing(
    trusted: authority.Authority, verb: str
) -> None:
    """Under TLS with a login, as relays are used: a time-out, no message, and another session."""
    offer = {"EHLO": "250-relay\r\n250-STARTTLS\r\n250 AUTH PLAIN"}
    options = {"security": "starttls", "ca_file": str(trusted.ca_file), **LOGIN}
    with Relay({verb: [Act.HANG]}, offer, context=trusted.context) as relay:
        with pytest.raises(TransportUnavailable):
            transport(relay, **options, **SHORT).open().send(MESSAGE, READER)
        assert relay.received == []
        sender = transport(relay, **options).open()
        assert sender.send(MESSAGE, READER).kind is OutcomeKind.ACCEPTED
        sender.close()
    assert [one.accepted for one in relay.received] == [True]


@pytest.mark.parametrize(("security", "words"), [("implicit", ""), ("starttls", BEFORE)])
def test_a_handshake_that_hangs_ends_with_a_time_out(security: str, words: str) -> None:
    """Before the first command, or after STARTTLS."""
    with saying(words) as port:
        options = {"host": "127.0.0.1", "port": port, "security": security}
        with pytest.raises(TransportUnavailable):
            connect("main", options | SHORT).open()


def test_a_greeting_may_take_longer_than_the_connection() -> None:
    """Servers make strangers wait: it is the command's time-out that counts, not the line's."""
    greeting = "220 relay\r\n250 relay\r\n"
    with saying(greeting, after=0.6) as port:
        options = {"host": "127.0.0.1", "port": port, "security": "none", "connect_timeout": 0.2}
        sender = connect("main", options | {"command_timeout": 60}).open()
        assert sender.usable
        sender._session.close()


@pytest.mark.parametrize(
    ("offer", "verb"), [({}, "BODY"), (GROUPS, "BODY"), (CHUNKS, "BDAT"), (CHUNKS_ONLY, "BDAT")]
)
@pytest.mark.parametrize("first", [True, False])
def test_a_server_that_hangs_after_the_message_leaves_it_in_doubt(
    offer: dict[str, str], verb: str, first: bool
) -> None:
    """Final dot or last chunk, at whatever pace: it may have arrived."""
    answers: list[Answer] = [Act.HANG] if first else ["250 2.0.0 queued", Act.HANG]
    with Relay({verb: answers}, offer) as relay:
        sender = transport(relay, final_timeout=0.3).open()
        if not first:
            assert sender.send(MESSAGE, READER).kind is OutcomeKind.ACCEPTED
        assert sender.send(MESSAGE, READER).kind is OutcomeKind.UNKNOWN
        assert not sender.usable
    assert len(relay.received) == len(answers)


def test_goodbye_is_not_waited_for_longer_than_any_command() -> None:
    """What was accepted stays so; QUIT without an answer costs a moment."""
    with Relay({"QUIT": [Act.HANG]}) as relay:
        sender = transport(relay, command_timeout=0.3).open()
        assert sender.send(MESSAGE, READER).kind is OutcomeKind.ACCEPTED
        sender.close()
        assert not sender.usable
    assert relay.commands[-1] == "QUIT"
