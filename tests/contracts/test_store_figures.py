"""What any store counts of an issue."""

from __future__ import annotations

from datetime import timedelta

from publisher.domain.bounce import Complaint
from publisher.domain.delivery import DeliveryEvent
from publisher.domain.figures import COARSE, OTHERS, Answer
from publisher.domain.subscription import NewSubscriber, SubscriptionEvent
from publisher.ports import Store
from tests.contracts.samples import NOW, admit, claim, people, release, settle, start

MINUTE = timedelta(minutes=1)
E = DeliveryEvent


def at(domain: str, count: int) -> list[NewSubscriber]:
    return [NewSubscriber(f"r{number}@{domain}", f"r{number}@{domain}") for number in range(count)]


def test_an_issue_that_sent_nothing_has_no_figures(store: Store) -> None:
    """No moments and no answers; its readers are counted by domain all the same."""
    people(store, 5)
    found = store.figures.of(release(store).id)
    assert found.settled.moments == ()
    assert found.answers == ()
    assert found.domains == (("example.org", {"queued": 5}),)
    assert (found.left, found.bounces) == (0, {})


def test_outcomes_are_counted_by_time_and_by_domain(store: Store) -> None:
    """Every delivery is in exactly one moment and one domain; small domains are counted together."""
    admit(store, *at("one.test", 6), *at("two.test", 5), *at("lone.test", 1), *at("few.test", 4))
    issue = release(store)
    claims = start(store, claim(store, issue_id=issue.id))
    settle(store, claims[:6], E.ACCEPT, NOW)
    settle(store, claims[6:9], E.REFUSE, NOW + MINUTE, code=550, reply="5.1.1 nobody")
    settle(store, claims[9:11], E.REFUSE, NOW + MINUTE, code=550, reply="5.1.1 nobody")
    settle(store, claims[11:], E.LOSE, NOW + 2 * MINUTE, code=0, reply="no answer")
    found = store.figures.of(issue.id)
    assert found.domains == (
        ("one.test", {"accepted": 6}),
        ("two.test", {"refused": 5}),
        (OTHERS, {"unknown": 5}),
    )
    counts = [dict(counts) for _, counts in found.settled.moments]
    assert counts == [{"accepted": 6}, {"refused": 5}, {"unknown": 5}]
    for (moment, _), settled in zip(
        found.settled.moments, (NOW, NOW + MINUTE, NOW + 2 * MINUTE), strict=True
    ):
        assert moment <= settled < moment + found.settled.width
    assert set(found.answers) == {
        Answer("refused", 550, "5.1.1 nobody", 5),
        Answer("unknown", 0, "no answer", 5),
    }


def test_a_large_providers_domains_are_one(store: Store) -> None:
    """So that nobody can be found by subtracting one line from another, either."""
    admit(store, *at("gmail.com", 5), *at("googlemail.com", 1), *at("mail.test", 5))
    found = store.figures.of(release(store).id)
    assert found.domains == (("google", {"queued": 6}), ("mail.test", {"queued": 5}))


def test_readers_who_left_are_counted_for_the_issue_that_they_read_last(store: Store) -> None:
    """Whoever unsubscribes after the next issue went is none of the earlier one's."""
    ids = people(store, 4)
    first = release(store)
    settle(store, start(store, claim(store, issue_id=first.id)), now=NOW)
    store.subscribers.change(ids[0], SubscriptionEvent.UNSUBSCRIBE, NOW + MINUTE)
    store.subscribers.change(ids[1], SubscriptionEvent.UNSUBSCRIBE, NOW + 2 * MINUTE)
    later = NOW + timedelta(days=7)
    second = release(store, "2026-12-01T09:00", later)
    settle(store, start(store, claim(store, now=later, issue_id=second.id), later), now=later)
    store.subscribers.change(ids[2], SubscriptionEvent.UNSUBSCRIBE, later + MINUTE)
    assert store.figures.of(first.id).left == 2
    assert store.figures.of(second.id).left == 1


def test_bounces_and_complaints_are_among_them(store: Store) -> None:
    """By kind, as everywhere else."""
    people(store, 1)
    issue = release(store)
    claims = start(store, claim(store, issue_id=issue.id))
    settle(store, claims)
    store.bounces.record(Complaint(NOW, "abuse", "k", of_id=claims[0].id), None)
    store.bounces.record(Complaint(NOW + 3 * MINUTE, "abuse", "again", of_id=claims[0].id), None)
    found = store.figures.of(issue.id)
    assert found.bounces == {"complaint": 1}
    assert found.returned.width >= COARSE
    assert found.returned.moments[0][0] <= NOW
