"""Asking other sites: a real server that counts, answers wrongly, redirects and is slow."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from publisher.checks.external import Life, Reached
from publisher.linkcheck import Asker

AGENT = "journal-publisher/test (link check; +https://journal.example.org/; desk@example.org)"


class Site(ThreadingHTTPServer):
    """Keeps (method, path, agent) of each request, and how many were open at once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, str]] = []
        self.times: list[float] = []
        self.open = 0
        self.most = 0
        self.lock = threading.Lock()
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        site = self.server
        with site.lock:
            site.asked.append((self.command, self.path, self.headers["User-Agent"]))
            site.times.append(time.monotonic())
            site.open += 1
            site.most = max(site.most, site.open)
        try:
            self._say()
        finally:
            with site.lock:
                site.open -= 1

    def _say(self) -> None:
        name, _, rest = self.path.strip("/").partition("/")
        if name == "slow":
            self.server.release.wait(30)
        status = {"no-head": 405 if self.command == "HEAD" else 200, "slow": 200}.get(name, 0)
        location = ""
        if name in ("301", "302", "308"):
            location = f"/{rest}"
        elif name == "loop":
            status, location = 302, "/loop"
        elif name == "out":
            status, location = 302, "ftp://example.org/x"
        self.send_response(status or int(name))
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.release.set()
    made.shutdown()
    thread.join(10)
    made.server_close()


def asked(
    *urls: str, delay: float = 0.0, timeout: float = 20.0, stop: threading.Event | None = None
) -> dict[str, Reached]:
    asker = Asker(AGENT, delay=delay, timeout=timeout, stop=stop or threading.Event())
    return {each.url: each for each in asker.ask(urls)}


@pytest.mark.parametrize(
    ("path", "life"),
    [
        ("/200", Life.ALIVE),
        ("/no-head", Life.ALIVE),
        ("/404", Life.DEAD),
        ("/410", Life.DEAD),
        ("/403", Life.UNCLEAR),
        ("/500", Life.UNCLEAR),
        ("/301/200", Life.MOVED),
        ("/308/301/200", Life.MOVED),
        ("/302/200", Life.ALIVE),
        ("/302/404", Life.DEAD),
        ("/301/403", Life.UNCLEAR),
        ("/loop", Life.UNCLEAR),
        ("/out", Life.UNCLEAR),
    ],
)
def test_what_is_known_of_a_page(site: Site, path: str, life: Life) -> None:
    """By its last answer, redirects followed."""
    assert asked(site.url + path)[site.url + path].life is life


def test_where_it_moved_is_told(site: Site) -> None:
    """As far as the redirects were for good: what is temporary is no new address."""
    moved = asked(f"{site.url}/301/302/200")[f"{site.url}/301/302/200"]
    assert moved.now_at == f"{site.url}/302/200"


def test_head_first_and_get_only_where_it_fails(site: Site) -> None:
    """With a name and whom to write to; each page is asked for once."""
    asked(f"{site.url}/200", f"{site.url}/200", f"{site.url}/no-head")
    assert [(method, path) for method, path, _ in site.asked] == [
        *(("HEAD", "/200"), ("HEAD", "/no-head"), ("GET", "/no-head"))
    ]
    assert {agent for _, _, agent in site.asked} == {AGENT}


def test_one_at_a_time_and_not_too_soon(site: Site) -> None:
    """Also where several pages of other hosts redirect to it."""
    alias = site.url.replace("127.0.0.1", "localhost")
    asked(*(f"{site.url}/200?{n}" for n in range(3)), f"{alias}/302/200", delay=0.15)
    own = [at for at, (_, path, _) in zip(site.times, site.asked, strict=True) if "?" in path]
    assert all(later - before >= 0.14 for before, later in itertools.pairwise(own))
    assert site.most <= 2  # two names, so two hosts


def test_a_host_that_asks_to_wait_is_left_alone(site: Site) -> None:
    """After a 429 it is asked nothing more."""
    found = asked(f"{site.url}/429", f"{site.url}/200", f"{site.url}/404")
    assert len(site.asked) == 1
    assert {each.life for each in found.values()} == {Life.UNCLEAR}


def test_silence_is_no_death(site: Site) -> None:
    """A time-out, a closed port, an address that is none."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        urls = (f"{site.url}/slow", f"http://127.0.0.1:{port}/", "http://a..b/", "http://[::1")
        found = asked(*urls, timeout=0.5)
    assert {each.life for each in found.values()} == {Life.UNCLEAR}
    assert "did not answer within 0.5 s" in found[f"{site.url}/slow"].words


def test_a_name_that_does_not_exist_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver's own answer; that it could not be asked would say nothing."""

    def resolver(number: int) -> None:
        def fail(*_: object, **__: object) -> None:
            raise socket.gaierror(number, "no")

        monkeypatch.setattr(socket, "getaddrinfo", fail)

    resolver(socket.EAI_NONAME)
    assert asked("http://gone.example.test/")["http://gone.example.test/"].life is Life.DEAD
    resolver(socket.EAI_AGAIN)
    assert asked("http://gone.example.test/")["http://gone.example.test/"].life is Life.UNCLEAR


def test_it_stops_between_requests(site: Site) -> None:
    """What was not asked is left out."""
    stop = threading.Event()
    asker = Asker(AGENT, delay=0.0, timeout=20.0, stop=stop)
    found = list(
        asker.ask(
            [f"{site.url}/200?{n}" for n in range(9)], lambda n: stop.set() if n == 2 else None
        )
    )
    assert len(found) == 2
