"""A received mail and what it leads to, on a real store, for mails that really left."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from publisher.domain.bounce import BounceKind, BouncePolicy, Disposition
from publisher.domain.delivery import OutboxKind
from publisher.domain.issue import Issue, IssueEvent, IssueState
from publisher.domain.journal import Mailbox
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.outcome import Outcome, OutcomeKind
from publisher.domain.subscription import SubscriptionState, SuppressionReason
from publisher.formats import token
from publisher.formats.verp import Verp
from publisher.inbound import Judge, Received, Receiver
from publisher.subscribe import unsubscribe
from publisher.transports.memory import MemoryTransport, Sent
from tests import factories
from tests.formats.test_mime import HOSTILE
from tests.verbs.outbox import KEYS, NOW, Clock, Post, never, open_at, readers, release, subscribe

BOX = "bounces@journal.example.org"
VERP = Verp(KEYS, BOX)
NO = Outcome(OutcomeKind.REFUSED, 550, "5.1.1 reader00000@example.org: no such user")


@dataclass
class Office:
    """A journal with readers, what it sent, and what reads its mail."""

    post: Post
    told: list[tuple[str, str, str]] = field(default_factory=list)
    policy: BouncePolicy = field(default_factory=BouncePolicy)
    verp: Verp | None = VERP

    def __post_init__(self) -> None:
        self.store = self.post.store

    @property
    def judge(self) -> Judge:
        def tell(*said: str) -> None:
            self.told.append(said)  # type: ignore[arg-type]  # three strings

        return Judge(self.store, self.post.journal, self.policy, tell)

    def send(self, *script: Outcome) -> tuple[Issue, tuple[Sent, ...]]:
        """One more issue to everybody."""
        issue = release(self.store, self.post.journal)
        transport = MemoryTransport(script=script)
        sender = replace(self.post.dispatcher(transport), verp=self.verp)
        sender.drain(never())
        return issue, transport.sent

    def receive(self, raw: str | bytes, *recipients: str) -> Received:
        content = raw if isinstance(raw, bytes) else raw.replace("\n", "\r\n").encode()

        def leave(token_id: str, now: object) -> object:
            return unsubscribe(self.store.subscribers, token_id, self.post.clock())

        receiver = Receiver(self.judge, KEYS, self.verp, leave)
        return receiver.receive(content, recipients, self.post.clock())

    def suppressed(self) -> dict[str, SuppressionReason]:
        return {
            one.address: one.reason for one in [each for _, each in self.store.suppressions.list()]
        }

    def state(self, address: str) -> SubscriptionState:
        (found,) = self.store.subscribers.by_address(address)
        return found.state


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    store = open_at(tmp_path / "journal.db")
    subscribe(store, "weekly", readers(4))
    yield Office(Post(store, factories.journal(), Clock()))
    store.close()


ADA = "reader00000@example.org"


def dsn(
    to: str,
    diagnostic: str = "smtp; 550 5.1.1 User unknown",
    *,
    action: str = "failed",
    extra: str = "",
    returned: str = "",
    number: int = 1,
) -> str:
    """A notification as Postfix writes them."""
    return (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.test\nTo: {to}\n"
        f"Message-ID: <{number}@mx.example.test>\nSubject: Undelivered Mail\n"
        "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"\n\n'
        "--=_b\nContent-Type: text/plain\n\nI could not deliver it.\n\n"
        f"--=_b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n{extra}\n"
        f"Final-Recipient: rfc822; {ADA}\nAction: {action}\nStatus: 5.0.0\n"
        f"Diagnostic-Code: {diagnostic}\n\n"
        f"--=_b\nContent-Type: text/rfc822-headers\n\n{returned}\n--=_b--\n"
    )


def header(sent: Sent, name: str) -> str:
    return str(message_from_bytes(sent.message)[name])


# --- bounces ----------------------------------------------------------------------------------


def test_a_hard_bounce_ends_in_a_suppression(office: Office) -> None:
    """The address that the bounce came to says whose mail it was; nothing else is needed."""
    issue, sent = office.send()
    found = office.receive(dsn(sent[0].envelope.sender))
    assert (found.disposition, found.kind) == (Disposition.BOUNCE, BounceKind.HARD)
    assert office.suppressed() == {ADA: SuppressionReason.BOUNCE}
    assert office.store.figures.of(issue.id).bounces == {"hard": 1}
    _, later = office.send()
    assert ADA not in [one.envelope.recipient for one in later]


def test_every_mail_has_an_envelope_sender_of_its_own(office: Office) -> None:
    """Deliveries and notices alike; none shows an address, and none shows a number."""
    office.store.notices.add(
        Notice(NoticeKind.WELCOME, "w:1", ADA, "Welcome", "Hello"), "nonce", NOW
    )
    _, sent = office.send()
    senders = {one.envelope.sender for one in sent}
    assert len(senders) == len(sent) == 5
    assert {VERP.read(sender) for sender in senders} == {
        (OutboxKind.NOTICE, 1), *((OutboxKind.DELIVERY, n) for n in range(1, 5)),
    }  # fmt: skip


def test_the_same_bounce_twice_is_one(office: Office) -> None:
    """However often a mail system hands it over."""
    issue, sent = office.send()
    mail = dsn(sent[0].envelope.sender, "smtp; 552 5.2.2 mailbox full")
    assert office.receive(mail).disposition is Disposition.BOUNCE
    assert office.receive(mail).disposition is Disposition.IGNORED
    assert office.store.figures.of(issue.id).bounces == {"soft": 1}


@pytest.mark.parametrize("where", ["Delivered-To", "X-Original-To", "Envelope-To", "Cc"])
def test_the_signed_address_is_found_where_mail_systems_put_it(office: Office, where: str) -> None:
    """In whichever header; or in the envelope, where that is known."""
    _, sent = office.send()
    mail = f"{where}: <{sent[0].envelope.sender}>\n" + dsn("postmaster@journal.example.org")
    assert office.receive(mail).disposition is Disposition.BOUNCE
    other = dsn("postmaster@journal.example.org", number=2)
    assert office.receive(other, sent[1].envelope.sender).disposition is Disposition.BOUNCE
    assert len(office.suppressed()) == 2


def test_it_is_found_by_our_message_id(office: Office) -> None:
    """Where a relay puts its own envelope sender: ENVID, or the header that came back."""
    _, sent = office.send()
    mail_id = header(sent[0], "Message-ID")
    by_envid = dsn(BOX, extra=f"Original-Envelope-Id: {mail_id.strip('<>')}\n")
    assert office.receive(by_envid).disposition is Disposition.BOUNCE
    by_header = dsn(BOX, returned=f"Message-ID: {mail_id}\nTo: {ADA}\n", number=2)
    assert office.receive(by_header).disposition is Disposition.BOUNCE
    by_path = dsn(BOX, returned=f"Return-Path: <{sent[1].envelope.sender}>\n", number=3)
    assert office.receive(by_path).disposition is Disposition.BOUNCE
    assert set(office.suppressed()) == {ADA, sent[1].envelope.recipient}


def test_a_forged_bounce_changes_nothing(office: Office) -> None:
    """A guessed number, a wrong signature, another's key, an address alone: all are ignored."""
    _, sent = office.send()
    sender = sent[0].envelope.sender
    code = sender.partition("+")[2].partition("@")[0]
    other = Verp((("k1", b"x" * 32),), BOX).sender(OutboxKind.DELIVERY, 1)
    for number, to in enumerate(
        (BOX, "bounces+1@journal.example.org", other, sender.replace(code, code[::-1]),
         sender.replace("journal.", "other."), sender.replace(code, code[:-1])),
    ):  # fmt: skip
        found = office.receive(
            dsn(to, number=number, returned=f"To: {ADA}\nMessage-ID: <x@journal.example.org>\n")
        )
        assert found.disposition is Disposition.IGNORED
    gone = VERP.sender(OutboxKind.DELIVERY, 999)
    assert office.receive(dsn(gone)).disposition is Disposition.IGNORED
    assert office.suppressed() == {}
    assert office.told == []


def test_delays_are_no_bounces(office: Office) -> None:
    """The mail system still tries."""
    _, sent = office.send()
    for action in ("delayed", "relayed", "delivered"):
        found = office.receive(dsn(sent[0].envelope.sender, action=action))
        assert found.disposition is Disposition.IGNORED
    assert office.suppressed() == {}


def test_a_notification_without_the_servers_words(office: Office) -> None:
    """A telling code is enough; else the part for people is asked."""
    _, sent = office.send()
    full = dsn(sent[0].envelope.sender, "").replace("Status: 5.0.0", "Status: 5.1.1").replace(
        "I could not deliver it.", "The mailbox is full of dust, or not."
    )  # fmt: skip
    assert office.receive(full).kind is BounceKind.HARD
    words = dsn(sent[1].envelope.sender, "", number=2).replace(
        "I could not deliver it.", "Received at 10.0.5.1.1 by 2.0.13: no such user"
    )
    assert office.receive(words).kind is BounceKind.HARD


def test_soft_bounces_end_it_after_weeks(office: Office) -> None:
    """Three mails in a row, over two weeks."""
    for number, expected in enumerate([{}, {}, {ADA: SuppressionReason.BOUNCE}]):
        _, sent = office.send()
        mine = next(one for one in sent if one.envelope.recipient == ADA)
        mail = dsn(mine.envelope.sender, "smtp; 452 4.2.2 Mailbox full", number=number)
        assert office.receive(mail).kind is BounceKind.SOFT
        assert office.suppressed() == expected
        office.post.clock.forward(days=7)


def test_content_is_nobodys_fault(office: Office) -> None:
    """It is counted, and that is all."""
    issue, sent = office.send()
    mail = dsn(sent[0].envelope.sender, "smtp; 554 5.6.0 Message contains a virus")
    assert office.receive(mail).kind is BounceKind.CONTENT
    assert office.suppressed() == {}
    assert office.store.figures.of(issue.id).bounces == {"content": 1}


BLOCKED = (
    "smtp; 550 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.example for ada@x.example"
)


def test_blocks_tell_staff_and_pause_what_is_sent(office: Office) -> None:
    """Nobody is suppressed; at the third reader everything of that domain pauses."""
    issue, sent = office.send()
    other = release(office.store, office.post.journal)
    for number, one in enumerate(sent[:2]):
        office.receive(dsn(one.envelope.sender, BLOCKED, number=number))
    assert [key for key, _, _ in office.told] == [f"block:{issue.id}"] * 2
    assert office.post.state(other) is IssueState.SENDING
    office.receive(dsn(sent[2].envelope.sender, BLOCKED, number=2))
    assert office.post.state(other) is IssueState.PAUSED
    key, subject, text = office.told[-1]
    assert key == f"blocks:{issue.id}:3"
    assert str(other.id) in subject
    assert "publisher resume" in text
    assert office.suppressed() == {}
    assert not any("ada" in said for told in office.told for said in told)


def test_other_domains_go_on(office: Office) -> None:
    """A block of one sender's domain is no news about another's."""
    office.policy = BouncePolicy(block_limit=1)
    _, sent = office.send()
    own = factories.newsletter(
        slug="other", list_id="other.example.org", sender=Mailbox("us@other.example.org", "Us")
    )
    journal = replace(office.post.journal, newsletters=(*office.post.journal.newsletters, own))
    office.post.journal = journal
    subscribe(office.store, "other", readers(1))
    other = release(office.store, journal, "other")
    same = release(office.store, journal)
    office.receive(dsn(sent[0].envelope.sender, BLOCKED))
    assert office.post.state(other) is IssueState.SENDING
    assert office.post.state(same) is IssueState.PAUSED


def test_a_block_when_nothing_is_being_sent(office: Office) -> None:
    """There is nothing to pause; staff hear of it all the same."""
    office.policy = BouncePolicy(block_limit=1)
    issue, sent = office.send()
    assert office.post.state(issue) is IssueState.FINISHED
    office.receive(dsn(sent[0].envelope.sender, BLOCKED))
    assert [key for key, _, _ in office.told] == [f"block:{issue.id}"]


def test_bounces_of_notices(office: Office) -> None:
    """A reader's is held against the address; staff's own mailbox is never suppressed."""
    for kind, address in ((NoticeKind.CONFIRMATION, "new@example.org"),
                          (NoticeKind.STAFF, "staff@example.org")):  # fmt: skip
        office.store.notices.add(Notice(kind, f"k:{kind}", address, "S", "T"), "n", NOW)
    for number in (1, 2):
        sender = VERP.sender(OutboxKind.NOTICE, number)
        assert office.receive(dsn(sender, number=number)).disposition is Disposition.BOUNCE
    assert office.suppressed() == {"new@example.org": SuppressionReason.BOUNCE}
    blocked = office.receive(dsn(VERP.sender(OutboxKind.NOTICE, 1), BLOCKED, number=3))
    assert blocked.kind is BounceKind.BLOCK
    assert office.told[-1][0].startswith("block:notices:")


QMAIL = (
    "From: MAILER-DAEMON@mx.example.test\nTo: {to}\nSubject: failure notice\n\n"
    "Hi. This is the qmail-send program at mx.example.test.\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
    "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
    "<reader00000@example.org>:\nSorry, no mailbox here by that name. (#5.1.1)\n"
)


def test_a_bounce_without_a_standards_form(office: Office) -> None:
    """Recognised by its shape, believed by its address, told by its words."""
    _, sent = office.send()
    assert office.receive(QMAIL.format(to=BOX)).disposition is Disposition.IGNORED
    found = office.receive(QMAIL.format(to=sent[0].envelope.sender))
    assert (found.disposition, found.kind) == (Disposition.BOUNCE, BounceKind.HARD)


def test_a_warning_is_never_hard(office: Office) -> None:
    """What flufl.bounce knows as temporary counts softly, whatever words it holds."""
    _, sent = office.send()
    warning = (
        f"From: Mail Delivery System <Mailer-Daemon@mx.example.test>\nTo: {sent[0].envelope.sender}\n"
        "Subject: Warning: message 1abc delayed 24 hours\n\n"
        "This message was created automatically by mail delivery software.\n"
        "A message that you sent has not yet been delivered to one or more of its\n"
        "recipients after more than 24 hours on the queue on mx.example.test.\n\n"
        "The address to which the message has not yet been delivered is:\n\n"
        "  reader00000@example.org\n    Delay reason: no such user\n"
    )
    assert office.receive(warning).kind is BounceKind.SOFT
    assert office.suppressed() == {}


# --- refusals in the session ------------------------------------------------------------------


def test_a_refusal_counts_like_a_bounce(office: Office) -> None:
    """Judged once, whoever asks; what a killed process left is found by the next."""
    issue, _ = office.send(NO)
    assert office.suppressed() == {}
    assert office.judge.refusals(office.post.clock()) == 1
    assert office.judge.refusals(office.post.clock()) == 0
    assert office.suppressed() == {ADA: SuppressionReason.BOUNCE}
    assert office.store.figures.of(issue.id).bounces == {"hard": 1}


def test_old_refusals_judge_nobody(office: Office) -> None:
    """History from before an upgrade suppresses nobody."""
    office.send(NO)
    office.post.clock.forward(days=31)
    assert office.judge.refusals(office.post.clock()) == 0


def test_refusals_for_a_block_pause_the_issue(office: Office) -> None:
    """While it is being sent."""
    no = Outcome(OutcomeKind.REFUSED, 550, "5.7.1 blocked using zen.spamhaus.example")
    office.send(no, no, no)
    running = release(office.store, office.post.journal)
    assert office.judge.refusals(office.post.clock()) == 3
    assert office.post.state(running) is IssueState.PAUSED
    office.store.issues.move(running.id, IssueEvent.RESUME, office.post.clock())
    assert office.judge.refusals(office.post.clock()) == 0
    assert office.post.state(running) is IssueState.SENDING


# --- complaints -------------------------------------------------------------------------------

ARF = """\
From: fbl@example.test
To: abuse@journal.example.org
Message-ID: <arf{number}@example.test>
Content-Type: multipart/report; report-type=feedback-report; boundary="p"

--p
Content-Type: text/plain

This is an abuse report.
--p
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Test/1.0
Version: 1
{fields}
--p
Content-Type: message/rfc822

{returned}
Subject: Two new reviews

Body
--p--
"""


def arf(fields: str = "X: y", returned: str = "X: y", kind: str = "abuse", number: int = 1) -> str:
    return ARF.format(fields=fields, returned=returned, kind=kind, number=number)


def test_a_complaint_ends_in_a_suppression(office: Office) -> None:
    """Known by the envelope sender that it reports; only staff may lift it."""
    issue, sent = office.send()
    mail = arf(f"Original-Mail-From: <{sent[0].envelope.sender}>")
    assert office.receive(mail).disposition is Disposition.COMPLAINT
    assert office.receive(mail).disposition is Disposition.IGNORED
    assert office.suppressed() == {ADA: SuppressionReason.COMPLAINT}
    assert office.store.figures.of(issue.id).bounces == {"complaint": 1}


def test_complaints_that_leave_out_the_sender(office: Office) -> None:
    """By the returned mail's Return-Path, Message-ID with recipient, or unsubscribe token."""
    _, sent = office.send()
    ada, ben, cem, dan = sent
    mail_id = header(cem, "Message-ID")
    mails = (
        arf(returned=f"Return-Path: <{ada.envelope.sender}>", number=1),
        arf(returned=f"List-Unsubscribe: {header(ben, 'List-Unsubscribe')}", number=2),
        arf(f"Original-Rcpt-To: {cem.envelope.recipient}", f"Message-ID: {mail_id}", number=3),
        arf(returned=f"Message-ID: {header(dan, 'Message-ID')}\nTo: {dan.envelope.recipient}",
            number=4),
    )  # fmt: skip
    for number, mail in enumerate(mails, start=1):
        assert office.receive(mail).disposition is Disposition.COMPLAINT
        assert len(office.suppressed()) == number


def test_complaints_that_nothing_proves(office: Office) -> None:
    """Nor its opposite, nor one about a mail of somebody else."""
    _, sent = office.send()
    mails = (
        arf(f"Original-Rcpt-To: {ADA}"),
        arf(f"Original-Mail-From: <{BOX}>"),
        arf(returned="List-Unsubscribe: <https://journal.example.org/u/k1.u.x.y>"),
        arf(f"Original-Mail-From: <{sent[0].envelope.sender}>", kind="not-spam"),
        arf(returned="List-Unsubscribe: <https://journal.example.org/u/"
            f"{token.make(KEYS, token.Purpose.UNSUBSCRIBE, 'gone')}>"),
        arf(f"Original-Mail-From: <{VERP.sender(OutboxKind.DELIVERY, 999)}>"),
        arf().split("--p\nContent-Type: message/rfc822")[0] + "--p--\n",
    )  # fmt: skip
    for mail in mails:
        assert office.receive(mail).disposition is Disposition.IGNORED
    assert office.suppressed() == {}


def test_a_complaint_about_a_mail_to_staff(office: Office) -> None:
    """Somebody slipped: staff are not shut out from their own alerts."""
    office.store.notices.add(Notice(NoticeKind.STAFF, "k", "s@example.org", "S", "T"), "n", NOW)
    sender = VERP.sender(OutboxKind.NOTICE, 1)
    mail = arf(f"Original-Mail-From: <{sender}>")
    assert office.receive(mail).disposition is Disposition.COMPLAINT
    assert office.suppressed() == {}


# --- leaving ----------------------------------------------------------------------------------


def test_a_mail_from_our_mailto_link(office: Office) -> None:
    """The token in its subject says who; a second one changes nothing more."""
    (found,) = office.store.subscribers.by_address(ADA)
    given = token.make(KEYS, token.Purpose.UNSUBSCRIBE, found.token_id)
    mail = f"From: somebody@else.example\nTo: leave@journal.example.org\nSubject: unsubscribe {given}\n\n"
    for _ in range(2):
        assert office.receive(mail).disposition is Disposition.UNSUBSCRIBED
    assert office.state(ADA) is SubscriptionState.UNSUBSCRIBED
    assert office.suppressed() == {}
    bad = mail.replace(given, given[:-1] + ("a" if given[-1] != "a" else "b"))
    assert office.receive(bad).disposition is Disposition.FOR_PEOPLE
    preferences = token.make(KEYS, token.Purpose.PREFERENCES, found.token_id)
    assert office.receive(mail.replace(given, preferences)).disposition is Disposition.FOR_PEOPLE


REPLY = "From: {sender}\nTo: news@journal.example.org\nSubject: {subject}\n{more}\n{text}\n"


def reply(sent: Sent | None, sender: str = ADA, subject: str = "Re: x", text: str = "Stop") -> str:
    more = f"In-Reply-To: {header(sent, 'Message-ID')}\n" if sent else ""
    return REPLY.format(sender=sender, subject=subject, text=text, more=more)


def test_a_reply_to_our_mail(office: Office) -> None:
    """Believed by the Message-ID that it answers."""
    _, sent = office.send()
    assert office.receive(reply(sent[0])).disposition is Disposition.UNSUBSCRIBED
    assert office.state(ADA) is SubscriptionState.UNSUBSCRIBED
    assert office.told == []


def test_a_reply_to_the_signed_address(office: Office) -> None:
    """Some programs answer to the envelope sender."""
    _, sent = office.send()
    found = office.receive(reply(None, "alias@example.org"), sent[0].envelope.sender)
    assert found.disposition is Disposition.UNSUBSCRIBED
    assert office.state(ADA) is SubscriptionState.UNSUBSCRIBED


def test_a_forged_from_unsubscribes_nobody(office: Office) -> None:
    """Without the Message-ID, or with another reader's: staff are told, and read it."""
    _, sent = office.send()
    for mail in (reply(None), reply(sent[1]), reply(sent[0], "other@example.org")):
        assert office.receive(mail).disposition is Disposition.FOR_PEOPLE
    assert {office.state(address) for address in readers(4)} == {SubscriptionState.CONFIRMED}
    assert {key for key, _, _ in office.told} == {f"asks:{NOW.date()}"}
    assert not any("@" in said for told in office.told for said in told)


def test_letters_and_automatic_answers(office: Office) -> None:
    """A letter is for people, an out-of-office for nobody, though it quotes us."""
    _, sent = office.send()
    letter = reply(sent[0], text="Thank you!\n\n> Unsubscribe: https://journal.example.org/u/x")
    assert office.receive(letter).disposition is Disposition.FOR_PEOPLE
    away = reply(sent[0], subject="Out of office: Two new reviews", text="I am away")
    found = office.receive("Auto-Submitted: auto-replied\n" + away)
    assert (found.disposition, found.kind) == (Disposition.IGNORED, BounceKind.AUTO_REPLY)
    assert office.receive("Auto-Submitted: auto-replied\n" + reply(sent[0])).disposition is (
        Disposition.IGNORED
    )
    assert {office.state(address) for address in readers(4)} == {SubscriptionState.CONFIRMED}


# --- safety -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_ten_hostile_megabytes_change_nothing(office: Office, name: str) -> None:
    """Whatever comes, with a good signature too, is read or left."""
    office.send()
    sender = VERP.sender(OutboxKind.DELIVERY, 1)
    for to in ((), (sender,)):
        assert office.receive(HOSTILE[name], *to).disposition in Disposition
    assert {office.state(address) for address in readers(4)} == {SubscriptionState.CONFIRMED}


def test_without_signed_senders(office: Office) -> None:
    """The Message-ID alone still tells."""
    office.verp = None
    _, sent = office.send()
    assert sent[0].envelope.sender == BOX
    mail = dsn(BOX, extra=f"Original-Envelope-Id: {header(sent[0], 'Message-ID').strip('<>')}\n")
    assert office.receive(mail).disposition is Disposition.BOUNCE
    assert office.suppressed() == {ADA: SuppressionReason.BOUNCE}


def test_nothing_kept_or_logged_names_an_address(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """Servers like to repeat it; rows and logs hold the words without it."""
    caplog.set_level(logging.DEBUG)
    _, sent = office.send()
    said = f"smtp; 550 5.1.1 <{ADA}>: Recipient address rejected: reader00000 is unknown"
    office.receive(dsn(sent[0].envelope.sender, said))
    with office.store.database.read() as connection:  # type: ignore[attr-defined]  # the SQL store's
        kept = [str(row) for row in connection.exec_driver_sql("SELECT * FROM bounce")]
    assert len(kept) == 1
    assert "5.1.1" in kept[0]
    assert "suppressed" in caplog.text
    for text in (*kept, caplog.text):
        assert "reader00000" not in text


def test_the_clock_is_an_argument(office: Office) -> None:
    """A bounce is dated when it was received."""
    _, sent = office.send()
    office.post.clock.forward(days=3)
    office.receive(dsn(sent[0].envelope.sender))
    (found,) = [each for _, each in office.store.suppressions.list()]
    assert found.since == NOW + timedelta(days=3)
