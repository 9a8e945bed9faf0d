"""One pass over a Markdown text: its citations, links, images, headings, raw HTML and words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyromark

from publisher.formats import sanitise

OPTIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH
KEY = r"[A-Za-z0-9][A-Za-z0-9._:-]*"
# U+FDD0 is a noncharacter: it stands in no text that the checks let through.
MARK = "\ufdd0"

# A line break inside the brackets may be followed by the `>` of a block quotation.
_CITE = re.compile(rf"\[@{KEY}(?:[ \t]*;[\s>]*@{KEY})*[ \t]*\]".encode())
_KEYS = re.compile(rf"@({KEY})")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_INLINE = ("Emphasis", "Strong", "Strikethrough", "Link", "Image")


@dataclass(frozen=True, slots=True)
class Citation:
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


def read(text: str) -> Reading:
    """Parse `text` once for everything that the checks and the renderer want to know."""
    walk = _Walk(text.encode("utf-8", "replace"))
    walk.run()
    return Reading(
        text=text,
        marked=walk.marked(),
        citations=tuple(citation for _, _, citation in walk.citations),
        malformed=tuple(walk.malformed),
        misplaced=tuple(walk.misplaced()),
        raw=tuple(walk.raw),
        links=tuple(walk.links),
        images=tuple(walk.images),
        alts=tuple(walk.alts),
        headings=tuple(walk.headings),
        words=walk.count(),
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
                self._words.append(" ")
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
            self._words.append(" ")

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
            self._words[-1] = self._words[-1].rstrip()

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
