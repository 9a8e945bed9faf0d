"""One mail owed to one address outside any issue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """Why the mail is owed."""

    CONFIRMATION = "confirmation"
    WELCOME = "welcome"
    ADDRESS_CHANGE = "address change"
    ALREADY = "already subscribed"
    PREFERENCES = "preferences link"
    TEST = "test"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Notice:
    """`key` is unique: the same notice asked for twice is one mail.

    `html` may be empty. A TEST carries the whole edition; STAFF tells of an event.
    """

    kind: NoticeKind
    key: str
    address: str
    subject: str
    text: str
    html: str = ""
    newsletter: str | None = None
    transport: str = "default"
