"""An issue's report: the page in a real browser, and the table as spreadsheets read it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser

from publisher.domain.figures import OTHERS, Answer, Figures, Timeline
from publisher.domain.issue import Issue
from publisher.formats import report
from publisher.templates import Folders
from tests import factories

START = datetime(2026, 11, 24, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FIGURES = Figures(
    settled=Timeline(
        MINUTE,
        (
            (START, {"accepted": 900, "refused": 20}),
            (START + MINUTE, {"accepted": 450}),
            (START + 4 * MINUTE, {"accepted": 100, "unknown": 1}),
        ),
    ),
    returned=Timeline(
        HOUR,
        (
            (START, {"hard": 4, "unsubscribed": 1}),
            (START + 2 * HOUR, {"unsubscribed": 2, "complaint": 1}),
        ),
    ),
    domains=(
        ("mail.test", {"accepted": 1000, "refused": 5}),
        ("post.test", {"accepted": 400, "refused": 15, "unknown": 1}),
        (OTHERS, {"accepted": 50}),
    ),
    answers=(
        Answer("refused", 550, '5.1.1 <b>"nobody"</b> here', 20),
        Answer("unknown", 0, "=cmd()", 1),
    ),
)


def issue() -> Issue:
    return factories.issue(
        number=12,
        subject="Sleep & the heart",
        audience=1471,
        counts={"accepted": 1450, "refused": 20, "unknown": 1},
    )


def page(figures: Figures = FIGURES) -> str:
    return report.page(factories.journal(), Folders().load(), issue(), figures, START).decode()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1000])
def test_the_page_is_whole_by_itself_and_accessible(
    browser: Browser, tmp_path: Path, scheme: str, width: int
) -> None:
    """Nothing is asked of anybody, axe finds no fault, nothing is wider than the screen."""
    file = tmp_path / "report.html"
    file.write_text(page())
    context = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]  # a literal of playwright's
        viewport={"width": width, "height": 900},
    )
    asked: list[str] = []
    shown = context.new_page()
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(file.as_uri())
    for each in shown.locator("summary").all():
        each.click()
    found = Axe().run(shown).response
    assert found["violations"] == []
    assert asked == [file.as_uri()]
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert shown.locator("svg rect").count() == 5 + 4
    context.close()


def test_the_words_of_servers_are_no_markup() -> None:
    """A server may say anything; it is shown as it is."""
    assert "<b>" not in page()
    assert "&lt;b&gt;" in page()


def test_an_issue_that_has_not_left_has_a_report_too() -> None:
    """There is nothing to draw, and it says so."""
    empty = page(Figures())
    assert "Nothing has been sent yet" in empty
    assert "<svg" not in empty


def test_the_table_holds_every_number() -> None:
    """Each line of the page is a row; a cell that looks like a formula is text."""
    rows = list(csv.reader(io.StringIO(report.table(issue(), FIGURES).decode())))
    assert rows[0] == ["what", "name", "outcome", "number"]
    assert ["issue", "weekly/12", "accepted", "1450"] in rows
    assert ["time", "2026-11-24T09:04:00Z", "unknown", "1"] in rows
    assert ["domain", "post.test", "refused", "15"] in rows
    assert ["bounce", "weekly/12", "complaint", "1"] in rows
    assert ["back", "2026-11-24T11:00:00Z", "unsubscribed", "2"] in rows
    assert ["left", "weekly/12", "unsubscribed", "3"] in rows
    assert ["answer", "'=cmd()", "unknown", "1"] in rows


moments = st.lists(
    st.tuples(
        st.integers(0, 100),
        st.dictionaries(st.sampled_from(report.STATES), st.integers(1, 10**6), min_size=1),
    ),
    min_size=1,
    unique_by=lambda each: each[0],
)


@given(moments)
def test_columns_stand_on_the_ground_and_never_leave_the_picture(
    given_moments: list[tuple[int, dict[str, int]]],
) -> None:
    """The highest column fills the height; pieces of one column touch and do not overlap."""
    ordered = [(START + n * MINUTE, counts) for n, counts in sorted(given_moments)]
    bars = report.bars(Timeline(MINUTE, tuple(ordered)), report.STATES)
    assert len(bars) == sum(len(counts) for _, counts in ordered)
    lowest: dict[int, float] = {}
    for bar in bars:
        assert -0.1 <= bar.y <= report.HEIGHT
        assert bar.y + bar.height == pytest.approx(lowest.get(bar.x, report.HEIGHT), abs=0.1)
        lowest[bar.x] = bar.y
    assert min(lowest.values()) == pytest.approx(0, abs=0.1)
