"""What HTML an author may write: one policy, for cleaning and for telling what it would cost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

import nh3

TAGS = frozenset(
    {
        *(
            "a",
            "abbr",
            "aside",
            "b",
            "bdi",
            "bdo",
            "blockquote",
            "br",
            "caption",
            "cite",
            "code",
            "col",
        ),
        *(
            "colgroup",
            "dd",
            "del",
            "details",
            "dfn",
            "div",
            "dl",
            "dt",
            "em",
            "figcaption",
            "figure",
        ),
        *(
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "i",
            "img",
            "ins",
            "kbd",
            "li",
            "mark",
            "ol",
            "p",
            "pre",
            "q",
            "rp",
            "rt",
        ),
        *(
            "ruby",
            "s",
            "samp",
            "section",
            "small",
            "span",
            "strong",
            "sub",
            "summary",
            "sup",
            "table",
        ),
        *("tbody", "td", "tfoot", "th", "thead", "time", "tr", "u", "ul", "var", "wbr"),
    }
)
ANYWHERE = frozenset({"dir", "lang", "title"})
ATTRIBUTES = {
    "a": frozenset({"href", "hreflang"}),
    "blockquote": frozenset({"cite"}),
    "col": frozenset({"span"}),
    "colgroup": frozenset({"span"}),
    "del": frozenset({"cite", "datetime"}),
    "details": frozenset({"open"}),
    "img": frozenset({"alt", "height", "src", "width"}),
    "ins": frozenset({"cite", "datetime"}),
    "li": frozenset({"value"}),
    "ol": frozenset({"reversed", "start"}),
    "q": frozenset({"cite"}),
    "td": frozenset({"colspan", "headers", "rowspan", "style"}),
    "th": frozenset({"colspan", "headers", "rowspan", "scope", "style"}),
    "time": frozenset({"datetime"}),
}
"""No `id` and no `class`: those are the page's own, and citations are linked through them."""
LINKS = frozenset({"cite", "href", "src"})
SCHEMES = frozenset({"http", "https", "mailto"})

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*(?=:)", re.IGNORECASE)
# Browsers drop these inside a URL before they read its scheme (WHATWG URL §4.4).
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\x9f\xad]+")
_ALIGN = re.compile(r"\s*text-align:\s*(?:left|right|center)\s*;?\s*")

_PRE = re.compile(r'(<pre(?:\s[^>"]*(?:"[^"]*"[^>"]*)*)?>)\n')

_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    attributes={"*": set(ANYWHERE)} | {tag: set(names) for tag, names in ATTRIBUTES.items()},
    url_schemes=set(SCHEMES),
    link_rel=None,
    filter_style_properties={"text-align"},
    clean_content_tags={"script", "style", "title", "textarea", "iframe", "noscript", "xmp"},
)


def clean(html: str) -> str:
    """`html` with nothing left but the policy's tags, attributes and schemes; well formed."""
    cleaned = _CLEANER.clean(html)
    # Whoever reads a `<pre>` drops a line break at its start; one that is meant is written twice
    # (HTML §13.1.2.5), which the cleaner does not do.
    return _PRE.sub(r"\1\n\n", cleaned) if "<pre" in cleaned else cleaned


def scheme(url: str) -> str | None:
    """The scheme that a browser would see in `url`, in lower case; None for a relative one."""
    found = _SCHEME.match(_INVISIBLE.sub("", url))
    return found.group().lower() if found else None


def losses(html: str) -> tuple[tuple[int, str], ...]:
    """What `clean` would take out of a piece of raw HTML: (line from 0, what) for each.

    Comments are meant to go, so they are no loss, unless one is never closed: then it
    takes the rest of the text with it.
    """
    reader = _Losses()
    reader.feed(html)
    tail = html[html.rfind("<!--") :] if "<!--" in html else ""
    if tail and "-->" not in tail:
        reader.found.append((html[: len(html) - len(tail)].count("\n"), "a comment never closed"))
    elif reader.rawdata.startswith("<"):
        reader.found.append((reader.getpos()[0] - 1, "a tag never finished"))
    return tuple(reader.found)


def missing_tags(before: str, after: str) -> tuple[str, ...]:
    """Tags of which `after` has fewer than `before`: what cleaning took for its place alone."""
    lost = Counter(tag for _, tag, _ in _tags(before)) - Counter(tag for _, tag, _ in _tags(after))
    return tuple(sorted(tag for tag in lost if tag in TAGS))


def images(html: str) -> Iterator[tuple[int, str, str]]:
    """The images in a piece of raw HTML: (line from 0, src, alt)."""
    for line, tag, attributes in _tags(html):
        if tag == "img":
            yield line, attributes.get("src") or "", attributes.get("alt") or ""


def _tags(html: str) -> list[tuple[int, str, dict[str, str | None]]]:
    reader = _Tags()
    reader.feed(html)
    return reader.tags


class _Tags(HTMLParser):
    """Collects start tags: (line from 0, name, attributes)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[int, str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag. Of two attributes with one name browsers take the first."""
        self.tags.append((self.getpos()[0] - 1, tag, dict(reversed(attrs))))


class _Losses(HTMLParser):
    """Collects what the policy does not allow."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Judge a tag and its attributes."""
        if tag not in TAGS:
            self._lose(f"<{tag}>")
            return
        allowed = ANYWHERE | ATTRIBUTES.get(tag, frozenset())
        for name, value in attrs:
            if name not in allowed:
                self._lose(f"the attribute {name} of <{tag}>")
            elif name in LINKS and scheme(value or "") not in SCHEMES | {None}:
                self._lose(f"the {name} of <{tag}> (only http, https and mailto)")
            elif name == "style" and not _ALIGN.fullmatch(value or ""):
                self._lose(f"the style of <{tag}> (only text-align)")

    def handle_decl(self, decl: str) -> None:
        """`<!DOCTYPE …>`."""
        self._lose(f"<!{decl.split(' ', 1)[0]}>")

    def unknown_decl(self, data: str) -> None:
        """`<![CDATA[…]]>`."""
        self._lose(f"<![{data.split('[', 1)[0]}[")

    def handle_pi(self, data: str) -> None:
        """`<?php …>`."""
        self._lose(f"<?{data.split(' ', 1)[0]}")

    def _lose(self, what: str) -> None:
        self.found.append((self.getpos()[0] - 1, what))
