"""Work shared out over the machine's processors, in copies of this process."""

from __future__ import annotations

import fcntl
import gc
import os
import select
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from publisher.errors import Defect

PIPE_BYTES = 1024 * 1024
MOST = 8
"""No more processes than this, however many processors there are: the disk is one."""
_NUMBER, _LENGTH = 4, 8


class Forks:
    """Implements `ports.Workers`.

    Each copy takes its share of neighbouring pieces and sends its answers through a pipe of its
    own, as bytes: nothing that a process says is ever run. What a copy does not answer, because
    it failed or was killed, is worked out here; so every error is raised here, as if there were
    no copies.

    A process with threads is never copied (their locks would stay locked in the copy, POSIX
    `fork`), nor one on a single processor: then all the work is done here. `meanwhile` is done
    here while the copies work, where there are any.
    """

    def __init__(
        self, processes: int | None = None, *, meanwhile: Callable[[], object] | None = None
    ) -> None:
        self._processes = min(MOST, _processors()) if processes is None else processes
        self._meanwhile = meanwhile

    def each(self, work: Callable[[int], bytes], size: int) -> Iterator[tuple[int, bytes]]:
        """(n, `work(n)`) for each n below `size`, in no order. Raises what `work` raises."""
        left = set(range(size))
        copies = min(self._processes, size)
        if copies > 1 and threading.active_count() == 1 and hasattr(os, "fork"):
            for number, answer in _shared(work, size, copies, self._meanwhile):
                left.discard(number)
                yield number, answer
        for number in sorted(left):
            yield number, work(number)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class _Copy:
    """A child and the end of the pipe that it writes to."""

    pid: int
    pipe: int

    def end(self) -> None:
        """It has nothing left to say, or nobody left to hear it."""
        os.close(self.pipe)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _shared(
    work: Callable[[int], bytes],
    size: int,
    copies: int,
    meanwhile: Callable[[], object] | None,
) -> Iterator[tuple[int, bytes]]:
    started: list[_Copy] = []
    # Frozen objects are not visited by the collector, which would copy their pages.
    gc.freeze()
    try:
        with suppress(OSError):  # no room for another process: the work is done all the same
            started.extend(
                _start(work, range(size * n // copies, size * (n + 1) // copies))
                for n in range(copies)
            )
        if meanwhile is not None and started:
            meanwhile()
        yield from _answers([copy.pipe for copy in started])
    finally:
        for copy in started:
            copy.end()
        gc.unfreeze()


def _start(work: Callable[[int], bytes], numbers: Iterable[int]) -> _Copy:
    reading, writing = os.pipe()
    with suppress(AttributeError, OSError):  # Linux: so that a copy need not wait for us
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if pid:
        os.close(writing)
        return _Copy(pid, reading)
    _live(work, numbers, writing)  # pragma: no cover - a copy, which nothing measures
    raise Defect("a copy outlived its work")  # pragma: no cover


def _live(
    work: Callable[[int], bytes], numbers: Iterable[int], pipe: int
) -> None:  # pragma: no cover - runs in a copy
    """The whole life of a copy. It never returns: what its parent has open is not its own.

    Where the parent is gone, the pipe breaks and so does the copy.
    """
    try:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(each, signal.SIG_DFL)
        for number in numbers:
            answer = work(number)
            head = number.to_bytes(_NUMBER, "big") + len(answer).to_bytes(_LENGTH, "big")
            _write(pipe, head + answer)
    finally:
        os._exit(0)


def _write(pipe: int, content: bytes) -> None:  # pragma: no cover - runs in a copy
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _answers(pipes: list[int]) -> Iterator[tuple[int, bytes]]:
    """What the copies say, until each has closed its pipe."""
    while pipes:
        for pipe in select.select(pipes, [], [])[0]:
            head = _read(pipe, _NUMBER + _LENGTH)
            answer = _read(pipe, length := int.from_bytes(head[_NUMBER:], "big"))
            if len(head) == _NUMBER + _LENGTH and len(answer) == length:
                yield int.from_bytes(head[:_NUMBER], "big"), answer
            else:
                pipes.remove(pipe)


def _read(pipe: int, length: int) -> bytes:
    """`length` bytes, or fewer where the pipe ends."""
    parts = []
    while length and (part := os.read(pipe, min(length, 1 << 20))):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
