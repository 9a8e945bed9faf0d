"""Beginning while the store cannot be reached: a database that comes up later than we do."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from types import FrameType

from publisher.app import App
from publisher.errors import StoreAway

WAITS = (1, 2, 5, 10, 30)
"""Seconds before each further attempt; the last repeats."""

log = logging.getLogger("publisher.scheduler")


class _Told(BaseException):
    """SIGTERM or SIGINT; no handler of errors must take it for one."""


def reach(opened: Callable[[], App]) -> App | None:
    """What `opened` gives, as soon as its store answers; None: a signal said to stop waiting.

    There is nothing under way that would have to come to its end, so a signal breaks off at once
    whatever is being waited for: an answer of the server too.
    """
    with _breaking_off():
        try:
            for wait in chain(WAITS, repeat(WAITS[-1])):
                try:
                    return opened()
                except StoreAway as error:
                    log.warning("%s; trying again in %d s", error, wait)
                threading.Event().wait(wait)
        except _Told:
            log.info("stopped before the store could be reached")
    return None


@contextmanager
def _breaking_off() -> Iterator[None]:
    """Signals raise, as long as this lasts. They come to the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        raise _Told

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, on_signal) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)
