"""`publisher preview` as somebody uses it: a real process, a real browser, clicks and edits."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.cli.conftest import BEFORE, Journal
from tests.cli.conftest import journal as journal

pytestmark = pytest.mark.browser
PATIENT = 30_000
"""Milliseconds that a busy machine may take."""


@pytest.fixture
def url(journal: Journal) -> Iterator[str]:
    """The address that the command prints; it ends by Ctrl-C with a word and no traceback."""
    journal.add("ada", "brook")
    process = subprocess.Popen(
        [sys.executable, "-m", "publisher", "--now", BEFORE, "preview", "--no-browser"],
        cwd=journal.root,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.fullmatch(
            r"Preview at (http://127\.0\.0\.1:\d+/\S+/)\n", process.stdout.readline()
        )
        assert found is not None
        yield found[1]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert out.endswith("Stopped.\n")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The page, without any network but this machine's preview."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(url)
    yield opened
    assert faults == []
    assert [each for each in asked if not each.startswith((url, "data:"))] == []
    context.close()


def article(journal: Journal) -> Path:
    return journal.root / "content/vitamin-d.md"


def test_looking_over_an_issue_by_clicking(page: Page, journal: Journal) -> None:
    """What waits is shown at once; each change of a file shows by itself, faults included."""
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("weekly on Tuesday at 09:00", timeout=PATIENT)
    expect(page.get_by_text("2 people", exact=False).first).to_be_visible()
    desktop = page.frame_locator('iframe[title="Desktop"]')
    expect(desktop.get_by_role("heading", level=2).first).to_contain_text("vitamin D")
    dark = page.frame_locator('iframe[title="Dark"]').locator("body")
    ground = dark.evaluate("e => getComputedStyle(e).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", ground)[:3])) < 150
    bare = page.frame_locator('iframe[title="No CSS"]').locator("h1")
    assert "serif" not in bare.evaluate("e => e.getAttribute('style') || ''")

    # Hiding a pane is remembered.
    page.get_by_role("button", name="Phone").click()
    expect(page.locator('iframe[title="Phone"]')).to_be_hidden()
    page.reload()
    expect(page.locator('iframe[title="Phone"]')).to_be_hidden()
    page.get_by_role("button", name="Phone").click()
    expect(page.locator('iframe[title="Phone"]')).to_be_visible()

    # A link in the mail leads nowhere, and says where it would.
    desktop.get_by_role("link", name=re.compile("^Read the review")).click()
    expect(page.get_by_text("This link leads to https://")).to_be_visible()

    page.get_by_role("navigation", name="What to look at").get_by_text("vitamin D").click()
    expect(heading).to_contain_text("Do vitamin D tablets", timeout=PATIENT)
    web = page.frame_locator('iframe[title="Web page"]')
    expect(web.get_by_role("heading", level=1)).to_contain_text("vitamin D", timeout=PATIENT)

    # An edit shows by itself.
    text = article(journal).read_text("utf-8")
    article(journal).write_text(
        text.replace("Do vitamin D tablets", "Should everybody take"), "utf-8"
    )
    expect(heading).to_contain_text("Should everybody take", timeout=PATIENT)

    # A mistake shows beside its line, and is gone when it is mended.
    article(journal).write_text(text.replace("category: nutrition", "category: fooood"), "utf-8")
    page.get_by_role("link", name="content/vitamin-d.md").click(timeout=PATIENT)
    line = page.locator("li", has_text="category: fooood").last
    expect(page.get_by_text("unknown-category")).to_be_visible(timeout=PATIENT)
    expect(line).to_be_visible()
    article(journal).write_text(text, "utf-8")
    expect(page.get_by_text("Nothing is wrong with that file")).to_be_visible(timeout=PATIENT)
    page.get_by_role("link", name="The Weekly").first.click(timeout=PATIENT)
    expect(heading).to_contain_text("weekly on Tuesday at 09:00", timeout=PATIENT)

    # A click outlives a change in that moment, and one while the button is down; the page is
    # loaded again after them.
    news = "events.onmessage({ data: 'newer' })"
    to_article = page.get_by_role("navigation", name="What to look at").get_by_text("vitamin D")
    to_article.evaluate(f"link => {{ link.closest('a').click(); {news}; }}")
    expect(heading).to_contain_text("Do vitamin D tablets", timeout=PATIENT)
    page.get_by_role("link", name="The Weekly").first.hover()
    page.mouse.down()
    page.evaluate(news)
    page.mouse.up()
    expect(heading).to_contain_text("weekly on Tuesday at 09:00", timeout=PATIENT)
    heading.hover()
    page.mouse.down()
    page.evaluate(news)
    with page.expect_event("load", timeout=PATIENT):
        page.mouse.up()
    expect(page.locator("body[data-ready]")).to_be_attached(timeout=PATIENT)

    # A broken template shows too: the preview outlives it.
    own = journal.root / "templates/email/_foot.mjml"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("<mj-section>\n{{ nonsense }}</mj-section>")
    expect(page.get_by_text(re.compile(r"_foot\.mjml:2.*nonsense"))).to_be_visible(timeout=PATIENT)
    own.unlink()
    expect(page.locator('iframe[title="Desktop"]')).to_be_visible(timeout=PATIENT)

    # An issue that is planned meanwhile takes the place of the sketch.
    journal.run("issue", "plan", "weekly", now=BEFORE)
    expect(heading).to_contain_text("weekly/1", timeout=PATIENT)


def test_a_finding_stands_beside_its_place(page: Page, journal: Journal) -> None:
    """The note's height is that of the words that it is about."""
    text = article(journal).read_text("utf-8")
    takeaway = next(line for line in text.splitlines() if line.startswith("key_takeaway"))
    article(journal).write_text(
        text.replace(takeaway, "key_takeaway: Not a miracle for the heart."), "utf-8"
    )
    note = page.locator("[data-margin] .finding", has_text="miracle")
    expect(note).to_be_visible(timeout=PATIENT)
    expect(page.locator("body[data-ready]")).to_be_attached(timeout=PATIENT)
    about = page.frame_locator('iframe[title="Desktop"]').get_by_text("Not a miracle").last
    there, here = about.bounding_box(), note.bounding_box()
    assert there is not None
    assert here is not None
    assert abs(there["y"] - here["y"]) < 40


def test_anybody_can_use_the_page(page: Page) -> None:
    """axe-core finds nothing, light and dark, wide and narrow."""
    for scheme, width in (("light", 1400), ("dark", 420)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()
        expect(page.locator("body[data-ready]")).to_be_attached(timeout=PATIENT)
        found = Axe().run(page, options={"iframes": False}).response
        assert [
            (each["id"], node["html"][:200])
            for each in found["violations"]
            for node in each["nodes"]
        ] == []
