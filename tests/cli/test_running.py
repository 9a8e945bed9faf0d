"""Processes that stay, and Ctrl-C while mails are leaving."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.cli.conftest import SLOT, Journal


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def start(journal: Journal, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "publisher", *arguments],
        cwd=journal.root,
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize("command", ["run", "web"])
def test_it_serves_until_it_is_told_to_stop(journal: Journal, command: str) -> None:
    """The address is printed once requests are answered; SIGTERM ends it with 0."""
    journal.run("build")
    process = start(journal, command, PUBLISHER_SERVING__PORT=str(free_port()))
    assert process.stdout is not None
    address = next(line for line in process.stdout if line.startswith("Serving at"))
    reply = httpx.get(address.removeprefix("Serving at ").strip() + "healthz")
    assert reply.status_code == 200
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "has come to its end" in out
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["worker", "scheduler"])
def test_its_parts_run_alone(journal: Journal, command: str) -> None:
    """Either part starts without the others, and stops when it is told to."""
    process = start(journal, command)
    assert process.stdout is not None
    assert "Stop with Ctrl-C" in next(process.stdout)
    # A signal that comes before the loop is in place is still seen by it.
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


class Slow:
    """A relay that answers the first message only when it is told to."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.answer = threading.Event()
        self.recipients: list[str] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.recipients.append(envelope.rcpt_tos[0])
        self.arrived.set()
        await asyncio.to_thread(self.answer.wait, 60)
        return "250 OK"


@pytest.fixture
def relay() -> Iterator[tuple[Slow, int]]:
    handler, port = Slow(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    handler.answer.set()
    controller.stop()


def test_ctrl_c_while_sending_leaves_nothing_half_done(
    planned: Journal, relay: tuple[Slow, int]
) -> None:
    """The mail under way is settled, the others stay queued, and a second send does the rest."""
    slow, port = relay
    planned.set(
        'kind = "folder"\npath = "var/outbox"',
        f'kind = "smtp"\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nconnections = 1',
    )
    process = start(planned, "--now", SLOT, "send", "weekly/1", "--yes")
    assert slow.arrived.wait(60)
    process.send_signal(signal.SIGINT)
    slow.answer.set()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    counts = planned.json("issue", "show", "weekly/1")["counts"]
    assert counts.get("unknown", 0) == 0
    assert counts["accepted"] == len(slow.recipients)
    assert sum(counts.values()) == 3
    if counts["accepted"] < 3:
        planned.run("send", "weekly/1", "--yes")
    assert sorted(slow.recipients) == ["ada@example.org", "brook@example.org", "chen@example.org"]


def test_a_preview_says_when_its_port_is_taken(journal: Journal) -> None:
    """In one sentence, with what to do; and nothing is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        shown = journal.process("preview", "--no-browser", "--port", port)
    assert shown.returncode == 1
    assert f"127.0.0.1:{port}" in shown.stderr
    assert "choose another --port" in shown.stderr
    assert "Traceback" not in shown.stderr
