"""The store's promises about messages on their way out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from publisher.domain.delivery import (
    DeliveryEvent,
    DeliveryState,
    OutboxKind,
    Settlement,
    message_id,
)
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.subscription import SubscriptionEvent
from publisher.errors import NotAllowed
from publisher.ports import Store
from tests.contracts.samples import (
    HOST,
    LEASE,
    NOW,
    admit,
    claim,
    counts,
    defer,
    notice,
    one,
    people,
    release,
    row,
    settle,
    start,
    suppress,
)

E, S = DeliveryEvent, DeliveryState
LIMIT = timedelta(hours=72)
AFTER = NOW + LEASE  # the first instant at which a lease of NOW is over


def test_a_claim_holds_all_that_a_sender_needs(store: Store) -> None:
    """Address, name, token, Message-ID and Date; a resend has the same two."""
    admit(store, row("ada", name="Ada L."))
    issue = release(store, at=NOW + timedelta(minutes=3))
    (held,) = claim(store)
    assert (held.kind, held.fence, held.attempts) == (OutboxKind.DELIVERY, 1, 0)
    assert (held.address, held.name) == ("ada@example.org", "Ada L.")
    assert held.token_id == "token-digest-ada@example.org"
    assert held.message_id == message_id(f"nonce-{issue.slot.key}", held.kind, held.id, HOST)
    assert held.first_due_at == held.dated_at == NOW + timedelta(minutes=3)
    assert (held.issue_id, held.newsletter, held.transport) == (issue.id, "digest", "relay")
    store.outbox.give_back([held], NOW)
    (again,) = claim(store)
    assert again.fence == 2
    assert (again.message_id, again.dated_at) == (held.message_id, held.dated_at)


def test_only_issues_that_are_sending_are_claimed_in_order(store: Store) -> None:
    """Approved, paused and cancelled ones wait; the limit holds across issues."""
    people(store, 3)
    first, second, third = (release(store, key) for key in ("a", "b", "c"))
    store.issues.move(second.id, IssueEvent.PAUSE, NOW)
    held = claim(store, 5)
    assert [c.issue_id for c in held] == [first.id] * 3 + [third.id] * 2
    assert [c.id for c in held] == sorted(c.id for c in held)
    assert claim(store, issue_id=second.id) == []
    assert claim(store, 0) == []
    assert [c.issue_id for c in claim(store, issue_id=third.id)] == [third.id]
    assert store.outbox.pending() == 6
    assert store.outbox.pending(second.id) == 0


def test_a_batch_larger_than_a_statement(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many at once are split into statements, and none is forgotten."""
    monkeypatch.setattr("publisher.stores.outbox.BATCH", 3)
    people(store, 10)
    issue = release(store)
    started = start(store, claim(store))
    assert len(started) == 10
    settle(store, started, E.RETURN)
    assert counts(store, issue.id) == {"queued": 10}


def test_settle_and_start_in_one_commit(store: Store) -> None:
    """The last is settled and the next journalled; attempts are burnt by answers alone."""
    people(store, 6)
    issue = release(store)
    held = claim(store)
    started = start(store, held[:5])
    due = NOW + timedelta(minutes=5)
    allowed = store.outbox.advance(
        [
            Settlement(started[0], E.ACCEPT, 250, "OK"),
            Settlement(started[1], E.DEFER, 451, "later", due),
            Settlement(started[2], E.REFUSE, 550, "no"),
            Settlement(started[3], E.LOSE, 0, ""),
            Settlement(started[4], E.RETURN, 421, "closing"),
        ],
        held[5:],
        LEASE,
        NOW,
    )
    assert allowed == {(OutboxKind.DELIVERY, held[5].id)}
    assert counts(store, issue.id) == {
        "accepted": 1,
        "deferred": 1,
        "refused": 1,
        "unknown": 1,
        "queued": 1,
        "sending": 1,
    }
    assert [t.attempts for t in store.issues.trouble(issue.id)] == [1, 1, 1]
    (returned,) = claim(store)
    assert (returned.id, returned.attempts) == (started[4].id, 0)
    assert store.outbox.advance([], [], LEASE, NOW) == frozenset()


def test_a_message_is_started_once(store: Store) -> None:
    """The same claim offered again, or twice in one call, is not sent twice."""
    people(store, 1)
    release(store)
    held = claim(store)
    assert store.outbox.advance([], held + held, LEASE, NOW) == {(held[0].kind, held[0].id)}
    assert start(store, held) == []


def test_a_start_that_was_not_heard_of_is_granted_again(store: Store) -> None:
    """Asked again, what is `sending` under our own fence may go; what else there is, is as ever."""
    people(store, 5)
    store.notices.add(notice(), "nonce", NOW)
    issue = release(store)
    told, *held = claim(store)
    journalled, settled, lost, fresh, left = held
    start(store, [told, journalled, settled, lost])
    settle(store, [settled])
    assert store.outbox.lapse(NOW).unknown == ()
    settle(store, [lost], E.LOSE)
    store.subscribers.change(one(store, "reader4").id, SubscriptionEvent.UNSUBSCRIBE, NOW)
    granted = store.outbox.advance([], [told, *held], LEASE, NOW, again=True)
    assert granted == {(each.kind, each.id) for each in (told, journalled, fresh)}
    assert counts(store, issue.id) == {"sending": 2, "accepted": 1, "unknown": 1, "cancelled": 1}
    assert left.id not in {number for _, number in granted}


def test_what_somebody_else_started_is_not_granted_again(store: Store) -> None:
    """A fence that is not the row's grants nothing, however often it asks."""
    people(store, 1)
    release(store)
    old = claim(store)
    store.outbox.lapse(AFTER)
    new = start(store, claim(store, now=AFTER), AFTER)
    assert store.outbox.advance([], old, LEASE, AFTER, again=True) == frozenset()
    assert store.outbox.advance([], new, LEASE, AFTER, again=True) == {(new[0].kind, new[0].id)}


def test_a_settlement_that_was_not_heard_of_counts_once(store: Store) -> None:
    """The second time it changes nothing, and what goes on with it does."""
    people(store, 2)
    issue = release(store)
    first, second = claim(store)
    start(store, [first])
    said = [Settlement(first, E.DEFER, 451, "later", NOW + timedelta(minutes=5))]
    for again in (False, True):
        granted = store.outbox.advance(said, [second], LEASE, NOW, again=again)
        assert granted == {(second.kind, second.id)}
    assert counts(store, issue.id) == {"deferred": 1, "sending": 1}
    assert [t.attempts for t in store.issues.trouble(issue.id)] == [1]


def test_a_stale_fence_changes_nothing(store: Store) -> None:
    """Once somebody else has claimed it, the former holder can neither start nor settle."""
    people(store, 1)
    issue = release(store)
    old = claim(store)
    assert store.outbox.lapse(AFTER).requeued == 1
    new = claim(store, now=AFTER)
    assert start(store, old) == []
    store.outbox.give_back(old, AFTER)
    assert counts(store, issue.id) == {"claimed": 1}
    sending = start(store, new, AFTER)
    for event in (E.ACCEPT, E.DEFER, E.REFUSE, E.LOSE, E.RETURN):
        settle(store, old, event)
    assert counts(store, issue.id) == {"sending": 1}
    settle(store, sending)
    for event in (E.DEFER, E.REFUSE, E.LOSE, E.RETURN):
        settle(store, sending, event)
    assert counts(store, issue.id) == {"accepted": 1}


@pytest.mark.parametrize("event", [E.ACCEPT, E.DEFER, E.REFUSE, E.RETURN, E.LOSE])
def test_what_lapsed_in_flight_is_settled_by_its_own_fence_only(
    store: Store, event: DeliveryEvent
) -> None:
    """sending → unknown is never claimed again; a woken worker may still say what happened."""
    people(store, 2)
    issue = release(store)
    held = start(store, claim(store, 1))
    claim(store, 1)
    lapsed = store.outbox.lapse(AFTER)
    assert (lapsed.requeued, lapsed.unknown) == (1, ((issue.id, 1),))
    assert [c.id for c in claim(store, now=AFTER)] != [held[0].id]
    settle(store, held, event, due_at=NOW if event is E.DEFER else None)
    state = {E.ACCEPT: S.ACCEPTED, E.DEFER: S.DEFERRED, E.REFUSE: S.REFUSED, E.RETURN: S.QUEUED}
    assert counts(store, issue.id) == {"claimed": 1, str(state.get(event, S.UNKNOWN)): 1}


def test_a_renewed_lease_does_not_lapse(store: Store) -> None:
    """Renewing prolongs what this worker holds, of deliveries and notices alike."""
    people(store, 2)
    issue = release(store)
    store.notices.add(notice(), "n", NOW)
    start(store, claim(store, 2))
    store.outbox.claim("other", 1, LEASE, NOW)
    store.outbox.renew("worker", LEASE, NOW + LEASE / 2)
    lapsed = store.outbox.lapse(AFTER)
    assert (lapsed.requeued, lapsed.unknown) == (1, ())
    assert counts(store, issue.id) == {"sending": 1, "queued": 1}
    later = store.outbox.lapse(AFTER + LEASE)
    assert later.unknown == ((None, 1), (issue.id, 1))


def test_the_start_tests_reader_suppression_and_issue(store: Store) -> None:
    """Whoever left, or may not be mailed, between claim and start gets nothing."""
    ids = people(store, 3)
    issue = release(store)
    held = claim(store)
    store.subscribers.change(ids[0], SubscriptionEvent.UNSUBSCRIBE, NOW)
    suppress(store, "READER1")
    assert start(store, held) == [held[2]]
    assert counts(store, issue.id) == {"cancelled": 2, "sending": 1}
    assert [t.reply for t in store.issues.trouble(issue.id)] == ["unsubscribed", "suppressed"]


def test_who_left_and_asked_again_is_not_sent_what_was_queued(store: Store) -> None:
    """A subscription that is pending again is not confirmed: its claim is cancelled."""
    (reader,) = people(store, 1)
    issue = release(store)
    held = claim(store)
    store.subscribers.change(reader, SubscriptionEvent.UNSUBSCRIBE, NOW)
    store.subscribers.change(reader, SubscriptionEvent.REQUEST, NOW)
    assert start(store, held) == []
    assert counts(store, issue.id) == {"cancelled": 1}


def test_a_paused_issue_gets_its_claims_back(store: Store) -> None:
    """Not started, not cancelled: queued until it is resumed."""
    people(store, 1)
    issue = release(store)
    held = claim(store)
    store.issues.move(issue.id, IssueEvent.PAUSE, NOW)
    assert start(store, held) == []
    assert counts(store, issue.id) == {"queued": 1}
    store.issues.move(issue.id, IssueEvent.RESUME, NOW)
    assert len(start(store, claim(store))) == 1


def test_deferred_messages_wake_when_due(store: Store) -> None:
    """Not before; those of a paused issue sleep on and are not awaited."""
    people(store, 2)
    issue = release(store)
    early, late = NOW + timedelta(minutes=5), NOW + timedelta(minutes=15)
    first, second = start(store, claim(store))
    defer(store, [first], early)
    defer(store, [second], late)
    assert store.outbox.next_due() == early
    assert store.outbox.wake(early - timedelta(microseconds=1), LIMIT) == 0
    assert store.outbox.wake(early, LIMIT) == 1
    assert store.outbox.next_due() == late
    store.issues.move(issue.id, IssueEvent.PAUSE, NOW)
    assert store.outbox.next_due() is None
    assert store.outbox.wake(late + LIMIT, LIMIT) == 0
    store.issues.move(issue.id, IssueEvent.RESUME, NOW)
    assert store.outbox.wake(late, LIMIT) == 1


def test_deferred_for_too_long_is_refused(store: Store) -> None:
    """The age counts from the release of the issue, whatever the next time would be."""
    people(store, 1)
    issue = release(store)
    defer(store, start(store, claim(store)), NOW + LIMIT * 2)
    assert store.outbox.wake(NOW + LIMIT - timedelta(seconds=1), LIMIT) == 0
    assert counts(store, issue.id) == {"deferred": 1}
    assert store.outbox.wake(NOW + LIMIT, LIMIT) == 0
    assert counts(store, issue.id) == {"refused": 1}
    assert store.outbox.finish(NOW + LIMIT) == [issue.id]


def test_an_issue_finishes_when_nothing_is_open(store: Store) -> None:
    """Not while one is queued, claimed, sending or deferred; unknown does not hold it up."""
    people(store, 3)
    issue = release(store)
    assert store.outbox.finish(NOW) == []
    first, second, third = start(store, claim(store))
    settle(store, [first])
    settle(store, [second], E.LOSE)
    assert store.outbox.finish(NOW) == []
    defer(store, [third], NOW)
    assert store.outbox.finish(NOW) == []
    store.outbox.wake(NOW, LIMIT)
    settle(store, start(store, claim(store)), E.REFUSE, code=550)
    assert store.outbox.finish(NOW) == [issue.id]
    done = store.issues.get(issue.id)
    assert (done.state, done.finished_at) == (IssueState.FINISHED, NOW)
    assert sum(done.counts.values()) == done.audience == 3
    assert store.outbox.finish(NOW) == []


def test_staff_resolve_what_is_unknown(store: Store) -> None:
    """It arrived: accepted. It did not: sent again with the same Message-ID and Date."""
    people(store, 1)
    issue = release(store)
    held = start(store, claim(store))
    settle(store, held, E.LOSE)
    store.outbox.finish(NOW)
    much_later = NOW + timedelta(days=9)
    assert store.outbox.resolve(issue.id, "resend", much_later) == 1
    assert store.issues.get(issue.id).state is IssueState.SENDING
    settle(store, held)
    assert counts(store, issue.id) == {"queued": 1}, "the old fence can no longer settle it"
    again = start(store, claim(store, now=much_later), much_later)
    assert (again[0].message_id, again[0].dated_at) == (held[0].message_id, held[0].dated_at)
    assert (again[0].first_due_at, again[0].attempts) == (much_later, 1)
    settle(store, again, E.LOSE)
    store.outbox.finish(much_later)
    assert store.outbox.resolve(issue.id, "accepted", much_later) == 1
    assert store.outbox.resolve(issue.id, "accepted", much_later) == 0
    done = store.issues.get(issue.id)
    assert (done.counts, done.state) == ({"accepted": 1}, IssueState.FINISHED)


def test_staff_may_settle_some_of_what_is_unknown(store: Store) -> None:
    """As the relay's log tells of each; a number that is not unknown changes nothing at all."""
    people(store, 4)
    issue = release(store)
    first, second, third, sure = start(store, claim(store))
    settle(store, [first, second, third], E.LOSE)
    settle(store, [sure])
    with pytest.raises(NotAllowed, match=f"mail {sure.id}, 999;"):
        store.outbox.resolve(issue.id, "accepted", NOW, only=(first.id, sure.id, 999))
    assert counts(store, issue.id) == {"accepted": 1, "unknown": 3}
    assert store.outbox.resolve(issue.id, "accepted", NOW, only=(first.id,)) == 1
    assert store.outbox.resolve(issue.id, "resend", NOW, only=(third.id,)) == 1
    assert counts(store, issue.id) == {"accepted": 2, "unknown": 1, "queued": 1}
    assert [each.id for each in claim(store)] == [third.id]


def test_staff_retry_whoever_may_be_mailed(store: Store) -> None:
    """Refused and deferred ones at once; never the suppressed nor those who left."""
    ids = people(store, 4)
    issue = release(store)
    held = start(store, claim(store))
    settle(store, held[:3], E.REFUSE, code=550, reply="no")
    defer(store, held[3:], NOW + timedelta(hours=1))
    suppress(store, "reader0")
    store.subscribers.change(ids[1], SubscriptionEvent.UNSUBSCRIBE, NOW)
    assert store.outbox.retry(issue.id, S.REFUSED, NOW) == 1
    assert store.outbox.retry(issue.id, S.DEFERRED, NOW) == 1
    assert counts(store, issue.id) == {"refused": 2, "queued": 2}
    assert store.outbox.next_due() is None
    settle(store, start(store, claim(store)))
    assert store.outbox.finish(NOW) == [issue.id]
    assert store.outbox.retry(issue.id, S.REFUSED, NOW) == 0
    assert store.issues.get(issue.id).state is IssueState.FINISHED
    with pytest.raises(NotAllowed, match="not accepted"):
        store.outbox.retry(issue.id, S.ACCEPTED, NOW)


def test_nothing_of_a_cancelled_issue_is_sent_again(store: Store) -> None:
    """Neither retry nor resend; what was unknown may still be called accepted."""
    people(store, 2)
    issue = release(store)
    first, second = start(store, claim(store))
    settle(store, [first], E.LOSE)
    settle(store, [second], E.REFUSE)
    store.issues.move(issue.id, IssueEvent.CANCEL, NOW)
    with pytest.raises(NotAllowed, match="cancelled"):
        store.outbox.retry(issue.id, S.REFUSED, NOW)
    with pytest.raises(NotAllowed, match="cancelled"):
        store.outbox.resolve(issue.id, "resend", NOW)
    assert store.outbox.resolve(issue.id, "accepted", NOW) == 1
    assert counts(store, issue.id) == {"accepted": 1, "refused": 1}
