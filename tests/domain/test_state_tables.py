"""The three tables of states: every path that can be walked obeys them, and ends are ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain import delivery, issue, subscription
from publisher.domain.delivery import DeliveryEvent, DeliveryState
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.outcome import OutcomeKind
from publisher.domain.subscription import SubscriptionEvent, SubscriptionState
from publisher.errors import NotAllowed

D, I, S = DeliveryState, IssueState, SubscriptionState  # noqa: E741 (the three tables side by side)
STAFF = {DeliveryEvent.RESOLVE_ACCEPTED, DeliveryEvent.RESOLVE_RESEND, DeliveryEvent.RETRY}

TABLES: list[tuple[Mapping[Any, Any], Callable[[Any, Any], Any], Any, Any, Any]] = [
    (delivery.TRANSITIONS, delivery.step, D, DeliveryEvent, D.QUEUED),
    (issue.TRANSITIONS, issue.step, I, IssueEvent, I.DRAFT),
    (subscription.TRANSITIONS, subscription.step, S, SubscriptionEvent, S.PENDING),
]


@pytest.mark.parametrize("table", TABLES, ids=["delivery", "issue", "subscription"])
@given(data=st.data())
def test_every_path_obeys_the_table(
    table: tuple[Mapping[Any, Any], Callable[[Any, Any], Any], Any, Any, Any],
    data: st.DataObject,
) -> None:
    """Any events in any order: a step in the table leads where it says, any other is refused."""
    transitions, step, _, events, state = table
    for event in data.draw(st.lists(st.sampled_from(list(events)), max_size=12)):
        if (state, event) in transitions:
            state = step(state, event)
            assert state in {to for (_, by), to in transitions.items() if by is event}
        else:
            with pytest.raises(NotAllowed, match=str(state)):
                step(state, event)


@pytest.mark.parametrize("table", TABLES, ids=["delivery", "issue", "subscription"])
def test_every_state_can_be_reached_and_every_event_happens(
    table: tuple[Mapping[Any, Any], Callable[[Any, Any], Any], Any, Any, Any],
) -> None:
    """A table has no dead rows."""
    transitions, _, states, events, start = table
    reached = {start}
    while more := {to for (at, _), to in transitions.items() if at in reached} - reached:
        reached |= more
    assert reached == set(states)
    assert {event for _, event in transitions} == set(events)


def test_ends_of_a_message_are_ends() -> None:
    """Accepted and cancelled have no way out; refused and unknown only by staff or own fence."""
    out = {state: {e for at, e in delivery.TRANSITIONS if at is state} for state in D}
    assert out[D.ACCEPTED] == out[D.CANCELLED] == set()
    assert out[D.REFUSED] == {DeliveryEvent.RETRY}
    assert DeliveryEvent.CLAIM not in out[D.UNKNOWN]
    assert out[D.UNKNOWN] - STAFF == {
        DeliveryEvent.ACCEPT,
        DeliveryEvent.DEFER,
        DeliveryEvent.REFUSE,
        DeliveryEvent.RETURN,
    }


def test_open_means_that_it_may_leave_without_staff() -> None:
    """OPEN is exactly the states from which `sending` can be reached without staff or a fence."""
    own_fence = {(D.UNKNOWN, event) for event in DeliveryEvent}
    leads_on = {D.SENDING}
    while (
        more := {
            at
            for (at, event), to in delivery.TRANSITIONS.items()
            if to in leads_on and event not in STAFF and (at, event) not in own_fence
        }
        - leads_on
    ):
        leads_on |= more
    assert leads_on == delivery.OPEN


def test_a_message_is_only_sent_after_a_claim_and_a_journal_entry() -> None:
    """The one way into `sending` is START from `claimed`, the one way there CLAIM from `queued`."""
    into = {to: {key for key, t in delivery.TRANSITIONS.items() if t is to} for to in D}
    assert into[D.SENDING] == {(D.CLAIMED, DeliveryEvent.START)}
    assert into[D.CLAIMED] == {(D.QUEUED, DeliveryEvent.CLAIM)}
    assert all(at in (D.SENDING, D.UNKNOWN) for at, _ in into[D.ACCEPTED])


def test_every_outcome_settles_what_is_sending() -> None:
    """Each of the four answers is an event that a started message can take."""
    assert set(delivery.SETTLING) == set(OutcomeKind)
    states = {kind: delivery.step(D.SENDING, event) for kind, event in delivery.SETTLING.items()}
    assert {kind.value: state.value for kind, state in states.items()} == {
        kind.value: kind.value for kind in OutcomeKind
    }


def test_ends_of_an_issue() -> None:
    """Cancelled is the end; a finished one only reopens; a skipped one only frees its slot."""
    out = {state: {e for at, e in issue.TRANSITIONS if at is state} for state in I}
    assert out[I.CANCELLED] == set()
    assert out[I.FINISHED] == {IssueEvent.REOPEN}
    assert out[I.SKIPPED] == {IssueEvent.CANCEL}
    with pytest.raises(NotAllowed, match="come to its end"):
        issue.step(I.CANCELLED, IssueEvent.RESUME)
    with pytest.raises(NotAllowed, match="it has come to its end"):
        issue.step(I.FINISHED, IssueEvent.PAUSE)


def test_nothing_is_sent_without_approval() -> None:
    """An issue only comes to sending through approved, and an edit takes the approval away."""
    before = {at for (at, _), to in issue.TRANSITIONS.items() if to is I.SENDING}
    assert before == {I.APPROVED, I.PAUSED, I.FINISHED}
    assert issue.step(I.APPROVED, IssueEvent.EDIT) is I.DRAFT
    assert (I.SENDING, IssueEvent.EDIT) not in issue.TRANSITIONS


def test_whoever_left_comes_back_by_their_own_doing_only() -> None:
    """From unsubscribed: a new request, or undo; never straight to confirmed otherwise."""
    ways = {e: to for (at, e), to in subscription.TRANSITIONS.items() if at is S.UNSUBSCRIBED}
    assert ways == {
        SubscriptionEvent.UNSUBSCRIBE: S.UNSUBSCRIBED,
        SubscriptionEvent.REQUEST: S.PENDING,
        SubscriptionEvent.UNDO: S.CONFIRMED,
    }


@given(st.timedeltas(min_value=timedelta(days=-1), max_value=timedelta(days=1)))
def test_undo_is_possible_for_one_minute(passed: timedelta) -> None:
    """Not before, not later, both ends included; a clock that jumped back undoes nothing."""
    left = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    expected = timedelta(0) <= passed <= timedelta(minutes=1)
    assert subscription.may_undo(left, left + passed) is expected


def test_addresses_are_compared_without_case() -> None:
    """Two that differ in case or stray blanks are one person's."""
    assert subscription.address_key(" Ada.L@Example.ORG ") == "ada.l@example.org"
