"""One line of the watermark: `NUMBER SENT SECONDS KIND HASH DETAIL CHECKSUM`, in ASCII.

Whoever left is named by a keyed hash (`formats/pepper.py`), never by an address.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 512
"""Bytes of a line with its end; whatever is longer was not written here."""
_NOTHING = "-"


class Entry(StrEnum):
    """What a line tells."""

    SENT = "sent"  # from now on mail may leave
    LEFT = "left"  # a newsletter: the detail
    SUPPRESSED = "suppressed"  # for a reason: the detail
    FORGOTTEN = "forgotten"  # likewise


@dataclass(frozen=True, slots=True)
class Line:
    """`number` grows by one from line to line; `sent` is that of the last SENT up to here."""

    number: int
    sent: int
    seconds: int
    entry: Entry
    form: str = ""
    detail: str = ""


def render(line: Line) -> bytes:
    """The line with its checksum and its end."""
    words = (line.number, line.sent, line.seconds, line.entry)
    text = " ".join([*map(str, words), line.form or _NOTHING, line.detail or _NOTHING])
    return f"{text} {zlib.crc32(text.encode('ascii')):08x}\n".encode("ascii")


def parse(raw: bytes) -> Line | None:
    """What `render` made, without or with its end; None for anything else, as a torn line."""
    text, _, checksum = raw.rstrip(b"\n").rpartition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    words = text.decode("ascii", "replace").split(" ")
    try:
        number, sent, seconds, entry, form, detail = words
        return Line(
            int(number),
            int(sent),
            int(seconds),
            Entry(entry),
            "" if form == _NOTHING else form,
            "" if detail == _NOTHING else detail,
        )
    except ValueError:
        return None
