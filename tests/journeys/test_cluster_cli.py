"""A journal on PostgreSQL and a queue, through the program alone."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Server, postgres
from tests.transports.relay import Relay

__all__ = ["postgres"]

ROOT = Path(__file__).resolve().parents[2]
NOW = "2026-11-24T09:00+00:00"
READERS = 40


@pytest.fixture
def store_url(postgres: Server) -> Iterator[str]:
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


def test_two_schedulers_and_two_workers_make_one_issue(store_url: str, tmp_path: Path) -> None:
    """Both tick the same slot at once; one issue, everybody once; `status` tells of the queue."""
    for name in ("content", "config"):
        shutil.copytree(ROOT / name, tmp_path / name)
    with Relay() as relay:
        path = tmp_path / "config" / "publisher.toml"
        way = f'kind = "smtp"\nhost = "127.0.0.1"\nport = {relay.port}\nsecurity = "none"'
        path.write_text(path.read_text().replace('kind = "folder"\npath = "var/outbox"', way))
        people = "".join(f"reader{number}@example.org\n" for number in range(READERS))
        (tmp_path / "readers.csv").write_text("email\n" + people)
        environ = os.environ | {
            "PUBLISHER_SECRET_KEY": "0123456789abcdef" * 4,
            "PUBLISHER_STORE": store_url,
            "PUBLISHER_ENGINE": "procrastinate",
        }

        def start(*arguments: str) -> subprocess.Popen[str]:
            return subprocess.Popen(
                [sys.executable, "-m", "publisher", *arguments],
                cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True,
            )  # fmt: skip

        def publisher(*arguments: str) -> str:
            process = start(*arguments)
            out, err = process.communicate(timeout=120)
            assert process.returncode == 0, out + err
            return out

        before = "2026-11-23T09:00+00:00"
        words = ("--newsletter", "weekly", "--consent", "Form")
        publisher("--now", before, "subscribers", "import", "readers.csv", *words)
        staying = [start("--now", NOW, "scheduler"), start("--now", NOW, "scheduler")]
        staying += [start("worker"), start("worker", "--newsletter", "weekly")]
        try:
            pause = threading.Event()
            for _ in range(1200):
                if len(relay.received) >= READERS or any(p.poll() is not None for p in staying):
                    break
                pause.wait(0.1)
            assert all(process.poll() is None for process in staying)
            assert "worker" in publisher("--now", NOW, "status")
        finally:
            for process in staying:
                process.terminate()
            ends = [process.communicate(timeout=60) for process in staying]
        assert [process.returncode for process in staying] == [0, 0, 0, 0], ends
        assert not any("example.org" in err.replace("journal.example.org", "") for _, err in ends)
        arrived = Counter(one.recipient for one in relay.received)
        assert arrived == {f"reader{number}@example.org": 1 for number in range(READERS)}
        issues = publisher("--now", NOW, "issue", "list")
        assert issues.count("weekly/") == 1
        assert "weekly/1" in issues
        assert publisher("worker", "--drain") is not None


def test_wrong_words_are_answered(tmp_path: Path) -> None:
    """Sharing needs a queue; a queue needs PostgreSQL; a mistyped newsletter its nearest name."""
    for name in ("content", "config"):
        shutil.copytree(ROOT / name, tmp_path / name)

    def refused(*arguments: str, **more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "publisher", *arguments],
            cwd=tmp_path, env=os.environ | {"PUBLISHER_SECRET_KEY": "0123456789abcdef" * 4} | more,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in (1, 2)
        assert "Traceback" not in done.stderr
        return done.stderr

    assert 'set engine = "procrastinate"' in refused("worker", "--concurrency", "2")
    assert "did you mean" in refused("worker", "--newsletter", "weekyl")
    assert "needs a store in PostgreSQL" in refused("status", PUBLISHER_ENGINE="procrastinate")


def test_a_journal_moves_by_one_command(store_url: str, tmp_path: Path) -> None:
    """From the file to PostgreSQL; then two settings, and everything is as it was."""
    for name in ("content", "config"):
        shutil.copytree(ROOT / name, tmp_path / name)
    people = "".join(f"reader{number}@example.org\n" for number in range(READERS))
    (tmp_path / "readers.csv").write_text("email\n" + people)
    secret = {"PUBLISHER_SECRET_KEY": "0123456789abcdef" * 4}
    there = {"PUBLISHER_STORE": store_url, "PUBLISHER_ENGINE": "procrastinate"}

    def publisher(*arguments: str, code: int = 0, more: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "publisher", "--now", NOW, *arguments],
            cwd=tmp_path, env=os.environ | secret | (more or {}), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    words = ("--newsletter", "weekly", "--consent", "Form")
    publisher("subscribers", "import", "readers.csv", *words)
    publisher("issue", "plan", "weekly", "--slot", "2026-11-24T09:00")
    assert "sound" in publisher("store", "status")
    assert "up to date" in publisher("store", "migrate")
    refused = publisher("store", "copy", "--to", "sqlite:///other.db", "--yes", code=2)
    assert "--to postgresql+psycopg://" in refused
    assert "add --yes" in publisher("store", "copy", "--to", store_url, code=2)
    assert "row for row" in publisher("store", "copy", "--to", store_url, "--yes")
    assert "was moved: set store" in publisher("status", code=1)
    assert f"weekly: {READERS} confirmed" in publisher("status", more=there)


def silent() -> socket.socket:
    """A server that lets one in and then says nothing, as behind a network that fails."""
    return socket.create_server(("127.0.0.1", 0))


def test_who_stays_waits_for_the_store(store_url: str, tmp_path: Path, postgres: Server) -> None:
    """Started before PostgreSQL: a line says so, it begins when that is there; a signal ends it
    at once, also while an answer is waited for.
    """
    shutil.copytree(ROOT / "config", tmp_path / "config")
    environ = os.environ | {
        "PUBLISHER_SECRET_KEY": "0123456789abcdef" * 4,
        "PUBLISHER_ENGINE": "procrastinate",
    }

    def start(command: str, url: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "publisher", command],
            cwd=tmp_path, env=environ | {"PUBLISHER_STORE": url}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    with silent() as deaf:
        mute = f"postgresql+psycopg://publisher@127.0.0.1:{deaf.getsockname()[1]}/journal"
        postgres.stop("fast")
        waiting, hanging = start("worker", store_url), start("web", mute)
        try:
            assert waiting.stderr is not None
            assert waiting.stdout is not None
            line = waiting.stderr.readline()
            assert "cannot be reached: see that PostgreSQL runs" in line
            assert "trying again in 1 s" in line
            accepted, _ = deaf.accept()
            hanging.send_signal(signal.SIGTERM)
            out, err = hanging.communicate(timeout=60)
            accepted.close()
            assert (hanging.returncode, "Traceback" in err) == (0, False), err
            assert "Stopped while the store was waited for" in out
        finally:
            postgres.start()
            hanging.kill()
        try:
            assert "Stop with Ctrl-C" in waiting.stdout.readline()
            waiting.send_signal(signal.SIGTERM)
            _, err = waiting.communicate(timeout=60)
            assert (waiting.returncode, "Traceback" in err) == (0, False), err
        finally:
            waiting.kill()
