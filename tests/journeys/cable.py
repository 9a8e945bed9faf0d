"""A line between a worker and what it talks to, which a test may cut at the worst moment."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from typing import Self


class Cable:
    """Forwards TCP from a port of its own to `target`.

    `cut_at` is asked about each piece that a client sends; where it says yes, the piece still
    arrives, the server's answer is waited for, and then both sides find the line dead.
    """

    def __init__(
        self,
        target: tuple[str, int] | str,
        host: str = "127.0.0.1",
        cut_at: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        self._target = target
        self._cut_at = cut_at
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self.cuts = 0
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for line in self._open:
            line.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = self._reach()
            except OSError:
                client.close()  # nobody is there now
                continue
            self._open += [client, server]
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _reach(self) -> socket.socket:
        if isinstance(self._target, tuple):
            return socket.create_connection(self._target)
        line = socket.socket(socket.AF_UNIX)
        line.connect(self._target)
        return line

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        doomed = False
        try:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for line in ready:
                    piece = line.recv(65536)
                    if doomed and line is server:  # it is done; nobody will hear of it
                        self.cuts += 1
                        return
                    if not piece:
                        return
                    (server if line is client else client).sendall(piece)
                    doomed = doomed or (line is client and self._cut_at(piece))
        except (OSError, ValueError):
            return
        finally:
            client.close()
            server.close()
