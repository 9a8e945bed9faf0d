"""Waiting for what other threads or processes bring about, as long as it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

PATIENCE = 60.0


def until(holds: Callable[[], bool]) -> None:
    """Return once `holds`; the test fails after a minute. Nothing tells when: so it is asked."""
    due = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > due:
            pytest.fail("it never came about")
        time.sleep(0.01)
