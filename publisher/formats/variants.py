"""A mail's HTML as different programs show it, each made by asking the browser for less."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_DARK = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)")
_SCHEMES = re.compile(r"(color-schemes?\"? content=\"|color-schemes?:\s*)light dark")

_SHEET = re.compile(r"<style\b.*?</style>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[a-z][^<>]*>", re.IGNORECASE)
_STYLE = re.compile(r"\sstyle\s*=\s*(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE)

FRAME = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self'; frame-ancestors 'self'; sandbox allow-same-origin"
)
"""For whatever is shown in a frame: nothing runs, nothing is sent, nobody else is asked."""


@dataclass(frozen=True, slots=True)
class Variant:
    """`width` in CSS pixels; `dark`: the reader's screen is dark.

    What a program leaves out: style sheets, style attributes (`bare`: both), pictures.
    """

    title: str
    width: int = 680
    dark: bool = False
    pictures: bool = True
    sheets: bool = True
    bare: bool = False
    note: str = ""

    @property
    def policy(self) -> str:
        """The Content-Security-Policy of the frame: no script, no request to anybody else."""
        pictures = "'self' data:" if self.pictures else "'none'"
        return f"{FRAME}; img-src {pictures}"


VARIANTS: Mapping[str, Variant] = {
    "desktop": Variant("Desktop"),
    "phone": Variant("Phone", width=375),
    "dark": Variant("Dark", dark=True),
    "images-off": Variant("Images off", pictures=False, note="as Outlook until asked"),
    "no-sheet": Variant("No style sheet", sheets=False, note="as Gmail at its worst"),
    "no-css": Variant("No CSS", bare=True, note="as the plainest program"),
}
"""Every way to show the HTML, in the order in which they stand side by side."""


def shown(html: str, variant: Variant) -> str:
    """`html` for a screen that is light or dark, whatever the screen in front of us is."""
    scheme = "dark" if variant.dark else "light"
    # A media query asks the reader's own screen; here it is answered in its place.
    html = _DARK.sub("@media all" if variant.dark else "@media not all", html)
    html = _SCHEMES.sub(rf"\g<1>{scheme}", html)
    if variant.bare or not variant.sheets:
        html = _SHEET.sub("", html)
    if variant.bare:
        html = _TAG.sub(lambda tag: _STYLE.sub("", tag[0]), html)
    return html
