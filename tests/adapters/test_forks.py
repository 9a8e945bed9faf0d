import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from publisher import forks
from publisher.forks import Forks
from publisher.ports import Workers

SIZE = 23


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser of an earlier test leaves a thread that waits for it, and holds no lock."""
    if "threads" not in request.node.name:
        monkeypatch.setattr(threading, "active_count", lambda: 1)


def answer(number: int) -> bytes:
    return b"%d" % number * (number * 5000)


def everything(workers: Workers, work: Callable[[int], bytes] = answer) -> dict[int, bytes]:
    return dict(workers.each(work, SIZE))


EXPECTED = {number: answer(number) for number in range(SIZE)}


@pytest.mark.parametrize("processes", [0, 1, 2, 3, 50])
def test_every_piece_is_answered_once(processes: int) -> None:
    """However many processes there are; answers larger than a pipe holds included."""
    found = list(Forks(processes).each(answer, SIZE))
    assert len(found) == SIZE
    assert dict(found) == EXPECTED
    assert list(Forks(processes).each(answer, 0)) == []
    assert list(Forks(processes).each(answer, 1)) == [(0, b"")]
    assert Forks().each(answer, 0) is not None


def test_the_work_is_shared() -> None:
    """Each piece is done here or in a copy; who is slow does fewer."""

    def work(_: int) -> bytes:
        time.sleep(0.05 if os.getpid() == here else 0.01)
        return b"%d" % os.getpid()

    here = os.getpid()
    found = everything(Forks(2), work)
    mine = [number for number, who in found.items() if who == b"%d" % here]
    assert 1 <= len(mine) < SIZE / 2
    assert sorted(mine) == list(range(SIZE - len(mine), SIZE))  # neighbours
    assert len(set(everything(Forks(3), work).values())) == 3


def test_what_fails_in_a_copy_is_raised_here() -> None:
    """The very exception, from where it arises, as if there were no copies."""

    def work(number: int) -> bytes:
        if number == 7:
            raise KeyError("seven")
        return answer(number)

    with pytest.raises(KeyError, match="seven"):
        everything(Forks(2), work)


def test_what_a_killed_copy_leaves_is_done_here() -> None:
    """A copy that the system kills costs time and no answer, even in the midst of one."""
    here = os.getpid()

    def work(number: int) -> bytes:
        if number == 5 and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer(number)

    assert everything(Forks(2), work) == EXPECTED


@pytest.mark.parametrize("said", [b"\0\0\0", b"\0\0\0\5" + (9).to_bytes(8, "big") + b"half"])
def test_half_an_answer_is_none(said: bytes) -> None:
    """A pipe that ends within an answer, or within its head, has said nothing more."""
    whole = (3).to_bytes(4, "big") + (2).to_bytes(8, "big") + b"ok"
    reading, writing = os.pipe()
    os.write(writing, whole + said)
    os.close(writing)
    pipes = [reading]
    assert list(forks._heard(pipes, None)) == [(3, b"ok")]
    assert list(forks._heard(pipes, None)) == []
    assert pipes == []
    os.close(reading)


def test_a_process_with_threads_is_not_copied() -> None:
    """The locks of another thread would stay locked in the copy."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    found = everything(Forks(2), lambda _: b"%d" % os.getpid())
    stop.set()
    thread.join()
    assert set(found.values()) == {b"%d" % os.getpid()}


@pytest.mark.parametrize("allowed", [0, 1])
def test_no_room_for_another_process(monkeypatch: pytest.MonkeyPatch, allowed: int) -> None:
    """The system refuses a copy: the work is done all the same."""
    fork, forked = os.fork, list[int]()

    def refuse() -> int:
        if len(forked) == allowed:
            raise BlockingIOError("Resource temporarily unavailable")
        forked.append(1)
        return fork()

    monkeypatch.setattr(os, "fork", refuse)
    assert everything(Forks(3)) == EXPECTED


def test_nobody_is_left_behind() -> None:
    """A caller that stops listening ends the copies; none becomes a zombie."""
    for _ in Forks(2).each(answer, SIZE):
        break
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_where_processors_cannot_be_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some systems only count them."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert everything(Forks(), lambda _: b"%d" % os.getpid()) == dict.fromkeys(
        range(SIZE), b"%d" % os.getpid()
    )


def test_the_parent_has_something_to_do_meanwhile() -> None:
    """It does it here, once, while its copies work; without copies there is no meanwhile."""
    done: list[int] = []

    def work(number: int) -> bytes:
        return b"x" * 300_000  # more than a pipe holds by itself

    found = dict(Forks(2, meanwhile=lambda: done.append(os.getpid())).each(work, 6))
    assert {number: len(answer) for number, answer in found.items()} == dict.fromkeys(
        range(6), 300_000
    )
    assert done == [os.getpid()]
    assert len(dict(Forks(1, meanwhile=lambda: done.append(0)).each(work, 2))) == 2
    assert done == [os.getpid()]


def test_what_is_done_before_is_in_every_copy() -> None:
    """Once, here, before there are copies; not at all where there will be none."""
    done: list[int] = []

    def work(number: int) -> bytes:
        time.sleep(0.01)
        return b"%d by %d" % (len(done), os.getpid())

    found = set(everything(Forks(2, before=lambda: done.append(0)), work).values())
    assert len(found) == 2
    assert all(said.startswith(b"1 by ") for said in found)
    assert set(everything(Forks(1, before=lambda: done.append(0)), work).values()) <= found
    assert done == [0]
