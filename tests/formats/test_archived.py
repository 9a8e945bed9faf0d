"""Issues of the archive through the cache."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from publisher.domain.forcing import Forcing
from publisher.domain.issue import ArchivedIssue, IssueState, Shaping
from publisher.formats import archived
from tests.factories import edition, issue

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_issues_come_back_as_they_were() -> None:
    """Every field, none of which is left at its default here."""
    one = replace(
        issue(),
        number=3,
        state=IssueState.FINISHED,
        audience=5,
        reason="because",
        hash="abc",
        shaping=Shaping("Other words", order=("a", "b"), dropped=("c",)),
        articles=(("a", "1"), ("b", "2")),
        waiting=("d",),
        excluded={"no topics": 2},
        counts={"accepted": 5},
        approved_at=AT,
        approved_by="Dr Raman",
        released_at=AT,
        finished_at=AT,
        subject="Ünusual “words” 🫀",
        forced=(Forcing("edition-size", "Once", "Dr Raman", AT),),
    )
    kept = (
        ArchivedIssue(one, edition(html="<p>\u2028</p>")),
        ArchivedIssue(issue(), edition()),
    )
    assert archived.decode(archived.encode(kept)) == kept
    assert archived.decode(archived.encode(())) == ()


@pytest.mark.parametrize("raw", [b"", b"[]", archived.encode(())[:-3]])
def test_whatever_else_is_there_is_no_issue(raw: bytes) -> None:
    """A cache may hold anything: then the store is asked."""
    with pytest.raises(ValueError, match="no issues"):
        archived.decode(raw)
