"""Files that can be made at any time: each knows, before it is made, what it depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leaf:
    """One file to be. `key` is the hash of all that `make` depends on: equal keys, equal bytes.

    Files whose `near` is alike are best made one after the other: they share what they show.
    """

    key: str
    make: Callable[[], bytes]
    near: str = ""


class Leaves(Mapping[str, bytes]):
    """Files by path, in order of path; the bytes of each are made when they are asked for.

    So a site need not fit into memory, and a file whose key is known need not be made at all.
    """

    def __init__(self, leaves: Mapping[str, Leaf]) -> None:
        self._leaves = dict(sorted(leaves.items()))

    def __getitem__(self, path: str) -> bytes:
        return self._leaves[path].make()

    def __contains__(self, path: object) -> bool:
        return path in self._leaves  # a Mapping would make the file to see whether it is there

    def __iter__(self) -> Iterator[str]:
        return iter(self._leaves)

    def __len__(self) -> int:
        return len(self._leaves)

    def near(self, path: str) -> tuple[str, str]:
        """Where the file at `path` comes when many are to be made."""
        return self._leaves[path].near, path

    def key(self, path: str) -> str:
        """The hash of all that the file at `path` depends on; KeyError when there is none."""
        return self._leaves[path].key


def ready(content: bytes) -> Leaf:
    """A file that is made already: it depends on its own bytes."""
    return Leaf(fingerprint(content), lambda: content)


def fingerprint(*parts: object) -> str:
    """The SHA-256 (hex) of frozen values: of bytes as they are, of the rest as Python shows them.

    Only for values that show all they hold, as dataclasses, enums, tuples, texts and numbers do.
    """
    if not any(isinstance(part, bytes) for part in parts):
        # Most are short and many: a tuple shows all its parts at once.
        return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()
    whole: list[bytes] = []
    for part in parts:
        shown = part if isinstance(part, bytes) else repr(part).encode("utf-8", "surrogatepass")
        whole += (b"%s %d " % (type(part).__name__.encode(), len(shown)), shown)
    return hashlib.sha256(b"".join(whole)).hexdigest()
