"""The line that greets a reader: with their name, or in general where there is none to say.

An edition holds both forms between marks; which one a reader gets, and their name in it, is
put there when the mail is filled. A name is somebody's own input: it is one line, of one
direction, escaped, and nothing that a mail program would make a link of.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from dataclasses import dataclass, field
from html import escape

from publisher.domain.issue import Edition
from publisher.errors import Defect
from publisher.formats import headers, placeholder
from publisher.formats.catalogue import Catalogue, direction

_MARKED = re.compile(
    f"{placeholder.GREETING}(.*?){placeholder.OTHERWISE}(.*?){placeholder.GREETED}", re.DOTALL
)
_CONTROLS = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Of direction (Unicode UAX #9), and blanks without width; joiners are part of many scripts."""

_ADDRESS = re.compile(r"[/\\@<>]|\bwww\b|\w\.\w\w|:\S", re.IGNORECASE)
_ISOLATE, _POP = "\u2068", "\u2069"
_PIECE = re.compile(rb"=..|.", re.DOTALL)
_LINE = 75  # with its soft break: 76 (RFC 2045 §6.7)


def marked(words: Catalogue) -> str:
    """Both forms in the language of `words`, as the templates' `greeting`."""
    named = words.gettext("Dear %(name)s,", name=placeholder.NAME)
    general = words.gettext("Dear reader,")
    return f"{placeholder.GREETING}{named}{placeholder.OTHERWISE}{general}{placeholder.GREETED}"


def general(content: str) -> str:
    """`content` as somebody without a name gets it: for the web, for staff, for tests."""
    return _MARKED.sub(r"\2", content)


@dataclass(frozen=True, slots=True)
class Greeting:
    """The greeting of one part, HTML or text. `left` is whether its language runs left to right."""

    named: str
    general: str
    html: bool
    left: bool
    _general: bytes = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Most readers without a name share these bytes."""
        object.__setattr__(self, "_general", _quoted(self.general))

    def said(self, name: str) -> str:
        """What this reader reads, escaped where it stands in HTML."""
        shown = spoken(name)
        if not shown:
            return self.general
        if any(
            (unicodedata.bidirectional(c) in ("R", "AL")) is self.left for c in shown if _strong(c)
        ):
            shown = f"{_ISOLATE}{shown}{_POP}"
        return self.named.replace(placeholder.NAME, escape(shown) if self.html else shown)

    def filled(self, name: str) -> bytes:
        """The same as quoted-printable lines of at most 76, for `Message.fill`."""
        return _quoted(self.said(name)) if name else self._general


def of(edition: Edition) -> tuple[Greeting, ...]:
    """The greetings of text and HTML, in this order; none where the edition greets nobody.

    Raises Defect where one part greets and the other does not: rendering has seen to that.
    """
    parts = ((edition.text, False), (edition.html, True))
    found = [_MARKED.search(content) for content, _ in parts]
    if found == [None, None]:
        return ()
    left = direction(edition.language) == "ltr"
    made = [
        Greeting(m[1], m[2], html, left) for m, (_, html) in zip(found, parts, strict=True) if m
    ]
    if len(made) < len(parts):
        raise Defect("the edition greets readers in one of its two parts only")
    return tuple(made)


def spoken(name: str) -> str:
    """`name` as a mail may say it: one line of at most 60 characters; empty for an address."""
    shown = headers.display(_CONTROLS.sub("", name))
    return "" if _ADDRESS.search(shown) or not any(c.isalpha() for c in shown) else shown


def _strong(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("L", "R", "AL")


def _quoted(words: str) -> bytes:
    """Quoted-printable on one line where it fits; no break within an escape."""
    whole = binascii.b2a_qp(words.encode(), istext=True).replace(b"=\n", b"")
    lines = [b""]
    for piece in _PIECE.findall(whole):
        if len(lines[-1]) + len(piece) > _LINE:
            lines.append(b"")
        lines[-1] += piece
    return b"=\r\n".join(lines)
