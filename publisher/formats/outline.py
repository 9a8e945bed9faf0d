"""What a person gets to see of an HTML page or mail: its words, headings, links and pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

UNSEEN = frozenset({"head", "script", "style", "template", "title"})
VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"}
    | {"source", "track", "wbr"}
)
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS = HEADINGS | {
    *("address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "hr", "li", "ol", "p"),
    *("table", "td", "th", "tr", "ul"),
}

_COLOUR = re.compile(
    r"(?:^|;)\s*(color|background(?:-color)?)\s*:\s*(#[0-9a-f]{6})\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Outline:
    """`text` is what is seen, `hidden` what `display:none` hides; `links` are (URL, words).

    `headings` are (level, words), `images` (src, alt or None), `tags` every element name with
    its attributes in order; what stands in comments (Outlook's conditions) is left out.
    `shades` are the (text colour, ground) that inline styles give to words that are seen.
    """

    text: str
    hidden: str
    links: tuple[tuple[str, str], ...]
    headings: tuple[tuple[int, str], ...]
    images: tuple[tuple[str, str | None], ...]
    tags: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    shades: frozenset[tuple[str, str]]


def parse(html: str) -> Outline:
    """Read `html` as a browser would, near enough; never fails."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Outline(
        "".join(reader.seen),
        "".join(reader.hidden),
        tuple((url, _tidy(words)) for url, words in reader.links if url),
        tuple((level, _tidy(words)) for level, words in reader.headings),
        tuple(reader.images),
        tuple(reader.tags),
        frozenset(reader.shades),
    )


def _tidy(words: list[str]) -> str:
    return " ".join("".join(words).split())


@dataclass(frozen=True, slots=True)
class _Element:
    """An open element and what its content inherits."""

    tag: str
    unseen: bool = False
    hidden: bool = False
    colour: str = "#000000"
    ground: str = "#ffffff"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self.hidden: list[str] = []
        self.links: list[tuple[str, list[str]]] = []
        self.headings: list[tuple[int, list[str]]] = []
        self.images: list[tuple[str, str | None]] = []
        self.tags: list[tuple[str, tuple[tuple[str, str], ...]]] = []
        self.shades: set[tuple[str, str]] = set()
        self._open: list[_Element] = [_Element("")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, tuple(given.items())))
        if tag in BLOCKS:
            self.handle_data("\n")
        if tag == "img":
            self.images.append((given.get("src", ""), given.get("alt")))
        if tag in VOID:
            return
        self._open.append(_inherit(self._open[-1], tag, given))
        if tag == "a":
            self.links.append((given.get("href", ""), []))
        elif tag in HEADINGS:
            self.headings.append((int(tag[1]), []))

    def handle_endtag(self, tag: str) -> None:
        for position in range(len(self._open) - 1, 0, -1):
            if self._open[position].tag == tag:
                del self._open[position:]
                break
        if tag in BLOCKS:
            self.handle_data("\n")

    def handle_data(self, data: str) -> None:
        within = self._open[-1]
        if within.unseen:
            return
        if within.hidden:
            self.hidden.append(data)
            return
        self.seen.append(data)
        if data.strip():
            self.shades.add((within.colour, within.ground))
        names = {element.tag for element in self._open}
        if self.links and "a" in names:
            self.links[-1][1].append(data)
        if self.headings and names & HEADINGS:
            self.headings[-1][1].append(data)


def _inherit(parent: _Element, tag: str, given: dict[str, str]) -> _Element:
    style = given.get("style", "")
    colours = {name.lower(): value.lower() for name, value in _COLOUR.findall(style)}
    return _Element(
        tag,
        unseen=parent.unseen or tag in UNSEEN,
        hidden=parent.hidden
        or "display:none" in style.replace(" ", "").lower()
        or "hidden" in given,
        colour=colours.get("color", parent.colour),
        ground=colours.get("background-color") or colours.get("background") or parent.ground,
    )
