"""What every transport promises, asked of each that ships."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Received

from publisher import transports
from publisher.domain.message import Envelope
from publisher.domain.outcome import OutcomeKind
from publisher.errors import SettingsError, TransportError, TransportUnavailable
from publisher.ports import Transport
from publisher.transports.memory import MemoryTransport

READER = Envelope("bounces@journal.example.org", "reader@example.org")


def message(number: int = 1, body: bytes = b"Hello\r\n") -> bytes:
    return (
        b"From: digest@journal.example.org\r\nTo: reader@example.org\r\n"
        b"Message-ID: <%d@journal.example.org>\r\n\r\n" % number + body
    )


@dataclass
class Bench:
    """A transport, what arrived through it, and a way to take the far end away."""

    transport: Transport
    arrived: Callable[[], list[bytes]]
    break_it: Callable[[], None] | None


class Sink:
    """An aiosmtpd handler that keeps the bytes as they came."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Received) -> str:  # noqa: N802 (aiosmtpd's name)
        assert isinstance(envelope.content, bytes)
        self.contents.append(envelope.content)
        return "250 OK"


def smtp_bench() -> Iterator[Bench]:
    sink = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    stopped = threading.Event()

    def stop() -> None:
        if not stopped.is_set():
            stopped.set()
            controller.stop()

    transport = transports.connect(
        "main", "smtp", {"host": "127.0.0.1", "port": port, "security": "none", "connections": 3}
    )
    yield Bench(transport, lambda: list(sink.contents), stop)
    stop()


def folder_bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "out"

    def arrived() -> list[bytes]:
        return [path.read_bytes() for path in sorted(folder.glob("*.eml"))]

    def block() -> None:
        # A file where the folder should be stops root as well, as rights would not.
        for path in folder.glob("*"):
            path.unlink()
        if folder.exists():
            folder.rmdir()
        folder.write_text("in the way")

    yield Bench(transports.connect("main", "folder", {"path": str(folder)}), arrived, block)


def memory_bench() -> Iterator[Bench]:
    transport = transports.connect("main", "memory", {"connections": 2})
    assert isinstance(transport, MemoryTransport)
    yield Bench(transport, lambda: [sent.message for sent in transport.sent], None)


@pytest.fixture(params=["smtp", "folder", "memory"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    match request.param:
        case "smtp":
            yield from smtp_bench()
        case "folder":
            yield from folder_bench(tmp_path)
        case _:
            yield from memory_bench()


def test_it_says_who_it_is_and_how_it_is(bench: Bench) -> None:
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
        pytest.param(b"x" * 900 + b"\r\n" + b"y" * 200_000 + b"\r\n", id="long"),
        pytest.param("Grüße\r\n".encode(), id="8-bit"),
        pytest.param(b"MAIL FROM:<evil@example.org>\r\nDATA\r\nQUIT\r\n", id="commands"),
    ],
)
def test_a_message_arrives_byte_for_byte(bench: Bench, body: bytes) -> None:
    """What is accepted is exactly what was handed over."""
    sender = bench.transport.open()
    if len(body) > 1000:
        body = b"".join(body[at : at + 900] + b"\r\n" for at in range(0, len(body), 900))
        body = body.replace(b"\r\n\r\n", b"\r\n")
    outcome = sender.send(message(body=body), READER)
    sender.close()
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert bench.arrived() == [message(body=body)]


def test_one_session_takes_many_messages(bench: Bench) -> None:
    """A session stays usable from message to message."""
    sender = bench.transport.open()
    for number in range(20):
        assert sender.usable
        assert sender.send(message(number), READER).kind is OutcomeKind.ACCEPTED
    sender.close()
    assert sorted(bench.arrived()) == sorted(message(number) for number in range(20))


def test_sessions_do_not_disturb_each_other(bench: Bench) -> None:
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


def test_a_closed_session_sends_nothing(bench: Bench) -> None:
    """`close` may be called twice; after it a message is refused before its first byte."""
    sender = bench.transport.open()
    sender.close()
    sender.close()
    assert not sender.usable
    with pytest.raises(TransportUnavailable):
        sender.send(message(), READER)
    assert bench.arrived() == []


@pytest.mark.parametrize("bench", ["smtp", "folder"], indirect=True)
def test_a_far_end_that_is_gone_is_told_before_anything_is_sent(bench: Bench) -> None:
    """An open session raises TransportUnavailable, and a new one a TransportError."""
    assert bench.break_it is not None
    sender = bench.transport.open()
    bench.break_it()
    with pytest.raises(TransportUnavailable):
        sender.send(message(), READER)
    sender.close()
    with pytest.raises(TransportError, match="main"):
        bench.transport.open()
    with pytest.raises(TransportError, match="main"):
        bench.transport.check()


@pytest.mark.parametrize("kind", ["smtp", "folder", "memory"])
def test_options_it_does_not_know_are_refused(kind: str) -> None:
    """A misspelt option is named, with what was probably meant."""
    with pytest.raises(SettingsError) as caught:
        transports.connect("main", kind, {"connnections": 2})
    assert "[transports.main] connnections: unknown option; did you mean 'connections'?" in str(
        caught.value
    )


def test_an_unknown_kind_names_the_known_ones() -> None:
    """A near miss is suggested."""
    with pytest.raises(SettingsError) as caught:
        transports.connect("main", "smpt", {})
    assert "did you mean 'smtp'?" in str(caught.value)
    assert "folder, memory, smtp" in str(caught.value)
    with pytest.raises(SettingsError, match="'pigeon' is not installed \\(known"):
        transports.connect("main", "pigeon", {})
