"""Asking a store again that failed for a moment: locked, full, or its answer lost on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from publisher.errors import StoreError

T = TypeVar("T")


def patiently(waits: Sequence[float], work: Callable[[bool], T]) -> T:
    """What `work` gives, tried again after each of `waits` (seconds). Raises the last StoreError.

    `work` is told whether it was tried before: what failed may have been kept all the same.
    """
    again = False
    for wait in waits:
        try:
            return work(again)
        except StoreError:
            time.sleep(wait)
            again = True
    return work(again)
