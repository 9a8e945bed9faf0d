"""The contract of transports, and what each answer comes to."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from publisher import transports
from publisher.domain.outcome import OutcomeKind
from publisher.errors import TransportError
from publisher.testing import READER, Bench, TransportContract, message


class Service:
    """A mail service on a port of this machine. `answer`: (status, words) to the next messages."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.answer: tuple[int, str] | None = (200, "queued")
        self.keys: list[str | None] = []
        self.lines: list[socket.socket] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                service.lines.append(self.connection)

            def do_GET(self) -> None:
                self.reply(403 if service.answer == (403, "no") else 200, "well")

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.keys.append(self.headers["Idempotency-Key"])
                if service.answer is None:
                    self.close_connection = True
                    return
                if service.answer[0] < 300:
                    service.received.append(base64.b64decode(asked["message"]))
                self.reply(*service.answer)

            def reply(self, status: int, words: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(words)))
                self.end_headers()
                self.wfile.write(words.encode())

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.gone = False
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if not self.gone:
            self.gone = True
            self.server.shutdown()
            self.server.server_close()
            for line in self.lines:
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def service() -> Iterator[Service]:
    started = Service()
    yield started
    started.stop()


class TestContract(TransportContract):
    kind = "http-mail"

    @pytest.fixture
    def bench(self, service: Service) -> Bench:
        transport = transports.connect("main", "http-mail", {"url": service.url})
        return Bench(transport, lambda: list(service.received), service.stop)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((202, "queued"), OutcomeKind.ACCEPTED),
        ((429, "slow down"), OutcomeKind.DEFERRED),
        ((503, "later"), OutcomeKind.DEFERRED),
        ((422, "no such reader@example.org"), OutcomeKind.REFUSED),
        (None, OutcomeKind.UNKNOWN),
    ],
)
def test_what_each_answer_comes_to(
    service: Service, answer: tuple[int, str] | None, kind: OutcomeKind
) -> None:
    """And no address stands in what is kept of it."""
    sender = transports.connect("main", "http-mail", {"url": service.url}).open()
    service.answer = answer
    outcome = sender.send(message(), READER)
    assert outcome.kind is kind
    assert "reader@" not in outcome.reply
    sender.close()


def test_a_wrong_token_is_for_the_operator(service: Service) -> None:
    """It would come for every reader alike."""
    service.answer = (403, "no")
    with pytest.raises(TransportError, match="check token"):
        transports.connect("main", "http-mail", {"url": service.url, "token": "x"}).open()
