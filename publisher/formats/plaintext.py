"""Text that reads well in a plain mail: wrapped by the width it takes on the screen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

WIDTH = 72
"""Columns (RFC 3676 §4.2 asks for 78 or fewer, so that a quoted reply still fits)."""

_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_LINK = re.compile(r"[a-z][a-z0-9+.-]*://|mailto:")


def columns(text: str) -> int:
    """How many columns a terminal gives `text`: wide East Asian 2, combining marks 0."""
    return len(text) if text.isascii() else sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def one_line(text: str) -> str:
    """`text` with every run of white space made one space; a no-break space stays."""
    return _SPACE.sub(" ", text).strip(" ")


def wrap(text: str, first: str = "", rest: str | None = None, width: int = WIDTH) -> str:
    """One paragraph of at most `width` columns, its lines led by `first` and then `rest`.

    Words are kept whole where they fit; a longer one is cut, but a link never is.
    """
    lead = " " * columns(first) if rest is None else rest
    lines: list[str] = []
    line, used = first, columns(first)
    empty = True
    for word in _words(text, max(width - max(columns(first), columns(lead)), 8)):
        wide = columns(word)
        if not empty and used + 1 + wide > width:
            lines.append(line)
            line, used, empty = lead, columns(lead), True
        line, used = (line + word, used + wide) if empty else (f"{line} {word}", used + 1 + wide)
        empty = False
    lines.append(line)
    return "\n".join(lines)


def _words(text: str, room: int) -> Iterator[str]:
    for word in one_line(text).split(" "):
        if columns(word) <= room or _LINK.search(word):
            yield word
        else:
            yield from _pieces(word, room)


def _pieces(word: str, room: int) -> Iterator[str]:
    start = used = 0
    for position, char in enumerate(word):
        wide = _columns(char)
        if used + wide > room:
            yield word[start:position]
            start, used = position, 0
        used += wide
    yield word[start:]


def underline(text: str, char: str = "=") -> str:
    """`text` as a heading: wrapped, and ruled off beneath its longest line."""
    wrapped = wrap(text)
    return f"{wrapped}\n{char * max(columns(line) for line in wrapped.split(chr(10)))}"


def cut(text: str, limit: int) -> str:
    """`text` on one line and of at most `limit` characters, ended by `…` at a word if cut."""
    line = one_line(text)
    if len(line) <= limit:
        return line
    kept = line[: max(limit - 1, 0)]
    if line[len(kept)] != " ":
        at_word, space, _ = kept.rpartition(" ")
        # Chinese, Japanese and Thai have no spaces to cut at: half a line is too much to lose.
        kept = at_word if space and len(at_word) > limit // 2 else kept
    while kept and (
        unicodedata.combining(line[len(kept)]) or line[len(kept)] == "\N{ZERO WIDTH JOINER}"
    ):
        kept = kept[:-1]
    return kept.rstrip(" ,;:.–—-") + "…"
