"""Readers of several languages: an edition for each that there are words for; right to left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from publisher.build import build
from publisher.domain.article import Correction, CorrectionKind
from publisher.domain.issue import Shaping
from publisher.domain.template import Template, TemplateSet
from publisher.formats import catalogue, email
from publisher.ports import Library, Store
from tests import mails
from tests.factories import NOW, article, journal, numbered
from tests.verbs.readers import admit, reader
from tests.verbs.test_plan import TWO, Press

HEBREW = {
    "Key takeaway": "העיקר בקצרה",
    "Sources": "מקורות",
    "Please note": "לתשומת לבך",
    "Unsubscribe from %(newsletter)s": "הסרה מרשימת התפוצה של %(newsletter)s",
    "All articles": "כל המאמרים",
    "%(minutes)s min read": "%(minutes)s דקות קריאה",
    "Correction": "תיקון",
    "In this issue": "בגיליון הזה",
    "Past issues": "גיליונות קודמים",
}


def with_hebrew(templates: TemplateSet) -> TemplateSet:
    """A catalogue of a journal's own, as `templates eject locale/he.po` begins it."""
    text = catalogue.empty(templates.catalogues["de"][0], "he")
    for english, hebrew in HEBREW.items():
        text, number = re.subn(
            rf'(msgid "{re.escape(english)}"\nmsgstr )""', rf'\g<1>"{hebrew}"', text
        )
        assert number == 1, english
    own = Template("locale/he.po", text, "/own/locale/he.po", overridden=True)
    return replace(templates, catalogues={**templates.catalogues, "he": (own,)})


def test_each_reader_gets_the_language_they_asked_for(store: Store, templates: TemplateSet) -> None:
    """Where there are words for it; the others share the journal's edition, so few are made."""
    wishes = (None, "en", "de", "de-CH", "fr", "tlh", "en-GB")
    admit(store, [reader(f"r{n}", language=tag) for n, tag in enumerate(wishes)])
    press = Press(store, templates)
    issue = press.plan(TWO)
    editions = {each.language: each for each in store.issues.editions(issue.id)}
    assert set(editions) == {"en", "de"}
    assert issue.audience == len(wishes)
    german = editions["de"]
    assert german.subject.endswith(" und 1 weiterer Beitrag")
    for part in (german.html, german.text):
        assert "Das Wichtigste in Kürze" in part
        assert "abbestellen" in part
        assert "24. November 2026" in part
        assert "Key takeaway" not in part
    assert re.search(r'<html [^>]*lang="de"', german.html)
    assert 'lang="en" dir="ltr"' in german.html
    assert press.journal.disclaimer in german.text.replace("\n", " ")


def test_staffs_own_words_stay_in_every_language(store: Store, templates: TemplateSet) -> None:
    """A subject by hand is everybody's; only what is fixed is translated."""
    admit(store, [reader("ann"), reader("bea", language="de")])
    press = Press(store, templates)
    issue = press.reshape(press.plan(TWO), TWO, subject="Two reviews")
    assert {(e.language, e.subject) for e in store.issues.editions(issue.id)} == {
        ("en", "Two reviews"),
        ("de", "Two reviews"),
    }


@contextmanager
def opened(browser: Browser, width: int) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": 900})
    yield context.new_page()
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 1000])
def test_a_right_to_left_journal_is_turned_around(
    browser: Browser, templates: TemplateSet, width: int
) -> None:
    """Text, lists, boxes and arrows begin at the right, and nothing scrolls sideways."""
    hebrew = with_hebrew(templates)
    first = article(
        title="שינה ולב: מה מצאו המחקרים הראשונים",
        summary="אחד־עשר אנשים טופלו; שמונה הגיבו.",
        key_takeaway="הראיות מוקדמות.",
        corrections=(Correction(NOW.date(), CorrectionKind.CORRECTION, "עשרה", "אחד־עשר"),),
    )
    of = journal(language="he", title="כתב העת לדוגמה")
    files = build(of, Library((first, *numbered(3)), ()), hebrew, (), NOW)
    style = "".join(files[f"assets/{name}.css"].decode() for name in ("colours", "style"))
    for path in ("index.html", "articles/car-nk-cells/index.html", "issues/index.html"):
        html = files[path].decode()
        assert '<html lang="he" dir="rtl">' in html
        with opened(browser, width) as page:
            page.set_content(html.replace("</head>", f"<style>{style}</style></head>"))
            heading = page.locator("main h1")
            assert heading.evaluate("e => getComputedStyle(e).direction") == "rtl"
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if "articles" in path:
                assert page.locator(".back").first.inner_text().strip() == "→ כל המאמרים"
                box = page.locator(".takeaway")
                wide = "e => [getComputedStyle(e).borderRightWidth, getComputedStyle(e).borderLeftWidth]"
                right, left = (float(each.removesuffix("px")) for each in box.evaluate(wide))
                assert right >= left
                assert box.get_by_role("heading").inner_text() == "העיקר בקצרה"
                marks = page.locator(".sources ol")
                padding = "e => [getComputedStyle(e).paddingRight, getComputedStyle(e).paddingLeft]"
                inner, outer = (float(each.removesuffix("px")) for each in marks.evaluate(padding))
                assert inner > outer


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 800])
def test_a_right_to_left_mail_is_turned_around(
    browser: Browser, templates: TemplateSet, width: int
) -> None:
    """Its words come from the journal's own catalogue; English articles keep their direction."""
    of = journal(language="en")
    edition = email.render(
        of,
        of.newsletters[0],
        number=12,
        slot_at=NOW,
        articles=mails.articles(),
        language="he",
        shaping=Shaping(),
        templates=with_hebrew(templates),
    )
    assert "מקורות" in edition.text
    assert "העיקר בקצרה" in edition.html
    with opened(browser, width) as page:
        page.set_content(edition.html)
        assert page.evaluate("document.documentElement.dir") == "rtl"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        title = page.get_by_role("heading", level=2, name="CAR-NK cells").first
        assert title.get_attribute("lang") == "en"
        assert title.evaluate("e => getComputedStyle(e).direction") == "ltr"
        category = page.get_by_text("Cancer", exact=True).first
        assert (category.get_attribute("lang"), category.get_attribute("dir")) == ("en", "ltr")
        note = page.get_by_role("heading", name="לתשומת לבך")
        assert note.evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_the_wheel_carries_the_catalogues() -> None:
    """They lie with the templates, which pyproject.toml puts into the wheel as they are."""
    root = Path(__file__).parents[2]
    assert (root / "templates/locale/de.po").is_file()
    assert '"templates" = "publisher/shipped"' in (root / "pyproject.toml").read_text("utf-8")
