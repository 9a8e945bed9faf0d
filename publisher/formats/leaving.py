"""Mails by which somebody asks to get no more."""

from __future__ import annotations

import re
from collections.abc import Sequence

from publisher.formats.mime import Part

ASKED = re.compile(
    r"^[\s\"'*_>-]{0,20}(?:(?:re|aw|sv|tr|antw|odp)\s*:\s*)*(?:please\s+|kindly\s+)?"
    r"(?:unsubscribe|un-subscribe|unsubscribed|stop|remove me|take me off|opt[ -]?out"
    r"|abmelden|abbestellen|d[ée]sabonner|d[ée]sinscrire|darme de baja|cancelar suscripci[oó]n"
    r"|disiscrivi|cancellami|avregistrera|afmelden|uitschrijven)\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"\bunsubscribe(?:[\s+_]|%20){1,5}([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){3})", re.IGNORECASE
)
_ID = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>")
_QUOTE = re.compile(r"^\s*(?:>|-{2,}|_{5,}|On .{0,200}wrote:|From:|Von:|De :)", re.IGNORECASE)

WORDS = 12
"""A line with more words than this is a letter, not a request by its first word."""
REFERENCES = 20


def token(mail: Part) -> str | None:
    """What stands behind `unsubscribe` in the subject of a mail made by our mailto link."""
    match = _TOKEN.search(mail.first("subject"))
    return match[1] if match else None


def is_asked(mail: Part) -> bool:
    """Whether a person asks to leave: in what they wrote first, or in a subject of their own.

    What is quoted below their own words is ours, and says "unsubscribe" in every mail.
    """
    if _asks(mail.first("subject")):
        return True
    part = mail.find("text/plain") or mail.find("text/html") or mail
    for line in part.text()[:4000].splitlines()[:40]:
        if _QUOTE.match(line):
            return False
        if line.strip():
            return _asks(line)
    return False


def referred(mail: Part) -> Sequence[str]:
    """Message-IDs that it answers, nearest first (RFC 5322 §3.6.4)."""
    near = _ID.findall(mail.first("in-reply-to"))
    far = _ID.findall(mail.first("references"))[::-1]
    return list(dict.fromkeys([*near, *far]))[:REFERENCES]


def _asks(line: str) -> bool:
    return bool(ASKED.match(line)) and len(line.split()) <= WORDS
