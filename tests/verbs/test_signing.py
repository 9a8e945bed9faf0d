"""What leaves is signed, where the sender's domain has a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.domain.journal import Mailbox
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.subscription import Consent, NewSubscriber
from publisher.formats.dkim import Signers
from publisher.transports.memory import MemoryTransport
from tests import factories, mails
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


def test_a_mail_that_greets_is_signed_with_the_name_in_it(post: Post) -> None:
    """Made ahead or not, the signature is of this reader's bytes; who has no name is greeted too."""
    greets = replace(post.journal.newsletters[0], greeting=True)
    post.journal = replace(post.journal, newsletters=(greets,))
    people = [
        NewSubscriber("anna@example.org", "anna@example.org", "Anna O'Neil"),
        NewSubscriber("none@example.org", "none@example.org"),
    ]
    consent = Consent(NOW, "test", "I would like to get it.")
    post.store.subscribers.admit("weekly", people, ["g0000001", "g0000002"], consent, NOW)
    release(post.store, post.journal)
    messages = sent(post)
    assert len(messages) == 2
    for message in messages:
        fields, _, rest = message.partition(b"From: ")
        assert fields == signer().fields(b"From: " + rest, NOW)
    said = {
        str(mail["To"]): (mails.content(mail, "plain"), mails.content(mail, "html"))
        for mail in map(mails.parsed, messages)
    }
    anna, none = said["Anna O'Neil <anna@example.org>"], said["none@example.org"]
    assert anna[0].startswith("Dear Anna O'Neil,\n")
    assert "<p>Dear Anna O&#x27;Neil,</p>" in anna[1]
    assert none[0].startswith("Dear reader,\n")
    assert "<p>Dear reader,</p>" in none[1]
