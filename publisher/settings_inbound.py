"""What the settings say of mail that comes in: where it is taken from, and how bounces count."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from publisher.domain.bouncing import BouncePolicy
from publisher.settings_model import BouncesTable, InboundTable


@dataclass(frozen=True, slots=True)
class Imap:
    """A mailbox that is read over IMAP; the password is read from its file when it is needed."""

    host: str
    username: str
    password_file: Path
    port: int = 993
    security: str = "implicit"
    folder: str = "INBOX"
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    """An SMTP or LMTP server for bounces alone."""

    protocol: str = "smtp"
    host: str = "127.0.0.1"
    port: int = 2525


@dataclass(frozen=True, slots=True)
class Inbound:
    """Where mail comes in. `addresses` are served beside the bounce address."""

    keep: Path
    maildir: Path | None = None
    imap: Imap | None = None
    listen: Listening | None = None
    addresses: tuple[str, ...] = ()
    every: timedelta = timedelta(minutes=1)
    delete: bool = False


@dataclass(frozen=True, slots=True)
class Bounces:
    """`signed`: envelope senders carry a code of ours behind `delimiter`."""

    signed: bool = True
    delimiter: str = "+"
    policy: BouncePolicy = field(default_factory=BouncePolicy)


def bounces(given: BouncesTable) -> Bounces:
    """How returned mails are judged."""
    policy = BouncePolicy(given.soft_sends, given.soft_span, given.block_limit)
    return Bounces(given.signed, given.delimiter, policy)


def inbound(given: InboundTable, root: Path) -> Inbound:
    """Where mail comes in; paths are below `root`, the journal's folder."""
    imap = None
    if (table := given.imap) is not None:
        imap = Imap(
            host=table.host,
            username=table.username,
            password_file=root / table.password_file,
            port=table.port,
            security=table.security,
            folder=table.folder,
            ca_file=None if table.ca_file is None else root / table.ca_file,
        )
    return Inbound(
        keep=root / given.keep,
        maildir=None if given.maildir is None else root / given.maildir,
        imap=imap,
        listen=None if given.listen is None else Listening(**given.listen.values()),
        addresses=given.addresses,
        every=given.every,
        delete=given.delete,
    )
