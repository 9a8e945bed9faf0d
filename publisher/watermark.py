"""The watermark: a file beside the store that tells when an older store is put in its place.

Append-only. Each line is on the disk before what it tells of goes on. A line that a power cut
tore is cut off by the next one; its number was not used yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from publisher.errors import StoreError
from publisher.formats import watermark
from publisher.formats.pepper import Pepper
from publisher.formats.watermark import Line

WAIT = 10
"""Seconds that a process waits for others that write a line."""

_ANEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


class WatermarkFile:
    """Implements `ports.Watermark`."""

    def __init__(self, path: Path, pepper: Pepper) -> None:
        self._path = path
        self._pepper = pepper

    @property
    def where(self) -> str:
        """The file, for people."""
        return str(self._path)

    def hashed(self, key: str) -> str:
        """The keyed hash of an address as compared."""
        return self._pepper.hashed(key)

    def forms(self, key: str) -> tuple[str, ...]:
        """Every hash that an address may have been written down as."""
        return self._pepper.forms(key)[1:]

    @contextmanager
    def turn(self) -> Iterator[None]:
        """This process alone reads and writes, as long as the block lasts. Raises StoreError."""
        lock = FileLock(
            self._path.with_name(self._path.name + ".lock"), timeout=WAIT, poll_interval=0.005
        )
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"another process holds the watermark {self._path} for more than {WAIT} seconds: "
                "find it with fuser, and stop it"
            ) from None
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield
        finally:
            lock.release()

    def last(self) -> Line | None:
        """The last whole line; None without a file. Raises StoreError, also for a damaged one."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 2 * watermark.LONGEST))
                rows = file.read().splitlines(keepends=True)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from error
        # Only the last line may be torn; the one before it was whole when that one was begun.
        for row in rows[:-3:-1]:
            if row.endswith(b"\n") and (line := watermark.parse(row)) is not None:
                return line
        raise StoreError(
            f"the watermark {self._path} is damaged: whether an older store was put in place "
            "cannot be told, so nothing is sent; if none was, move the file away and run: "
            "publisher store accept-restore"
        )

    def append(self, lines: Iterable[Line]) -> None:
        """Write more lines, and have them on the disk. Raises StoreError."""
        try:
            new = not self._path.exists()
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                at = _end(file)
                os.ftruncate(file, at)
                rest = b"".join(map(watermark.render, lines))
                while rest:
                    written = os.pwrite(file, rest, at)
                    rest, at = rest[written:], at + written
                os.fsync(file)
            finally:
                os.close(file)
            if new:
                _sync_folder(self._path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def after(self, number: int) -> Iterator[Line]:
        """Every whole line with a higher number, in order. Raises StoreError."""
        try:
            with self._path.open("rb") as file:
                for row in file:
                    line = watermark.parse(row)
                    if line is not None and line.number > number:
                        yield line
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(error) from error

    def rewrite(self, lines: Iterable[Line]) -> None:
        """Put these in place of all, at once or not at all. Raises StoreError."""
        beside = self._path.with_name(self._path.name + ".new")
        try:
            with os.fdopen(os.open(beside, _ANEW, 0o600), "wb") as file:
                file.writelines(map(watermark.render, lines))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(
            f"the watermark {self._path} cannot be read or written ({error.strerror}): nothing is "
            "sent without it; make room, or let the user who runs publisher write there"
        )


def _end(file: int) -> int:
    """Where the last whole line ends."""
    size = os.fstat(file).st_size
    start = max(0, size - watermark.LONGEST)
    return start + os.pread(file, watermark.LONGEST, start).rfind(b"\n") + 1 if size else 0


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file on the disk too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
