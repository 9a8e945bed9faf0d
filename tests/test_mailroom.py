"""What the settings make of received mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from publisher import mailroom
from publisher.domain.bounce import BouncePolicy
from publisher.domain.delivery import DeliveryState, OutboxKind
from publisher.errors import SettingsError
from publisher.mailboxes import ImapInbox, MaildirInbox
from publisher.settings import Settings, load
from tests.cli.conftest import Journal, journal
from tests.verbs.outbox import KEYS, NOW, open_at

__all__ = ["journal"]

MORE = """
[bounces]
delimiter = "-"
soft_sends = 5
soft_span = "30d"
block_limit = 1

[inbound]
maildir = "var/bounces"
addresses = ["fbl@example.org"]
delete = true

[inbound.imap]
host = "imap.example.org"
username = "bounces"
password_file = "var/imap.password"

[inbound.listen]
protocol = "lmtp"
"""


@pytest.fixture
def settings(journal: Journal) -> Settings:
    path = journal.root / "config/publisher.toml"
    text = 'bounce_address = "bounces@example.org"\n' + path.read_text("utf-8") + MORE
    path.write_text(text, "utf-8")
    found = load(None, {}, cwd=journal.root)
    return replace(found, keys=KEYS)


def test_every_way_in(settings: Settings) -> None:
    """Paths are the journal's; a Maildir and an IMAP mailbox may both be read."""
    root = settings.root
    box, imap = mailroom.inboxes(settings)
    assert box == MaildirInbox(root / "var/bounces", delete=True)
    assert isinstance(imap, ImapInbox)
    assert (imap.host, imap.port, imap.password_file) == (
        "imap.example.org", 993, root / "var/imap.password",
    )  # fmt: skip
    assert imap.delete
    assert mailroom.kept(settings).path == root / "var/inbound"
    assert settings.bounces.policy == BouncePolicy(5, timedelta(days=30), 1)


def test_what_signs_bounce_addresses(settings: Settings) -> None:
    """Only where there is an address of its own for bounces; too long a one is said at once."""
    signer = mailroom.verp(settings)
    assert signer is not None
    assert signer.sender(OutboxKind.DELIVERY, 1).startswith("bounces-")
    assert mailroom.verp(replace(settings, bounce_address=None)) is None
    unsigned = replace(settings, bounces=replace(settings.bounces, signed=False))
    assert mailroom.verp(unsigned) is None
    with pytest.raises(SettingsError, match="shorter"):
        mailroom.verp(replace(settings, bounce_address=f"{'b' * 30}@example.org"))


def test_whose_mail_the_server_takes(settings: Settings) -> None:
    """Signed addresses, those named, and postmaster; nobody else's."""
    signer = mailroom.verp(settings)
    assert signer is not None
    serves = mailroom.serves(settings)
    sender = signer.sender(OutboxKind.NOTICE, 3)
    for address in (sender, "Bounces@example.org", "FBL@example.org", "postmaster@example.org"):
        assert serves(address)
    for address in ("bounces-1@example.org", "news@example.org", sender[:-1]):
        assert not serves(address)


def test_staff_are_told_by_a_notice(settings: Settings, tmp_path: Path) -> None:
    """Once for each event; without a staff address there is only the log."""
    store = open_at(tmp_path / "other.db")
    journal = replace(settings.journal, staff="staff@example.org")
    judge = mailroom.judge(replace(settings, journal=journal), store, NOW, lambda: "nonce")
    for _ in range(2):
        judge.tell("block:1", "Issue 1 meets a block", "Look it up.")
    assert store.notices.state("staff:block:1") is DeliveryState.QUEUED
    assert store.notices.counts() == {"queued": 1}
    quiet = replace(settings, journal=replace(settings.journal, staff=None))
    mailroom.judge(quiet, store, NOW, lambda: "nonce").tell("x", "y", "z")
    assert store.notices.counts() == {"queued": 1}
    store.close()


def test_judging_never_stops_sending(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that fails is tried again by the next call."""
    store = open_at(tmp_path / "other.db")
    with store.database.write() as connection:  # type: ignore[attr-defined]  # the SQL store's
        connection.exec_driver_sql("DROP TABLE bounce")
    assert mailroom.judge_refusals(settings, store, NOW, nonce=lambda: "n") == 0
    assert "cannot be judged" in caplog.text
    store.close()
