"""Issues as the site shows them, to bytes and back, for a cache: JSON, never code."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache

import msgspec

from publisher.domain.issue import ArchivedIssue

_LEVEL = 1  # a third of the text's size at a tenth of the default level's cost


def encode(issues: Sequence[ArchivedIssue]) -> bytes:
    """The issues as bytes."""
    return zlib.compress(msgspec.json.encode(issues), _LEVEL)


def decode(raw: bytes) -> tuple[ArchivedIssue, ...]:
    """The issues that `encode` was given. Raises ValueError for anything else."""
    try:
        return _decoder().decode(zlib.decompress(raw))
    except (zlib.error, msgspec.DecodeError) as wrong:
        raise ValueError(f"no issues: {wrong}") from wrong


@cache
def _decoder() -> msgspec.json.Decoder[tuple[ArchivedIssue, ...]]:
    return msgspec.json.Decoder(tuple[ArchivedIssue, ...])
