"""A message compiled once for everybody and filled for one person by joining bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

_DOT = ord(".")

FIELDS = ("to", "date", "message_id", "token", "preferences", "greeting", "greeting_html")
"""What differs from person to person; the greetings only where a newsletter greets."""


@dataclass(frozen=True, slots=True)
class Message:
    """`segments` are fixed bytes; `fields[i]` (an index into FIELDS) goes after `segments[i]`.

    Lines end in CRLF and are at most 998 bytes (RFC 5322 §2.1.1). Dots are not stuffed:
    that is the transport's business. `len(segments) == len(fields) + 1`.
    """

    segments: tuple[bytes, ...]
    fields: tuple[int, ...]
    plain: bool = field(init=False, compare=False, repr=False)
    _frame: tuple[bytes, ...] = field(init=False, compare=False, repr=False)
    _places: tuple[tuple[int, int], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Make ready for `fill`, which runs for each reader."""
        frame = [self.segments[0]]
        for segment in self.segments[1:]:
            frame += (b"", segment)
        object.__setattr__(self, "plain", _plain(self.segments))
        object.__setattr__(self, "_frame", tuple(frame))
        places = tuple((2 * at + 1, index) for at, index in enumerate(self.fields))
        object.__setattr__(self, "_places", places)

    def fill(
        self,
        to: bytes,
        date: bytes,
        message_id: bytes,
        token: bytes,
        preferences: bytes,
        *greetings: bytes,
    ) -> bytes:
        """The whole message for one person; two tokens, for leaving and for their preferences.

        `greetings` are those of text and HTML, quoted-printable, where the newsletter greets.
        """
        return self.filled((to, date, message_id, token, preferences, *greetings))[0]

    def filled(self, values: tuple[bytes, ...]) -> tuple[bytes, bool]:
        """The same with all its values at once, and whether it is plain: see `Envelope`."""
        parts = list(self._frame)
        for place, index in self._places:
            parts[place] = values[index]
        return b"".join(parts), self.plain and _ordinary(values)


def _plain(segments: tuple[bytes, ...]) -> bool:
    """Whether the fixed parts make a plain message with any ordinary values."""
    rest = b" ".join(segment.replace(b"\r\n", b"") for segment in segments)
    return (
        rest.isascii()
        and b"\n" not in rest
        and b"\r" not in rest
        and not any(b"\r\n." in segment for segment in segments)
        and not segments[0].startswith(b".")
        and segments[-1].endswith(b"\r\n")
    )


def _ordinary(values: tuple[bytes, ...]) -> bool:
    """Each is something, ASCII, on one line, and brings no dot to the beginning of one."""
    row = b"".join(values)
    return (
        all(values)
        and row.isascii()
        and b"\n" not in row
        and b"\r" not in row
        and _DOT not in [value[0] for value in values]
    )


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP session says: who sends, who receives.

    `id` comes back in a bounce (RFC 3461's ENVID); empty for none. It is no part of who is meant.
    `plain`: the message need not be looked through for dots and odd line ends. Every line ends in
    CRLF, the last one too, no CR or LF stands alone, no line begins with a dot, and every byte is
    ASCII.
    """

    sender: str
    recipient: str
    id: str = field(default="", compare=False)
    plain: bool = field(default=False, compare=False)
