from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from publisher.domain.bounce import Addressee, BounceKind, BouncePolicy, Disposition

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
POLICY = BouncePolicy()


def days(*numbers: int) -> list[datetime]:
    return [NOW - timedelta(days=number) for number in numbers]


def test_one_hard_bounce_is_enough() -> None:
    """There is no such mailbox: writing again would only harm the sender's name."""
    assert POLICY.suppresses(BounceKind.HARD, [], NOW)


@pytest.mark.parametrize(
    ("earlier", "ends"),
    [([], False), ([14], False), ([14, 7], True), ([13, 7], False), ([30, 1], True)],
)
def test_soft_bounces_need_number_and_time(earlier: list[int], ends: bool) -> None:
    """Three mails, and two weeks from the first to the last."""
    assert POLICY.suppresses(BounceKind.SOFT, days(*earlier), NOW) is ends


@pytest.mark.parametrize("kind", [BounceKind.BLOCK, BounceKind.CONTENT, BounceKind.AUTO_REPLY])
def test_nothing_else_is_held_against_a_person(kind: BounceKind) -> None:
    """A block is about us, a content bounce about the mail."""
    assert not POLICY.suppresses(kind, days(60, 50, 40, 30, 20), NOW)


def test_an_issue_pauses_at_each_third_block() -> None:
    """And after staff let it go on, not before three more."""
    assert [n for n in range(1, 8) if POLICY.pauses(n)] == [3, 6]
    assert BouncePolicy(block_limit=1).pauses(1)


def test_settings_change_the_numbers() -> None:
    """One soft bounce can be enough, if the settings say so."""
    assert BouncePolicy(soft_sends=1, soft_span=timedelta()).suppresses(BounceKind.SOFT, [], NOW)


def test_an_addressee_is_shown_without_the_address() -> None:
    """What may end in a log names nobody."""
    assert "example" not in repr(Addressee("reader@example.org"))


def test_what_is_done_with() -> None:
    """Only mails that were for us count as dealt with."""
    assert {d for d in Disposition if d.done} == {"bounce", "complaint", "unsubscribed"}
