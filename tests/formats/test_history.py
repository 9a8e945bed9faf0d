"""A history in words, for every happening and every standing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from publisher.domain.article import Correction, CorrectionKind
from publisher.domain.history import Held, History, Version
from publisher.domain.issue import IssueKind, SlotId
from publisher.domain.ledger import Entry, Happening
from publisher.domain.retraction import Cited, Event, Nature, Standing, Status
from publisher.formats import history as words
from publisher.ports import Templates
from publisher.templates import Folders
from tests.factories import NOW, issue, journal

ISSUE = issue(approved_at=NOW, approved_by="Dr <Raman>", released_at=NOW, finished_at=NOW)
CORRECTION = replace(
    issue(id=2, number=2), slot=SlotId("weekly", IssueKind.CORRECTION, "correction", "abcd")
)
SEEN = Version("a/1", "On sleep", "f" * 64, NOW, present=True, issues=(1,), sourced=True)
BARE = Version("a/1", "On sleep", "e" * 64, None, present=False, issues=(2, 9), sourced=False)
WORK = Cited("a/1", "f" * 64, "liu-2020", "A work", ("doi:10.1/x",))
STEP = {"issue": 1, "name": "weekly/1", "kind": "digest", "state": "draft", "hash": "ab" * 32}


def entry(happening: Happening, **details: Any) -> Entry:
    """One entry."""
    return Entry(7, NOW, happening, details, "9" * 64)


def made(**changes: Any) -> History:
    """Everything at once."""
    values: dict[str, Any] = {
        "kind": "article",
        "name": "sleep",
        "title": "On <sleep>",
        "versions": (SEEN, BARE),
        "held": (Held(WORK, Status(Standing.CLEAR), acknowledged=False),),
        "issues": (ISSUE, CORRECTION),
        "corrections": (
            ("a/1", Correction(date(2026, 11, 25), CorrectionKind.CORRECTION, "W.", "R.")),
        ),
        "entries": (entry(Happening.STARTED, **STEP),),
        "began_at": NOW - timedelta(days=30),
    }
    return History(**(values | changes))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            entry(
                Happening.VERSIONS,
                articles=[{"id": "a/1", "version": "f" * 64}, {"id": "z", "version": "f"}],
            ),
            "version ffffffffffff seen",
        ),
        (
            entry(
                Happening.VERSIONS,
                articles=[
                    {
                        "id": "a/1",
                        "version": "e" * 64,
                        "acknowledged": ["doi:10.1/x"],
                        "corrections": ["abcd"],
                    }
                ],
            ),
            "version eeeeeeeeeeee seen (cites doi:10.1/x as retracted, bears correction abcd)",
        ),
        (entry(Happening.VERSIONS, articles=[{"id": "z", "version": "f"}]), "other versions seen"),
        (
            entry(Happening.SNAPSHOT, as_of="2026-11-20", rows=60_000),
            "data of retractions of 2026-11-20 loaded, 60,000 notices",
        ),
        (
            entry(Happening.FALLEN, work="doi:10.1/x", on="2026-11-01", issues=[1, 9]),
            "found that doi:10.1/x was retracted on 2026-11-01; carried by weekly/1, 9",
        ),
        (
            entry(Happening.FALLEN, work="pmid:1", on=None, issues=[]),
            "found that pmid:1 was retracted; carried by ",
        ),
        (
            entry(Happening.RESTORED, lost={"number": 41, "hash": "0" * 64}),
            "an older store was accepted; entry 41 is lost",
        ),
        (
            entry(Happening.PLANNED, **STEP, audience=1, forced=["edition-size"]),
            "issue weekly/1 planned for 1 person, draft, content abababababab, set aside: edition-size",
        ),
        (
            entry(Happening.PLANNED, **(STEP | {"kind": "correction"}), audience=1_200),
            "correction weekly/1 planned for 1,200 people, draft, content abababababab",
        ),
        (
            entry(Happening.FORCED, **STEP, forced=["edition-alt"]),
            "issue weekly/1, set aside: edition-alt",
        ),
        (entry(Happening.EDITED, **STEP), "issue weekly/1 edited, content abababababab"),
        (
            entry(Happening.FINISHED, **STEP, counts={"refused": 2, "accepted": 1_000}),
            "issue weekly/1 finished: 1,000 accepted, 2 refused",
        ),
        (entry(Happening.CANCELLED, **STEP, counts={}), "issue weekly/1 cancelled: none"),
    ],
)
def test_every_happening_is_a_sentence(told: Entry, said: str) -> None:
    """As far as it is about what was asked for."""
    assert words.said(told, made()) == said


def test_beside_others_a_version_has_its_articles_title() -> None:
    """A work is cited in several articles."""
    told = entry(Happening.VERSIONS, articles=[{"id": "a/1", "version": "f" * 64}])
    assert words.said(told, made(kind="source")) == "On sleep: version ffffffffffff seen"


@pytest.mark.parametrize(
    ("standing", "on", "acknowledged", "said"),
    [
        (Standing.CLEAR, None, False, "clear as of 2026-11-20"),
        (Standing.RETRACTED, date(2020, 6, 4), False, "retracted on 2020-06-04"),
        (Standing.RETRACTED, None, True, "retracted, acknowledged"),
        (Standing.UNKNOWN, None, False, "unknown"),
    ],
)
def test_how_a_work_stands(
    standing: Standing, on: date | None, acknowledged: bool, said: str
) -> None:
    """Never "not retracted"."""
    event = Event(1, Nature.RETRACTION, on) if standing is Standing.RETRACTED else None
    held = Held(WORK, Status(standing, event), acknowledged)
    assert words.stands(held, "2026-11-20") == said


def test_what_must_not_be_overlooked() -> None:
    """What the ledger cannot know, and what nobody knows."""
    late = made(began_at=NOW + timedelta(days=1))
    first, second = words.remarks(late)
    assert first.startswith("weekly/1, weekly/2: planned before the ledger began")
    assert second.startswith("version eeeeeeeeeeee went out before sources were put down")
    assert words.remarks(made(versions=(SEEN,))) == ()
    assert words.carried(late, BARE) == "weekly/2, 9"
    assert words.carried(late, replace(BARE, issues=())) == "in no issue"
    assert words.remarks(made(began_at=None, versions=()))[0].startswith("weekly/1, weekly/2:")


def test_the_page_says_all_of_it_and_escapes_it() -> None:
    """With and without each part."""
    templates: Templates = Folders(None)
    page = words.page(journal(), templates.load(), made(), "2026-11-20", NOW).decode()
    for part in ("On &lt;sleep&gt;", "Dr &lt;Raman&gt;", "(correction)", "not on record", "W. R."):
        assert part in page
    bare = made(versions=(), held=(), issues=(), corrections=(), entries=(), began_at=None)
    empty = words.page(journal(), templates.load(), bare, "unknown", NOW).decode()
    assert "Nothing yet." in empty
    assert "<table" not in empty
