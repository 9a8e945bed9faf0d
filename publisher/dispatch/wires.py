"""What the ledger waits for: posts from threads, and the lines of sessions that need none.

Waking a thread for each message costs more than the message. A session that can do without
waiting (`ports.NimbleSender`) is therefore served by the ledger's own thread, many of them
through one selector; its thread takes over again when something takes longer.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publisher.dispatch.connection import Connection, Order, Post

PATIENCE = 1.0
"""Seconds after which an exchange is waited out by its connection's thread, with the
transport's own time-outs."""

SHARE = 2
MOMENT = 0.001
"""A commit waits for the answers to one in SHARE of the messages under way, but no longer than so
many seconds since the last."""

News = tuple[selectors.SelectorKey, int]


def _nothing() -> bool:
    return False


def _ignored(_: Connection) -> None:
    return None


class Wires:
    """Used by one thread, but for `put`."""

    def __init__(self, slow: Callable[[Connection], None] = _ignored) -> None:
        """`slow` hears of each that is handed over to its own thread."""
        self._slow = slow
        self._posts: SimpleQueue[Post] = SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._bell, self._button = socket.socketpair()
        self._bell.setblocking(False)
        self._button.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._files: dict[Connection, int] = {}
        self._early: list[Post] = []  # known at once
        self._began: dict[Connection, float] = {}  # oldest first

    def close(self) -> None:
        """Hang up every exchange that is still under way to its own thread."""
        for connection in list(self._began):
            self._hand_over(connection)
        for connection in list(self._files):
            self.forget(connection)
        self._selector.close()
        self._bell.close()
        self._button.close()

    def put(self, post: Post) -> None:
        """From any thread, also after `close`."""
        self._posts.put(post)
        with suppress(OSError):  # full: it rings already; closed: nobody listens any more
            self._button.send(b"!")

    def start(self, connection: Connection, order: Order) -> None:
        """Begin a message on a nimble connection; its outcome comes with `collect`."""
        post = connection.begin(order)
        if post is not None:
            self._early.append(post)
            if not post.wants:
                self.forget(connection)
            return
        if connection not in self._files:
            self._watch(connection)
        self._began[connection] = time.monotonic()

    def _watch(self, connection: Connection) -> None:
        """From now on, until its thread has it again: then its session may be another."""
        file = connection.fileno()
        # A thread may have closed a line that was idle, and its number was given anew.
        before = self._selector.get_map().get(file)
        if before is not None:
            self.forget(before.data)
        self._selector.register(file, selectors.EVENT_READ, connection)
        self._files[connection] = file

    def forget(self, connection: Connection) -> None:
        """Its session is over, or no longer ours. To be said before the line is closed."""
        self._began.pop(connection, None)
        file = self._files.pop(connection, None)
        if file is not None:
            self._selector.unregister(file)

    def collect(self, seconds: float, spare: Callable[[], bool] = _nothing) -> list[Post]:
        """Everything that is known; waits for a first piece of news, up to `seconds`.

        `spare` does a bit of what can be done while waiting; False: nothing is left.
        """
        posts = self._early + self._posted()
        self._early = []
        wait = 0.0 if posts else seconds
        # What comes in while the first is looked at goes into the same commit; while there is
        # nothing else to do, that is worth waiting for.
        enough = len(self._began) // SHARE if wait else 0
        while news := self._wait(wait, spare):
            for key, _ in news:
                if key.data is None:
                    with suppress(BlockingIOError):
                        self._bell.recv(4096)
                    posts += self._posted()
                elif key.data in self._began:
                    self._hear(key.data, posts)
                else:
                    self.forget(key.data)  # idle, and yet it speaks: the next `begin` finds out
            wait = MOMENT if len(posts) < enough else 0.0
        self._hand_over_slow()
        return posts

    def _wait(self, seconds: float, spare: Callable[[], bool]) -> list[News]:
        news = self._selector.select(0)
        if seconds:
            while not news and spare():
                spare()  # to look costs a sixth of what is done between two looks
                news = self._selector.select(0)
            if not news:
                news = self._selector.select(seconds)
        return news

    def _hear(self, connection: Connection, posts: list[Post]) -> None:
        post = connection.finish()
        if post is not None:
            self._began.pop(connection, None)
            if not post.wants:
                self.forget(connection)
            posts.append(post)

    def _hand_over_slow(self) -> None:
        due = time.monotonic() - PATIENCE
        while self._began:
            connection, began = next(iter(self._began.items()))
            if began > due:
                return
            self._hand_over(connection)

    def _hand_over(self, connection: Connection) -> None:
        self.forget(connection)
        self._slow(connection)
        connection.wait_out()

    def _posted(self) -> list[Post]:
        posts: list[Post] = []
        try:
            while True:
                posts.append(self._posts.get_nowait())
                self.forget(posts[-1].connection)  # its thread had it, and may have a new line
        except Empty:
            return posts
