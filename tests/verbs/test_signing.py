"""What leaves is signed, where the sender's domain has a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.domain.journal import Mailbox
from publisher.domain.notice import Notice, NoticeKind
from publisher.formats.dkim import Signers
from publisher.transports.memory import MemoryTransport
from tests import factories
from tests.dkim_keys import DOMAIN, signer
from tests.verbs.outbox import NOW, Clock, Post, never, open_at, release, subscribe


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    store = open_at(tmp_path / "journal.db")
    yield Post(store, factories.journal(), Clock())
    store.close()


def sent(post: Post) -> list[bytes]:
    transport = MemoryTransport()
    replace(post.dispatcher(transport), signers=Signers({DOMAIN: signer()})).drain(never())
    return [each.message for each in transport.sent]


def test_every_digest_and_notice_is_signed(post: Post) -> None:
    """Each reader's own bytes, dated as the mail is, so that a resend is the same."""
    subscribe(post.store, "weekly", ["one@example.org", "two@example.org"])
    release(post.store, post.journal)
    welcome = Notice(NoticeKind.WELCOME, "w", "one@example.org", "Welcome", "Hello")
    post.store.notices.add(welcome, "00", NOW)
    messages = sent(post)
    assert len(messages) == 3
    for message in messages:
        fields, _, rest = message.partition(b"From: ")
        assert fields == signer().fields(b"From: " + rest, NOW)
        assert fields.count(b"DKIM-Signature: ") == 2


def test_a_newsletter_of_another_domain_is_not(post: Post) -> None:
    """A signature for a domain that is not the From's would vouch for nobody."""
    other = replace(post.journal.newsletters[0], sender=Mailbox("desk@other.example.org"))
    post.journal = replace(post.journal, newsletters=(other,))
    subscribe(post.store, "weekly", ["one@example.org"])
    release(post.store, post.journal)
    (message,) = sent(post)
    assert message.startswith(b"From: ")
