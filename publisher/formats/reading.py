"""One pass over a Markdown text: its citations, links, images, headings, raw HTML and words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import pyromark

from publisher.checks.text import is_sound
from publisher.formats import sanitise

OPTIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH
KEY = r"[A-Za-z0-9][A-Za-z0-9._:-]*"
# SUBSTITUTE stands in no text that the checks let through. It is one byte, as most characters
# of most texts are: a wider one would double what Python holds and looks through of them.
MARK = "\x1a"

# A line break inside the brackets may be followed by the `>` of a block quotation.
_CITE = re.compile(rf"\[@{KEY}(?:[ \t]*;[\s>]*@{KEY})*[ \t]*\]".encode())
_KEYS = re.compile(rf"@({KEY})")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_INLINE = ("Emphasis", "Strong", "Strikethrough", "Link", "Image")


class Citation(NamedTuple):
    """One `[@a; @b]`: its keys, its line from 1, and what the author wrote."""

    keys: tuple[str, ...]
    line: int
    written: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one Markdown text holds; every line counts from 1.

    `malformed`, `misplaced` and `raw` are (line, what was written); `links` and `images`
    (line, target), `alts` the alternative text of each image in the same order; `headings`
    (line, level 1–6).

    Of a text that `skim` could read, `links` are left out, for nothing is wrong with them, the
    lines of headings are 0, and `html` is there: what the renderer makes of `marked`, in which
    the sanitiser would change nothing.
    """

    text: str
    marked: str
    citations: tuple[Citation, ...]
    malformed: tuple[tuple[int, str], ...]
    misplaced: tuple[tuple[int, str], ...]
    raw: tuple[tuple[int, str], ...]
    links: tuple[tuple[int, str], ...]
    images: tuple[tuple[int, str], ...]
    alts: tuple[str, ...]
    headings: tuple[tuple[int, int], ...]
    words: int
    html: str | None = None


def read(text: str) -> Reading:
    """Parse `text` once for everything that the checks and the renderer want to know."""
    return skim(text) or walk(text)


# --- the quick way ------------------------------------------------------------------------------

_RAW = re.compile(r"<[A-Za-z/!?]")
_CITED = re.compile(rf"{KEY}(?:[ \t]*;[ \t]*@{KEY})*[ \t]*")
_TAG = re.compile(r"<[^>]*>")
_LEVELS = {f"<h{level}>": level for level in range(1, 7)}
_LINK = re.compile(r'<a href="(?:https?://|mailto:|/(?!/)|#)[^"<>\s]*">')
_WITHIN = tuple(
    ["<a ", "</a>"]
    + [f"<{end}{name}>" for name in ("code", "del", "em", "strong") for end in ("", "/")]
)
_IN_CODE = re.compile(rf"<code>[^<]*{MARK}")
_BLOCKS = ("blockquote", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "ul")
_TABLE = ("table", "tbody", "td", "th", "thead", "tr")
_PLAIN = frozenset(
    f"<{end}{name}>"
    for name in (*_BLOCKS, *_TABLE, "a", "code", "del", "em", "strong")
    for end in ("", "/")
) - {"<a>"} | {"<br />", "<hr />"}


def skim(text: str) -> Reading | None:
    """What `walk` finds in `text`, read from the HTML that is made of it anyway.

    None where there is anything that it would remark on, or that needs its lines: raw HTML,
    pictures, titles of links, a malformed citation, a heading of level 1.
    """
    # A single character is found many times as fast as two that follow each other.
    if ("<" in text and _RAW.search(text)) or ("\\" in text and "\\[" in text):
        return None
    if ("!" in text and "![" in text) or not is_sound(text):
        return None
    made = _marked(text)
    if made is None:
        return None
    marked, citations = made
    html = pyromark.html(marked, options=OPTIONS)
    written = _TAG.findall(html)
    tags = set(written)
    if not all(_LINK.fullmatch(tag) for tag in tags - _PLAIN):
        return None
    unmarked = _without_marks(html, len(citations))
    if unmarked is None or ("<code>" in tags and _IN_CODE.search(html)):
        return None
    return Reading(
        text=text,
        marked=marked,
        citations=tuple(citations),
        malformed=(),
        misplaced=(),
        raw=(),
        links=(),
        images=(),
        alts=(),
        headings=tuple((0, _LEVELS[tag]) for tag in written if tag in _LEVELS),
        words=_words(unmarked, tags),
        html=_as_cleaned(html, tags),
    )


def _marked(text: str) -> tuple[str, list[Citation]] | None:
    """`text` with marks in the place of all that looks like a citation.

    None where something only begins like one.
    """
    first, *rest = text.split("[@")
    parts = [first]
    citations: list[Citation] = []
    line = 1
    before = first
    for number, after in enumerate(rest):
        inner, bracket, before_next = after.partition("]")
        keys = _cited(inner) if bracket else ()
        if not keys:
            return None
        line += before.count("\n")
        written = f"[@{inner}]"
        if len(keys) > 1 or " " in inner or "\t" in inner:
            written = " ".join(written.split())
        citations.append(Citation(keys, line, written))
        parts.append(f"[{MARK}{number}{MARK}]{before_next}")
        before = before_next
    return "".join(parts), citations


@lru_cache(maxsize=1024)
def _cited(inner: str) -> tuple[str, ...]:
    """The keys of a citation that stands on one line; none where it is not one."""
    return tuple(_KEYS.findall(f"@{inner}")) if _CITED.fullmatch(inner) else ()


def _without_marks(html: str, number: int) -> str | None:
    """`html` without its marks and the spaces before them; None unless each stands there once."""
    parts = html.split(MARK)
    if len(parts) != 2 * number + 1:
        return None
    if number == 0:
        return html
    whole = parts[::2]
    for index, written in enumerate(parts[1::2]):
        before, after = whole[index], whole[index + 1]
        if written != str(index) or before[-1:] != "[" or after[:1] != "]":
            return None
        # What stood between two marks has lost its bracket already.
        whole[index] = before[:-1].rstrip(" \n")
        whole[index + 1] = after[1:]
    return "".join(whole)


def _words(html: str, tags: set[str]) -> int:
    for tag in tags:
        if tag.startswith(_WITHIN):
            html = html.replace(tag, "")
    text = _TAG.sub(" ", html)
    # The same for bytes, which are taken apart faster.
    return len(text.encode().split()) if text.isascii() else len(text.split())


def _as_cleaned(html: str, tags: set[str]) -> str:
    """The sanitiser's spelling of what it lets through."""
    for tag in ("<br />", "<hr />"):
        if tag in tags:
            html = html.replace(tag, tag.replace(" /", ""))
    return html.replace("\xa0", "&nbsp;") if "\xa0" in html else html


# --- the thorough way ---------------------------------------------------------------------------


def walk(text: str) -> Reading:
    """What the parser's events tell, with lines."""
    walker = _Walk(text.encode("utf-8", "replace"))
    walker.run()
    return Reading(
        text=text,
        marked=walker.marked(),
        citations=tuple(citation for _, _, citation in walker.citations),
        malformed=tuple(walker.malformed),
        misplaced=tuple(walker.misplaced()),
        raw=tuple(walker.raw),
        links=tuple(walker.links),
        images=tuple(walker.images),
        alts=tuple(walker.alts),
        headings=tuple(walker.headings),
        words=walker.count(),
    )


class _Walk:
    """Gathers while the parser's events go by; their ranges are offsets in UTF-8 bytes."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.citations: list[tuple[int, int, Citation]] = []
        self.malformed: list[tuple[int, str]] = []
        self.raw: list[tuple[int, str]] = []
        self.links: list[tuple[int, str]] = []
        self.images: list[tuple[int, str]] = []
        self.alts: list[str] = []
        self.headings: list[tuple[int, int]] = []
        self._words: list[str] = []
        self._breaks = [found.start() for found in re.finditer(rb"\n", source)]
        self._resume = 0
        self._code = False
        self._open: list[int] = []  # images being read: one's text may hold another

    def run(self) -> None:
        """Read it all."""
        for event, place in pyromark.events_with_range(self.source.decode(), options=OPTIONS):
            if isinstance(event, str):  # a break or a rule
                self._words.append(" " if event == "SoftBreak" else "\n")
                continue
            ((name, value),) = event.items()
            if name == "Text":
                self._text(value, place["start"], place["end"])
            elif name == "Start":
                self._start(value, place["start"])
            elif name == "End":
                self._end(value)
            elif name == "Code":
                self._say(str(value))
            else:
                self._html(str(value), self._line(place["start"]))
        for line, text in self.raw:
            for down, target, alt in sanitise.images(text):
                self.images.append((line + down, target))
                self.alts.append(alt)

    def _text(self, value: Any, start: int, end: int) -> None:
        if start < self._resume:
            return
        bracket = not self._code and not self._open and value in ("[", "![")
        if bracket and self.source.startswith(b"@", end):
            self._cite(end - 1)
        else:
            self._say(value)

    def _say(self, text: str) -> None:
        for index in self._open:
            self.alts[index] += text
        if not self._open:
            self._words.append(text)

    def _start(self, value: Any, at: int) -> None:
        if not isinstance(value, dict):
            return
        if "Heading" in value:
            self.headings.append((self._line(at), int(value["Heading"]["level"][1])))
        elif "Link" in value:
            self.links.append((self._line(at), _target(value["Link"])))
        elif "Image" in value:
            self._open.append(len(self.images))
            self.images.append((self._line(at), value["Image"]["dest_url"]))
            self.alts.append("")
        elif "CodeBlock" in value:
            self._code = True

    def _end(self, value: Any) -> None:
        if value == "Image":
            self._open.pop()
        elif value == "CodeBlock":
            self._code = False
        if value not in _INLINE:
            self._words.append("\n")

    def _html(self, value: str, line: int) -> None:
        """The pieces of one block follow each other, so they are joined."""
        if self.raw and line == self.raw[-1][0] + self.raw[-1][1].count("\n"):
            first, text = self.raw[-1]
            self.raw[-1] = (first, text + value)
        else:
            self.raw.append((line, value))

    def _cite(self, at: int) -> None:
        """Note the citation whose `[` is at `at`."""
        match = _CITE.match(self.source, at)
        if match is None:
            end = self.source.find(b"]", at, at + 80)
            piece = self.source[at : end + 1 if end >= 0 else at + 20]
            self.malformed.append((self._line(at), piece.decode("utf-8", "ignore")))
            return
        written = " ".join(match.group().decode().split())
        citation = Citation(tuple(_KEYS.findall(written)), self._line(at), written)
        self.citations.append((match.start(), match.end(), citation))
        self._resume = match.end()
        if self._words:  # so that the full stop after a citation is no word
            self._words[-1] = self._words[-1].rstrip(" ")

    def _line(self, position: int) -> int:
        return bisect_right(self._breaks, position - 1) + 1

    def misplaced(self) -> Iterator[tuple[int, str]]:
        """Citations where the parser sees no text of ours."""
        for line, text in self.raw:
            if "[@" in _COMMENT.sub("", text):
                yield line, "raw HTML"
        for (line, _), alt in zip(self.images, self.alts, strict=True):
            if "[@" in alt:
                yield line, "the alternative text of an image"

    def marked(self) -> str:
        """The text with a numbered mark in the place of each citation.

        The brackets stay, so that what stands beside them is parsed as it was.
        """
        parts: list[bytes] = []
        last = 0
        for number, (start, end, _) in enumerate(self.citations):
            parts += (self.source[last:start], f"[{MARK}{number}{MARK}]".encode())
            last = end
        return b"".join((*parts, self.source[last:])).decode()

    def count(self) -> int:
        """Words, those in raw HTML included, citations not."""
        raw = (re.sub(r"<[^>]*>", " ", _COMMENT.sub(" ", text)) for _, text in self.raw)
        return len("".join(self._words).split()) + sum(len(text.split()) for text in raw)


def _target(link: Any) -> str:
    # `<name@example.org>` is an address without a scheme; the parser adds it when it renders.
    return f"mailto:{link['dest_url']}" if link["link_type"] == "Email" else str(link["dest_url"])
