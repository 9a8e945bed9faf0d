"""Names that last: `tag:` URIs (RFC 4151)."""

from __future__ import annotations

import re
from datetime import date

LENGTH = 200

# §2.1: authority (a DNS name or a mail address), date, specific part.
_TAG_URI = re.compile(
    r"tag:(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?,"
    r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?:"
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})+",
    re.ASCII,
)


def is_id(text: str) -> bool:
    """Whether `text` is a tag URI of a reasonable length."""
    found = _TAG_URI.fullmatch(text)
    if found is None or len(text) > LENGTH:
        return False
    year, month, day = found.groups()
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return False
    return True
