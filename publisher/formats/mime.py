"""A mail from anybody, read within bounds: no input takes long, needs much memory or raises.

The standard library's parser recurses into nested parts and compares each line with each open
boundary, which hostile mail can make very slow. This one is linear: a few parts, a few levels,
and the beginning of each text are all that a bounce is told by.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header

READ = 10 * 1024 * 1024
"""Bytes that are looked at."""
PARTS = 50
DEPTH = 6
HEADERS = 64 * 1024
"""Bytes of one part's header."""
FIELDS = 200
MARKS = 1000
"""Lines that look like one boundary."""
VALUE = 2000
"""Characters of one header's value."""
TEXT = 64 * 1024
"""Bytes of one part's content."""

_END = re.compile(rb"\r?\n[ \t]*\r?\n")
_FIELD = re.compile(rb"^([!-9;-~]{1,100}):[ \t]*(.*(?:\r?\n[ \t].*)*)", re.MULTILINE)
_FOLD = re.compile(r"\r?\n[ \t]+")
_PARAMETER = re.compile(
    r";\s*([a-z-]{1,40})\s*=\s*(?:\"([^\"]{0,300})\"|([^\s;\"]{1,300}))", re.IGNORECASE
)
_TYPE = re.compile(r"\s*([a-z0-9.+-]{1,60})/([a-z0-9.+-]{1,60})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Part:
    """One part. `fields` are (name in lower case, value) in order; `content` its raw beginning."""

    fields: Fields
    kind: str
    parameters: Mapping[str, str]
    content: bytes
    parts: tuple[Part, ...] = ()

    def first(self, name: str) -> str:
        """The first header of this name, decoded; empty where there is none."""
        return next((decoded(value) for field, value in self.fields if field == name), "")

    def every(self, name: str) -> Sequence[str]:
        """All headers of this name, decoded, in order."""
        return [decoded(value) for field, value in self.fields if field == name]

    def walk(self) -> Iterator[Part]:
        """This part and all within it, outermost first."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def find(self, *kinds: str) -> Part | None:
        """The first part of one of these types."""
        return next((part for part in self.walk() if part.kind in kinds), None)

    def text(self) -> str:
        """The content as text, whatever its encoding claims; tags of HTML left out."""
        shown = _unpacked(self.content, self.first("content-transfer-encoding").strip().lower())
        words = _as_text(shown, self.parameters.get("charset", "utf-8"))
        return _TAG.sub(" ", words) if self.kind == "text/html" else words


def parse(raw: bytes) -> Part:
    """The whole message. Never raises: what cannot be understood is left out."""
    return _part(raw[:READ], DEPTH, [PARTS])


def fields(text: bytes) -> Fields:
    """Header lines as (name in lower case, unfolded value), within bounds."""
    found = []
    for match in _FIELD.finditer(text[:HEADERS]):
        value = _FOLD.sub(" ", match[2][: 2 * VALUE].decode("utf-8", "replace")).strip()
        found.append((match[1].decode("ascii").lower(), value[:VALUE]))
        if len(found) == FIELDS:
            break
    return found


def decoded(value: str) -> str:
    """A header's value without RFC 2047's encoding, as far as it can be read."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):  # binascii's error is a ValueError
        return value
    return "".join(
        piece if isinstance(piece, str) else _as_text(piece, charset or "utf-8")
        for piece, charset in pieces
    )


def _part(raw: bytes, depth: int, left: list[int]) -> Part:
    left[0] -= 1
    head, content = _halves(raw)
    found = fields(head)
    declared = next((value for name, value in found if name == "content-type"), "")
    kind, parameters = _type(declared)
    inner: tuple[Part, ...] = ()
    if depth and kind.startswith("multipart/") and parameters.get("boundary"):
        pieces = _pieces(content, parameters["boundary"], left[0])
        inner = tuple(_part(piece, depth - 1, left) for piece in pieces if left[0] > 0)
    elif depth and left[0] > 0 and kind in ("message/rfc822", "message/global"):
        inner = (_part(content, depth - 1, left),)
    return Part(found, kind, parameters, content[:TEXT], inner)


def _halves(raw: bytes) -> tuple[bytes, bytes]:
    """Header and content. A part may begin with the empty line: then it has no header."""
    if raw.startswith((b"\n", b"\r\n")):
        return b"", raw[raw.index(b"\n") + 1 :]
    match = _END.search(raw, 0, HEADERS)
    if match is None:
        return raw[:HEADERS], b""
    return raw[: match.start()], raw[match.end() :]


def _type(declared: str) -> tuple[str, Mapping[str, str]]:
    match = _TYPE.match(declared)
    if match is None:
        return "text/plain", {}
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(declared):
        found.setdefault(name.lower(), quoted or plain)
    return f"{match[1]}/{match[2]}".lower(), found


def _pieces(content: bytes, boundary: str, most: int) -> Iterator[bytes]:
    """What stands between the boundary's lines (RFC 2046 §5.1.1), at most `most` of it."""
    start: int | None = None
    for begin, after, closes in _marks(content, boundary.rstrip().encode("utf-8", "replace")):
        if start is not None:
            yield content[start:begin].removesuffix(b"\n").removesuffix(b"\r")
            most -= 1
        if closes or most <= 0:
            return
        start = after
    if start is not None:
        yield content[start:]  # cut short, or without its closing line


def _marks(content: bytes, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """(where it begins, where its line ends, whether it closes) of each boundary line."""
    mark = b"--" + boundary
    place = 0 if content.startswith(mark) else content.find(b"\n" + mark) + 1
    for _ in range(MARKS):
        if not content.startswith(mark, place):
            return
        line_end = content.find(b"\n", place)
        line_end = len(content) if line_end < 0 else line_end
        rest = content[place + len(mark) : min(line_end, place + len(mark) + 80)]
        if not rest.strip() or rest.startswith(b"--"):
            yield place, line_end + 1, rest.startswith(b"--")
        place = content.find(b"\n" + mark, line_end) + 1
        if not place:
            return


def _unpacked(content: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(content)
    if encoding == "base64":
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", content)
        return binascii.a2b_base64(letters[: len(letters) // 4 * 4])
    return content


def _as_text(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset, "replace")
    except (LookupError, ValueError, UnicodeError):
        return raw.decode("utf-8", "replace")


def returned(mail: Part) -> Part | None:
    """The mail that this one sends back, whole or its header alone (RFC 3462 §2)."""
    part = mail.find("message/rfc822", "message/global")
    if part is not None:
        return part.parts[0] if part.parts else None
    header = mail.find("text/rfc822-headers", "message/global-headers")
    return None if header is None else Part(fields(header.content), "text/plain", {}, b"")
