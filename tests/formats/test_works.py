"""One work stands once, however its identifiers are written."""

from dataclasses import replace
from typing import Any

import pytest

from publisher.checks.works import doubled
from publisher.domain.article import Imprint, Source
from publisher.domain.retraction import Register
from publisher.formats import identifiers, works
from tests.factories import article, source

TRIAL = "ISRCTN83971151"


def one(key: str, **ways: Any) -> Source:
    """A source that is known by these ways alone."""
    return Source(key=key, title="The same", kind="trial", year=2020, **ways)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"isbn": identifiers.isbn("0-306-40615-2")}, {"isbn": identifiers.isbn("9780306406157")}),
        ({"nct": "NCT04245722"}, {"url": "https://clinicaltrials.gov/ct2/show/nct04245722"}),
        ({"isrctn": TRIAL}, {"doi": "10.1186/isrctn83971151"}),
        ({"isrctn": TRIAL}, {"url": f"https://www.isrctn.com/{TRIAL}"}),
        ({"isrctn": TRIAL, "url": "https://example.org/a"}, {"url": "https://example.org/a/"}),
    ],
)
def test_duplicates_across_spellings(first: dict[str, str], second: dict[str, str]) -> None:
    """Two articles cite one work; one article that lists it twice is warned of."""
    a = article(id="a", path="a.md", sources=(one("x", **first),))
    b = article(id="b", path="b.md", sources=(one("y", **second),))
    [work] = works.of((a, b), Register())
    assert [each.id for each in work.articles] == ["a", "b"]
    assert list(doubled([work])) == []
    both = article(sources=(one("x", **first), one("y", **second)))
    [found] = doubled(works.of((both,), Register()))
    assert (found.rule, found.blocks) == ("doubled-source", False)


def test_different_books_and_trials_stay_apart() -> None:
    """Nothing but an identifier makes two works one."""
    ways = [{"nct": "NCT04245722"}, {"nct": "NCT04245723"}, {"isrctn": TRIAL}]
    sources = tuple(one(f"s{number}", **way) for number, way in enumerate(ways))
    assert len(works.of((article(sources=sources),), Register())) == len(sources)


def test_chapters_of_one_book_are_works_of_their_own() -> None:
    """They bear its ISBN, and are neither each other nor the book."""
    bare = source(doi=None, pmid=None, journal="The Book", isbn="9783161484100")
    one, other = (
        replace(bare, key=key, title=key, imprint=Imprint(type="chapter"))
        for key in ("one", "other")
    )
    found = works.of([article(sources=(bare, one, other))], Register())
    assert [work.source.key for work in found] == ["one", "other", bare.key]
