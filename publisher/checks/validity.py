"""Whether the HTML of a mail keeps to the standard: what a parser must mend, it mends by guessing.

It is asked by `check` and in the preview, where somebody looks, and not when an issue is
planned: the standard says how each of these faults is read, and 500 editions would take long.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from publisher.domain.finding import Finding, Place, Severity
from publisher.domain.issue import Edition
from publisher.domain.journal import Journal
from publisher.formats import outline
from publisher.formats.digest import HTML

RULES: Mapping[str, str] = {
    "edition-valid": "The HTML is valid: nothing in it that a parser has to mend (HTML Standard).",
}

SHOWN = 20
"""Findings about one edition; the first one is often the cause of the rest."""

_ELEMENTS = frozenset(
    {
        *("a", "abbr", "address", "area", "article", "aside", "audio", "b", "base", "bdi"),
        *("bdo", "blockquote", "body", "br", "button", "canvas", "caption", "cite", "code"),
        *("col", "colgroup", "data", "datalist", "dd", "del", "details", "dfn", "dialog", "div"),
        *("dl", "dt", "em", "embed", "fieldset", "figcaption", "figure", "footer", "form", "h1"),
        *("h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html", "i", "iframe"),
        *("img", "input", "ins", "kbd", "label", "legend", "li", "link", "main", "map", "mark"),
        *("math", "menu", "meta", "meter", "nav", "noscript", "object", "ol", "optgroup"),
        *("option", "output", "p", "picture", "pre", "progress", "q", "rp", "rt", "ruby", "s"),
        *("samp", "script", "search", "section", "select", "slot", "small", "source", "span"),
        *("strong", "style", "sub", "summary", "sup", "svg", "table", "tbody", "td", "template"),
        *("textarea", "tfoot", "th", "thead", "time", "title", "tr", "track", "u", "ul", "var"),
        *("video", "wbr"),
    }
)
"""HTML Standard, index of elements, 2026. What stands in Outlook's comments is not read."""

_TAG = re.compile(r"[-_]")


def check(edition: Edition, journal: Journal) -> tuple[Finding, ...]:
    """What is not valid, in order of lines; none where the journal switched the rule off."""
    if "edition-valid" in journal.checks.off:
        return ()
    return tuple(_findings(edition.html))[:SHOWN]


def _findings(html: str) -> Iterator[Finding]:
    from tinyhtml5.parser import HTMLParser

    parser = HTMLParser(namespace_html_elements=False)
    parser.parse(html)
    lines = html.split("\n")
    for (line, column), fault, about in parser.errors:
        yield _found(f"line {line}: {_said(fault, about)}{_near(lines, line, column)}")
    tags = outline.parse(html).tags
    for tag in dict.fromkeys(tag for tag, _ in tags if tag not in _ELEMENTS):
        yield _found(f"<{tag}> is no element of HTML")
    ids = Counter(value for _, given in tags for name, value in given if name == "id")
    for value, times in ids.items():
        if times > 1:
            yield _found(f"the id '{value}' stands {times} times")


def _said(fault: str, about: Mapping[str, object]) -> str:
    """The standard's name of the fault in words, with the tags that it is about."""
    names = " ".join(f"<{value}>" for value in about.values() if isinstance(value, str))
    return " ".join(filter(None, (_TAG.sub(" ", fault), names)))


def _near(lines: list[str], line: int, column: int) -> str:
    """The words of the result before the place where the parser stopped."""
    row = lines[line - 1] if 0 < line <= len(lines) else ""
    words = row[max(column - 40, 0) : column + 1].strip()
    return f", at '{words}'" if words else ""


def _found(message: str) -> Finding:
    remedy = "close what is open, in order, and mend the template; the preview shows the source"
    return Finding("edition-valid", Severity.WARNING, Place(f"templates/{HTML}"), message, remedy)
