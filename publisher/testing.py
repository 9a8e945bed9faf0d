"""The contract of transports, for whoever writes one: the same tests that the built-in ones pass.

Needs pytest (`pip install 'journal-publisher[testing]'`). In your package's tests:

    from publisher.testing import Bench, TransportContract

    class TestMine(TransportContract):
        kind = "mine"

        @pytest.fixture
        def bench(self):
            ...  # start your far end
            yield Bench(transports.connect("main", "mine", {...}), arrived, break_it)

`pytest.register_assert_rewrite("publisher.testing")` in a conftest.py shows more when one fails.
`docs/plugins.md` tells the whole of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from publisher import transports
from publisher.domain.message import Envelope
from publisher.domain.outcome import OutcomeKind
from publisher.errors import SettingsError, TransportError, TransportUnavailable
from publisher.ports import Transport

READER = Envelope("bounces@journal.example.org", "reader@example.org")
"""Whom the messages of these tests are for."""


def message(number: int = 1, body: bytes = b"Hello\r\n") -> bytes:
    """A message with CRLF lines, different for each number."""
    return (
        b"From: digest@journal.example.org\r\nTo: reader@example.org\r\n"
        b"Message-ID: <%d@journal.example.org>\r\n\r\n" % number + body
    )


def _long() -> bytes:
    return b"".join(b"%05d" % number + b"y" * 890 + b"\r\n" for number in range(220))


@dataclass
class Bench:
    """A transport called `main`, what has arrived at its far end so far (whole messages, in any
    order), and a way to take the far end away (None: it has none).
    """

    transport: Transport
    arrived: Callable[[], list[bytes]]
    break_it: Callable[[], None] | None = None


class TransportContract:
    """What every transport promises. Give it `kind` and a fixture `bench`."""

    kind: str

    @pytest.fixture
    def bench(self) -> Bench:
        """Yours: a transport with the name `main` and its far end, anew for each test."""
        raise NotImplementedError("write a fixture `bench` that gives a publisher.testing.Bench")

    def test_it_says_who_it_is_and_how_it_is(self, bench: Bench) -> None:
        """It keeps the name of the settings, has room for a session, and `check` is a sentence."""
        assert bench.transport.name == "main"
        assert bench.transport.connections >= 1
        assert "'main'" in bench.transport.check()
        assert bench.arrived() == []

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"Hello\r\n", id="plain"),
            pytest.param(b".\r\n..\r\n.hidden\r\n", id="dots"),
            pytest.param(b"", id="empty"),
            pytest.param(_long(), id="long"),
            pytest.param("Grüße\r\n".encode(), id="8-bit"),
            pytest.param(b"MAIL FROM:<evil@example.org>\r\nDATA\r\nQUIT\r\n", id="commands"),
        ],
    )
    def test_a_message_arrives_byte_for_byte(self, bench: Bench, body: bytes) -> None:
        """What is accepted is exactly what was handed over."""
        sender = bench.transport.open()
        outcome = sender.send(message(body=body), READER)
        sender.close()
        assert outcome.kind is OutcomeKind.ACCEPTED
        assert bench.arrived() == [message(body=body)]

    def test_one_session_takes_many_messages(self, bench: Bench) -> None:
        """A session stays usable from message to message."""
        sender = bench.transport.open()
        for number in range(20):
            assert sender.usable
            assert sender.send(message(number), READER).kind is OutcomeKind.ACCEPTED
        sender.close()
        assert sorted(bench.arrived()) == sorted(message(number) for number in range(20))

    def test_sessions_do_not_disturb_each_other(self, bench: Bench) -> None:
        """As many sessions as it says may send at the same time."""
        failures: list[BaseException] = []

        def send(first: int) -> None:
            try:
                sender = bench.transport.open()
                for number in range(first, first + 10):
                    assert sender.send(message(number), READER).kind is OutcomeKind.ACCEPTED
                sender.close()
            except BaseException as error:  # noqa: BLE001 (the main thread asserts on it)
                failures.append(error)

        threads = [
            threading.Thread(target=send, args=(100 * index,))
            for index in range(bench.transport.connections)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(set(bench.arrived())) == 10 * bench.transport.connections

    def test_a_closed_session_sends_nothing(self, bench: Bench) -> None:
        """`close` may be called twice; after it a message is refused before its first byte."""
        sender = bench.transport.open()
        sender.close()
        sender.close()
        assert not sender.usable
        with pytest.raises(TransportUnavailable):
            sender.send(message(), READER)
        assert bench.arrived() == []

    def test_a_far_end_that_is_gone_is_told_before_anything_is_sent(self, bench: Bench) -> None:
        """An open session raises TransportUnavailable, and a new one a TransportError that names
        the transport: nothing was sent, so no attempt is burnt and another transport may take it.
        """
        if bench.break_it is None:
            return  # it has no far end that could be gone
        sender = bench.transport.open()
        bench.break_it()
        with pytest.raises(TransportUnavailable):
            sender.send(message(), READER)
        sender.close()
        with pytest.raises(TransportError, match="main"):
            bench.transport.open()
        with pytest.raises(TransportError, match="main"):
            bench.transport.check()

    def test_options_it_does_not_know_are_refused(self) -> None:
        """A misspelt option is named with its table, not swallowed."""
        with pytest.raises(SettingsError) as caught:
            transports.connect("main", self.kind, {"connnections": 2})
        assert "[transports.main]" in str(caught.value)
        assert "connnections" in str(caught.value)
