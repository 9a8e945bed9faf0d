"""Which articles an issue takes: each clause of the rule, and what holds for any input."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.article import Article, Withdrawal, by_id
from publisher.domain.digest import LATENESS, Candidate, Digest, LeftOut, choose, for_topics
from tests.factories import article

SLOT = datetime(2026, 11, 24, 9, tzinfo=UTC)
SINCE = SLOT - timedelta(days=7)
TICK = timedelta(microseconds=1)
RULE: dict[str, Any] = {
    "slot_at": SLOT,
    "since": SINCE,
    "carried": frozenset(),
    "topics": (),
    "minimum": 1,
    "maximum": 8,
}


def candidate(
    name: str = "a",
    published: datetime = SLOT - timedelta(days=1),
    appeared: datetime | None = None,
    **changes: Any,
) -> Candidate:
    """One article that fits unless something is said against it."""
    return Candidate(article(id=name, published_at=published, **changes), appeared or published)


def chosen(*candidates: Candidate, **rule: Any) -> Digest:
    """The digest of these candidates."""
    return choose(candidates, **(RULE | rule))


def test_an_overdue_review_keeps_an_article_out_only_where_that_is_set() -> None:
    """The day itself still counts; without a day it does not matter."""
    due = candidate(review_by=SLOT.date())
    assert ids(chosen(due)) == ["a"]
    assert ids(chosen(due, today=SLOT.date())) == ["a"]
    late = chosen(due, today=SLOT.date() + timedelta(days=1))
    assert late.ids(LeftOut.OVERDUE) == ("a",)
    assert not late.articles


def ids(digest: Digest) -> list[str]:
    """Ids of the chosen, in order."""
    return [found.id for found in digest.articles]


def why(one: Candidate, **rule: Any) -> LeftOut | None:
    """Why this one is left out; None when it goes."""
    digest = chosen(one, **rule)
    return digest.left_out[0][1] if digest.left_out else None


def test_published_at_the_slot_goes_later_waits() -> None:
    """Published at or before the slot."""
    assert why(candidate(published=SLOT)) is None
    assert why(candidate(published=SLOT + TICK)) is LeftOut.SCHEDULED


def test_what_was_carried_never_comes_again() -> None:
    """Never carried by an issue of this newsletter and cadence; an edit changes nothing."""
    assert why(candidate("a"), carried={"a"}) is LeftOut.CARRIED
    edited = candidate("a", updated_at=SLOT, version="edited since")
    assert why(edited, carried={"a"}) is LeftOut.CARRIED
    assert why(candidate("b"), carried={"a"}) is None


def test_later_than_since() -> None:
    """At `since` itself is too old; a moment later goes."""
    assert why(candidate(published=SINCE)) is LeftOut.BEFORE_SINCE
    assert why(candidate(published=SINCE + TICK)) is None


def test_what_appears_up_to_fourteen_days_late_is_still_carried() -> None:
    """Counted from its date to the moment when it was first seen."""
    published = SINCE + TICK
    assert why(candidate(published=published, appeared=published + LATENESS)) is None
    late = candidate(published=published, appeared=published + LATENESS + TICK)
    assert why(late) is LeftOut.TOO_LATE
    assert timedelta(days=14) == LATENESS


def test_over_the_maximum_the_newest_go_and_the_rest_wait() -> None:
    """Those that wait are named, so that the next issue takes them."""
    made = [candidate(f"a{n}", SLOT - timedelta(hours=n)) for n in range(4)]
    digest = chosen(*made, maximum=2)
    assert ids(digest) == ["a0", "a1"]
    assert digest.ids(LeftOut.WAITING) == ("a2", "a3")
    following = chosen(*made, maximum=2, carried={"a0", "a1"}, slot_at=SLOT + timedelta(days=7))
    assert ids(following) == ["a2", "a3"]


def test_under_the_minimum_none_goes_and_all_wait() -> None:
    """None is lost: at the minimum all go."""
    made = [candidate("a"), candidate("b")]
    digest = chosen(*made, minimum=3)
    assert (ids(digest), digest.ids(LeftOut.TOO_FEW)) == ([], ("a", "b"))
    assert ids(chosen(*made, minimum=2)) == ["a", "b"]


def test_a_withdrawn_or_draft_article_leaves() -> None:
    """A file that is gone is no candidate; one that is a draft again or taken back is named."""
    assert ids(chosen()) == []
    taken_back = Withdrawal(date(2026, 11, 20), "It was wrong.")
    assert why(candidate(withdrawn=taken_back)) is LeftOut.WITHDRAWN
    assert why(candidate(draft=True)) is LeftOut.DRAFT


def test_only_the_topics_that_the_newsletter_offers() -> None:
    """No topics named means that all are offered."""
    assert why(candidate(category="heart"), topics=("sleep",)) is LeftOut.OTHER_TOPIC
    assert why(candidate(category="heart"), topics=("sleep", "heart")) is None
    assert why(candidate(category="heart"), topics=()) is None


def test_newest_first_then_by_id() -> None:
    """The order does not depend on the order of the files."""
    made = [candidate("b"), candidate("a"), candidate("c", SLOT)]
    assert ids(chosen(*made)) == ids(chosen(*reversed(made))) == ["c", "a", "b"]


def test_a_readers_topics_leave_what_they_chose() -> None:
    """None means all of them; an empty choice leaves nothing."""
    heart, sleep = article(id="h", category="heart"), article(id="s", category="sleep")
    assert for_topics((heart, sleep), None) == (heart, sleep)
    assert for_topics((heart, sleep), ("sleep",)) == (sleep,)
    assert for_topics((heart, sleep), ()) == ()


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    """Up to eight articles around the slot, some late, some drafts."""
    hours = st.integers(-24 * 20, 24 * 2)
    return [
        candidate(
            f"a{number}",
            SLOT + timedelta(hours=draw(hours)),
            SLOT + timedelta(hours=draw(hours)),
            draft=draw(st.booleans()),
            category=draw(st.sampled_from(["heart", "sleep"])),
        )
        for number in range(draw(st.integers(0, 8)))
    ]


@given(
    made=candidates(),
    carried=st.sets(st.sampled_from([f"a{n}" for n in range(8)])),
    topics=st.sampled_from([(), ("heart",), ("heart", "sleep")]),
    minimum=st.integers(1, 4),
    maximum=st.integers(4, 6),
)
def test_every_article_goes_or_has_a_reason(
    made: list[Candidate],
    carried: set[str],
    topics: tuple[str, ...],
    minimum: int,
    maximum: int,
) -> None:
    """Each candidate is in exactly one place; bounds hold; a second slot repeats nothing."""
    rule: dict[str, Any] = {"carried": carried, "topics": topics, "minimum": minimum}
    digest = chosen(*made, **rule, maximum=maximum)
    left = [name for name, _ in digest.left_out]
    assert sorted(ids(digest) + left) == sorted(one.article.id for one in made)
    assert not digest.articles or minimum <= len(digest.articles) <= maximum
    assert not carried & set(ids(digest))
    again = chosen(*made, **(rule | {"carried": carried | set(ids(digest))}), maximum=maximum)
    assert not set(ids(again)) & set(ids(digest))


@pytest.mark.parametrize(
    ("draft", "moment", "public"),
    [
        (False, SLOT, True),
        (False, SLOT - TICK, False),
        (True, SLOT, False),
    ],
)
def test_what_readers_may_see(draft: bool, moment: datetime, public: bool) -> None:
    """Not a draft, and not scheduled for later."""
    assert article(published_at=SLOT, draft=draft).is_public(moment) is public


def test_articles_by_id() -> None:
    """Keyed by what never changes."""
    made: tuple[Article, ...] = (article(id="x"), article(id="y"))
    assert by_id(made) == {"x": made[0], "y": made[1]}
