"""Assembles what deals with received mail: settings in, a Receiver, a Judge and inboxes out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from publisher.domain.bounce import Disposition
from publisher.domain.notice import Notice, NoticeKind
from publisher.errors import PublisherError
from publisher.formats.verp import Verp
from publisher.inbound import Judge, Received, Receiver
from publisher.ports import Accept, Inbox, Store
from publisher.settings import Settings
from publisher.subscribe import unsubscribe

if TYPE_CHECKING:
    from publisher.mailboxes import Kept, Listener

Nonce = Callable[[], str]
Clock = Callable[[], datetime]

log = logging.getLogger("publisher.inbound")


def verp(settings: Settings) -> Verp | None:
    """What signs envelope senders; None without a bounce address or where that is turned off."""
    if settings.bounce_address is None or not settings.bounces.signed or not settings.keys:
        return None
    return Verp(settings.keys, settings.bounce_address, settings.bounces.delimiter)


def judge(settings: Settings, store: Store, now: datetime, nonce: Nonce) -> Judge:
    """What decides about bounces and complaints; it tells staff by a notice."""
    journal = settings.journal

    def tell(key: str, subject: str, text: str) -> None:
        log.warning("%s", subject)
        if journal.staff is None:
            return
        notice = Notice(
            NoticeKind.STAFF,
            f"staff:{key}",
            journal.staff,
            f"[{journal.title}] {subject}",
            f"{text}\n",
            transport=settings.notice_route,
        )
        store.notices.add(notice, nonce(), now)

    return Judge(store, journal, settings.bounces.policy, tell)


def receive(
    settings: Settings,
    store: Store,
    raw: bytes,
    recipients: Sequence[str],
    now: datetime,
    *,
    nonce: Nonce,
) -> Received:
    """Deal with one mail, whatever it is. Raises StoreError."""
    receiver = Receiver(
        judge(settings, store, now, nonce),
        settings.keys,
        verp(settings),
        lambda token_id, at: unsubscribe(store.subscribers, token_id, at),
    )
    return receiver.receive(raw, recipients, now)


def judge_refusals(settings: Settings, store: Store, now: datetime, *, nonce: Nonce) -> int:
    """Judge what servers refused in the session; how many bounces that made. Never raises.

    Sending goes on though judging fails: the next call finds what is left.
    """
    try:
        return judge(settings, store, now, nonce).refusals(now)
    except PublisherError as error:
        log.error("refusals cannot be judged: %s", error)  # noqa: TRY400 (in its own words)
        return 0


def accepting(settings: Settings, store: Store, clock: Clock, nonce: Nonce) -> Accept:
    """What inboxes hand their mails to."""

    def accept(raw: bytes, recipients: Sequence[str]) -> Disposition:
        found = receive(settings, store, raw, recipients, clock(), nonce=nonce)
        log.info("a mail came in: %s (%s)", found.disposition, found.detail)
        return found.disposition

    return accept


def inboxes(settings: Settings) -> Sequence[Inbox]:
    """The mailboxes that the settings name."""
    # Here and below: no command but those that receive needs mail servers and clients in memory.
    from publisher.mailboxes import ImapInbox, MaildirInbox

    given = settings.inbound
    found: list[Inbox] = []
    if given.maildir is not None:
        found.append(MaildirInbox(given.maildir, given.delete))
    if given.imap is not None:
        imap = given.imap
        found.append(
            ImapInbox(
                host=imap.host,
                username=imap.username,
                password_file=imap.password_file,
                port=imap.port,
                security=imap.security,
                folder=imap.folder,
                ca_file=imap.ca_file,
                delete=given.delete,
            )
        )
    return found


def kept(settings: Settings) -> Kept:
    """Where mails for people go that are in no mailbox."""
    from publisher.mailboxes import Kept

    return Kept(settings.inbound.keep)


def listener(settings: Settings, accept: Accept) -> Listener | None:
    """The mail server that the settings name, not started yet."""
    given = settings.inbound.listen
    if given is None:
        return None
    from publisher.mailboxes import Listener, keeping

    take = keeping(accept, kept(settings))
    return Listener(given.host, given.port, given.protocol, serves(settings), take)


def serves(settings: Settings) -> Callable[[str], bool]:
    """Which recipients the mail server takes: signed bounce addresses, and those named."""
    signer = verp(settings)
    named = {address.lower() for address in settings.inbound.addresses}
    for address in (settings.bounce_address, settings.journal.unsubscribe_mailbox):
        if address is not None:
            named.add(address.lower())
            named.add(f"postmaster@{address.rpartition('@')[2].lower()}")  # RFC 5321 §4.5.1

    def served(address: str) -> bool:
        return address.lower() in named or (signer is not None and signer.read(address) is not None)

    return served
