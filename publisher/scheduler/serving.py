"""The web app in one process with everything else, on a socket that is bound first."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import uvicorn

from publisher.app import App
from publisher.errors import OperatorError
from publisher.scheduler.running import Clock, Live
from publisher.web import assemble
from publisher.web.patience import CONNECTIONS, PatientProtocol


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]  # a context manager all the same
        """Nothing: `run` turns signals into `stop`."""
        return nullcontext()


@contextmanager
def listening(app: App) -> Iterator[socket.socket]:
    """A bound socket. Raises OperatorError where the address cannot be had."""
    serving = app.settings.serving
    try:
        family = socket.getaddrinfo(serving.host, serving.port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.create_server((serving.host, serving.port), family=family)
    except OSError as error:
        raise OperatorError(
            f"the web app cannot listen on {serving.host}:{serving.port}: {error.strerror}; "
            "stop what uses it, or set another port in [serving]"
        ) from error
    with bound:
        yield bound


def serve_until(live: Live, clock: Clock, stop: threading.Event, bound: socket.socket) -> None:
    """Answer requests on `bound` until `stop`."""
    config = uvicorn.Config(
        assemble(live.current, clock),
        http=PatientProtocol,
        limit_concurrency=CONNECTIONS,
        log_config=None,
        access_log=False,  # ours leaves out tokens
        server_header=False,
        lifespan="off",
        proxy_headers=bool(live.app.settings.serving.trusted_proxies),
        forwarded_allow_ips=list(live.app.settings.serving.trusted_proxies),
        timeout_graceful_shutdown=10,
    )
    server = _Server(config)

    def end() -> None:
        stop.wait()
        server.should_exit = True

    ending = threading.Thread(target=end, name="web-end", daemon=True)
    ending.start()
    try:
        server.run(sockets=[bound])
    finally:
        stop.set()
        ending.join()
