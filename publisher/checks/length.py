"""How long an article may be, and from where on feeds carry a shorter form of it."""

from __future__ import annotations

from collections.abc import Iterator

from publisher.checks.rules import warning
from publisher.domain.finding import Finding, Place

MAX_BYTES = 1024 * 1024
"""Of the file of an article."""
LONGEST = 384 * 1024
"""Bytes of one entry: three quarters of what a whole feed may have."""


def for_feeds(taken: int, place: Place) -> Iterator[Finding]:
    """A remark on an article of which feeds carry the summary only; `taken` in bytes."""
    if taken > LONGEST:
        yield warning(
            "long-for-feeds",
            place,
            f"it takes {taken:,} bytes in a feed, so feeds carry its summary and a link",
            f"make two articles of it; up to {LONGEST:,} bytes are carried whole",
        )
