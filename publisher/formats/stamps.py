"""What a disk says of files that were read, so that those that stay the same need not be again.

As git's index does it: inode, size and both times of a file that is as it was are those that it
had. A file that changed within one tick of the clock may have the same, so one that had just been
changed when it was read is not remembered.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

SETTLED_NS = 2_000_000_000
"""How long a file must have stood still: the coarsest clock of a file system ticks each 2 s."""


class Stamp(NamedTuple):
    """`changed_ns` is the inode's (ctime), which nobody can set back as they can `mtime_ns`."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    changed_ns: int

    def settled(self, now_ns: int) -> bool:
        """Whether the file had stood still at `now_ns`, by the clock of its own disk."""
        return max(self.mtime_ns, self.changed_ns) + SETTLED_NS < now_ns


Stamped = tuple[str, Stamp]
"""The key of what the file came to, and its stamp when it was read."""
_READER = msgspec.json.Decoder(dict[str, Stamped])


def of(found: os.stat_result) -> Stamp:
    """The stamp of a file."""
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def encode(files: Mapping[str, Stamped]) -> bytes:
    """Files by name, as JSON."""
    return msgspec.json.encode(files)


def decode(raw: bytes) -> dict[str, Stamped]:
    """The same again. Raises ValueError where it is something else."""
    try:
        return _READER.decode(raw)
    except msgspec.DecodeError as wrong:
        raise ValueError(f"no stamps: {wrong}") from wrong
