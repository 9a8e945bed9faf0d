"""Mails that a real Postfix cannot deliver come back, and what that leads to."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from publisher.domain.subscription import SuppressionReason
from publisher.stores import open_store
from tests.journeys.postfix import Postfix, running

ROOT = Path(__file__).resolve().parents[2]
NOW = "2026-11-24T09:00+00:00"
MORE = """\
recipient_delimiter = +
smtpd_reject_unlisted_recipient = no
virtual_mailbox_maps = inline:{ {ada@example.org=inbox/}, {bounces@example.org=bounces/} }
transport_maps = inline:{ {full@example.org=error:5.2.2 mailbox full} }
"""


@pytest.fixture
def postfix(postfix_program: str) -> Iterator[Postfix]:
    """It takes mail for everybody, and finds out later whom it does not know."""
    root = Path(tempfile.mkdtemp(prefix="postfix-", dir="/tmp"))
    root.chmod(0o755)
    try:
        with running(postfix_program, root, MORE) as found:
            yield found
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_a_dead_address_is_found_by_itself(postfix: Postfix, tmp_path: Path) -> None:
    """Unknown user: suppressed. Full mailbox: counted, once. The reader who is there: nothing."""
    shutil.copytree(ROOT / "content", tmp_path / "content")
    shutil.copytree(ROOT / "config", tmp_path / "config")
    path = tmp_path / "config" / "publisher.toml"
    relay = f'kind = "smtp"\nhost = "127.0.0.1"\nport = {postfix.port}\nsecurity = "none"'
    path.write_text(path.read_text().replace('kind = "folder"\npath = "var/outbox"', relay))
    readers = ("ada", "gone", "full")
    (tmp_path / "readers.csv").write_text(
        "email\n" + "".join(f"{name}@example.org\n" for name in readers)
    )
    environ = os.environ | {
        "PUBLISHER_SECRET_KEY": "0123456789abcdef" * 4,
        "PUBLISHER_BOUNCE_ADDRESS": "bounces@example.org",
        "PUBLISHER_INBOUND__MAILDIR": str(postfix.root / "mail" / "bounces"),
    }

    def publisher(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "publisher", "--now", NOW, *arguments],
            cwd=tmp_path, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "example.org" not in done.stderr
        return done.stdout

    publisher("subscribers", "import", "readers.csv", "--newsletter", "weekly", "--consent", "Form")
    publisher("issue", "plan", "weekly", "--slot", "2026-11-24T09:00")
    assert "3 accepted" in publisher("send", "weekly/1", "--yes")
    assert len(postfix.wait_for(1)) == 1
    bounced = postfix.wait_for(2, box="bounces")
    assert len(bounced) == 2
    assert all(b"message/delivery-status" in raw for raw in bounced)

    assert "2 new mails" in publisher("inbound", "--mailboxes")
    assert "No new mail" in publisher("inbound", "--mailboxes")
    store = open_store(f"sqlite:///{tmp_path / 'var' / 'store.sqlite3'}")
    try:
        (found,) = [each for _, each in store.suppressions.list()]
        assert (found.address, found.reason) == ("gone@example.org", SuppressionReason.BOUNCE)
        assert store.figures.of(1).bounces == {"hard": 1, "soft": 1}
    finally:
        store.close()
    cur = postfix.root / "mail" / "bounces" / "cur"
    assert {path.name[-4:] for path in cur.iterdir()} == {":2,S"}
