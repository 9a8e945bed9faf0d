"""How a mail's HTML is made: nothing in it runs or loads, and everybody can make it out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from publisher.domain.finding import Finding, Place, Severity
from publisher.formats import colours
from publisher.formats.outline import Outline

RULES: Mapping[str, str] = {
    "edition-remote": "Nothing runs or loads by itself: no script, pixel, frame, form or web font.",
    "edition-alt": "Every picture has an alt attribute, which may be empty.",
    "edition-headings": "There is one h1, and no level of heading is left out.",
    "edition-layout": "Every table is marked as layout, so that it is not read out as data.",
    "edition-language": "The html element states lang and dir, and there is a title.",
    "edition-contrast": "All text has a contrast of 4.5 or more to its own ground (WCAG 2.2 AA).",
}

_LOADS = re.compile(r"@import|@font-face|url\(", re.IGNORECASE)
_ACTIVE = frozenset(
    {"script", "iframe", "object", "embed", "form", "link", "video", "audio", "base", "svg"}
)


def check(html: str, seen: Outline) -> Iterator[Finding]:
    """What is to be said about this HTML, whose outline is `seen`."""
    yield from _active(html, seen)
    yield from _structure(seen)
    yield from _contrast(seen)


def _active(html: str, seen: Outline) -> Iterator[Finding]:
    remedy = "remove it: nothing in a mail may load or run by itself"
    for tag, attributes in seen.tags:
        handlers = [name for name, _ in attributes if name.startswith("on")]
        if tag in _ACTIVE or handlers:
            yield _found("edition-remote", f"there is a <{tag}> that loads or runs", remedy)
        given = dict(attributes)
        if tag == "img" and {given.get("width"), given.get("height")} & {"0", "1"}:
            yield _found("edition-remote", "there is a tracking pixel", remedy)
    if _LOADS.search(html):
        yield _found("edition-remote", "a style loads a font or a picture", remedy)


def _structure(seen: Outline) -> Iterator[Finding]:
    for src, alt in seen.images:
        if alt is None:
            remedy = 'describe it, or write alt="" for a decoration'
            yield _found("edition-alt", f"the picture '{src}' has no alt", remedy)
    levels = [level for level, words in seen.headings if words]
    steps = zip([0, *levels], levels, strict=False)
    if levels.count(1) != 1 or any(after > before + 1 for before, after in steps):
        yield _found(
            "edition-headings",
            f"the headings go {', '.join(f'h{level}' for level in levels) or 'missing'}",
            "use one h1, then h2 for articles and h3 within them",
            Severity.WARNING,
        )
    tables = [attributes for tag, attributes in seen.tags if tag == "table"]
    plain = [attributes for attributes in tables if ("role", "presentation") not in attributes]
    if plain:
        yield _found(
            "edition-layout",
            f"{len(plain)} tables are not marked as layout",
            'write role="presentation" on them',
            Severity.WARNING,
        )
    root = next((dict(a) for tag, a in seen.tags if tag == "html"), {})
    titled = any(tag == "title" for tag, _ in seen.tags)
    if not (root.get("lang") and root.get("dir") and titled):
        yield _found(
            "edition-language",
            "lang, dir or the title is missing",
            "write <mjml lang dir> and <mj-title>",
            Severity.WARNING,
        )


def _contrast(seen: Outline) -> Iterator[Finding]:
    for colour, ground in sorted(seen.shades):
        ratio = colours.contrast(colour, ground)
        if ratio < colours.LEGIBLE:
            yield _found(
                "edition-contrast",
                f"text in {colour} on {ground} has a contrast of {ratio:.1f}",
                "choose colours with a contrast of 4.5 or more",
                Severity.WARNING,
            )


def _found(rule: str, message: str, remedy: str, severity: Severity = Severity.ERROR) -> Finding:
    from publisher.formats.digest import HTML

    return Finding(rule, severity, Place(f"templates/{HTML}"), message, remedy)
