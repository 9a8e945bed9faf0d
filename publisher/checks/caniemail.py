"""Styles that mail programs drop, by the data of caniemail.com of 2025-09-09 (MIT licence).

From the npm package `caniemail` 1.0.5: what at least two of six programs lack in the newest version
that was tested. Left out are styles without which a mail reads as well (`cursor`, `white-space`).
"""

from __future__ import annotations

from collections.abc import Mapping

PROGRAMS = {
    "A": "Apple Mail",
    "G": "Gmail",
    "W": "Outlook for Windows",
    "O": "Outlook.com",
    "S": "Samsung Email",
    "Y": "Yahoo",
}

_LACKING = {
    "AGWOSY": "hyphenate-limit-chars",
    "AGWOY": "inline-size resize",
    "AS": "text-justify",
    "GW": "position visibility z-index",
    "GWO": "text-shadow transition",
    "GWOSY": (
        "aspect-ratio border-block border-inline inset margin-block margin-inline padding-block "
        "padding-inline text-emphasis-position"
    ),
    "GWOY": (
        "accent-color animation backdrop-filter block-size border-image clip-path filter "
        "hyphenate-character hyphens list-style-image margin-block-end margin-block-start "
        "margin-inline-end margin-inline-start mask-image max-block-size max-inline-size "
        "min-block-size "
        "min-inline-size outline-offset overflow-wrap padding-block-end padding-block-start "
        "padding-inline-end padding-inline-start shape-margin shape-outside "
        "text-decoration-skip-ink "
        "text-decoration-thickness text-underline-offset text-wrap "
        "transform user-select white-space-collapse"
    ),
    "GWY": (
        "align-items bottom box-shadow display:grid flex-direction:column flex-wrap:wrap "
        "justify-content left orphans right tab-size top widows"
    ),
    "WOY": "text-align-last",
    "WSY": "font-stretch text-emphasis text-overflow",
    "WY": (
        "background-blend-mode background-clip background-origin box-sizing column-count "
        "column-gap font-kerning gap mix-blend-mode object-fit object-position row-gap "
        "text-orientation "
        "text-underline-position writing-mode"
    ),
}

LACKING: Mapping[str, tuple[str, ...]] = {
    style: tuple(PROGRAMS[letter] for letter in letters)
    for letters, styles in _LACKING.items()
    for style in styles.split()
}
"""`property` or `property:value` → the programs that drop it."""
