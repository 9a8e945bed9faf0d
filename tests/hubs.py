"""A WebSub hub on a real socket, which answers as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


@dataclass(slots=True)
class Heard:
    """What one POST said."""

    type: str
    form: dict[str, list[str]]


@dataclass(slots=True)
class LocalHub:
    """`answers` are statuses by topic, `usual` stands for the others; 0 never answers."""

    url: str = ""
    usual: int = 202
    answers: dict[str, int] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def topics(self) -> list[str]:
        """What it was told, in order; forgotten afterwards."""
        found = [each.form["hub.url"][0] for each in self.heard]
        self.heard.clear()
        return found


@contextmanager
def listening() -> Iterator[LocalHub]:
    """A hub while the block lasts."""
    hub = LocalHub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            form = parse_qs(raw.decode(), strict_parsing=True)
            hub.heard.append(Heard(self.headers["Content-Type"], form))
            status = hub.answers.get(form["hub.url"][0], hub.usual)
            if status == 0:
                hub.over.wait()
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{hub.url}elsewhere")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"said")

        def log_message(self, *args: object) -> None:
            """Nothing: tests look at what was heard."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        hub.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def nobody() -> str:
    """The address of a hub that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"
