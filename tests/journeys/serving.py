"""The sample journal served on a real socket, for real feed readers to poll."""

from __future__ import annotations

import dataclasses
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from publisher import settings
from publisher.app import App, build_site, open_app
from publisher.web import create

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Served:
    """A journal in `root` whose site answers at `url`."""

    url: str
    root: Path
    app: App
    requests: list[tuple[str, int]]

    def rebuild(self) -> None:
        """Build again after an edit."""
        build_site(self.app, NOW)

    def statuses(self, path: str) -> list[int]:
        """The status of every answer to a GET of this path so far."""
        return [status for asked, status in self.requests if asked == path]


@contextmanager
def sample_journal(root: Path) -> Iterator[Served]:
    """Copy the sample journal, build it with the address it is served at, and serve it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shutil.copytree(ROOT / "content", root / "content")
    shutil.copytree(ROOT / "config", root / "config")
    url = f"http://127.0.0.1:{port}"
    environ = {"PUBLISHER_JOURNAL__URL": url, "PUBLISHER_SECRET_KEY": "0123456789abcdef" * 4}
    loaded = settings.load(root / "config" / "publisher.toml", environ, cwd=root)
    serving = dataclasses.replace(loaded.serving, port=port, cache_control="no-cache")
    app = open_app(dataclasses.replace(loaded, serving=serving))
    app.store.migrate(NOW)
    build_site(app, NOW)
    requests: list[tuple[str, int]] = []
    config = uvicorn.Config(
        _recording(create(app, lambda: NOW), requests), port=port, log_level="warning"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        _wait(port)
        yield Served(url, root, app, requests)
    finally:
        server.should_exit = True
        thread.join(10)
        app.close()


def _recording(inner: Callable, requests: list[tuple[str, int]]) -> Callable:
    """The app, with what was asked and answered written down."""

    async def outer(scope: dict, receive: Callable, send: Callable) -> None:
        async def noting(message: dict) -> None:
            if message["type"] == "http.response.start":
                requests.append((scope["path"], message["status"]))
            await send(message)

        await inner(scope, receive, noting if scope["type"] == "http" else send)

    return outer


def _wait(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(0.1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.05)
    raise RuntimeError("the web app did not start")
