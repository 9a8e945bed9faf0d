"""Later news about a delivery: bounces and complaints, and what they lead to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from publisher.domain.bouncing import BounceKind as BounceKind
from publisher.domain.bouncing import BouncePolicy as BouncePolicy
from publisher.domain.delivery import OutboxKind


class BounceSource(StrEnum):
    """How we heard of it."""

    SESSION = "session"  # the server refused the message while we were talking to it
    MAIL = "mail"  # a mail came back


class Disposition(StrEnum):
    """What became of a received mail."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBED = "unsubscribed"
    IGNORED = "ignored"  # it changed nothing, and nobody need read it for our sake
    FOR_PEOPLE = "for people"  # somebody should read it

    @property
    def done(self) -> bool:
        """Whether the mail was for us and is dealt with."""
        return self not in (Disposition.IGNORED, Disposition.FOR_PEOPLE)


@dataclass(frozen=True, slots=True)
class Bounce:
    """One bounce of one delivery or notice.

    `status` is the enhanced code (RFC 3463) or empty, `code` the SMTP reply code or 0, `reply`
    the server's words without any address. `key` is unique: the same news twice is one bounce.
    """

    of: OutboxKind
    of_id: int
    at: datetime
    kind: BounceKind
    source: BounceSource
    key: str
    status: str = ""
    code: int = 0
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Somebody pressed "this is spam". `of_id` None: only the reader is known, not the mail.

    `feedback` is the type of the report (RFC 5965 §7.3), for instance `abuse`.
    """

    at: datetime
    feedback: str
    key: str
    of: OutboxKind = OutboxKind.DELIVERY
    of_id: int | None = None


SETTLES_AFTER = timedelta(days=5)
"""A mail that nobody sent back within this time has arrived (RFC 5321 §4.5.4.1: 4 to 5 days)."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a delivery or notice was for. `personal`: a reader's, and not a mail to staff.

    `token_id` names the subscription of a delivery, and is empty for a notice.
    """

    address: str = field(repr=False)
    issue_id: int | None = None
    newsletter: str | None = None
    personal: bool = True
    token_id: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that a server refused in the session, and that no bounce tells of yet."""

    of: OutboxKind
    of_id: int
    at: datetime
    code: int
    reply: str


REASONS = {
    BounceKind.HARD: "the mailbox does not exist",
    BounceKind.SOFT: "it bounced again and again",
}
"""What the note of a suppression says."""
