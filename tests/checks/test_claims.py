"""Claims in short against the body, and reviews against the calendar."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.checks import claims, freshness
from publisher.domain.finding import Place
from tests.factories import article

PLACE = Place("content/x.md", 4)


def missing(claim: str, body: str) -> list[str]:
    """What the check says about a summary, in short."""
    found = list(claims.numbers("summary", claim, body, PLACE))
    assert all(each.place == PLACE and not each.blocks for each in found)
    return [
        each.message.split(" says ")[1].split(",  and")[0].split(", and the")[0] for each in found
    ]


@pytest.mark.parametrize(
    ("claim", "body"),
    [
        ("1,234 people", "There were 1.234 of them."),
        ("1234 people", "There were 1 234 of them."),
        ("1\u00a0234 people", "There were 1'234 of them."),
        ("1 234 567", "1,234,567"),
        ("1,00,000 people", "100000 people"),
        ("45% of them", "45 percent"),
        ("3.5 points", "3,5 Punkte"),
        ("3.50 points", "3.5 points"),
        ("10-20 days", "between 10 and 20 days"),
        ("10–20 days", "from 10 to 20"),
        ("1,234.5", "1.234,5"),
        ("0.05", "p = 0,05"),
        ("eight of eleven", "8 of 11"),
        ("In COVID-19, B12 and CD19", "Nothing with digits"),
        ("In 24.11.2026", "2026, 11, 24"),
        ("8 of 11", "**8** of *11*[@liu-2020]"),
        ("12 345", "12&nbsp;345"),
        ("no numbers", ""),
    ],
)
def test_the_same_number_in_another_spelling_is_found(claim: str, body: str) -> None:
    """Thousands, decimals, percent and ranges are read as people write them."""
    assert missing(claim, body) == []


@pytest.mark.parametrize(
    ("claim", "body", "said"),
    [
        ("45% of them", "35 percent", ["45"]),
        ("8 of 11, then 8", "11 people", ["8"]),
        (
            "In 2020",
            "Shown [@liu-2020], [here](https://example.org/2020) [@liu-2020; @x-2020].",
            ["2020"],
        ),
        ("3.5", "35", ["3.5"]),
        ("0.123", "123", ["0.123"]),
        ("10–20", "10 to 30", ["20"]),
        ("1 234", "1 235", ["1 234"]),
        ("40mg daily", "CD40", []),
    ],
)
def test_a_number_that_the_body_does_not_hold_is_named(
    claim: str, body: str, said: list[str]
) -> None:
    """Each once; citations and addresses do not count as the body's words."""
    assert missing(claim, body) == said


@given(
    st.decimals(min_value=0, max_value=10**9, places=2),
    st.sampled_from([(",", "."), (".", ","), ("\u202f", ","), ("'", "."), ("", ".")]),
    st.sampled_from([(",", "."), (".", ","), ("\u202f", ","), ("'", "."), ("", ".")]),
)
def test_every_number_is_itself_in_every_spelling(
    number: Decimal, one: tuple[str, str], other: tuple[str, str]
) -> None:
    """However thousands and decimals are marked here and there."""

    def spelt(marks: tuple[str, str]) -> str:
        thousands, point = marks
        return f"{number:,.2f}".replace(",", "T").replace(".", point).replace("T", thousands)

    assert number in claims.values(spelt(one))
    assert missing(f"It was {spelt(one)}.", f"It was {spelt(other)} then.") == []


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_breaks_it(claim: str, body: str) -> None:
    """Whatever is written, what is claimed and said again is never missing."""
    list(claims.numbers("summary", claim, body, PLACE))
    assert claims.values("1.2.3") == {Decimal(1), Decimal(2), Decimal(3)}


@pytest.mark.parametrize(
    ("evidence", "kinds", "warned"),
    [
        ("strong", ("laboratory study", "in vitro study"), True),
        ("strong", ("animal study (mice)",), True),
        ("strong", ("Laborstudie", "präklinische Studie"), True),
        ("strong", ("laboratory study", "systematic review"), False),
        ("strong", ("clinical trial",), False),
        ("strong", (), False),
        ("laboratory", ("laboratory study",), False),
        (None, ("laboratory study",), False),
    ],
)
def test_a_strong_grade_on_laboratory_work_alone(
    evidence: str | None, kinds: tuple[str, ...], warned: bool
) -> None:
    """One study in people is enough to leave the grade to the author."""
    found = list(claims.grade(evidence, kinds, PLACE))
    assert [each.rule for each in found] == (["evidence-grade"] if warned else [])
    assert not any(each.blocks for each in found)


def test_reviews_that_are_overdue_or_still_to_come() -> None:
    """The day itself still counts; drafts have time."""
    today = date(2026, 11, 24)
    due = article(review_by=date(2026, 11, 23))
    [found] = freshness.articles([due], today)
    assert (found.rule, found.blocks) == ("review-overdue", False)
    assert "2026-11-23" in found.message
    ahead = article(reviewed=date(2026, 11, 25), review_by=today)
    assert [each.rule for each in freshness.articles([ahead], today)] == ["reviewed-ahead"]
    assert list(freshness.articles([article(draft=True, review_by=date(2020, 1, 1))], today)) == []
