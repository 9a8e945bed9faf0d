"""A network namespace: a worker that sits behind a line of its own, which can be taken down."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import require


@contextmanager
def namespace(name: str, number: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A network of its own: our address in it, and what runs a program there."""
    program = require("ip", "iproute2")
    ours, theirs = f"10.123.{number}.1", f"10.123.{number}.2"

    def ip(*words: str) -> None:
        subprocess.run([program, *words], check=True)

    ip("netns", "add", name)
    try:
        ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        ip("addr", "add", f"{ours}/30", "dev", f"{name}a")
        ip("link", "set", f"{name}a", "up")
        ip("-n", name, "addr", "add", f"{theirs}/30", "dev", f"{name}b")
        ip("-n", name, "link", "set", f"{name}b", "up")
        ip("-n", name, "link", "set", "lo", "up")
        yield ours, (program, "netns", "exec", name)
    finally:
        ip("netns", "del", name)
