"""Slow clients over real sockets: each is dropped in the end, and nobody else waits for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

from publisher.app import App
from publisher.web import create
from publisher.web.patience import PatientProtocol
from tests.web.conftest import Clock, token


class Hasty(PatientProtocol):
    """With an end that a test can wait for."""

    request_seconds = 1.0
    stalled_seconds = 1.0


@pytest.fixture
def port(app: App, clock: Clock) -> Iterator[int]:
    """The web app on a socket, in a hurry."""
    app.site.write({"big.bin": b"x" * 32 * 1024 * 1024, "index.html": b"<!doctype html>"})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            create(app, clock, 0), http=Hasty, log_config=None, access_log=False, lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def closed(line: socket.socket) -> bool:
    """Whether the other side hangs up before long."""
    line.settimeout(30)
    try:
        while line.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /subscribe HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nemail=",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n",
    ],
    ids=["silent", "headers", "body", "second request"],
)
def test_who_never_ends_is_dropped(port: int, said: bytes) -> None:
    """Whatever the request waits for, and others are answered meanwhile."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(said)
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
        assert closed(line)


def test_who_drips_is_dropped(port: int) -> None:
    """A byte now and then does not help: the request as a whole has its bound."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        began = time.monotonic()
        dropped = False
        while not dropped and time.monotonic() - began < 30:
            try:
                line.sendall(b"a")
            except (ConnectionResetError, BrokenPipeError):
                dropped = True
            time.sleep(0.1)
        assert dropped


def test_who_takes_nothing_is_dropped(port: int) -> None:
    """A large answer that nobody reads does not wait for ever."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", port))
        line.sendall(b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(3)
        got = 0
        line.settimeout(30)
        try:
            while piece := line.recv(65536):
                got += len(piece)
        except ConnectionResetError:
            pass
        assert got < 32 * 1024 * 1024


def test_ordinary_visitors_notice_nothing(port: int) -> None:
    """Many requests on one connection, with a body and without."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(20):
            assert client.get("/").status_code == 200
            assert client.post(f"/u/{token('nobody')}", data={"a": "b"}).status_code == 200
        time.sleep(1.5)
        assert client.get("/").status_code == 200
