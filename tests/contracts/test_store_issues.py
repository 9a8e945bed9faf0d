"""The store's promises about issues, their audience and their states."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from publisher.domain.delivery import DeliveryEvent, DeliveryState
from publisher.domain.forcing import Forcing
from publisher.domain.issue import (
    IssueEvent,
    IssueKind,
    IssueState,
    Shaping,
    SlotId,
    combined_hash,
)
from publisher.domain.subscription import SubscriptionEvent
from publisher.errors import NotAllowed, NotFound, NumberTaken
from publisher.ports import Group, Store
from tests.contracts.samples import (
    ARTICLES,
    NOW,
    admit,
    claim,
    counts,
    defer,
    edition,
    new_issue,
    one,
    people,
    release,
    row,
    settle,
    start,
    suppress,
)

E, S = IssueEvent, IssueState


def test_what_was_set_aside_is_kept_with_its_first_reason(store: Store) -> None:
    """From planning or later, in order; a rule set aside twice keeps who did it first."""
    people(store, 1)
    first = Forcing("edition-size", "A table that matters", "ana", NOW)
    planned = store.issues.create(new_issue(store, forced=(first,)))
    later = Forcing("edition-remote", "“Asked for” by the clinic", "ben", NOW + timedelta(hours=1))
    again = replace(first, by="ben", reason="again")
    assert store.issues.force(planned.id, (again, later)).forced == (first, later)
    assert store.issues.get(planned.id).forced == (first, later)
    with pytest.raises(NotFound):
        store.issues.force(planned.id + 1, (first,))


def test_a_planned_issue_comes_back_whole(store: Store) -> None:
    """Everything that the plan says is stored, and found by slot, by id and in the list."""
    people(store, 3)
    shaping = Shaping(subject="By hand", order=("b", "a"), dropped=("x",))
    plan = new_issue(store, waiting=("tag:w",), shaping=shaping, state=S.DRAFT)
    made = store.issues.create(plan)
    assert (made.slot, made.slot_at, made.number, made.state) == (plan.slot, NOW, 1, S.DRAFT)
    assert (made.audience, made.counts, made.excluded) == (3, {"queued": 3}, {})
    assert (made.articles, made.waiting, made.shaping) == (ARTICLES, ("tag:w",), shaping)
    assert (made.hash, made.subject) == (combined_hash((edition(),)), "By hand")
    assert (made.planned_at, made.approved_at, made.released_at) == (NOW, None, None)
    assert store.issues.find(plan.slot) == store.issues.get(made.id) == made
    assert store.issues.list() == [made]


def test_an_unknown_issue_is_not_found(store: Store) -> None:
    """Reading or moving what is not there says so; a free slot is None."""
    for ask in (
        lambda: store.issues.get(7),
        lambda: store.issues.edition(7),
        lambda: store.issues.move(7, E.CANCEL, NOW),
        lambda: store.issues.reshape(7, Shaping(), (), NOW),
        lambda: store.outbox.resolve(7, "accepted", NOW),
        lambda: store.outbox.retry(7, DeliveryState.REFUSED, NOW),
    ):
        with pytest.raises(NotFound):
            ask()
    assert store.issues.find(SlotId("digest", IssueKind.DIGEST, "weekly", "x")) is None
    assert store.issues.editions(7) == []
    assert store.issues.trouble(7) == []


def test_the_first_planner_of_a_slot_wins(store: Store) -> None:
    """A doubled tick gets the issue that is there, and writes nothing."""
    people(store, 2)
    first = store.issues.create(new_issue(store))
    again = store.issues.create(new_issue(store, number=2))
    assert again == first
    assert store.issues.next_number("digest") == 2


def test_a_number_is_given_once(store: Store) -> None:
    """Another slot with a taken number writes nothing and says why; cancelled ones count."""
    people(store, 1)
    first = store.issues.create(new_issue(store))
    with pytest.raises(NumberTaken, match="plan this one again"):
        store.issues.create(new_issue(store, key="later", number=1))
    store.issues.move(first.id, E.CANCEL, NOW)
    assert store.issues.next_number("digest") == 2
    assert store.issues.next_number("alerts") == 1
    assert len(store.issues.list()) == 1


def test_cancelling_frees_the_slot(store: Store) -> None:
    """A cancelled or skipped-and-cancelled slot may be planned anew."""
    people(store, 1)
    first = store.issues.create(new_issue(store))
    store.issues.move(first.id, E.CANCEL, NOW, reason="wrong article")
    second = store.issues.create(new_issue(store))
    assert second.id != first.id
    assert store.issues.find(second.slot) == second
    assert store.issues.get(first.id).reason == "wrong article"


def test_a_skipped_slot_is_recorded_once(store: Store) -> None:
    """Skipping again, or planning, shows what is there; so does skipping a planned slot."""
    slot = SlotId("digest", IssueKind.DIGEST, "weekly", "2026-11-24T09:00")
    skipped = store.issues.skip(slot, NOW, "nothing new", NOW)
    assert (skipped.state, skipped.reason, skipped.number, skipped.audience) == (
        S.SKIPPED,
        "nothing new",
        None,
        0,
    )
    assert store.issues.skip(slot, NOW, "other", NOW) == skipped
    assert store.issues.create(new_issue(store)) == skipped
    other = SlotId("digest", IssueKind.DIGEST, "weekly", "2026-12-01T09:00")
    store.issues.skip(other, NOW + timedelta(days=7), "nothing new", NOW)
    assert store.issues.slot_range("digest", IssueKind.DIGEST, "weekly") == (
        NOW,
        NOW + timedelta(days=7),
    )
    store.issues.move(skipped.id, E.CANCEL, NOW)
    assert store.issues.slot_range("digest", IssueKind.DIGEST, "weekly") == (
        NOW + timedelta(days=7),
        NOW + timedelta(days=7),
    )
    assert store.issues.slot_range("digest", IssueKind.EACH, "each") is None


def test_groups_are_by_topics_and_language(store: Store) -> None:
    """Equal topics in any order are one group; sizes add up; the order is stable."""
    admit(
        store,
        row("a"),
        row("b", topics=("sleep", "heart")),
        row("c", topics=("heart", "sleep"), cadence="weekly"),
        row("d", topics=("heart",), language="fr"),
        row("e", cadence="monthly"),
        row("f", topics=()),
        row("g"),
    )
    suppress(store, "g")
    assert store.issues.groups("digest", "weekly", "weekly", NOW) == [
        Group(None, None, 1),
        Group(("heart", "sleep"), None, 2),
        Group(("heart",), "fr", 1),
        Group((), None, 1),
    ]
    assert store.issues.groups("digest", "monthly", "weekly", NOW) == [Group(None, None, 1)]
    assert store.issues.groups("digest", "weekly", "monthly", NOW) == [
        Group(("heart", "sleep"), None, 1)
    ]
    assert store.issues.groups("alerts", "weekly", "weekly", NOW) == []


def test_the_audience_is_who_may_be_mailed_and_the_rest_is_counted(store: Store) -> None:
    """Every subscription of the newsletter is in the audience or excluded for one reason."""
    admit(
        store,
        row("all"),
        row("heart", topics=("heart",)),
        row("nothing", topics=("skin",)),
        row("monthly", cadence="monthly"),
        row("gone"),
        row("pending"),
        row("bad"),
        row("badmonthly", cadence="monthly"),
    )
    admit(store, row("elsewhere"), newsletter="alerts")
    for name in ("gone", "pending"):
        store.subscribers.change(one(store, name).id, SubscriptionEvent.UNSUBSCRIBE, NOW)
    store.subscribers.change(one(store, "pending").id, SubscriptionEvent.REQUEST, NOW)
    suppress(store, "bad")
    suppress(store, "BADMONTHLY")
    short = edition(articles=ARTICLES[:1], subject="One new review")
    made = store.issues.create(
        new_issue(
            store,
            editions=(
                (edition(), (Group(None, None),)),
                (short, (Group(("heart",), None),)),
            ),
            no_topics=1,
        )
    )
    assert made.audience == 2
    assert made.excluded == {
        "no topics": 1,
        "other cadence": 1,
        "suppressed": 2,
        "unconfirmed": 1,
        "unsubscribed": 1,
    }
    first, second = store.issues.editions(made.id)
    assert (first.articles, second.articles) == (ARTICLES, ARTICLES[:1])
    store.issues.move(made.id, E.RELEASE, NOW)
    assert [(c.address, c.edition_id) for c in claim(store)] == [
        ("all@example.org", first.id),
        ("heart@example.org", second.id),
    ]


def test_who_changes_while_planning_is_counted_so(store: Store) -> None:
    """A choice that no edition was rendered for waits for the next slot, and is not hidden."""
    people(store, 2)
    plan = new_issue(store)
    admit(store, row("late", topics=("heart",)), row("later"))
    made = store.issues.create(plan)
    assert (made.audience, made.excluded) == (3, {"changed while planning": 1})


def test_an_issue_for_nobody_finishes(store: Store) -> None:
    """Without readers or editions the counts still add up."""
    made = store.issues.create(new_issue(store, editions=(), articles=()))
    assert (made.audience, made.subject, made.articles) == (0, "", ())
    store.issues.move(made.id, E.RELEASE, NOW)
    assert store.outbox.finish(NOW) == [made.id]


def test_carried_articles_are_those_of_issues_that_count(store: Store) -> None:
    """Cancelled and skipped issues, and articles dropped by hand, carried nothing."""
    kept = store.issues.create(new_issue(store, key="a", state=S.DRAFT))
    assert store.issues.carried("digest", "weekly") == {ARTICLES[0][0], ARTICLES[1][0]}
    shaping = Shaping(dropped=(ARTICLES[1][0],))
    changed = store.issues.editions(kept.id)
    store.issues.reshape(kept.id, shaping, changed, NOW)
    assert store.issues.carried("digest", "weekly") == {ARTICLES[0][0]}
    assert store.issues.get(kept.id).articles == ARTICLES, "a drop can be taken back"
    late = store.issues.create(
        new_issue(store, key="b", state=S.DRAFT, articles=(("tag:late", "v"),))
    )
    store.issues.move(late.id, E.SKIP, NOW, reason="approval came too late")
    assert store.issues.get(late.id).reason == "approval came too late"
    assert store.issues.carried("digest", "weekly") == {ARTICLES[0][0]}
    assert store.issues.carried("digest", "monthly") == frozenset()
    store.issues.move(kept.id, E.CANCEL, NOW)
    assert store.issues.carried("digest", "weekly") == frozenset()


def test_reshaping_replaces_editions_and_voids_the_approval(store: Store) -> None:
    """Text, articles, hash and subject change; whoever has nothing left is cancelled."""
    admit(store, row("all"), row("heart", topics=("heart",)))
    groups = store.issues.groups("digest", "weekly", "weekly", NOW)
    made = store.issues.create(
        new_issue(
            store,
            state=S.DRAFT,
            editions=(
                (edition(), (groups[0],)),
                (edition(articles=ARTICLES[:1]), (groups[1],)),
            ),
        )
    )
    store.issues.move(made.id, E.APPROVE, NOW, by="Amara")
    full, short = store.issues.editions(made.id)
    editions = [
        edition(id=full.id, articles=ARTICLES[1:], subject="Anew", html="<p>New</p>"),
        edition(id=short.id, articles=()),
    ]
    after = store.issues.reshape(made.id, Shaping(dropped=(ARTICLES[0][0],)), editions, NOW)
    assert (after.state, after.approved_at, after.approved_by) == (S.DRAFT, None, None)
    assert after.counts == {"queued": 1, "cancelled": 1}
    assert (after.subject, after.hash) == ("Anew", combined_hash(tuple(editions)))
    assert store.issues.editions(made.id) == editions
    assert store.issues.edition(full.id or 0) == (editions[0], after)
    (trouble,) = store.issues.trouble(made.id)
    assert (trouble.state, trouble.reply) == (DeliveryState.CANCELLED, "no topics")
    titled = store.issues.reshape(made.id, Shaping(subject="Mine"), editions[:1], NOW)
    assert titled.subject == "Mine"


def test_an_edition_of_another_issue_is_not_touched(store: Store) -> None:
    """Reshaping with a foreign or unsaved edition changes nothing at all."""
    people(store, 1)
    first = store.issues.create(new_issue(store, key="a", state=S.DRAFT))
    second = store.issues.create(new_issue(store, key="b", state=S.DRAFT))
    foreign = store.issues.editions(second.id)
    for wrong in ([edition()], foreign):
        with pytest.raises(NotFound):
            store.issues.reshape(first.id, Shaping(subject="x"), wrong, NOW)
    assert store.issues.get(first.id) == first


def test_steps_of_an_issue_are_recorded(store: Store) -> None:
    """Who approved and when, when it was released and finished, why it was paused."""
    people(store, 1)
    made = store.issues.create(new_issue(store, state=S.DRAFT))
    times = [NOW + timedelta(minutes=number) for number in range(9)]
    approved = store.issues.move(made.id, E.APPROVE, times[1], by="Amara")
    assert (approved.approved_at, approved.approved_by) == (times[1], "Amara")
    released = store.issues.move(made.id, E.RELEASE, times[2])
    assert (released.state, released.released_at) == (S.SENDING, times[2])
    paused = store.issues.move(made.id, E.PAUSE, times[3], reason="three unanswered")
    assert (paused.state, paused.reason) == (S.PAUSED, "three unanswered")
    assert claim(store) == []
    resumed = store.issues.move(made.id, E.RESUME, times[4])
    assert (resumed.state, resumed.reason) == (S.SENDING, None)
    with pytest.raises(NotAllowed, match="1 messages"):
        store.issues.move(made.id, E.FINISH, times[5])
    settle(store, start(store, claim(store)))
    finished = store.issues.move(made.id, E.FINISH, times[5])
    assert (finished.finished_at, finished.counts) == (times[5], {"accepted": 1})
    reopened = store.issues.move(made.id, E.REOPEN, times[6])
    assert (reopened.finished_at, reopened.released_at) == (None, times[2])


def test_steps_outside_the_table_change_nothing(store: Store) -> None:
    """The domain's table decides."""
    made = store.issues.create(new_issue(store))
    with pytest.raises(NotAllowed):
        store.issues.move(made.id, E.RESUME, NOW)
    assert store.issues.get(made.id) == made


def test_cancelling_stops_all_that_has_not_started(store: Store) -> None:
    """Queued, claimed and deferred go no further; what is sending is still settled."""
    people(store, 4)
    issue = release(store)
    held = claim(store, 3)
    started = start(store, held[:2])
    defer(store, started[:1], NOW + timedelta(hours=1))
    store.issues.move(issue.id, E.CANCEL, NOW)
    assert counts(store, issue.id) == {"cancelled": 3, "sending": 1}
    assert start(store, held[2:]) == []
    defer(store, started[1:], NOW + timedelta(hours=1))
    assert counts(store, issue.id) == {"cancelled": 4}
    replies = {trouble.reply for trouble in store.issues.trouble(issue.id)}
    assert replies == {"issue cancelled"}


def test_lists_filter_and_stay_within_their_limit(store: Store) -> None:
    """By newsletter and states, newest first."""
    made = [store.issues.create(new_issue(store, key=f"{n}")) for n in range(3)]
    store.issues.move(made[0].id, E.CANCEL, NOW)
    listed: Any = store.issues.list("digest", [S.APPROVED], limit=1)
    assert listed == [made[2]]
    assert [i.id for i in store.issues.list("digest")] == [i.id for i in reversed(made)]
    assert store.issues.list("alerts") == []
    assert [i.id for i in store.issues.list(states=[S.CANCELLED])] == [made[0].id]


def test_trouble_shows_what_the_server_said(store: Store) -> None:
    """Deferred with its next time, refused with its reply; accepted ones are no trouble."""
    people(store, 3)
    issue = release(store)
    first, second, third = start(store, claim(store))
    due = NOW + timedelta(minutes=5)
    defer(store, [first], due)
    settle(store, [second], DeliveryEvent.REFUSE, code=550, reply="no such person")
    settle(store, [third])
    found = store.issues.trouble(issue.id)
    assert [(t.id, t.state, t.attempts, t.code, t.reply, t.due_at) for t in found] == [
        (first.id, DeliveryState.DEFERRED, 1, 451, "later", due),
        (second.id, DeliveryState.REFUSED, 1, 550, "no such person", None),
    ]
    assert [t.message_id for t in found] == [first.message_id, second.message_id]
    assert store.issues.trouble(issue.id, limit=1) == found[:1]
    assert store.issues.trouble(issue.id, after=first.id) == found[1:]
    assert store.issues.trouble(issue.id, states=(DeliveryState.DEFERRED,)) == found[:1]
