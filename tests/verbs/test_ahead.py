"""Messages made before their turn."""

from __future__ import annotations

import pytest

from publisher.dispatch import ahead
from publisher.dispatch.ahead import Ahead
from publisher.dispatch.composing import Fill
from publisher.domain.delivery import Claim, OutboxKind
from publisher.domain.message import Envelope
from publisher.errors import UsageError
from tests.verbs.outbox import NOW

CLAIM = Claim(
    kind=OutboxKind.DELIVERY,
    id=1,
    fence=1,
    attempts=0,
    first_due_at=NOW,
    address="reader@example.org",
    name="",
    token_id="t1",
    message_id="<1@example.org>",
    dated_at=NOW,
)


class Prepared:
    """Prepares messages that say which claim they were made for, and counts."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, claim: Claim) -> Fill:
        self.asked.append(claim.id)
        return lambda: self._filled(claim)

    def _filled(self, claim: Claim) -> tuple[bytes, Envelope]:
        if claim.address == "nobody":
            raise UsageError("no address")
        return b"%d" % claim.id, Envelope("a@example.org", claim.address)


def test_a_message_is_made_once_and_is_its_own_readers() -> None:
    prepared = Prepared()
    made = Ahead(prepared, worthwhile=True)
    claims = [CLAIM._replace(id=number) for number in range(1, 5)]
    made.begin(claims)
    made.begin(claims)
    assert [made.take(claim)()[0] for claim in claims] == [b"1", b"2", b"3", b"4"]
    assert prepared.asked == [1, 2, 3, 4]
    made.close()


def test_spare_moments_make_one_message_each_until_none_is_left() -> None:
    """One that cannot be made is asked for again in its turn, where the fault is answered for."""
    prepared = Prepared()
    made = Ahead(prepared, worthwhile=False)
    claims = [CLAIM, CLAIM._replace(id=2, address="nobody"), CLAIM._replace(id=3)]
    assert [made.spare(claims) for _ in range(4)] == [True, True, True, False]
    assert prepared.asked == [1, 2, 3]
    assert made.take(claims[0])()[0] == b"1"
    with pytest.raises(UsageError):
        made.take(claims[1])()
    assert made.take(claims[2])()[0] == b"3"
    assert prepared.asked == [1, 2, 3, 2]
    busy = Ahead(prepared, worthwhile=True)
    assert not busy.spare(claims)
    busy.close()


def test_a_claim_of_another_fence_is_another_message() -> None:
    prepared = Prepared()
    made = Ahead(prepared, worthwhile=True)
    made.begin([CLAIM])
    made.take(CLAIM._replace(fence=2))
    assert prepared.asked == [1, 1]
    made.close()


def test_no_more_is_held_than_the_bound() -> None:
    prepared = Prepared()
    made = Ahead(prepared, worthwhile=True)
    made.begin(CLAIM._replace(id=number) for number in range(ahead.MOST + 1))
    assert len(made._made) == ahead.MOST
    made.take(CLAIM._replace(id=0))
    assert prepared.asked.count(0) == 2
    made.close()


def test_an_address_that_no_mail_can_carry_is_said_by_whoever_takes_it() -> None:
    made = Ahead(Prepared(), worthwhile=True)
    nobody = CLAIM._replace(address="nobody")
    made.begin([nobody])
    with pytest.raises(UsageError, match="no address"):
        made.take(nobody)()
    made.close()


def test_notices_and_what_is_quickly_made_wait_for_their_turn() -> None:
    prepared = Prepared()
    slow, quick = Ahead(prepared, worthwhile=True), Ahead(prepared, worthwhile=False)
    slow.begin([CLAIM._replace(kind=OutboxKind.NOTICE)])
    quick.begin([CLAIM])
    assert prepared.asked == []
    assert quick.take(CLAIM)()[0] == b"1"
    slow.close()
    quick.close()
