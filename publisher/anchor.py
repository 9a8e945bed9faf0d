"""The head of the ledger, noted in a small file outside the store: `NUMBER HASH CHECKSUM`."""

from __future__ import annotations

import os
import tempfile
import zlib
from pathlib import Path

from publisher.domain.ledger import Head
from publisher.errors import StoreError

ENDING = ".ledger"
"""What the file's name adds to that of the watermark, beside which it lies."""


class AnchorFile:
    """Implements `ports.Anchor`. The file is replaced whole, and never by half."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def where(self) -> str:
        """The file, for people."""
        return str(self._path)

    def read(self) -> Head | None:
        """What was noted; None without a file. Raises StoreError, also for a damaged one."""
        try:
            text = self._path.read_text("ascii", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error.strerror) from error
        told, _, checksum = text.strip().rpartition(" ")
        number, _, hash_ = told.partition(" ")
        if checksum != _checksum(told) or not number.isdecimal():
            raise self._unusable(
                "it is damaged; if the ledger was not touched, delete it: it is written again"
            )
        return Head(int(number), hash_)

    def keep(self, head: Head) -> None:
        """Note another head in its place. Raises StoreError."""
        told = f"{head.number} {head.hash}"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}-")
            fresh = Path(name)
            try:
                with os.fdopen(handle, "w") as file:
                    file.write(f"{told} {_checksum(told)}\n")
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(self._path)
            finally:
                fresh.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error.strerror) from error

    def _unusable(self, why: str | None) -> StoreError:
        return StoreError(
            f"{self._path}, where the head of the ledger is noted, cannot be used: {why}"
        )


def _checksum(told: str) -> str:
    return f"{zlib.crc32(told.encode('ascii', 'replace')):08x}"
