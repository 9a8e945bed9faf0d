"""The preview's process: a socket of this machine, a watch over files, a look at the store."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import uvicorn
from watchfiles import watch

from publisher.errors import OperatorError, PublisherError
from publisher.web.preview.pages import Preview
from publisher.web.preview.reading import Desk

HOST = "127.0.0.1"
STORE_SECONDS = 2.0
"""How often the store, which no watch sees into, is looked at."""
WATCH_MILLISECONDS = 150
"""How long files must be quiet: an author waits for this."""

log = logging.getLogger("publisher.preview")


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]  # a context manager all the same
        """Nothing: the command turns signals into `stop`."""
        return nullcontext()


def serve(
    desk: Desk,
    *,
    key: str,
    port: int,
    stop: threading.Event,
    on_listening: Callable[[str], None],
) -> None:
    """Answer until `stop`; `on_listening` is called with the address once it does.

    `port` 0 is any that is free, `key` the part of the address that nobody can guess. Raises
    OperatorError where the port cannot be had.
    """
    try:
        bound = socket.create_server((HOST, port))
    except OSError as error:
        raise OperatorError(
            f"the preview cannot listen on {HOST}:{port}: {error.strerror}; "
            "choose another --port, or none"
        ) from error
    with bound:
        preview = Preview(desk, key=key, port=bound.getsockname()[1], stop=stop)
        server = _Server(
            uvicorn.Config(
                preview.app(),
                log_level="warning",
                lifespan="off",
                access_log=False,
                timeout_graceful_shutdown=2,
            )
        )
        threads = [
            threading.Thread(target=work, args=arguments, daemon=True)
            for work, arguments in (
                (server.run, ([bound],)),
                (_watch_files, (desk, preview, stop)),
                (_watch_store, (preview, stop)),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            on_listening(preview.url)
            while not stop.wait(0.2) and threads[0].is_alive():
                pass
        finally:
            stop.set()
            server.should_exit = True
            for thread in threads:
                thread.join(10)


def _watch_files(desk: Desk, preview: Preview, stop: threading.Event) -> None:
    while not stop.is_set():
        folders = _watched(desk)
        for _ in watch(
            *folders, stop_event=stop, debounce=WATCH_MILLISECONDS, step=20, raise_interrupt=False
        ):
            _look(preview)
            if _watched(desk) != folders:
                break


def _watched(desk: Desk) -> list[Path]:
    settings = desk.settings
    config = settings.config if settings.config.parent == settings.root else settings.config.parent
    found = [p for p in (settings.content_dir, settings.templates_dir, config) if p.exists()]
    return found or [settings.root]


def _watch_store(preview: Preview, stop: threading.Event) -> None:
    while not stop.wait(STORE_SECONDS):
        _look(preview)


def _look(preview: Preview) -> None:
    """A look that fails is told in the terminal; the next one tries again."""
    try:
        preview.look()
    except PublisherError as error:
        log.warning("%s", error)
    except Exception:
        log.exception("the preview could not see what changed; it looks again")
