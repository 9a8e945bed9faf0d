"""Characters that would break a feed, a page or a mail."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from publisher.checks.rules import error
from publisher.domain.finding import Finding, Place

# XML 1.0 §2.2 forbids most controls and U+FFFE/F; HTML calls the other noncharacters errors, and
# a lone surrogate is no character at all. C1 controls are always somebody's broken encoding.
# U+202D and U+202E turn a whole line around and disguise what it says; right-to-left text needs
# neither (UAX #9 §2.7 advises isolates).
_FORBIDDEN = (
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(chr((plane << 16) | 0xFFFE) + chr((plane << 16) | 0xFFFF) for plane in range(1, 17))
    + "]"
)


@cache
def forbidden_characters() -> re.Pattern[str]:
    """Each such character. Compiled where there may be one, because that takes milliseconds."""
    return re.compile(_FORBIDDEN)


_SHORT = 500


@cache
def _markup() -> re.Pattern[str]:
    """A tag or a character reference that HTML knows."""
    from html.entities import name2codepoint

    entities = "|".join(sorted((*name2codepoint, "apos"), key=len, reverse=True))
    return re.compile(
        rf"</?([A-Za-z][A-Za-z0-9]*)(?:\s[^<>]*)?/?>|&(?:#\d+|#[xX][0-9A-Fa-f]+|{entities});"
    )


# The same in UTF-8, or what may be: looking for a few bytes is many times as fast as looking at
# each character, and there is nearly always nothing to be found.
_CONTROLS = tuple(bytes([byte]) for byte in (*range(9), 11, 12, *range(14, 32), 127))
_SUSPECT = (b"\xad", b"\xae", b"\xef", b"\xbf")


def is_sound(text: str) -> bool:
    """Whether `text` holds none of them."""
    if len(text) < _SHORT and text.isprintable():
        return True
    return sound(text) is not None


def sound(text: str) -> bytes | None:
    """`text` in UTF-8 where it holds none of them, else None."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return None
    for byte in _CONTROLS:
        if byte in raw:
            return None
    if text.isascii():
        return raw
    if any(piece < b"\xa0" for piece in raw.split(b"\xc2")[1:]):  # U+0080 to U+009F
        return None
    plain = all(byte not in raw for byte in _SUSPECT) or forbidden_characters().search(text) is None
    return raw if plain else None


def forbidden(text: str, path: str, first_line: int = 1) -> Iterator[Finding]:
    """One finding for each line of `text` that holds such characters."""
    if is_sound(text):
        return
    for number, line in enumerate(text.split("\n")):
        names = sorted({f"U+{ord(char):04X}" for char in forbidden_characters().findall(line)})
        if names:
            yield error(
                "control-character",
                Place(path, first_line + number),
                f"the invisible character {', '.join(names)}",
                "delete it; it often comes from copying out of a PDF",
            )


def reserved(text: str, path: str, mark: str) -> Iterator[Finding]:
    """One finding for each line that holds the mark which mails keep for the reader's own link."""
    if mark not in text:
        return
    for number, line in enumerate(text.split("\n"), 1):
        if mark in line:
            yield error(
                "reserved-text",
                Place(path, number),
                f"'{mark}' is what mails keep for the reader's own links",
                "write it differently",
            )


def markup(name: str, text: str, tags: Collection[str], place: Place) -> Iterator[Finding]:
    """HTML in a text that is shown as it stands: readers would see it, or programs take it for one.

    `tags` are the names that count as HTML: `x <y and z> w` is text.
    """
    if "<" not in text and "&" not in text:
        return
    for found in _markup().finditer(text):
        if found[1] is None or found[1].lower() in tags:
            yield error(
                "markup-in-text",
                place,
                f"{name} is plain text, but holds {found[0][:40]!r}",
                "write the character itself, and no tags",
            )
            return


def escaped(name: str, text: str, place: Place) -> Iterator[Finding]:
    """The same in a value: YAML and HTML can spell such characters with plain ones."""
    if not is_sound(text):
        found = sorted({f"U+{ord(char):04X}" for char in forbidden_characters().findall(text)})
        yield error(
            "control-character",
            place,
            f"{name} spells the invisible character {', '.join(found)}",
            "remove the escape",
        )
