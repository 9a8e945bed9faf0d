"""The store's promises about addresses, subscriptions and suppressions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from publisher.domain.subscription import (
    Admission,
    Consent,
    SubscriptionEvent,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from publisher.errors import Defect, NotAllowed, NotFound
from publisher.ports import Store
from tests.contracts.samples import (
    CONSENT,
    NOW,
    admit,
    claim,
    counts,
    defer,
    one,
    people,
    release,
    row,
    settle,
    start,
    suppress,
)

E, S = SubscriptionEvent, SubscriptionState


def test_what_was_admitted_comes_back(store: Store) -> None:
    """Every choice of a row is kept; topics come back sorted, each once."""
    rows = (
        row("Ada", name="Ada L.", topics=("sleep", "heart", "sleep"), cadence="monthly"),
        row("bo", language="fr"),
    )
    assert admit(store, *rows) == [Admission.ADDED, Admission.ADDED]
    ada, bo = store.subscribers.list("digest")
    assert (ada.address, ada.name, ada.topics, ada.cadence, ada.language) == (
        "Ada@example.org",
        "Ada L.",
        ("heart", "sleep"),
        "monthly",
        None,
    )
    assert (ada.state, ada.consent, ada.created_at, ada.confirmed_at) == (
        S.CONFIRMED,
        CONSENT,
        NOW,
        NOW,
    )
    assert (bo.topics, bo.language, bo.time_zone) == (None, "fr", None)
    assert store.subscribers.by_token(ada.token_id) == ada
    assert store.subscribers.by_token("nobody's") is None
    assert list(store.subscribers.by_address("ADA@example.org")) == [ada]


def test_answers_are_aligned_with_rows(store: Store) -> None:
    """Each row gets the answer of its own address, whatever its neighbours are."""
    admit(store, row("here"), row("gone"), row("bad"))
    store.subscribers.change(one(store, "gone").id, E.UNSUBSCRIBE, NOW)
    suppress(store, "bad")
    suppress(store, "never")
    answers = admit(
        store, row("new"), row("gone"), row("here"), row("never"), row("new"), row("bad")
    )
    assert answers == [
        Admission.ADDED,
        Admission.LEFT,
        Admission.ALREADY,
        Admission.SUPPRESSED,
        Admission.ALREADY,
        Admission.SUPPRESSED,
    ]
    assert one(store, "gone").state is S.UNSUBSCRIBED
    assert not store.subscribers.by_address("never@example.org")


def test_admission_in_chunks_knows_its_own_rows(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row repeated in a later chunk is ALREADY there, and every answer stays in place."""
    monkeypatch.setattr("publisher.stores.admission.CHUNK", 3)
    answers = admit(store, *(row(f"r{number % 5}") for number in range(10)))
    assert answers == [Admission.ADDED] * 5 + [Admission.ALREADY] * 5
    assert store.subscribers.counts() == {"digest": {"confirmed": 5}}


def test_dry_run_writes_nothing(store: Store) -> None:
    """The answers of a rehearsal are those of the real thing, and nothing stays."""
    rows = [row("a"), row("b")]
    arguments = ("digest", rows, ["t1", "t2"], CONSENT, NOW)
    rehearsed = store.subscribers.admit(*arguments, dry_run=True)
    assert store.subscribers.counts() == {}
    assert store.subscribers.admit(*arguments) == rehearsed


def test_pending_is_confirmed_by_admission_with_the_new_consent(store: Store) -> None:
    """Whoever asked but never confirmed is ADDED by an import, and keeps their token."""
    admit(store, row("ada"))
    before = one(store, "ada")
    store.subscribers.change(before.id, E.UNSUBSCRIBE, NOW)
    pending = store.subscribers.change(before.id, E.REQUEST, NOW)
    assert (pending.state, pending.unsubscribed_at) == (S.PENDING, None)
    later = NOW + timedelta(days=2)
    consent = Consent(later, "form at the congress", "I want it monthly.")
    rows = [row("ada", cadence="monthly", topics=("heart",)), row("ada")]
    answers = store.subscribers.admit("digest", rows, ["x", "y"], consent, later)
    assert answers == [Admission.ADDED, Admission.ALREADY]
    after = one(store, "ada")
    assert (after.state, after.consent, after.cadence, after.topics, after.confirmed_at) == (
        S.CONFIRMED,
        consent,
        "monthly",
        ("heart",),
        later,
    )
    assert after.token_id == before.token_id


def test_one_address_may_read_two_newsletters(store: Store) -> None:
    """A subscription is an address on one newsletter; the address is stored once."""
    admit(store, row("ada"))
    assert admit(store, row("ADA"), newsletter="alerts") == [Admission.ADDED]
    found = store.subscribers.by_address("ada@example.org")
    assert [(s.newsletter, s.address) for s in found] == [
        ("digest", "ada@example.org"),
        ("alerts", "ada@example.org"),
    ]
    store.subscribers.change(found[0].id, E.UNSUBSCRIBE, NOW)
    assert store.subscribers.counts() == {
        "digest": {"unsubscribed": 1},
        "alerts": {"confirmed": 1},
    }


def test_a_token_is_never_given_twice(store: Store) -> None:
    """Two people with one token would be our mistake: nothing is written, and we are told."""
    with pytest.raises(Defect):
        store.subscribers.admit("digest", [row("a"), row("b")], ["t", "t"], CONSENT, NOW)
    with pytest.raises(ValueError, match="argument"):
        store.subscribers.admit("digest", [row("a"), row("b")], ["t"], CONSENT, NOW)
    assert store.subscribers.counts() == {}


def test_list_pages_through_everybody(store: Store) -> None:
    """Pages by `after` and `limit` show each subscription once; filters hold."""
    ids = people(store, 7)
    store.subscribers.change(ids[2], E.UNSUBSCRIBE, NOW)
    seen: list[int] = []
    while page := store.subscribers.list(after=seen[-1] if seen else 0, limit=3):
        seen += [found.id for found in page]
    assert seen == ids
    gone = store.subscribers.list("digest", S.UNSUBSCRIBED)
    assert [found.id for found in gone] == [ids[2]]
    assert store.subscribers.list("alerts") == []


def test_unsubscribing_cancels_what_has_not_started(store: Store) -> None:
    """Queued, claimed and deferred ones are cancelled; what is sending takes its course."""
    ids = people(store, 1)
    made = [release(store, key) for key in ("a", "b", "c", "d")]
    held = claim(store, 1, issue_id=made[0].id)
    deferred = start(store, claim(store, 1, issue_id=made[1].id))
    defer(store, deferred, NOW + timedelta(hours=1))
    sending = start(store, claim(store, 1, issue_id=made[2].id))
    store.subscribers.change(ids[0], E.UNSUBSCRIBE, NOW)
    assert [counts(store, issue.id) for issue in made] == [
        {"cancelled": 1},
        {"cancelled": 1},
        {"sending": 1},
        {"cancelled": 1},
    ]
    assert store.issues.trouble(made[0].id)[0].reply == "unsubscribed"
    assert start(store, held) == []
    settle(store, sending)
    assert counts(store, made[2].id) == {"accepted": 1}


def test_undo_restores_the_reader_but_no_message(store: Store) -> None:
    """Within the minute undo confirms again; what was cancelled stays cancelled."""
    (reader,) = people(store, 1)
    made = release(store)
    left = store.subscribers.change(reader, E.UNSUBSCRIBE, NOW)
    assert (left.state, left.unsubscribed_at) == (S.UNSUBSCRIBED, NOW)
    back = store.subscribers.change(reader, E.UNDO, NOW + timedelta(minutes=1))
    assert (back.state, back.unsubscribed_at) == (S.CONFIRMED, None)
    assert counts(store, made.id) == {"cancelled": 1}


def test_undo_is_over_after_a_minute(store: Store) -> None:
    """Later than the window nothing is undone, and unsubscribing again does not prolong it."""
    (reader,) = people(store, 1)
    store.subscribers.change(reader, E.UNSUBSCRIBE, NOW)
    again = store.subscribers.change(reader, E.UNSUBSCRIBE, NOW + timedelta(seconds=50))
    assert again.unsubscribed_at == NOW
    with pytest.raises(NotAllowed, match="minute"):
        store.subscribers.change(reader, E.UNDO, NOW + timedelta(seconds=61))
    assert one(store, "reader0").state is S.UNSUBSCRIBED


def test_steps_outside_the_table_are_refused(store: Store) -> None:
    """The domain's table decides; an unknown id is NotFound."""
    (reader,) = people(store, 1)
    with pytest.raises(NotAllowed):
        store.subscribers.change(reader, E.UNDO, NOW)
    with pytest.raises(NotFound):
        store.subscribers.change(reader + 1, E.UNSUBSCRIBE, NOW)


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_what_a_new_opt_in_lifts(store: Store, reason: SuppressionReason) -> None:
    """A confirmed opt-in of a pending one lifts a bounce and a long absence, and nothing else."""
    (reader,) = people(store, 1)
    suppress(store, "reader0", reason)
    store.subscribers.change(reader, E.CONFIRM, NOW)
    assert len([each for _, each in store.suppressions.list()]) == 1, (
        "confirming anew is no new opt-in"
    )
    store.subscribers.change(reader, E.UNSUBSCRIBE, NOW)
    store.subscribers.change(reader, E.REQUEST, NOW)
    confirmed = store.subscribers.change(reader, E.CONFIRM, NOW + timedelta(hours=1))
    assert confirmed.confirmed_at == NOW + timedelta(hours=1)
    left = [found.reason for found in [each for _, each in store.suppressions.list()]]
    assert left == (
        [] if reason in (SuppressionReason.BOUNCE, SuppressionReason.LEFT) else [reason]
    )


def test_suppressions_are_kept_once_whatever_the_case(store: Store) -> None:
    """The first reason stays; the list is oldest first."""
    assert suppress(store, "zoe")
    assert not suppress(store, "ZOE", SuppressionReason.STAFF)
    earlier = Suppression("bo@example.org", SuppressionReason.BOUNCE, NOW - timedelta(days=1))
    assert store.suppressions.add(earlier)
    assert [each for _, each in store.suppressions.list()] == [
        earlier,
        Suppression("zoe@Example.org", SuppressionReason.COMPLAINT, NOW, "why"),
    ]
