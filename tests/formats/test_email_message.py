from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from publisher.domain.journal import Mailbox
from publisher.domain.message import FIELDS
from publisher.domain.notice import Notice, NoticeKind
from publisher.errors import Defect, UsageError
from publisher.formats import email
from publisher.formats.message import TOKEN_LIMIT
from publisher.formats.placeholder import PREFERENCES, TOKEN
from publisher.formats.plaintext import one_line
from publisher.formats.token import Purpose, make
from tests import factories, mails

TOKENS = st.text("abcXYZ019-_.", min_size=1, max_size=TOKEN_LIMIT)


def test_every_header_of_a_digest_is_there() -> None:
    """List headers, one-click unsubscribing and loop protection, in their exact form."""
    journal = factories.journal(
        reply_to=Mailbox("editors@journal.example.org", "Die Redaktion, Büro"),
        unsubscribe_mailbox="leave@journal.example.org",
    )
    message = mails.parsed(mails.compiled(mails.render(journal=journal), journal))
    token = "k1.u.abcdefgh.AAAAAAAAAAAAAAAAAAAAAA"
    assert {name: str(value) for name, value in message.items()} == {
        "From": "The Sample Journal <digest@journal.example.org>",
        "To": "Zoë Example <zoe@example.org>",
        "Subject": "CAR-NK cells: what the first trials in people show, and 2 more",
        "Date": "Tue, 24 Nov 2026 09:00:00 +0000",
        "Message-ID": "<0123456789abcdef@journal.example.org>",
        "Reply-To": '"Die Redaktion, Büro" <editors@journal.example.org>',
        "List-Id": "<weekly.journal.example.org>",
        "List-Unsubscribe": f"<https://journal.example.org/u/{token}>, "
        f"<mailto:leave@journal.example.org?subject=unsubscribe%20{token}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Post": "NO",
        "Precedence": "bulk",
        "Feedback-ID": "7:weekly:digest:journal.example.org",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }
    assert message.get_content_type() == "multipart/alternative"
    assert not message.defects
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_the_newsletter_may_have_a_sender_of_its_own() -> None:
    """Its sender goes before the journal's; there is no mailto without a mailbox that is read."""
    journal = factories.journal(
        newsletters=(factories.newsletter(sender=Mailbox("sleep@journal.example.org")),)
    )
    message = mails.parsed(mails.compiled(mails.render(journal=journal), journal))
    assert message["From"] == "sleep@journal.example.org"
    assert "mailto" not in message["List-Unsubscribe"]
    assert "Reply-To" not in message


def recipient(raw: bytes) -> str:
    """To as RFC 2047 §6.2 reads it: without the space between two encoded words.

    The newer parser of Python 3.11 keeps that space within a display name.
    """
    return str(make_header(decode_header(message_from_bytes(raw)["To"])))


@settings(max_examples=8, deadline=None)
@example("t" * 30, "aaaaaaaaaaéééééééé日日日日日😀😀")
@given(TOKENS, st.text("aé日😀 ", min_size=1, max_size=50).map(one_line))
def test_filling_gives_what_a_full_render_gives(token: str, name: str) -> None:
    """Joined segments read exactly as a mail that the email package writes for this reader."""
    edition = EDITION
    to, date = email.to_header(name, "a@example.org"), email.date_header(factories.NOW)
    raw = COMPILED.fill(to, date, b"<1@journal.example.org>", token.encode(), b"p.p")
    whole = EmailMessage(policy=SMTP.clone(max_line_length=998))
    whole["To"] = Address(name, addr_spec="a@example.org")
    whole["Date"] = date.decode()
    whole["Message-ID"] = "<1@journal.example.org>"
    whole["Subject"] = edition.subject
    whole["List-Unsubscribe"] = f"<https://journal.example.org/u/{token}>"
    whole.set_content(
        edition.text.replace(TOKEN, token).replace(PREFERENCES, "p.p"), cte="quoted-printable"
    )
    whole.add_alternative(
        edition.html.replace(TOKEN, token).replace(PREFERENCES, "p.p"),
        "html",
        cte="quoted-printable",
    )
    expected, found = mails.parsed(bytes(whole)), mails.parsed(raw)
    assert recipient(raw) == recipient(bytes(whole))
    for header in ("Date", "Message-ID", "Subject", "List-Unsubscribe"):
        assert str(found[header]) == str(expected[header])
    for part in ("plain", "html"):
        assert mails.content(found, part) == mails.content(expected, part)
        assert token in mails.content(found, part)
    assert TOKEN.encode() not in raw


@given(TOKENS)
def test_lines_keep_their_limits_whoever_reads(token: str) -> None:
    """CRLF throughout, ASCII, bodies of at most 76 and headers of at most 998 bytes a line."""
    raw = COMPILED.fill(b"a@example.org", b"x", b"<1@x>", token.encode(), token.encode())
    assert raw.isascii()
    head, _, body = raw.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")


def test_our_own_tokens_fit_a_line() -> None:
    """A token of ours is never longer than a quoted-printable line leaves room for."""
    token = make([("2026-11", b"s" * 32)], Purpose.UNSUBSCRIBE, "a" * 32)
    assert len(token) <= TOKEN_LIMIT


def test_the_boundary_depends_on_its_seed_alone() -> None:
    """The same issue is compiled to the same bytes after a restart."""
    journal, newsletter = factories.journal(), factories.newsletter()
    one, same, other = (
        email.compile(EDITION, 7, newsletter, journal, boundary_seed=seed) for seed in "aab"
    )
    assert one == same
    assert one != other
    assert len(one.segments) == len(one.fields) + 1


def test_filling_only_joins() -> None:
    """Per reader there are eight values to put between nine pieces, whatever the mail's length."""
    assert [FIELDS[field] for field in COMPILED.fields] == [
        *("to", "date", "message_id"),
        "token",  # List-Unsubscribe
        *("token", "preferences"),  # text
        *("token", "preferences"),  # HTML
    ]


@pytest.mark.parametrize("part", ["html", "text"])
def test_an_edition_without_its_link_is_never_compiled(part: str) -> None:
    """Nobody gets a mail that cannot be left."""
    edition = replace(EDITION, html="x") if part == "html" else replace(EDITION, text="x")
    with pytest.raises(Defect, match="unsubscribe"):
        mails.compiled(edition)


@pytest.mark.parametrize(
    "change",
    [
        {"list_id": "a>\r\nBcc: <x@example.org"},
        {"slug": "a\nb"},
        {"sender": Mailbox("a@example.org\r\nBcc: x@example.org")},
        {"list_id": "zeitschrift-für-schlaf"},
    ],
)
def test_no_setting_adds_a_header(change: dict[str, object]) -> None:
    """A line break anywhere in a header is refused."""
    newsletter = factories.newsletter(**change)
    with pytest.raises(UsageError):
        email.compile(EDITION, 7, newsletter, factories.journal(), boundary_seed="7")


def test_a_subject_with_a_line_break_is_refused() -> None:
    """Neither a title nor staff's own words add a header."""
    with pytest.raises(UsageError):
        mails.compiled(replace(EDITION, subject="a\r\nBcc: x@example.org"))


def test_no_topic_is_told_in_headers_that_servers_keep() -> None:
    """What somebody reads about is in no header but the subject."""
    message = mails.parsed(mails.compiled(mails.render((factories.article(category="cancer"),))))
    kept = [str(v) for name, v in message.items() if name != "Subject"]
    assert not any("cancer" in value.lower() for value in kept)


def notice(**overrides: Any) -> Notice:
    made = Notice(
        kind=NoticeKind.CONFIRMATION,
        key="confirm:1",
        address="zoë-reader@bücher.example".replace("ë", "e"),
        subject="Bitte bestätigen",
        text="Guten Tag\n\nhttps://journal.example.org/c/abc\n",
    )
    return replace(made, **overrides)


def test_a_notice_is_one_plain_mail() -> None:
    """No list headers, no HTML that nobody wrote, and no answer from absent people."""
    raw = email.notice_message(
        notice(), factories.journal(), message_id="<n1@example.org>", dated_at=factories.NOW
    )
    message = mails.parsed(raw)
    assert message["To"] == "zoe-reader@xn--bcher-kva.example"
    assert message["Subject"] == "Bitte bestätigen"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == "<n1@example.org>"
    assert message["MIME-Version"] == "1.0"
    assert message.get_content_type() == "text/plain"
    assert message.get_content() == "Guten Tag\r\n\r\nhttps://journal.example.org/c/abc\r\n"
    assert not [name for name in message if name.startswith(("List-", "Precedence", "Feedback"))]
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_a_test_notice_carries_the_whole_edition() -> None:
    """Staff see what readers will get, with a link that unsubscribes nobody."""
    journal = factories.journal(reply_to=Mailbox("editors@journal.example.org"))
    subject, html, text = email.test_copy(EDITION, journal)
    made = notice(kind=NoticeKind.TEST, subject=subject, html=html, text=text)
    raw = email.notice_message(made, journal, message_id="<n@x>", dated_at=factories.NOW)
    message = mails.parsed(raw)
    assert message["Subject"] == f"[Test] {EDITION.subject}"
    assert message["Reply-To"] == "editors@journal.example.org"
    assert mails.content(message, "html") == html
    assert mails.content(message, "plain") == text


def test_a_staff_notice_asks_for_no_answer() -> None:
    """Exchange too keeps its out-of-office replies to itself."""
    raw = email.notice_message(
        notice(kind=NoticeKind.STAFF),
        factories.journal(),
        message_id="<n@x>",
        dated_at=factories.NOW,
    )
    assert mails.parsed(raw)["X-Auto-Response-Suppress"] == "All"


@pytest.mark.parametrize(
    "change",
    [{"subject": "a\nBcc: x"}, {"address": "a@example.org\nBcc: x@example.org"}, {"address": "x"}],
)
def test_a_notice_cannot_be_given_headers(change: dict[str, object]) -> None:
    """What strangers type into a form never reaches the head of a mail unchecked."""
    with pytest.raises(UsageError):
        email.notice_message(
            notice(**change), factories.journal(), message_id="<n@x>", dated_at=factories.NOW
        )


EDITION = mails.render()
COMPILED = email.compile(EDITION, 7, factories.newsletter(), factories.journal(), boundary_seed="7")


@settings(max_examples=60, deadline=None)
@example("." * 200)
@example("." + "x" * 80 + "\n.button { }\n..\n.")
@given(st.text(".=éx \n", max_size=400))
def test_no_line_begins_with_a_dot(words: str) -> None:
    """Nothing to double on the way (RFC 5321 §4.5.2); the reader's program sees the dots."""
    notice = Notice(NoticeKind.STAFF, "1", "a@example.org", "Dots", words)
    raw = email.notice_message(
        notice, factories.journal(), message_id="<1@x>", dated_at=factories.NOW
    )
    assert b"\n." not in raw
    assert max(map(len, raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    assert mails.parsed(raw).get_content().replace("\r\n", "\n").strip("\n") == words.strip("\n")


def test_a_digest_may_leave_as_it_is() -> None:
    """The shipped template, with its styles, needs no looking through for dots and line ends."""
    values = (b"a@example.org", b"x", b"<1@x>", b"k1.u.t.m", b"k1.p.t.m")
    assert COMPILED.filled(values) == (COMPILED.fill(*values), True)
    assert COMPILED.filled((b"a@example.org\r\n.", *values[1:]))[1] is False
