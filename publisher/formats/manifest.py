"""What one generation of the site holds, file by file, and why: enough to build the next on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec


class Entry(NamedTuple):
    """One file. `key` is the hash of what it was made from (empty: not known), `digest` the
    SHA-256 (hex) of its bytes; the rest tells whether it is still the same file.
    """

    key: str
    digest: str
    inode: int
    size: int
    mtime_ns: int

    @property
    def stamp(self) -> tuple[int, int, int]:
        """What changes when somebody else writes to the file, or replaces it."""
        return self[2:]


_READER = msgspec.json.Decoder(dict[str, Entry])


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of one generation by path."""

    entries: Mapping[str, Entry] = field(default_factory=dict)

    def tree(self) -> str:
        """The generation's name: the hash of its paths and contents, in order of path."""
        whole = hashlib.sha256()
        for path in sorted(self.entries):
            encoded = path.encode()
            whole.update(len(encoded).to_bytes(8, "big") + encoded)
            whole.update(bytes.fromhex(self.entries[path].digest))
        return whole.hexdigest()

    def encode(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self.entries)


def decode(raw: bytes, tree: str) -> Manifest:
    """The manifest of the generation `tree`. Raises ValueError where it is of another."""
    try:
        manifest = Manifest(_READER.decode(raw))
    except msgspec.DecodeError as wrong:
        raise ValueError(f"no manifest: {wrong}") from wrong
    if (found := manifest.tree()) != tree:
        raise ValueError(f"no manifest of {tree}, but of {found}")
    return manifest
