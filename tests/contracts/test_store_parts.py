"""The store's promises about parts of an issue, which workers share."""

from __future__ import annotations

from datetime import timedelta

from publisher.domain.issue import IssueEvent
from publisher.domain.wakeup import NOTICES, PART, Wakeup
from publisher.ports import Store
from tests.contracts.samples import LEASE, NOW, claim, notice, people, release


def keys(store: Store) -> list[str]:
    return [wakeup.key for wakeup in store.outbox.wakeups()]


def test_who_has_something_to_send_is_found_by_part(store: Store) -> None:
    """Notices, then each part of each sending issue that has something queued; no more."""
    people(store, 3)
    assert keys(store) == []
    first = release(store, "a")
    store.notices.add(notice("b"), "nonce", NOW)
    assert keys(store) == ["notices", f"issue-{first.id}-0"]
    store.issues.move(first.id, IssueEvent.PAUSE, NOW)
    assert keys(store) == ["notices"]
    store.issues.move(first.id, IssueEvent.RESUME, NOW)
    claim(store)
    assert keys(store) == []


def test_a_part_claims_nothing_beside_itself(store: Store) -> None:
    """Neither other issues, nor other ids, nor notices; and notices alone are nothing else."""
    people(store, 2)
    first, second = release(store, "a"), release(store, "b")
    store.notices.add(notice("c"), "nonce", NOW)
    for issue_id in (None, second.id):
        part = store.outbox.part(Wakeup(second.id, "digest", 0))
        held = part.claim("w", 10, LEASE, NOW, issue_id=issue_id)
        assert {each.issue_id for each in held} == {second.id}
        part.give_back(held, NOW)
    beyond = store.outbox.part(Wakeup(first.id, "digest", 1))
    assert beyond.claim("w", 10, LEASE, NOW, issue_id=first.id) == []
    assert beyond.claim("w", 10, LEASE, NOW, issue_id=second.id) == []
    held = store.outbox.part(NOTICES).claim("w", 10, LEASE, NOW)
    assert [each.issue_id for each in held] == [None]


def test_an_issue_of_several_parts(store: Store) -> None:
    """Cut at the same ids everywhere; what is done is woken for no more."""
    people(store, PART + 5)
    issue = release(store)
    assert keys(store) == [f"issue-{issue.id}-0", f"issue-{issue.id}-1"]
    store.outbox.part(Wakeup(issue.id, "digest", 0)).claim("w", PART, LEASE, NOW)
    assert keys(store) == [f"issue-{issue.id}-1"]
    store.outbox.lapse(NOW + LEASE + timedelta(seconds=1))
    assert keys(store) == [f"issue-{issue.id}-0", f"issue-{issue.id}-1"]
