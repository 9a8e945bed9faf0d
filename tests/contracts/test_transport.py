"""The contract that ships in `publisher.testing`, asked of each transport that ships."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Received

from publisher import transports
from publisher.errors import SettingsError
from publisher.testing import Bench, TransportContract
from publisher.transports.memory import MemoryTransport


class Sink:
    """An aiosmtpd handler that keeps the bytes as they came."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Received) -> str:  # noqa: N802 (aiosmtpd's name)
        assert isinstance(envelope.content, bytes)
        self.contents.append(envelope.content)
        return "250 OK"


class TestSmtp(TransportContract):
    kind = "smtp"

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
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

        options = {"host": "127.0.0.1", "port": port, "security": "none", "connections": 3}
        transport = transports.connect("main", "smtp", options)
        yield Bench(transport, lambda: list(sink.contents), stop)
        stop()


class TestFolder(TransportContract):
    kind = "folder"

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
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

        return Bench(transports.connect("main", "folder", {"path": str(folder)}), arrived, block)


class TestMemory(TransportContract):
    kind = "memory"

    @pytest.fixture
    def bench(self) -> Bench:
        transport = transports.connect("main", "memory", {"connections": 2})
        assert isinstance(transport, MemoryTransport)
        return Bench(transport, lambda: [sent.message for sent in transport.sent])


@pytest.mark.parametrize("kind", ["smtp", "folder", "memory"])
def test_a_misspelt_option_names_the_one_that_was_meant(kind: str) -> None:
    """The built-in ones suggest what was probably meant."""
    with pytest.raises(SettingsError) as caught:
        transports.connect("main", kind, {"connnections": 2})
    assert "[transports.main] connnections: unknown setting; did you mean 'connections'?" in str(
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


def test_an_author_who_forgot_the_fixture_is_told() -> None:
    """The contract without a bench says what it wants."""
    fixture = TransportContract.__dict__["bench"]
    function = getattr(fixture, "__wrapped__", None) or fixture._get_wrapped_function()
    with pytest.raises(NotImplementedError, match="fixture `bench`"):
        function(TransportContract())
