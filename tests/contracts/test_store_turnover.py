"""Who joined an audience and who left it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from publisher.domain.delivery import DeliveryEvent, Settlement
from publisher.domain.issue import IssueEvent, IssueKind, IssueState, SlotId
from publisher.domain.subscription import SubscriptionEvent
from publisher.errors import NotFound
from publisher.ports import Group, NewIssue, Store, Turnover
from tests.contracts.samples import NOW
from tests.factories import edition
from tests.verbs.readers import admit, reader


def issue(
    store: Store, day: int, groups: tuple[Group, ...], kind: IssueKind = IssueKind.DIGEST
) -> int:
    """An issue to these groups, planned on a day."""
    at = NOW + timedelta(days=day)
    made = NewIssue(
        slot=SlotId("weekly", kind, "weekly", at.isoformat()),
        slot_at=at,
        number=store.issues.next_number("weekly"),
        nonce="00" * 16,
        state=IssueState.APPROVED,
        planned_at=at,
        articles=(),
        waiting=(),
        editions=((edition(), groups),),
        default_cadence="weekly",
    )
    return store.issues.create(made).id


def test_a_forgotten_reader_is_counted(store: Store) -> None:
    """Whom the delivery was for is unknown by then; the numbers add up all the same."""
    admit(store, [reader("ann"), reader("bo")])
    first = issue(store, 0, (Group(None, None),))
    store.subscribers.forget("bo@example.org", None, NOW + timedelta(days=1))
    second = issue(store, 7, (Group(None, None),))
    found = store.issues.turnover(second, "weekly", {"sleep"}, (first, {"sleep"}))
    assert (found.added, found.removed) == ({}, {"forgotten": 1})
    back = store.issues.turnover(first, "weekly", {"sleep"}, (second, {"sleep"}))
    assert (back.added, back.removed) == ({"forgotten": 1}, {})


def test_a_topic_that_had_nothing_then(store: Store) -> None:
    """Who joins because the issue has something for them again is told from a new reader."""
    admit(store, [reader("ann"), reader("cy", topics=("sleep",)), reader("di", topics=("heart",))])
    first = issue(store, 0, (Group(None, None),))
    second = issue(store, 7, (Group(None, None), Group(("sleep",), None)))
    found = store.issues.turnover(second, "weekly", {"sleep", "cancer"}, (first, {"cancer"}))
    assert (found.added, found.removed) == ({"other topic": 1}, {})
    now = store.issues.turnover(second, "weekly", {"heart"})
    assert (now.added, now.removed) == ({"other wishes": 1}, {"other topic": 1})


def test_who_could_get_it_now_has_changed_since(store: Store) -> None:
    """A reader of the first who was left out of the second, and is welcome again by now."""
    admit(store, [reader("ann"), reader("bo")])
    first = issue(store, 0, (Group(None, None),))
    bo = store.subscribers.by_address("bo@example.org")[0].id
    left = NOW + timedelta(days=1)
    store.subscribers.change(bo, SubscriptionEvent.UNSUBSCRIBE, left)
    second = issue(store, 7, (Group(None, None),))
    store.subscribers.change(bo, SubscriptionEvent.UNDO, left + timedelta(seconds=30))
    found = store.issues.turnover(second, "weekly", {"sleep"}, (first, {"sleep"}))
    assert (found.added, found.removed) == ({}, {"changed since": 1})


def test_who_asked_anew_and_did_not_confirm_yet(store: Store) -> None:
    """A reader of the issue who left and came back is unconfirmed until they say so."""
    admit(store, [reader("ann"), reader("bo")])
    first = issue(store, 0, (Group(None, None),))
    bo = store.subscribers.by_address("bo@example.org")[0].id
    for event in (SubscriptionEvent.UNSUBSCRIBE, SubscriptionEvent.REQUEST):
        store.subscribers.change(bo, event, NOW + timedelta(days=1))
    found = store.issues.turnover(first, "weekly", {"sleep"})
    assert (found.added, found.removed) == ({}, {"unconfirmed": 1})


def test_who_has_the_slots_mail_already(store: Store) -> None:
    """It was cancelled half sent and planned anew: against the issue before, they left."""
    admit(store, [reader("ann"), reader("bo")])
    first = issue(store, 0, (Group(None, None),))
    second = issue(store, 7, (Group(None, None),))
    later, lease = NOW + timedelta(days=7), timedelta(minutes=1)
    store.issues.move(second, IssueEvent.RELEASE, later)
    (claim,) = store.outbox.claim("w", 1, lease, later, issue_id=second)
    store.outbox.advance([], [claim], lease, later)
    store.outbox.advance([Settlement(claim, DeliveryEvent.ACCEPT, 250, "OK")], [], lease, later)
    store.issues.move(second, IssueEvent.CANCEL, later)
    third = issue(store, 7, (Group(None, None),))
    found = store.issues.turnover(third, "weekly", {"sleep"}, (first, {"sleep"}))
    assert (found.added, found.removed) == ({}, {"already sent": 1})
    assert store.issues.turnover(third, "weekly", {"sleep"}) == Turnover({}, {})


def test_a_corrections_readers_are_those_of_the_mistake(store: Store) -> None:
    """Whatever they read and how often; none joins them, and only who is gone has left."""
    admit(store, [reader("ann"), reader("bo"), reader("cy", topics=("heart",), cadence="monthly")])
    issue(store, 0, (Group(None, None), Group(("heart",), None)))
    told = issue(store, 1, (Group(None, None),), IssueKind.CORRECTION)
    admit(store, [reader("di")])
    assert store.issues.turnover(told, "weekly", {"sleep"}) == Turnover({}, {})
    bo = store.subscribers.by_address("bo@example.org")[0].id
    store.subscribers.change(bo, SubscriptionEvent.UNSUBSCRIBE, NOW + timedelta(days=2))
    found = store.issues.turnover(told, "weekly", {"sleep"})
    assert (found.added, found.removed) == ({}, {"unsubscribed": 1})


def test_an_issue_must_be_there(store: Store) -> None:
    """A wrong id is told."""
    with pytest.raises(NotFound):
        store.issues.turnover(7, "weekly", ())
