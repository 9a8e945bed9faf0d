"""Asking for pages elsewhere, politely: one request at a time to a host, and slowly.

HEAD first, and GET where a server answers HEAD with an error: many do not know it. A body is
never read. Redirects are followed by hand, so that each step waits for its own host's turn.
"""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from publisher.checks.external import Life, Reached, judge

if TYPE_CHECKING:
    import httpx

HOSTS = 8
"""How many hosts are asked at once."""
STEPS = 6
"""How many redirects are followed."""
PERMANENT = frozenset({301, 308})
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(slots=True)
class _Host:
    """One at a time, and not before `free_at` (seconds of the monotonic clock)."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    free_at: float = 0.0
    closed: bool = False


class Asker:
    """Asks for pages as `agent`, which names the program and whom to write to about it.

    `delay` is what lies between two requests to one host, `timeout` how long each step of one may
    take, in seconds. A host that says 429 is asked nothing more. `stop` ends it between requests.
    """

    def __init__(self, agent: str, *, delay: float, timeout: float, stop: threading.Event) -> None:
        self._agent = agent
        self._delay = delay
        self._timeout = timeout
        self._stop = stop
        self._hosts: dict[str, _Host] = {}
        self._guard = threading.Lock()

    def ask(
        self, urls: Sequence[str], on_progress: Callable[[int], None] = lambda _: None
    ) -> Iterator[Reached]:
        """What is known of each page, in the order in which answers come; each once.

        What was not asked when `stop` was set is left out. Never raises for what a server does.
        """
        import httpx  # a tenth of a second that no other command needs

        by_host: dict[str, list[str]] = {}
        done = itertools.count(1)

        def of_host(held: Sequence[str]) -> list[Reached]:
            found = []
            for url in held:
                if self._stop.is_set():
                    break
                found.append(self._page(client, url))
                with self._guard:
                    on_progress(next(done))
            return found

        for url in dict.fromkeys(urls):
            by_host.setdefault(_host_of(url), []).append(url)
        headers = {"User-Agent": self._agent, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        with (
            httpx.Client(timeout=self._timeout, follow_redirects=False, headers=headers) as client,
            ThreadPoolExecutor(HOSTS, "links") as pool,
        ):
            for finished in as_completed([pool.submit(of_host, held) for held in by_host.values()]):
                yield from finished.result()

    def _page(self, client: httpx.Client, url: str) -> Reached:
        import httpx

        try:
            return self._follow(client, url)
        except httpx.TimeoutException:
            return Reached(url, Life.UNCLEAR, f"did not answer within {self._timeout:g} s")
        except httpx.ConnectError as error:
            if _is_unknown_host(error):
                host = urlsplit(str(error.request.url)).hostname
                return Reached(url, Life.DEAD, f"leads to {host}, and there is no such host")
            return Reached(url, Life.UNCLEAR, f"cannot be reached: {error}")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return Reached(url, Life.UNCLEAR, f"cannot be asked: {error}")

    def _follow(self, client: httpx.Client, url: str) -> Reached:
        at, for_good, moved_to = url, True, None
        for _ in range(STEPS + 1):
            status, location = self._status(client, at)
            if status not in REDIRECTS or not location:
                return judge(url, status, moved_to=moved_to)
            at = urljoin(at, location)
            if urlsplit(at).scheme not in ("http", "https"):
                return Reached(url, Life.UNCLEAR, f"leads to {at[:200]}")
            for_good = for_good and status in PERMANENT
            moved_to = at if for_good else moved_to
        return Reached(url, Life.UNCLEAR, f"redirects more than {STEPS} times")

    def _status(self, client: httpx.Client, url: str) -> tuple[int, str]:
        """(status, Location) of a page, by HEAD or else by GET."""
        status, location = self._request(client, "HEAD", url)
        if status >= 400 and status != 429:
            status, location = self._request(client, "GET", url)
        return status, location

    def _request(self, client: httpx.Client, method: str, url: str) -> tuple[int, str]:
        host = self._host(_host_of(url))
        with host.lock:
            if host.closed:
                return 429, ""
            self._stop.wait(max(0.0, host.free_at - time.monotonic()))
            try:
                with client.stream(method, url) as answer:
                    host.closed = answer.status_code == 429
                    return answer.status_code, answer.headers.get("location", "")
            finally:
                host.free_at = time.monotonic() + self._delay

    def _host(self, name: str) -> _Host:
        with self._guard:
            return self._hosts.setdefault(name, _Host())


def _host_of(url: str) -> str:
    """Name and port; "" for what is no address, which the request will say."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _is_unknown_host(error: BaseException) -> bool:
    """Whether the name itself does not exist: not that nobody could be asked about it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return cause.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
        cause = cause.__cause__ or cause.__context__
    return False
