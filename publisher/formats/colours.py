"""The journal's colours as CSS custom properties, light and dark, always legible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from publisher.domain.journal import Colours

LEGIBLE = 4.5
"""WCAG 2.2 AA, 1.4.3: the least contrast of text."""

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Scheme:
    """Eight colours as `#rrggbb`. Every text colour is legible on `paper` and on `tint`."""

    text: str
    muted: str
    accent: str
    on_accent: str
    paper: str
    tint: str
    line: str
    warning: str


def light(colours: Colours) -> Scheme:
    """The scheme for paper: the journal's colours as they are, where they are legible."""
    return _scheme(colours.text, colours.accent, colours.paper, colours.tint, "#8a4b00", "#000000")


def dark(colours: Colours) -> Scheme:
    """The scheme for night: paper in the tone of the text, text in the tone of the paper."""
    paper = _mix(colours.text, "#0a0d0f", 0.62)
    text = _mix(colours.paper, colours.text, 0.1)
    tint = _mix(paper, colours.accent_dark, 0.09)
    return _scheme(text, colours.accent_dark, paper, tint, "#f0b35c", "#ffffff")


def stylesheet(colours: Colours) -> str:
    """CSS that defines `--text`, `--muted`, … for both schemes."""
    night = _properties(dark(colours)).replace("\n", "\n  ")
    return (
        f":root {{\n  color-scheme: light dark;{_properties(light(colours))}\n}}\n"
        f"@media (prefers-color-scheme: dark) {{\n  :root {{{night}\n  }}\n}}\n"
        # Paper is white whatever the screen's scheme.
        f"@media print {{\n  :root {{\n    color-scheme: light;"
        f"{_properties(light(colours)).replace(chr(10), chr(10) + '  ')}\n  }}\n}}\n"
    )


def faint(scheme: Scheme) -> Iterator[tuple[str, str, float]]:
    """(words, their ground, contrast) of every pair in use that is too faint to read.

    Text, small print, links, and warnings stand on the page and on the tint (key takeaways,
    badges, cards); the words of buttons on the accent.
    """
    uses = [
        (name, ground)
        for name in ("text", "muted", "accent", "warning")
        for ground in ("paper", "tint")
    ]
    for name, ground in (*uses, ("on_accent", "accent")):
        ratio = contrast(getattr(scheme, name), getattr(scheme, ground))
        if ratio < LEGIBLE:
            yield name, ground, ratio


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours, from 1 to 21."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def legible(colour: str, grounds: tuple[str, ...], towards: str) -> str:
    """`colour`, moved towards `towards` only as far as it takes to be legible on `grounds`."""
    for step in range(21):
        moved = _mix(colour, towards, step / 20)
        if all(contrast(moved, ground) >= LEGIBLE for ground in grounds):
            return moved
    return towards


def _scheme(text: str, accent: str, paper: str, tint: str, warning: str, ink: str) -> Scheme:
    grounds = (paper, tint)
    accent = legible(accent, grounds, ink)
    return Scheme(
        text=legible(text, grounds, ink),
        muted=legible(_mix(text, paper, 0.38), grounds, ink),
        accent=accent,
        on_accent=max(("#ffffff", "#0a0d0f"), key=lambda colour: contrast(colour, accent)),
        paper=_mix(paper, paper, 0),
        tint=_mix(tint, tint, 0),
        line=_mix(paper, text, 0.16),
        warning=legible(warning, grounds, ink),
    )


def _properties(scheme: Scheme) -> str:
    names = ("text", "muted", "accent", "on_accent", "paper", "tint", "line", "warning")
    return "".join(f"\n  --{n.replace('_', '-')}: {getattr(scheme, n)};" for n in names)


def _rgb(colour: str) -> Rgb:
    value = int(colour.removeprefix("#"), 16)
    return value >> 16 & 255, value >> 8 & 255, value & 255


def _mix(one: str, other: str, share: float) -> str:
    """`share` of `other` in `one`, as `#rrggbb`."""
    pairs = zip(_rgb(one), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance."""
    channels = [c / 255 for c in _rgb(colour)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
