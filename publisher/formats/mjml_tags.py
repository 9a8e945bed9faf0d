"""The tags of MJML 4.18.0 and the attributes of each, from its own components (MIT licence).

`css-class` and `mj-class` may stand everywhere and are not repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from html.parser import HTMLParser
from typing import NamedTuple


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


TAGS: Mapping[str, frozenset[str]] = {
    "mj-accordion": _names(
        "border container-background-color font-family icon-align icon-height icon-position "
        "icon-unwrapped-alt icon-unwrapped-url icon-width icon-wrapped-alt icon-wrapped-url "
        "padding padding-bottom padding-left padding-right padding-top"
    ),
    "mj-accordion-element": _names(
        "background-color border font-family icon-align icon-height icon-position "
        "icon-unwrapped-alt "
        "icon-unwrapped-url icon-width icon-wrapped-alt icon-wrapped-url"
    ),
    "mj-accordion-text": _names(
        "background-color color font-family font-size font-weight letter-spacing line-height "
        "padding padding-bottom padding-left padding-right padding-top"
    ),
    "mj-accordion-title": _names(
        "background-color color font-family font-size font-weight padding padding-bottom "
        "padding-left padding-right padding-top"
    ),
    "mj-attributes": frozenset(),
    "mj-body": _names("background-color width"),
    "mj-breakpoint": _names("width"),
    "mj-button": _names(
        "align background-color border border-bottom border-left border-radius border-right "
        "border-top color container-background-color font-family font-size font-style "
        "font-weight height href inner-padding letter-spacing line-height name "
        "padding padding-bottom padding-left padding-right padding-top rel target text-align "
        "text-decoration text-transform title vertical-align width"
    ),
    "mj-carousel": _names(
        "align border-radius container-background-color icon-width left-icon padding "
        "padding-bottom padding-left padding-right padding-top right-icon tb-border "
        "tb-border-radius "
        "tb-hover-border-color tb-selected-border-color tb-width thumbnails"
    ),
    "mj-carousel-image": _names(
        "alt border-radius href rel src target tb-border tb-border-radius thumbnails-src title"
    ),
    "mj-column": _names(
        "background-color border border-bottom border-left border-radius border-right "
        "border-top direction inner-background-color inner-border inner-border-bottom "
        "inner-border-left inner-border-radius inner-border-right inner-border-top "
        "padding padding-bottom padding-left padding-right padding-top vertical-align "
        "width"
    ),
    "mj-divider": _names(
        "align border-color border-style border-width container-background-color padding "
        "padding-bottom padding-left padding-right padding-top width"
    ),
    "mj-font": _names("href name"),
    "mj-group": _names("background-color direction vertical-align width"),
    "mj-head": frozenset(),
    "mj-hero": _names(
        "background-color background-height background-position background-url "
        "background-width border-radius container-background-color height inner-background-color "
        "inner-padding inner-padding-bottom inner-padding-left inner-padding-right "
        "inner-padding-top mode padding padding-bottom padding-left "
        "padding-right padding-top vertical-align"
    ),
    "mj-html-attributes": frozenset(),
    "mj-image": _names(
        "align alt border border-bottom border-left border-radius border-right border-top "
        "container-background-color fluid-on-mobile font-size height href max-height name "
        "padding padding-bottom padding-left padding-right padding-top rel sizes src "
        "srcset target title usemap width"
    ),
    "mj-navbar": _names(
        "align base-url hamburger ico-align ico-close ico-color ico-font-family ico-font-size "
        "ico-line-height ico-open ico-padding ico-padding-bottom ico-padding-left "
        "ico-padding-right ico-padding-top ico-text-decoration ico-text-transform padding "
        "padding-bottom padding-left padding-right padding-top"
    ),
    "mj-navbar-link": _names(
        "color font-family font-size font-style font-weight href letter-spacing line-height "
        "name padding padding-bottom padding-left padding-right padding-top rel "
        "target text-decoration text-transform"
    ),
    "mj-preview": frozenset(),
    "mj-raw": _names("position"),
    "mj-section": _names(
        "background-color background-position background-position-x background-position-y "
        "background-repeat background-size background-url border border-bottom border-left "
        "border-radius border-right border-top direction full-width padding padding-bottom "
        "padding-left padding-right padding-top text-align text-padding"
    ),
    "mj-social": _names(
        "align border-radius color container-background-color font-family font-size font-style "
        "font-weight icon-height icon-padding icon-size inner-padding line-height "
        "mode padding padding-bottom padding-left padding-right padding-top table-layout "
        "text-decoration text-padding vertical-align"
    ),
    "mj-social-element": _names(
        "align alt background-color border-radius color font-family font-size font-style "
        "font-weight href icon-height icon-padding icon-position icon-size line-height "
        "name padding padding-bottom padding-left padding-right padding-top rel sizes src "
        "srcset target text-decoration text-padding title vertical-align"
    ),
    "mj-spacer": _names(
        "border border-bottom border-left border-right border-top container-background-color "
        "height padding padding-bottom padding-left padding-right padding-top"
    ),
    "mj-style": _names("inline"),
    "mj-table": _names(
        "align border cellpadding cellspacing color container-background-color font-family "
        "font-size font-weight line-height padding padding-bottom padding-left "
        "padding-right padding-top role table-layout vertical-align width"
    ),
    "mj-text": _names(
        "align background-color color container-background-color font-family font-size "
        "font-style font-weight height letter-spacing line-height padding padding-bottom "
        "padding-left padding-right padding-top text-decoration text-transform vertical-align "
        ""
    ),
    "mj-title": frozenset(),
    "mj-wrapper": _names(
        "background-color background-position background-position-x background-position-y "
        "background-repeat background-size background-url border border-bottom border-left "
        "border-radius border-right border-top direction full-width gap padding "
        "padding-bottom padding-left padding-right padding-top text-align text-padding"
    ),
    "mjml": _names("dir lang owa"),
}

EVERYWHERE = frozenset({"css-class", "mj-class"})
ANY: frozenset[str] = frozenset().union(*TAGS.values())
DEFAULTS = {"mj-all": ANY, "mj-class": ANY | {"name"}}
"""What stands within mj-attributes and may give any attribute of any tag."""


class Fault(NamedTuple):
    """What is wrong, at which line of the rendered MJML, and what stands in that line.

    `marks` are pieces of text by which the line is found in a template.
    """

    line: int
    marks: tuple[str, ...]
    words: str


def wrong(source: str) -> tuple[Fault, ...]:
    """What of `source` MJML does not know, and tags that are not closed; mrml lets most pass."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    return tuple(reader.wrong)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[Fault] = []
        self._open: list[tuple[str, int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "mjml" and not tag.startswith("mj-"):
            return
        self._open.append((tag, self.getpos()[0], self.get_starttag_text() or ""))
        self._known(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "mjml" or tag.startswith("mj-"):
            self._known(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag != "mjml" and not tag.startswith("mj-"):
            return
        if self._open and self._open[-1][0] == tag:
            self._open.pop()
        elif any(name == tag for name, _, _ in self._open):
            self._unclosed(tag)
            self._open.pop()
        else:
            self.wrong.append(
                Fault(self.getpos()[0], (f"</{tag}>",), f"</{tag}> closes what was never opened")
            )

    def close(self) -> None:
        super().close()
        self._unclosed(None)

    def _unclosed(self, until: str | None) -> None:
        """Say of each open tag down to `until` that it is not closed."""
        while self._open and self._open[-1][0] != until:
            tag, line, text = self._open.pop()
            self.wrong.append(Fault(line, (text.split("=")[0],), f"<{tag}> is not closed"))

    def _known(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = TAGS.get(tag) or DEFAULTS.get(tag)
        if known is None and tag not in TAGS:
            self._say((f"<{tag}",), f"<{tag}> is not a component of MJML{_near(tag, TAGS)}")
            return
        for name, _ in attrs:
            if name not in (known or frozenset()) | EVERYWHERE:
                near = _near(name, known or ())
                marks = (f"<{tag}", f" {name}=")
                self._say(marks, f"<{tag}> has no attribute '{name}'{near}")

    def _say(self, marks: tuple[str, ...], what: str) -> None:
        self.wrong.append(Fault(self.getpos()[0], marks, what))


def _near(name: str, known: Iterable[str]) -> str:
    found = get_close_matches(name, list(known), 1, 0.7)
    return f"; did you mean '{found[0]}'?" if found else ""
