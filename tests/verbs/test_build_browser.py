"""The built site in a real browser: what readers see, and what their browsers may not do."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from publisher.build import build
from publisher.domain.article import Correction, CorrectionKind, Evidence, Image
from publisher.ports import Library
from publisher.templates import Folders
from tests.factories import NOW, article, journal, numbered

pytestmark = pytest.mark.browser

URL = "https://journal.example.org"
TYPES = {"css": "text/css", "html": "text/html; charset=utf-8", "png": "image/png"}
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
PAGES = ("/", "/articles/car-nk-cells/", "/categories/cancer/", "/issues/", "/404.html")

CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('script')) continue;
    const pair = [rgb(getComputedStyle(element).color), ground(element)].map(luminance);
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    found.push([ratio, element.tagName + '.' + element.className + ': ' + element.textContent.slice(0, 30)]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """A site with every kind of part on it."""
    picture = Path(__file__).parents[2] / "content/images/car-nk-cells.png"
    first = article(
        image=Image("images/cells.png", "Cells"),
        title="Chimeric antigen receptors: Donaudampfschifffahrtsgesellschaftskapitänspatent",
        corrections=(Correction(date(2026, 11, 20), CorrectionKind.CORRECTION, "ten", "eleven"),),
        body_html=article().body_html
        + "<table><tr><th>A very wide</th><th>table indeed</th></tr><tr><td>"
        + "wide " * 3
        + f"</td><td>{'x' * 90}</td></tr></table><pre>{'y' * 120}</pre><blockquote>Q</blockquote>",
    )
    others = numbered(6)
    graded = tuple(
        article(id=f"{a.id}g", slug=f"g{n}", evidence=grade, published_at=a.published_at)
        for n, (a, grade) in enumerate(zip(others, (*Evidence, None), strict=True))
    )
    library = Library((first, *graded), (), {"images/cells.png": picture.read_bytes()})
    return build(journal(), library, Folders().load(), (), NOW)


@pytest.fixture
def requested() -> list[str]:
    """Every address that the browser asked for."""
    return []


@pytest.fixture
def page(browser: Browser, files: dict[str, bytes], requested: list[str]) -> Iterator[Page]:
    """A page without JavaScript of its own, served from the built tree under a strict policy."""

    def serve(route: Route) -> None:
        url = route.request.url
        requested.append(url)
        name = url.removeprefix(f"{URL}/").partition("?")[0]
        name += "index.html" if name == "" or name.endswith("/") else ""
        if not url.startswith(f"{URL}/") or name not in files:
            route.fulfill(status=404, body="")
            return
        route.fulfill(
            body=files[name],
            content_type=TYPES.get(name.rpartition(".")[2], "application/xml"),
            headers={"Content-Security-Policy": POLICY},
        )

    context = browser.new_context()
    context.route("**/*", serve)
    yield context.new_page()
    context.close()


def test_nothing_is_asked_of_anybody_else(page: Page, requested: list[str]) -> None:
    """No third-party request, no dead one, and nothing that a strict policy forbids."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for path in PAGES:
        page.goto(URL + path)
    page.wait_for_load_state("networkidle")
    assert complaints == []
    assert all(url.startswith(f"{URL}/") for url in requested)
    assert len(requested) >= len(PAGES) + 3


def test_no_page_scrolls_sideways(page: Page) -> None:
    """Long words, wide tables and code stay within a phone's screen."""
    for path in PAGES:
        page.goto(URL + path)
        for width in (1280, 375, 320):
            page.set_viewport_size({"width": width, "height": 800})
            found = page.evaluate("document.documentElement.scrollWidth")
            assert found <= width, (path, width)


def test_every_text_is_legible(page: Page) -> None:
    """WCAG AA's contrast, measured on what is really shown, by day and by night."""
    for path in PAGES:
        page.goto(URL + path)
        page.emulate_media(color_scheme="light")
        day = page.evaluate(CONTRAST)
        page.emulate_media(color_scheme="dark")
        night = page.evaluate(CONTRAST)
        assert len(day) == len(night) > 5
        assert [entry for entry in (*day, *night) if entry[0] < 4.5] == [], path


def test_night_is_dark_and_paper_is_white(page: Page) -> None:
    """The scheme follows the reader's system, and print is always on white."""
    page.emulate_media(color_scheme="dark")
    page.goto(f"{URL}/articles/car-nk-cells/")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) != "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert not page.locator(".masthead nav").is_visible()
    assert page.locator(".sources").is_visible()


def test_the_keyboard_reaches_the_content_first(page: Page) -> None:
    """The first Tab shows the skip link, and following it moves the focus to the text."""
    page.goto(f"{URL}/articles/car-nk-cells/")
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.inner_text() == "Skip to the content"
    box = skip.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text().endswith("All articles")
    assert page.locator(":focus").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_a_citation_leads_to_its_source_and_back(page: Page) -> None:
    """Following a mark shows the source; its arrow shows the mark again."""
    page.goto(f"{URL}/articles/car-nk-cells/")
    page.click("#cite-1-2")
    assert page.evaluate("document.querySelector(':target').id") == "source-1"
    page.click("#source-1 .backlink >> nth=1")
    assert page.evaluate("document.querySelector(':target').id") == "cite-1-2"


def test_headings_are_in_order(page: Page) -> None:
    """One h1 on each page, and no level is skipped: screen readers navigate by them."""
    for path in PAGES:
        page.goto(URL + path)
        levels = page.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))"
        )
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
