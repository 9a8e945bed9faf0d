"""Styles that a mail should not lean on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from publisher.checks.caniemail import LACKING
from publisher.domain.finding import Finding, Place, Severity
from publisher.formats.digest import HTML
from publisher.formats.outline import Outline

RULES: Mapping[str, str] = {
    "edition-css": "Inline styles are such as most mail programs know (caniemail.com, 2025-09-09).",
}


def check(seen: Outline) -> Iterator[Finding]:
    """Inline styles that two or more large programs drop; a style sheet is an extra anyway."""
    styles = {value for _, given in seen.tags for name, value in given if name == "style"}
    used = {style for value in styles for style in _declared(value)}
    for style in sorted(used & LACKING.keys()):
        yield Finding(
            "edition-css",
            Severity.WARNING,
            Place(f"templates/{HTML}"),
            f"'{style}' is dropped by {', '.join(LACKING[style])}",
            "lay out with tables, and make sure that it reads as well without",
        )


def _declared(style: str) -> Iterator[str]:
    """Each property, and each with its value."""
    for declaration in style.lower().split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            yield name.strip()
            yield f"{name.strip()}:{value.replace('!important', '').strip()}"
