"""What the receiving server said about one recipient."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

REPLY_LIMIT = 300
"""Characters of a server's reply that are kept."""

_ADDRESS = re.compile(r"(?:\"[^\"]*\"|[^\s<>()\[\],;:\"']+)@[^\s<>(),;\"']+")
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


class OutcomeKind(StrEnum):
    """The four answers; RFC 5321 §4.2.1 for the first digit of the reply."""

    ACCEPTED = "accepted"  # 2yz after the final dot
    DEFERRED = "deferred"  # 4yz, or no way through before the last byte: may be retried
    REFUSED = "refused"  # 5yz: never retried by itself
    UNKNOWN = "unknown"  # no reply after the last byte: may have arrived, never retried by itself


class Outcome(NamedTuple):  # made for every message: a frozen dataclass takes twice as long
    """`code` is the SMTP reply code (0: none); `reply` the server's words, without addresses."""

    kind: OutcomeKind
    code: int = 0
    reply: str = ""


ACCEPTED = Outcome(OutcomeKind.ACCEPTED, 250, "OK")


def from_reply(code: int, reply: str) -> Outcome:
    """Classify an SMTP reply by its first digit. Anything but 2, 4 or 5 counts as deferred."""
    if 200 <= code < 300:
        return Outcome(OutcomeKind.ACCEPTED, code, reply)
    if 500 <= code < 600:
        return Outcome(OutcomeKind.REFUSED, code, reply)
    return Outcome(OutcomeKind.DEFERRED, code, reply)


def cleaned(reply: str, recipient: str = "") -> str:
    """The server's words on one line, cut short, and without any address.

    Servers like to repeat the address, or its part before the @; ledgers hold neither.
    """
    text = reply.strip()
    local = recipient.rpartition("@")[0]
    if recipient and recipient in text:
        text = text.replace(recipient, "<address>")
    if "@" in text:
        text = _ADDRESS.sub("<address>", text)
    if 0 < len(local) <= len(text) and local.lower() in text.lower():
        text = re.sub(rf"(?<!\w){re.escape(local)}(?!\w)", "<address>", text, flags=re.IGNORECASE)
    if not text.isascii() or not text.isprintable() or "  " in text:
        text = _UNPRINTABLE.sub(" ", text)
    return text[:REPLY_LIMIT]
