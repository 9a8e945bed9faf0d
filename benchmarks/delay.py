"""A line with a long way in between: a proxy on this machine that delays each direction.

Bytes are handed on in order, each piece a fixed time after it came, so that any number may be
on their way at once: what a distant server looks like, without a limit on the rate. One thread
serves all lines. `TCP_NODELAY` and immediate acknowledgements on both sides keep this machine's
own timers out of what is measured.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import selectors
import socket
import sys
import time
from dataclasses import dataclass

READ = 262_144


@dataclass(eq=False)
class Pipe:
    """One direction of one line."""

    source: socket.socket
    target: socket.socket


class Proxy:
    """Listens on `port`, connects to `target`."""

    def __init__(self, port: int, target: tuple[str, int], seconds: float) -> None:
        self._target = target
        self._seconds = seconds
        self._order = itertools.count()
        self._due: list[tuple[float, int, Pipe, bytes]] = []
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def serve(self) -> None:
        """For ever."""
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, _ in self._selector.select(wait):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._read(key.data)
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, pipe, data = heapq.heappop(self._due)
                self._write(pipe, data)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(self._target)
        for one, other in ((near, far), (far, near)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ, Pipe(one, other))

    def _read(self, pipe: Pipe) -> None:
        try:
            data = pipe.source.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(pipe.source)
        elif sys.platform == "linux":
            pipe.source.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        at = time.monotonic() + self._seconds
        heapq.heappush(self._due, (at, next(self._order), pipe, data))

    def _write(self, pipe: Pipe, data: bytes) -> None:
        """Blocking, for an instant: the buffers of this machine hold more than a message."""
        try:
            if not data:
                pipe.target.shutdown(socket.SHUT_WR)
                return
            pipe.target.setblocking(True)
            pipe.target.sendall(data)
            pipe.target.setblocking(False)
        except OSError:
            pipe.source.close()


def serve() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", type=int, required=True, help="port on this machine")
    parser.add_argument("--milliseconds", type=float, default=25, help="in each direction")
    options = parser.parse_args()
    Proxy(options.port, ("127.0.0.1", options.to), options.milliseconds / 1000).serve()


if __name__ == "__main__":
    serve()
