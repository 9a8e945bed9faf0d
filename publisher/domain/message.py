"""A message compiled once for everybody and filled for one person by joining bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

FIELDS = ("to", "date", "message_id", "token")
"""What differs from person to person."""


@dataclass(frozen=True, slots=True)
class Message:
    """`segments` are fixed bytes; `fields[i]` (an index into FIELDS) goes after `segments[i]`.

    Lines end in CRLF and are at most 998 bytes (RFC 5322 §2.1.1). Dots are not stuffed:
    that is the transport's business. `len(segments) == len(fields) + 1`.
    """

    segments: tuple[bytes, ...]
    fields: tuple[int, ...]

    def fill(self, to: bytes, date: bytes, message_id: bytes, token: bytes) -> bytes:
        """The whole message for one person."""
        values = (to, date, message_id, token)
        parts = [self.segments[0]]
        for position, index in enumerate(self.fields):
            parts.append(values[index])
            parts.append(self.segments[position + 1])
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP session says: who sends, who receives.

    `id` comes back in a bounce (RFC 3461's ENVID); empty for none. It is no part of who is meant.
    """

    sender: str
    recipient: str
    id: str = field(default="", compare=False)
