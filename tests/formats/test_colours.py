import re
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.journal import Colours
from publisher.formats.colours import (
    LEGIBLE,
    Scheme,
    contrast,
    dark,
    faint,
    legible,
    light,
    stylesheet,
)

colour = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def texts(scheme: Scheme) -> list[float]:
    pairs = [
        (text, ground)
        for text in (scheme.text, scheme.muted, scheme.accent, scheme.warning)
        for ground in (scheme.paper, scheme.tint)
    ]
    return [contrast(*pair) for pair in (*pairs, (scheme.on_accent, scheme.accent))]


@pytest.mark.parametrize("make", [light, dark])
def test_the_shipped_colours_are_legible(make: object) -> None:
    """WCAG AA holds for every text on every ground, by day and by night."""
    scheme = light(Colours()) if make is light else dark(Colours())
    assert min(texts(scheme)) >= LEGIBLE


def test_legible_colours_stay_as_the_journal_chose_them() -> None:
    """Nothing is changed that needs no change."""
    scheme, chosen = light(Colours()), Colours()
    assert (scheme.text, scheme.accent, scheme.paper) == (chosen.text, chosen.accent, chosen.paper)


@given(accent=colour, accent_dark=colour)
def test_any_accent_becomes_legible(accent: str, accent_dark: str) -> None:
    """A pale accent is darkened on paper, a dark one lightened at night."""
    chosen = Colours(accent=accent, accent_dark=accent_dark)
    assert min(texts(light(chosen))) >= LEGIBLE
    assert min(texts(dark(chosen))[4:6]) >= LEGIBLE


@given(st.builds(Colours, colour, colour, colour, colour, colour))
def test_any_choice_gives_valid_css(chosen: Colours) -> None:
    """Every property is a colour, once for each scheme and once for print."""
    css = stylesheet(chosen)
    assert len(re.findall(r"--[a-z-]+: #[0-9a-f]{6};", css)) == 3 * len(astuple(light(chosen)))
    assert css.count("{") == css.count("}")


@given(st.builds(Scheme, *[colour] * 8))
def test_every_pair_that_is_used_is_looked_at(scheme: Scheme) -> None:
    """Text, small print, links and warnings on page and tint, and the words of buttons."""
    found = list(faint(scheme))
    assert len(found) == sum(ratio < LEGIBLE for ratio in texts(scheme))
    for words, ground, ratio in found:
        assert ratio == contrast(getattr(scheme, words), getattr(scheme, ground))


def test_contrast_is_wcags() -> None:
    """Black on white is 21:1 and a colour on itself 1:1, whichever is named first."""
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#777777") == 1


def test_what_cannot_be_legible_goes_as_far_as_it_can() -> None:
    """Between black and white grounds nothing is legible: the target itself is the answer."""
    assert legible("#808080", ("#000000", "#ffffff", "#808080"), "#ffffff") == "#ffffff"
