"""A message compiled once for everybody and filled for one person by joining bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

FIELDS = ("to", "date", "message_id", "token", "preferences")
"""What differs from person to person."""


class Plain(bytes):
    """A message that a transport need not look through for dots and odd line ends.

    Every line ends in CRLF, the last one too, no CR or LF stands alone, no line begins with a dot.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Message:
    """`segments` are fixed bytes; `fields[i]` (an index into FIELDS) goes after `segments[i]`.

    Lines end in CRLF and are at most 998 bytes (RFC 5322 §2.1.1). Dots are not stuffed:
    that is the transport's business. `len(segments) == len(fields) + 1`.
    """

    segments: tuple[bytes, ...]
    fields: tuple[int, ...]
    plain: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", _plain(self.segments))

    def fill(
        self, to: bytes, date: bytes, message_id: bytes, token: bytes, preferences: bytes
    ) -> bytes:
        """The whole message for one person; two tokens, for leaving and for their preferences."""
        values = (to, date, message_id, token, preferences)
        parts = [self.segments[0]]
        for position, index in enumerate(self.fields):
            parts.append(values[index])
            parts.append(self.segments[position + 1])
        if self.plain and all(_ordinary(value) for value in values):
            return Plain(b"".join(parts))
        return b"".join(parts)


def _plain(segments: tuple[bytes, ...]) -> bool:
    """Whether the fixed parts make a `Plain` message with any ordinary values."""
    rest = b" ".join(segment.replace(b"\r\n", b"") for segment in segments)
    return (
        b"\n" not in rest
        and b"\r" not in rest
        and not any(b"\r\n." in segment for segment in segments)
        and not segments[0].startswith(b".")
        and segments[-1].endswith(b"\r\n")
    )


def _ordinary(value: bytes) -> bool:
    """Something, on one line, that brings no dot to the beginning of one."""
    return value != b"" and value[:1] != b"." and b"\n" not in value and b"\r" not in value


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP session says: who sends, who receives.

    `id` comes back in a bounce (RFC 3461's ENVID); empty for none. It is no part of who is meant.
    """

    sender: str
    recipient: str
    id: str = field(default="", compare=False)
