"""`publisher inbound`: a mail from a pipe, the mailboxes once, and a process that stays."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import smtplib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from publisher.formats.token import Purpose, make
from publisher.ports import Store
from publisher.settings import load
from publisher.stores import open_store
from tests.cli.conftest import SLOT, Journal
from tests.cli.test_running import free_port, start

LETTER = b"From: ben@example.org\nSubject: Hello\n\nA question about an article.\n"


def pipe(
    journal: Journal, raw: bytes, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """As a mail server hands a mail over."""
    return subprocess.run(
        [sys.executable, "-m", "publisher", "--now", SLOT, "inbound", *arguments],
        cwd=journal.root, env=os.environ | environ, input=raw, capture_output=True, check=False,
    )  # fmt: skip


def leaving(journal: Journal, name: str) -> bytes:
    """The mail that our mailto link makes for a reader."""
    settings = load(None, os.environ, cwd=journal.root)
    store = open_at(journal)
    (found,) = store.subscribers.by_address(f"{name}@example.org")
    store.close()
    given = make(settings.keys, Purpose.UNSUBSCRIBE, found.token_id)
    return f"From: x@example.test\nSubject: unsubscribe {given}\n\n".encode()


def open_at(journal: Journal) -> Store:
    return open_store(load(None, os.environ, cwd=journal.root).store_url)


def state(journal: Journal, name: str) -> str:
    store = open_at(journal)
    try:
        return store.subscribers.by_address(f"{name}@example.org")[0].state
    finally:
        store.close()


def maildir(journal: Journal) -> Path:
    box = journal.root / "var/bounces"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    path = journal.root / "config/publisher.toml"
    path.write_text(path.read_text("utf-8") + '\n[inbound]\nmaildir = "var/bounces"\n', "utf-8")
    return box


def test_a_mail_from_a_pipe(journal: Journal) -> None:
    """It is dealt with, and said in one line."""
    journal.add("ada")
    done = pipe(journal, leaving(journal, "ada"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"unsubscribed: by a mail with a signed subject\n"
    assert state(journal, "ada") == "unsubscribed"


def test_a_letter_from_a_pipe_is_kept(journal: Journal) -> None:
    """Whoever wrote to the mailbox is not lost."""
    assert b"for people" in pipe(journal, LETTER, "--recipient", "bounces@example.org").stdout
    (kept,) = (journal.root / "var/inbound/new").iterdir()
    assert kept.read_bytes() == LETTER


def test_in_trouble_the_mail_server_tries_again(journal: Journal) -> None:
    """sysexits.h's EX_TEMPFAIL, for any failure of ours."""
    done = pipe(journal, LETTER, PUBLISHER_STORE="sqlite:////proc/none/store.sqlite3")
    assert done.returncode == 75
    assert b"store" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_mailboxes_once(journal: Journal) -> None:
    """Everything that waits; in numbers under --json."""
    journal.add("ada")
    box = maildir(journal)
    (box / "new" / "1.a").write_bytes(leaving(journal, "ada"))
    (box / "new" / "2.b").write_bytes(LETTER)
    assert journal.json("inbound", "--mailboxes") == {"mails": 2, "problems": []}
    assert "No new mail." in journal.run("inbound", "--mailboxes").stdout
    assert state(journal, "ada") == "unsubscribed"


def test_a_mailbox_that_is_not_there(journal: Journal) -> None:
    """One sentence, and the exit code of a failure."""
    maildir(journal)
    journal.set("var/bounces", "var/nowhere")
    assert "inbound.maildir" in journal.run("inbound", "--mailboxes", code=1).stdout


@pytest.mark.parametrize("option", ["--mailboxes", "--stay"])
def test_no_mailbox_in_the_settings(journal: Journal, option: str) -> None:
    """The command says what it would need."""
    assert "name no mailbox" in journal.run("inbound", option, code=2).output


@pytest.mark.parametrize("command", [["inbound", "--stay"], ["scheduler"]])
def test_it_listens_until_it_is_told_to_stop(journal: Journal, command: list[str]) -> None:
    """A mail server of our own, in a process of its own or in the scheduler's."""
    journal.add("ada")
    mail = leaving(journal, "ada")
    port = free_port()
    process = start(
        journal, *command, PUBLISHER_INBOUND__LISTEN__PORT=str(port),
        PUBLISHER_INBOUND__LISTEN__PROTOCOL="smtp", PUBLISHER_INBOUND__EVERY="1s",
        PUBLISHER_JOURNAL__UNSUBSCRIBE_MAILBOX="leave@journal.example.org",
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), smtplib.SMTP("127.0.0.1", port) as client:
                client.sendmail("x@example.test", ["Leave@journal.example.org"], mail)
                break
            time.sleep(0.1)  # nobody tells when it listens
        assert state(journal, "ada") == "unsubscribed"
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "example.org" not in err


class Refusing:
    """A relay that knows nobody."""

    def __init__(self) -> None:
        self.senders: list[str] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.senders.append(envelope.mail_from or "")
        return "550 5.1.1 No such user"


def test_a_refusal_of_the_relay_counts(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """`send` judges what was refused before it ends, and signs each envelope sender."""
    journal.add("ada", "brook")
    relay, port = Refusing(), free_port()
    monkeypatch.setenv("PUBLISHER_BOUNCE_ADDRESS", "bounces@example.org")
    path = journal.root / "config/publisher.toml"
    text = re.sub(r'(?m)^kind = "folder"\npath = .*$', 'kind = "smtp"\nhost = "127.0.0.1"\n'
                  f'port = {port}\nsecurity = "none"', path.read_text("utf-8"))  # fmt: skip
    path.write_text(text, "utf-8")
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        journal.run("issue", "plan", "weekly", now="2026-11-23T09:00+00:00")
        assert "2 refused" in journal.run("send", "weekly/1", "--yes").stdout
    finally:
        controller.stop()
    store = open_at(journal)
    try:
        assert [one.address for one in [each for _, each in store.suppressions.list()]] == [
            "ada@example.org", "brook@example.org",
        ]  # fmt: skip
        assert store.figures.of(1).bounces == {"hard": 2}
    finally:
        store.close()
    assert len(set(relay.senders)) == 2
    assert all(sender.startswith("bounces+") for sender in relay.senders)
