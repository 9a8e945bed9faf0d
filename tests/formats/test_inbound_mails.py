"""Bounces, complaints, automatic answers and requests to leave, as mail systems write them."""

from __future__ import annotations

import pytest

from publisher.formats import arf, autoreply, dsn, leaving, mime, nonstandard
from publisher.formats.dsn import Action
from publisher.formats.mime import Part
from publisher.formats.nonstandard import Sort


def mail(text: str) -> Part:
    return mime.parse(text.replace("\n", "\r\n").encode())


def report(fields: str, more: str = "") -> Part:
    return mail(
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nYour message could not be delivered.\n"
        f"--b\nContent-Type: message/delivery-status\n\n{fields}\n{more}--b--\n"
    )


def only(part: Part) -> dsn.Report:
    found = dsn.find(part)
    assert found is not None
    (one,) = found.reports
    return one


def test_a_notification_is_read() -> None:
    """RFC 3464: the message's fields, then each recipient's."""
    found = dsn.find(
        report(
            "Reporting-MTA: dns; mx.example.org\nOriginal-Envelope-Id: abc+2Bd@journal.example.org\n"
            "\nOriginal-Recipient: rfc822;Ada+2Bx@Example.org\nFinal-Recipient: rfc822; ada@example.org\n"
            "Action: failed (really)\nStatus: 5.0.0\n"
            "Diagnostic-Code: smtp; 550 5.1.1 <ada@example.org>:\n User unknown\n"
        )
    )
    assert found is not None
    assert found.envelope_id == "abc+d@journal.example.org"
    (one,) = found.reports
    assert one.action is Action.FAILED
    assert (one.status, one.code) == ("5.1.1", 550)
    assert one.text == "550 5.1.1 <ada@example.org>: User unknown"
    assert one.recipients == ("Ada+x@Example.org", "ada@example.org")
    assert dsn.named(found.reports) == one.recipients


@pytest.mark.parametrize(
    ("status", "diagnostic", "expected"),
    [
        ("5.1.1", "", ("5.1.1", 0)),
        ("5.0.0", "smtp; 552 mailbox full", ("5.0.0", 552)),
        ("4.4.7", "smtp; 550 4.4.7 expired", ("4.4.7", 550)),
        ("5.2.0", "smtp;550-5.1.10 RESOLVER", ("5.1.10", 550)),
        ("5.1.1", "smtp; 550 5.0.0 no", ("5.1.1", 550)),
        ("", "550 no such user", ("", 550)),
        ("5.4.4", "X-Postfix; host 192.0.2.550 not found", ("5.4.4", 0)),
    ],
)
def test_the_most_telling_code_counts(
    status: str, diagnostic: str, expected: tuple[str, int]
) -> None:
    """The receiving server's own, unless it says nothing."""
    one = only(report(f"X: y\n\nAction: failed\nStatus: {status}\nDiagnostic-Code: {diagnostic}\n"))
    assert (one.status, one.code) == expected


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_other_news(action: str) -> None:
    """Delays and receipts come in the same form."""
    assert only(report(f"X: y\n\nAction: {action}\n")).action == action


def test_addresses_of_other_kinds() -> None:
    """X.400 and the like are nobody we know."""
    assert only(report("X: y\n\nAction: failed\nFinal-Recipient: x400; /C=x/\n")).recipients == ()


def test_what_is_no_notification() -> None:
    """Any other mail; and a notification without a single recipient has no reports."""
    assert dsn.find(mail("Subject: x\n\nAction: failed\n")) is None
    empty = dsn.find(report("Reporting-MTA: dns; x\n"))
    assert empty is not None
    assert empty.reports == ()


# --- complaints: written after the examples of RFC 5965 §B ------------------------------------

COMPLAINT = """\
From: <abusedesk@example.test>
Subject: FW: your digest
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1"

--part1
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.
--part1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <bounces+x@journal.example.org>
Original-Rcpt-To: <ada@example.org>
Original-Rcpt-To: ben@example.org
--part1
Content-Type: message/rfc822

From: <news@journal.example.org>
Message-ID: <1@journal.example.org>

Spam
--part1--
"""


def test_a_complaint_is_read() -> None:
    """Type, program, envelope sender and every recipient."""
    found = arf.find(mail(COMPLAINT.format(kind="Abuse")))
    assert found is not None
    assert found.complains
    assert (found.kind, found.agent) == ("abuse", "SomeGenerator/1.0")
    assert found.mail_from == ("bounces+x@journal.example.org",)
    assert found.recipients == ("ada@example.org", "ben@example.org")


@pytest.mark.parametrize(
    ("kind", "complains"),
    [("abuse", True), ("opt-out", True), ("brand-new", True), ("not-spam", False),
     ("auth-failure", False)],
)  # fmt: skip
def test_which_feedback_is_a_complaint(kind: str, complains: bool) -> None:
    """What nobody knows counts as one; its opposite does not."""
    found = arf.find(mail(COMPLAINT.format(kind=kind)))
    assert found is not None
    assert found.complains is complains
    assert arf.find(mail("Feedback-Type: abuse\n\nx")) is None


# --- automatic answers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated; owner-email=x",
        "Precedence: auto_reply", "X-Autoreply: yes", "Subject: Out of office: your digest",
        "Subject: Automatic reply: your digest", "Subject: Abwesenheitsnotiz",
        "Subject: Re: Auto-reply", "Subject: =?utf-8?q?R=C3=A9ponse_automatique?=",
        "Content-Type: message/disposition-notification",
    ],
)  # fmt: skip
def test_automatic_answers(header: str) -> None:
    """RFC 3834's field, what older programs say, and how they begin their subject."""
    assert autoreply.is_automatic(mail(f"{header}\n\nI am away."))


@pytest.mark.parametrize("header", ["Auto-Submitted: no", "Subject: Your article on leave"])
def test_letters_are_not_automatic(header: str) -> None:
    """A person wrote this."""
    assert not autoreply.is_automatic(mail(f"{header}\n\nHello"))


# --- leaving ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject", ["unsubscribe k1.u.abc.MAC-_x", "Re: Unsubscribe%20k1.u.abc.MAC-_x"]
)
def test_the_token_in_a_subject(subject: str) -> None:
    """As our mailto link makes it, however the mail program copies it."""
    assert leaving.token(mail(f"Subject: {subject}\n\n")) == "k1.u.abc.MAC-_x"
    assert leaving.token(mail("Subject: unsubscribe\n\n")) is None


@pytest.mark.parametrize(
    "text",
    [
        "Subject: Unsubscribe\n\n", "Subject: Re: unsubscribe please\n\n",
        "Subject: Re: Two new reviews\n\n\nUnsubscribe\n\n> quoted",
        "Subject: Re: Two new reviews\n\nPlease remove me from this list.\n",
        "Subject: AW: x\n\nBitte\n", "Subject: x\n\nAbmelden\n",
    ],
)  # fmt: skip
def test_people_who_ask_to_leave(text: str) -> None:
    """In the subject, or in the first line that they wrote."""
    assert leaving.is_asked(mail(text)) is ("Bitte" not in text)


@pytest.mark.parametrize(
    "text",
    [
        "Subject: Re: x\n\nThank you!\n\n> Unsubscribe: https://journal.example.org/u/x",
        "Subject: Re: x\n\n> unsubscribe",
        "Subject: Re: x\n\nOn Tuesday the journal wrote:\nunsubscribe",
        "Subject: Stop the presses, for I have found an error in one of the articles you sent\n\nHi",
        "Subject: Re: x\n\n" + "\n" * 100,
    ],
)
def test_people_who_do_not(text: str) -> None:
    """Our own quoted words say "unsubscribe" in every mail."""
    assert not leaving.is_asked(mail(text))


def test_an_html_reply() -> None:
    """Without a text part the tags are left out."""
    assert leaving.is_asked(
        mail("Subject: Re: x\nContent-Type: text/html\n\n<p>\n<b>Unsubscribe</b>")
    )


def test_what_it_answers() -> None:
    """Nearest first, each once, and not without end."""
    found = mail("In-Reply-To: <c@x>\nReferences: <a@x> <b@x>\n\t<c@x>\n\n")
    assert leaving.referred(found) == ["<c@x>", "<b@x>", "<a@x>"]
    many = " ".join(f"<{n}@x>" for n in range(99))
    assert len(leaving.referred(mail(f"References: {many}\n\n"))) == leaving.REFERENCES


# --- bounces of other shapes ------------------------------------------------------------------

QMAIL = """\
From: MAILER-DAEMON@mx.example.test
To: bounces@journal.example.org
Subject: failure notice

Hi. This is the qmail-send program at mx.example.test.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ada@example.test>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.
"""
WARNING = """\
From: Mail Delivery System <Mailer-Daemon@mx.example.test>
To: bounces@journal.example.org
Subject: Warning: message 1abc delayed 24 hours

This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.example.test.

The address to which the message has not yet been delivered is:

  ada@example.test
"""
ODD = """\
Return-Path: <>
From: Mail Delivery Subsystem <postmaster@example.test>
Subject: Something went wrong

There is nobody of that name.
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (QMAIL, Sort.PERMANENT), (WARNING, Sort.TEMPORARY), (ODD, Sort.PERMANENT),
        (ODD.replace("<>", "<x@example.test>"), None), ("Subject: Hello\n\nHow are you?", None),
    ],
)  # fmt: skip
def test_older_shapes(text: str, expected: Sort | None) -> None:
    """Qmail's, Exim's, and any other with an empty return path from a mail system."""
    raw = text.replace("\n", "\r\n").encode()
    assert nonstandard.find(raw, mime.parse(raw)) is expected


def test_nested_ones_are_not_given_to_the_patterns() -> None:
    """The standard library's parser would recurse into them."""
    raw = QMAIL.encode() + b"Content-Type: message/rfc822\n\n" * 100
    assert nonstandard.find(raw, mime.parse(raw)) is None


def test_what_the_patterns_choke_on_is_no_bounce(monkeypatch: pytest.MonkeyPatch) -> None:
    """They run over anybody's bytes; a fault in one of them stops nothing."""

    def choke(_: object) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setattr("flufl.bounce.all_failures", choke)
    raw = QMAIL.encode()
    assert nonstandard.find(raw, mime.parse(raw)) is None
