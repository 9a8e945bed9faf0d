"""What any store promises about bounces and complaints."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from publisher.domain.bounce import Bounce, BounceKind, BounceSource, Complaint
from publisher.domain.delivery import DeliveryEvent, DeliveryState, OutboxKind
from publisher.domain.notice import NoticeKind
from publisher.domain.subscription import Suppression, SuppressionReason
from publisher.ports import Store
from tests.contracts.samples import (
    NOW,
    claim,
    notice,
    one,
    people,
    release,
    settle,
    start,
    suppress,
)

DAY = timedelta(days=1)
D, N = OutboxKind.DELIVERY, OutboxKind.NOTICE


def bounce(number: int, key: str = "a", of: OutboxKind = D, **changes: object) -> Bounce:
    values: dict[str, object] = {
        "at": NOW, "kind": BounceKind.SOFT, "source": BounceSource.MAIL, "status": "5.2.2",
    }  # fmt: skip
    return Bounce(of, number, key=key, **(values | changes))  # type: ignore[arg-type]  # by keyword


def ending(
    name: str = "reader0", reason: SuppressionReason = SuppressionReason.BOUNCE
) -> Suppression:
    return Suppression(f"{name}@example.org", reason, NOW, "no such mailbox")


def sent(
    store: Store,
    key: str = "s",
    at: datetime = NOW,
    event: DeliveryEvent = DeliveryEvent.ACCEPT,
    code: int = 250,
) -> list[int]:
    """An issue of that slot, settled; ids of its deliveries."""
    issue = release(store, key, at)
    claims = start(store, claim(store, now=at, issue_id=issue.id), at)
    settle(store, claims, event, at, code=code, reply="said")
    return [held.id for held in claims]


def test_whom_a_message_was_for(store: Store) -> None:
    """A delivery names address, issue, newsletter and token; a notice says if it is a reader's."""
    people(store, 1)
    (number,) = sent(store)
    found = store.bounces.addressee(D, number)
    assert found is not None
    assert (found.address, found.newsletter) == ("reader0@example.org", "digest")
    assert (found.issue_id, found.personal) == (1, True)
    assert found.token_id == one(store, "reader0").token_id
    store.notices.add(notice(), "n", NOW)
    store.notices.add(
        notice("c:1", kind=NoticeKind.CONFIRMATION, address="x@example.org"), "n", NOW
    )
    staff, personal = (store.bounces.addressee(N, number) for number in (1, 2))
    assert staff is not None
    assert not staff.personal
    assert personal is not None
    assert (personal.address, personal.personal, personal.issue_id) == ("x@example.org", True, None)
    assert store.bounces.addressee(D, 999) is None
    assert store.bounces.addressee(N, 999) is None


def test_a_message_id_is_found_with_its_address(store: Store) -> None:
    """And only with it: neither alone names a delivery."""
    people(store, 2)
    release(store)
    first, second = start(store, claim(store))
    key = first.address.upper()
    assert store.bounces.by_message_id(first.message_id, key) == (D, first.id)
    assert store.bounces.by_message_id(first.message_id, second.address) is None
    assert store.bounces.by_message_id("<x@mail.example.org>", first.address) is None
    assert store.bounces.by_message_id(first.message_id, "nobody@example.org") is None


def test_the_latest_delivery(store: Store) -> None:
    """Of those that left."""
    (reader,) = people(store, 1)
    assert store.bounces.latest(reader) is None
    sent(store, "a")
    (second,) = sent(store, "b", NOW + DAY)
    sent(store, "c", NOW + 2 * DAY, DeliveryEvent.REFUSE)
    assert store.bounces.latest(reader) == second


def test_news_is_kept_once_with_its_suppression(store: Store) -> None:
    """One transaction: the same key again changes nothing, not even a suppression."""
    people(store, 2)
    number, _ = sent(store)
    assert not store.bounces.known("a")
    assert store.bounces.record(bounce(number), ending())
    assert store.bounces.known("a")
    assert not store.bounces.record(bounce(number), ending("reader1"))
    assert [found.address for found in [each for _, each in store.suppressions.list()]] == [
        "reader0@example.org"
    ]
    assert store.bounces.record(Complaint(NOW, "abuse", "b", D, None), None)
    assert store.bounces.known("b")
    assert not store.bounces.record(Complaint(NOW, "abuse", "b", D, number), None)


def test_a_complaint_takes_the_place_of_a_bounce(store: Store) -> None:
    """Only staff may lift it then; nothing takes the place of a complaint."""
    people(store, 1)
    (number,) = sent(store)
    complained = SuppressionReason.COMPLAINT
    store.bounces.record(bounce(number), ending())
    store.bounces.record(Complaint(NOW, "abuse", "b", D, number), ending(reason=complained))
    store.bounces.record(bounce(number, "c"), ending())
    (found,) = [each for _, each in store.suppressions.list()]
    assert found.reason is complained


def test_a_suppression_by_staff_stays(store: Store) -> None:
    """Whatever comes after it."""
    people(store, 1)
    (number,) = sent(store)
    suppress(store, "reader0", SuppressionReason.STAFF)
    store.bounces.record(bounce(number), ending(reason=SuppressionReason.COMPLAINT))
    (found,) = [each for _, each in store.suppressions.list()]
    assert (found.reason, found.note) == (SuppressionReason.STAFF, "why")


def test_soft_bounces_in_a_row(store: Store) -> None:
    """One for each delivery, its first; other people's, harder ones and this one left out."""
    people(store, 2)
    first, other = sent(store, "a")
    second, _ = sent(store, "b", NOW + 7 * DAY)
    store.bounces.record(bounce(first, "1", at=NOW + DAY), None)
    store.bounces.record(bounce(first, "2", at=NOW + 2 * DAY), None)
    store.bounces.record(bounce(other, "3"), None)
    store.bounces.record(bounce(second, "4", at=NOW + 8 * DAY), None)
    soft = store.bounces.soft
    assert soft("Reader0@example.org", (D, second), NOW + 8 * DAY) == [NOW + DAY]
    assert sorted(soft("reader0@example.org", (D, 99), NOW + 8 * DAY)) == [NOW + DAY, NOW + 8 * DAY]
    store.bounces.record(bounce(second, "5", kind=BounceKind.HARD), None)
    assert len(soft("reader0@example.org", (D, 99), NOW + 8 * DAY)) == 2


def test_a_mail_that_arrived_begins_a_new_row(store: Store) -> None:
    """Once it has not come back for five days."""
    people(store, 1)
    (first,) = sent(store, "a")
    store.bounces.record(bounce(first, "1"), None)
    sent(store, "b", NOW + 7 * DAY)
    assert store.bounces.soft("reader0@example.org", (D, 99), NOW + 11 * DAY) == [NOW]
    assert store.bounces.soft("reader0@example.org", (D, 99), NOW + 12 * DAY) == []


def test_blocks_and_counts_of_an_issue(store: Store) -> None:
    """Readers are counted, not mails about them."""
    people(store, 3)
    first, second, third = sent(store)
    for key, number in (("1", first), ("2", first), ("3", second)):
        store.bounces.record(bounce(number, key, kind=BounceKind.BLOCK), None)
    store.bounces.record(bounce(third, "4"), None)
    assert store.bounces.blocks(1) == 2
    assert store.bounces.blocks(2) == 0
    assert store.figures.of(1).bounces == {"block": 2, "soft": 1}
    store.bounces.record(Complaint(NOW, "abuse", "5", D, third), None)
    assert store.figures.of(1).bounces == {"block": 2, "soft": 1, "complaint": 1}
    assert store.figures.of(2).bounces == {}


def test_refusals_wait_until_they_are_judged(store: Store) -> None:
    """Deliveries and notices that a server refused; not what we could not send ourselves."""
    people(store, 2)
    first, second = sent(store, "a", event=DeliveryEvent.REFUSE, code=550)
    store.notices.add(notice(), "n", NOW)
    settle(store, start(store, claim(store)), DeliveryEvent.REFUSE, code=550, reply="no")
    found = store.bounces.refusals(NOW - DAY, 10)
    assert [(one.of, one.of_id) for one in found] == [(D, first), (D, second), (N, 1)]
    assert (found[0].at, found[0].code, found[0].reply) == (NOW, 550, "said")
    assert len(store.bounces.refusals(NOW - DAY, 2)) == 2
    assert store.bounces.refusals(NOW + DAY, 10) == []
    for number, one_ in enumerate(found):
        news = bounce(one_.of_id, str(number), one_.of, source=BounceSource.SESSION)
        store.bounces.record(news, None)
    assert store.bounces.refusals(NOW - DAY, 10) == []
    sent(store, "b", event=DeliveryEvent.REFUSE, code=0)
    assert store.bounces.refusals(NOW - DAY, 10) == []


def test_a_second_refusal_is_news(store: Store) -> None:
    """Staff tried again, and were refused again."""
    people(store, 1)
    (number,) = sent(store, "a", event=DeliveryEvent.REFUSE, code=550)
    store.bounces.record(bounce(number, source=BounceSource.SESSION), None)
    assert store.outbox.retry(1, DeliveryState.REFUSED, NOW + DAY) == 1
    settle(
        store, start(store, claim(store, now=NOW + DAY)), DeliveryEvent.REFUSE, NOW + DAY, code=550
    )
    assert [one.of_id for one in store.bounces.refusals(NOW - DAY, 10)] == [number]


@pytest.mark.parametrize("kind", [D, N])
def test_news_about_nothing_is_not_kept(store: Store, kind: OutboxKind) -> None:
    """A message that does not exist has no bounces."""
    assert not store.bounces.record(bounce(99, of=kind), None)
