"""The digest as Chromium shows it: narrow, dark, and without any style sheet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route

from publisher.formats.colours import contrast
from tests import factories, mails

pytestmark = pytest.mark.browser

Scheme = Literal["light", "dark"]

CONTRASTS = """() => [...document.querySelectorAll('p, h1, h2, h3, li, a, span, strong')]
  .filter(e => e.innerText && [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()))
  .map(e => {
    let ground = e, found;
    while (ground && (found = getComputedStyle(ground).backgroundColor) == 'rgba(0, 0, 0, 0)')
      ground = ground.parentElement;
    return [getComputedStyle(e).color, found, e.innerText.slice(0, 40)];
  })"""

SIDES = """() => [...new Set([...document.querySelectorAll('td.notice')].flatMap(e =>
  ['Top', 'Right', 'Bottom', 'Left'].map(side => getComputedStyle(e)[`border${side}Color`])))]"""


@contextmanager
def opened(
    browser: Browser, html: str, width: int = 600, scheme: Scheme = "light"
) -> Iterator[Page]:
    """The mail as a page; whatever it tries to load is noted and refused."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=True
    )
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    context.route("**/*", refuse)
    page = context.new_page()
    page.set_content(html)
    yield page
    assert asked == []
    context.close()


def unstyled(html: str) -> str:
    return re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)


def long_words() -> str:
    lead, *rest = mails.articles()
    lead = replace(lead, title="Donaudampfschifffahrt" * 12, summary="x" * 300 + " " + "日" * 200)
    return mails.render((lead, *rest)).html


@pytest.mark.parametrize("width", [320, 375, 600, 1200])
@pytest.mark.parametrize("styled", [True, False])
def test_nobody_has_to_scroll_sideways(browser: Browser, width: int, styled: bool) -> None:
    """Down to 320 px, with words longer than the screen, and with every style sheet removed."""
    html = long_words() if styled else unstyled(long_words())
    with opened(browser, html, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_column_is_600_wide_on_a_desk(browser: Browser) -> None:
    """Lines stay short enough to read."""
    with opened(browser, mails.render().html, 1200) as page:
        box = page.get_by_role("heading", level=1).bounding_box()
    assert box is not None
    assert 500 < box["width"] <= 600


@pytest.mark.parametrize("width", [320, 600])
def test_buttons_are_large_enough_for_a_thumb(browser: Browser, width: int) -> None:
    """At least 44 px high, whole links, with words that no other link has."""
    with opened(browser, mails.render().html, width) as page:
        buttons = page.get_by_role("link", name=re.compile("^Read"))
        assert buttons.count() == 3
        heights = [(button.bounding_box() or {"height": 0})["height"] for button in buttons.all()]
    assert min(heights) >= 44


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browser: Browser, scheme: Scheme) -> None:
    """Contrast of 4.5 or more, light and dark, as computed by the browser."""
    with opened(browser, mails.render().html, scheme=scheme) as page:
        found = page.evaluate(CONTRASTS)
    assert len(found) > 30
    for colour, ground, words in found:
        ratio = contrast(hexed(colour), hexed(ground))
        assert ratio >= 4.5, f"{words}: {colour} on {ground} is {ratio:.1f}"


def test_dark_mode_is_dark(browser: Browser) -> None:
    """The whole page, and a programme that ignores styles still shows dark text on light."""
    with opened(browser, mails.render().html, scheme="dark") as page:
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        sides = page.evaluate(SIDES)
    assert contrast(hexed(ground), "#000000") < 2
    assert len(sides) == 1  # of a correction: one colour all around
    assert all(contrast(hexed(each), hexed(ground)) >= 4.5 for each in sides), sides
    with opened(browser, unstyled(mails.render().html), scheme="dark") as page:
        for colour, other, words in page.evaluate(CONTRASTS):
            assert contrast(hexed(colour), hexed(other)) >= 4.5, words


def test_the_takeaway_keeps_its_box_without_style_sheets(browser: Browser) -> None:
    """Its tint and its rule are inline; its name is words."""
    with opened(browser, unstyled(mails.render().html)) as page:
        box = page.locator("td:has(> h3)").first
        style = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).borderLeftWidth]"
        assert box.evaluate(style) == ["rgb(234, 243, 244)", "4px"]
        assert "Key takeaway" in box.inner_text()


def test_only_the_preheader_is_hidden(browser: Browser) -> None:
    """Inboxes show it beside the subject; in the mail it would be said twice."""
    edition = mails.render()
    with opened(browser, edition.html) as page:
        assert edition.preheader not in page.inner_text("body")
        assert edition.preheader in (page.text_content("body") or "")


def test_a_right_to_left_mail_starts_at_the_right(browser: Browser) -> None:
    """Headings, lists, boxes and buttons all do."""
    with opened(
        browser, mails.render(language="he", journal=factories.journal(language="he")).html
    ) as page:
        button = page.get_by_role("link", name=re.compile("^Read the review: Does")).bounding_box()
        title = page.get_by_role("heading", level=1)
        assert title.evaluate("e => getComputedStyle(e).direction") == "rtl"
        assert title.evaluate("e => getComputedStyle(e).textAlign") in ("right", "start")
        assert page.evaluate("document.documentElement.scrollWidth") <= 600
    assert button is not None
    assert button["x"] + button["width"] > 500


def hexed(colour: str) -> str:
    """`rgb(1, 2, 3)` as `#010203`."""
    return "#" + "".join(f"{int(n):02x}" for n in re.findall(r"\d+", colour)[:3])
