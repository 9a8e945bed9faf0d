"""The digest as it is meant to look and to be read, clause by clause, on the sample journal's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from publisher.checks.edition import SIZE_WARNING
from publisher.formats import outline
from publisher.formats.colours import contrast
from tests import factories, mails, sample_mails
from tests.formats.test_email_browser import opened, unstyled

STYLES = """() => Object.fromEntries(['h1', 'h2:has(a)', 'li:has(a)', 'p:not(.quiet):not(.accent)']
  .map(s => [s, getComputedStyle(document.querySelector(s))])
  .map(([s, c]) => [s, [c.fontSize, Math.round(10 * parseFloat(c.lineHeight)
    / parseFloat(c.fontSize)) / 10, c.fontFamily]]))"""


@pytest.mark.browser
@pytest.mark.parametrize("style", [str, unstyled], ids=["styled", "no style sheet"])
def test_the_sizes_are_those_of_the_design(browser: Browser, style: Callable[[str], str]) -> None:
    """28 for the title, 22 for articles, 16 at 1.5 for text, 14 for sources; system fonts alone."""
    with opened(browser, style(sample_mails.edition().html)) as page:
        found = page.evaluate(STYLES)
    assert {name: size for name, (size, _, _) in found.items()} == {
        "h1": "28px",
        "h2:has(a)": "22px",
        "li:has(a)": "14px",
        "p:not(.quiet):not(.accent)": "16px",
    }
    assert found["p:not(.quiet):not(.accent)"][1] == 1.5
    families = {name.strip("\"' ") for _, _, value in found.values() for name in value.split(",")}
    assert families <= {
        *("-apple-system", "BlinkMacSystemFont", "Segoe UI", "Roboto", "Helvetica", "Arial"),
        *("sans-serif", "Georgia", "Times New Roman", "serif"),
    }


@pytest.mark.browser
@pytest.mark.parametrize("width", [800, 375, 320])
def test_the_whole_sample_fits_every_screen(browser: Browser, width: int) -> None:
    """Eight articles with all that they have; nobody scrolls sideways, no button is too low."""
    with opened(browser, sample_mails.edition().html, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for button in page.get_by_role("link", name=re.compile("^Read")).all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("language", ["en-GB", "he"])
def test_language_and_direction_outlive_the_body(language: str) -> None:
    """Gmail takes away html and body; the wrapper inside says both again."""
    tags = outline.parse(sample_mails.edition(language).html).tags
    spoken = {name: dict(given) for name, given in reversed(tags) if name in ("html", "div")}
    wrapper = next(
        dict(given) for name, given in tags if name == "div" and ("class", "page") in given
    )
    for each in (spoken["html"], wrapper):
        assert each["lang"] in (language, "en-GB")
        assert each["dir"] in ("ltr", "rtl")
    assert (spoken["html"]["lang"], spoken["html"]["dir"]) == (wrapper["lang"], wrapper["dir"])


def test_every_table_is_layout() -> None:
    """Those that only Outlook reads, in comments, as well."""
    tables = re.findall(r"<table\b[^>]*>", sample_mails.edition().html)
    assert len(tables) > 20
    assert all('role="presentation"' in each for each in tables)


def test_every_link_says_where_it_leads() -> None:
    """No two links have the same words and other places; none is 'here' or 'read more'."""
    links = outline.parse(sample_mails.edition().html).links
    places: dict[str, set[str]] = {}
    for url, words in links:
        places.setdefault(words, set()).add(url)
    assert all(len(urls) == 1 for urls in places.values())
    assert not {words.lower() for words in places} & {"", "here", "click here", "read more", "more"}
    buttons = [words for words in places if words.startswith("Read")]
    assert len(buttons) == 8


def inverted(colour: str) -> str:
    return "#" + "".join(f"{255 - int(colour[at : at + 2], 16):02x}" for at in (1, 3, 5))


def darkened(colour: str) -> str:
    """The same hue with its lightness turned round, as Gmail on iOS and Outlook do."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, light, saturation = rgb_to_hls(red, green, blue)
    return "#" + "".join(f"{round(255 * c):02x}" for c in hls_to_rgb(hue, 1 - light, saturation))


@pytest.mark.parametrize("turn", [inverted, darkened])
def test_a_program_that_inverts_colours_keeps_it_readable(turn: Callable[[str], str]) -> None:
    """Each text on its own ground, both turned round: still 4.5 or more."""
    shades = outline.parse(sample_mails.edition().html).shades
    assert len(shades) >= 6
    for colour, ground in shades:
        assert contrast(turn(colour), turn(ground)) >= 4.5, (colour, ground)


def test_contents_tell_evidence_and_time_in_words() -> None:
    """Whoever has one minute sees what is worth it, in HTML and in text."""
    edition = sample_mails.edition()
    for part in (outline.parse(edition.html).text, edition.text):
        contents = part.split("In this issue")[1].split("Please note")[0]
        assert re.search(r"Early evidence\W+4\s+min\s+read", contents)
    assert "(Strong evidence, " in " ".join(edition.text.split())


def test_a_correction_is_a_part_of_its_own() -> None:
    """Headed in words, before what it corrects; the colour is an extra."""
    headings = outline.parse(sample_mails.edition().html).headings
    assert (3, "Correction, 20 November 2026") in headings


def test_how_sources_are_chosen_is_linked_where_it_is_written() -> None:
    """In both parts, in words; without such a page nothing is said."""
    journal = factories.journal(method_url="https://journal.example.org/articles/method/")
    linked, without = mails.render(journal=journal), mails.render()
    assert (
        "https://journal.example.org/articles/method/",
        "How we choose and grade our sources",
    ) in (outline.parse(linked.html).links)
    assert (
        "How we choose and grade our sources:\nhttps://journal.example.org/articles/method/\n"
        in linked.text
    )
    assert "How we choose" not in without.html + without.text


EXOTIC = (
    "👩‍⚕️ What “8 of 11” means",
    "האם שינה מועילה ללב?",
    "睡眠と心臓について何が分かっているか",
    'A "quoted" <title> & its {{ braces }}',
    "Donaudampfschifffahrtsgesellschaftskapitän" * 3,
    "e\u0301 combining, \u200fmixed עברית and English, 50 % ± 3",
)


@pytest.mark.parametrize("title", EXOTIC)
def test_any_title_survives_the_wire(title: str) -> None:
    """Subject, HTML and text say it as it was written, once a mail program has decoded them."""
    article = replace(mails.articles()[0], title=title)
    raw = mails.compiled(mails.render((article,)))
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = mails.parsed(raw)
    squeezed = "".join(title.split())
    assert "".join(str(message["Subject"]).split())[:40] == squeezed[:40]
    seen = outline.parse(mails.content(message, "html")).text
    assert squeezed in "".join(seen.split())
    assert squeezed in "".join(mails.content(message, "plain").split())


def test_a_long_address_stays_whole() -> None:
    """In both parts, so that it can be followed."""
    url = "https://example.org/" + "a-long-path/" * 60
    source = factories.source(doi=None, pmid=None, url=url)
    edition = mails.render((replace(mails.articles()[0], sources=(source,)),))
    assert url in {link for link, _ in outline.parse(edition.html).links}
    assert url in edition.text.split()


def test_the_whole_sample_stays_far_below_what_gmail_shows() -> None:
    """Eight real articles."""
    assert len(sample_mails.edition().html.encode()) < SIZE_WARNING
