"""Bounces that keep to no standard, recognised by flufl.bounce's collection of their shapes."""

from __future__ import annotations

import re
from email import message_from_bytes
from enum import StrEnum

from publisher.formats.mime import Part

READ = 64 * 1024
"""Bytes that its patterns are given: bounces say what they have to say at their beginning."""
LINE = 300
"""Characters of a line: some of the patterns take time with its square."""
NESTED = 16
"""Boundaries and enclosed messages, which the standard library's parser recurses into."""

_SENDERS = re.compile(
    r"\b(?:mailer-daemon|postmaster|mail delivery (?:sub)?system|mail-daemon|maildaemon)\b",
    re.IGNORECASE,
)


class Sort(StrEnum):
    """What kind of failure it tells of."""

    TEMPORARY = "temporary"
    PERMANENT = "permanent"


def find(raw: bytes, mail: Part) -> Sort | None:
    """What a bounce of an older or odd kind says, or None for any other mail.

    Never raises. `mail` is `raw`, parsed: it tells whether a mail system wrote it.
    """
    begun = b"\n".join(line[:LINE] for line in raw[:READ].split(b"\n"))
    lower = begun.lower()
    if lower.count(b"boundary") + lower.count(b"message/") > NESTED:
        return None
    from flufl.bounce import all_failures  # with the first such mail, for it is some 20 modules

    try:
        temporary, permanent = all_failures(message_from_bytes(begun))
    except Exception:  # noqa: BLE001 - patterns over anybody's bytes: what they choke on is none
        return None
    if permanent:
        return Sort.PERMANENT
    if temporary:
        return Sort.TEMPORARY
    return Sort.PERMANENT if _from_a_mail_system(mail) else None


def _from_a_mail_system(mail: Part) -> bool:
    """RFC 5321 §4.5.5: notifications have an empty return path; older ones at least a name."""
    return mail.first("return-path").strip() == "<>" and bool(_SENDERS.search(mail.first("from")))
