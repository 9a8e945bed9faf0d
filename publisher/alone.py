"""One process alone does something: the others see so at once and leave it be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from publisher.errors import StoreError


@contextmanager
def alone(file: Path, unusable: Callable[[OSError], StoreError]) -> Iterator[bool]:
    """Whether this process alone deals with `file`, as long as the block lasts.

    The lock lies beside it and goes with the process that holds it, however that ends. Raises
    what `unusable` makes of the error where there can be no lock.
    """
    from filelock import FileLock, Timeout  # a build has nothing to lock here

    lock = FileLock(file.with_suffix(".lock"), timeout=0)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise unusable(error) from error
    try:
        yield True
    finally:
        lock.release()
