"""Markdown to sanitised HTML with numbered citations, and back to plain text.

Reading and rendering are two steps, because a citation's number is known only when the
whole article has been read. `read` finds each `[@key]` where the parser sees text (never in
code), and puts a mark in its place; `render` lets the parser and the sanitiser work on the
marked text and only then puts the links in, between tags. So nothing that an author writes
can end up inside our markup, nor ours inside an attribute of theirs.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin, urlsplit

import pyromark

from publisher.formats import sanitise
from publisher.formats.reading import KEY, MARK, OPTIONS, Citation, Reading, read

__all__ = [
    "KEY",
    "absolute",
    "picture_path",
    "pictures",
    "plain",
    "quoted",
    "read",
    "render",
    "stripped",
]

_TAG = r'<[^>"]*(?:"[^"]*"[^>"]*)*>'
_TAGS = re.compile(_TAG)
_PIECES = re.compile(rf"{_TAG}|\[{MARK}(\d+){MARK}\]")
_LEFT_OVER = re.compile(rf"\[{MARK}(\d+){MARK}\]")
_INNER = re.compile(r"<(?:a|code|pre)\b")
_NAME = re.compile(r"</?([a-z][a-z0-9]*)")
_LINK = re.compile(r'(\s(?:href|src|cite)=")([^"]*)(?=")')
_IMAGE = re.compile(r'<img\b[^>"]*(?:"[^"]*"[^>"]*)*?\ssrc="([^"]*)"')
_BLOCK = re.compile(
    r"</?(?:aside|blockquote|br|caption|dd|details|div|dl|dt|figcaption|figure|h[1-6]|hr|li|ol|p|pre"
    r"|section|summary|table|tbody|td|tfoot|th|thead|tr|ul)\b[^>]*>"
)
_CITED = re.compile(r'<sup class="cite">(.*?)</sup>')
_SPACE = re.compile(r"[^\S\n]+")
_ATTRIBUTED = re.compile(r'<[a-z][a-z0-9]*\s[^>"]*(?:"[^"]*"[^>"]*)*>')
# An address that may be relative: any attribute's value but `class="cite"` and what says `http`.
_NOT_ABSOLUTE = re.compile('="(?:(?<!class=")|(?!cite">))(?!https?://)')
_ABSOLUTE = ('<a href="https://', '<a href="http://', '<a href="mailto:')
_MARKED = re.compile(
    r'<a id="cite-\d+-\d+" href="(#source-\d+)" role="doc-noteref" aria-label="Source \d+">'
)


@dataclass(frozen=True, slots=True)
class Rendering:
    """Sanitised HTML; `uses` counts each key's citations so far (for the next text's anchors).

    `lost` holds the citations that could not become links: inside a link or an attribute,
    in raw `<code>`, or swallowed by raw HTML.
    """

    html: str
    uses: Mapping[str, int]
    lost: tuple[Citation, ...] = ()


def render(
    reading: Reading,
    numbers: Mapping[str, int],
    *,
    first_uses: Mapping[str, int] | None = None,
    top: int = 2,
) -> Rendering:
    """Sanitised HTML of `reading`, each citation a superscript link to `#source-N`.

    `numbers` maps keys to source numbers from 1; `first_uses` tells how often each key was
    cited before this text (the anchors' M goes on from there). The highest heading becomes
    `h{top}` and the others follow. A key without a number is shown as `?`.
    """
    sound = reading.html
    if sound is None:
        sound = sanitise.clean(pyromark.html(reading.marked, options=OPTIONS))
    writer = _Writer(reading, numbers, dict(first_uses or {}), _shift(reading, top))
    if reading.html is None or writer.shift or _INNER.search(sound):
        html = _PIECES.sub(writer.piece, sound)
    else:  # no tag has anything to be changed
        html = _LEFT_OVER.sub(writer.mark, sound)
    whole = writer.placed - writer.forged
    lost = [c for n, c in enumerate(reading.citations) if n not in whole]
    if lost:
        html = _LEFT_OVER.sub("", html)
    return Rendering(html, writer.uses, tuple(lost))


def stripped(reading: Reading) -> tuple[tuple[int, str], ...]:
    """What the sanitiser takes out of the author's raw HTML: (line from 1, what)."""
    if not reading.raw:
        return ()
    found = [
        (line + down, what) for line, text in reading.raw for down, what in sanitise.losses(text)
    ]
    if not found:
        dirty = pyromark.html(reading.marked, options=OPTIONS)
        tags = sanitise.missing_tags(dirty, sanitise.clean(dirty))
        found = [(reading.raw[0][0], f"<{tag}> where it stands") for tag in tags]
    return tuple(found)


def _shift(reading: Reading, top: int) -> int:
    return top - min((level for _, level in reading.headings), default=top)


@dataclass(slots=True)
class _Writer:
    """Turns marks into links while the sanitised HTML goes by, tag after tag."""

    reading: Reading
    numbers: Mapping[str, int]
    uses: dict[str, int]
    shift: int
    placed: set[int] = field(default_factory=set)
    forged: set[int] = field(default_factory=set)
    links: int = 0
    codes: int = 0

    def piece(self, match: re.Match[str]) -> str:
        """What stands in the place of a tag or a mark."""
        return self._tag(match[0]) if match[1] is None else self.mark(match)

    def mark(self, match: re.Match[str]) -> str:
        """What stands in the place of a mark."""
        index = int(match[1])
        if index >= len(self.reading.citations) or index in self.placed:
            # Spelt by the author with a character reference (`&#xFDD0;`): not one of ours.
            self.forged.add(index)
            return ""
        citation = self.reading.citations[index]
        if self.links or self.codes:
            return entities.escape(citation.written, quote=False)
        self.placed.add(index)
        return self._superscript(citation)

    def _tag(self, tag: str) -> str:
        name = tag[1:3]
        if name in ("a ", "a>"):
            self.links += 1
        elif tag == "</a>":
            self.links -= 1
        elif tag.startswith(("<code", "<pre", "<kbd", "<samp")):
            self.codes += 1
        elif tag in ("</code>", "</pre>", "</kbd>", "</samp>"):
            self.codes -= 1
        elif self.shift and (heading := _HEADING.match(tag)):
            level = min(6, max(1, int(heading[2]) + self.shift))
            return f"{heading[1]}{level}{tag[heading.end() :]}"
        elif tag.startswith("<img"):
            return _local_image(tag)
        if tag.startswith("<a "):
            return _LINK.sub(_from_root, tag)
        return tag

    def _superscript(self, citation: Citation) -> str:
        links: list[str] = []
        for key in citation.keys:
            number = self.numbers.get(key)
            if number is None:
                links.append("?")
                continue
            use = self.uses[key] = self.uses.get(key, 0) + 1
            links.append(
                f'<a id="cite-{number}-{use}" href="#source-{number}" role="doc-noteref" '
                f'aria-label="Source {number}">{number}</a>'
            )
        return f'<sup class="cite">{", ".join(links)}</sup>'


_HEADING = re.compile(r"(</?h)([1-6])(?=[\s>])")

# An article's page is `/articles/SLUG/`: two levels below the journal, which itself may live
# below its host's root. So what an author writes from the root is made relative to the page.
UP = "../.."


def _from_root(match: re.Match[str]) -> str:
    lead, url = match.groups()
    return f"{lead}{UP}{url}" if url.startswith("/") and not url.startswith("//") else match[0]


def _local_image(tag: str) -> str:
    return _LINK.sub(_image_url, tag)


def _image_url(match: re.Match[str]) -> str:
    lead, url = match.groups()
    if sanitise.scheme(entities.unescape(url)) is not None or url.startswith(("//", "#")):
        return match[0]
    path = url.removeprefix("/").removeprefix("./")
    return f"{lead}{UP}/{path}" if path.startswith("images/") else f"{lead}{UP}/images/{path}"


def picture_path(url: str) -> str:
    """The path below content/ that an image's address in Markdown stands for."""
    return unquote(urlsplit(url).path).removeprefix("/").removeprefix("./")


def pictures(html: str) -> tuple[str, ...]:
    """Where the images of rendered HTML are served, below the journal's address, in order.

    `images/a.png` for content/images/a.png, and for content/a.png when there is none.
    """
    sources = (entities.unescape(found) for found in _IMAGE.findall(html))
    return tuple(picture_path(url.removeprefix(UP)) for url in sources if url.startswith(UP))


def absolute(html: str, base_url: str) -> str:
    """`html` (sanitised) with each relative `href`, `src` and `cite` made absolute.

    `base_url` is the address of the page that the HTML stands on. Addresses with a scheme
    are left byte for byte; one that is no address at all is left too.
    """
    if not _NOT_ABSOLUTE.search(html):
        return html

    def link(match: re.Match[str]) -> str:
        lead, escaped = match.groups()
        if escaped.startswith("#"):  # a citation, as most links are (RFC 3986 §5.2.2)
            return lead + here + escaped
        url = entities.unescape(escaped)
        if sanitise.scheme(url) is not None:
            return match[0]
        try:
            return lead + entities.escape(urljoin(base_url, url))
        except ValueError:  # `//[` is not a host (RFC 3986 §3.2.2)
            return match[0]

    here = entities.escape(base_url.partition("#")[0])

    def tag(match: re.Match[str]) -> str:
        found = match[0]
        if found.startswith(_ABSOLUTE) and found.count('="') == 1:
            return found
        return _LINK.sub(link, found)

    return _ATTRIBUTED.sub(tag, html)


def quoted(html: str, base_url: str) -> str:
    """`html` for others' pages: addresses absolute, and marks of citations plain links.

    An anchor or a role of ours means nothing there, and would stand there twice where two
    articles do.
    """
    here = f'<a href="{entities.escape(base_url.partition("#")[0])}'
    return absolute(_MARKED.sub(lambda found: f'{here}{found[1]}">', html), base_url)


def plain(html: str) -> str:
    """The text of sanitised HTML: a line per block, citations as `[1, 2]`."""
    text = _CITED.sub(lambda cited: f"[{_TAGS.sub('', cited[1])}]", html)
    text = _TAGS.sub("", _BLOCK.sub("\n", text.replace("\n", " ")))
    lines = (line.strip() for line in _SPACE.sub(" ", entities.unescape(text)).split("\n"))
    return "\n".join(line for line in lines if line)
