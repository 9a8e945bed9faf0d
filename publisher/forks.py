"""Work shared out over the machine's processors: this process and copies of it."""

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

    Neighbouring pieces share what they show, so two workers take a row of them from both ends
    until they meet: neither waits for the other, and one of them is this process. A copy sends
    its answers through a pipe of its own, as bytes: nothing that a process says is ever run. What
    a copy does not answer, because it failed or was killed, is worked out here; so every error is
    raised here, as if there were no copies.

    A process with threads is never copied (their locks would stay locked in the copy, POSIX
    `fork`), nor one on a single processor: then all the work is done here. Where there are
    copies, `before` is done here before they are made, so that they need not do it themselves, and
    `meanwhile` while they work, before any piece is done here.
    """

    def __init__(
        self,
        processes: int | None = None,
        *,
        before: Callable[[], object] | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        self._processes = min(MOST, _processors()) if processes is None else processes
        self._before = before
        self._meanwhile = meanwhile

    def each(self, work: Callable[[int], bytes], size: int) -> Iterator[tuple[int, bytes]]:
        """(n, `work(n)`) for each n below `size`, in no order. Raises what `work` raises."""
        left = set(range(size))
        workers = min(self._processes, size)
        if workers > 1 and threading.active_count() == 1 and hasattr(os, "fork"):
            if self._before is not None:
                self._before()
            for number, answer in _shared(work, size, workers, self._meanwhile):
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


class _Row:
    """Pieces that are done from both ends. Who does one takes a byte out of a pipe for it: there
    are as many as pieces, so nobody does what the other does.
    """

    def __init__(self, pieces: range) -> None:
        self._pieces = pieces
        self._bytes, writing = os.pipe()
        os.set_blocking(writing, False)  # of more than it holds, the rest is done at the end
        os.write(writing, bytes(len(pieces)))
        os.close(writing)

    def taken(self, *, backwards: bool) -> Iterator[int]:
        """The next piece from one end, as long as any is left."""
        for number in reversed(self._pieces) if backwards else self._pieces:
            if not os.read(self._bytes, 1):
                return
            yield number

    def close(self) -> None:
        """Nobody here takes another."""
        os.close(self._bytes)


def _shared(
    work: Callable[[int], bytes],
    size: int,
    workers: int,
    meanwhile: Callable[[], object] | None,
) -> Iterator[tuple[int, bytes]]:
    """The last of the workers is this process."""
    rows = [
        _Row(range(size * n // workers, size * min(n + 2, workers) // workers))
        for n in range(0, workers, 2)
    ]
    shares = [rows[n // 2].taken(backwards=n % 2 == 1) for n in range(workers)]
    started: list[_Copy] = []
    # Frozen objects are not visited by the collector, which would copy their pages.
    gc.freeze()
    try:
        with suppress(OSError):  # no room for another process: the work is done all the same
            started.extend(_start(work, share) for share in shares[:-1])
        if meanwhile is not None and started:
            meanwhile()
        pipes = [copy.pipe for copy in started]
        for number in shares[-1]:
            yield number, work(number)
            yield from _heard(pipes, 0)
        while pipes:
            yield from _heard(pipes, None)
    finally:
        for copy in started:
            copy.end()
        for row in rows:
            row.close()
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


def _heard(pipes: list[int], patience: float | None) -> Iterator[tuple[int, bytes]]:
    """What copies have said within `patience` seconds (None: as long as it takes), an answer of
    each; a pipe that has ended is taken out.
    """
    for pipe in select.select(pipes, [], [], patience)[0]:
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
