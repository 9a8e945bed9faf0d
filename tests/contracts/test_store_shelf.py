"""The shelf: deliveries of issues that are long over, which whoever asks finds all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import func, select, text

from publisher.domain.bounce import Bounce, BounceKind, BounceSource, Complaint
from publisher.domain.delivery import DeliveryEvent, DeliveryState, OutboxKind
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.reach import Faulty
from publisher.domain.segment import Selection
from publisher.domain.subscription import SubscriptionEvent
from publisher.errors import StoreError
from publisher.ports import Store
from publisher.stores import open_store, schema
from publisher.stores.sql import SqlStore
from publisher.stores.tables import UNDER_WAY, delivery, shelved
from tests.contracts.samples import (
    ARTICLES,
    HOST,
    NOW,
    claim,
    counts,
    new_issue,
    people,
    release,
    settle,
    start,
)

DAY = timedelta(days=1)
LATER = NOW + 40 * DAY
BEFORE = LATER - 30 * DAY
E, S, D = DeliveryEvent, DeliveryState, OutboxKind.DELIVERY


def world(store: Store) -> tuple[list[int], list[str]]:
    """Twelve readers, an issue with every outcome, one cancelled half-way, one of today.

    The ids of the three issues, and the Message-IDs of the first.
    """
    readers = people(store, 12)
    first = release(store, "a")
    claims = start(store, claim(store, issue_id=first.id))
    settle(store, claims[:6])
    settle(store, claims[6:9], E.REFUSE, code=550, reply="5.1.1 nobody")
    settle(store, claims[9:11], E.LOSE, code=0, reply="no answer")
    settle(store, claims[11:], E.RETURN)
    store.subscribers.change(readers[11], SubscriptionEvent.UNSUBSCRIBE, NOW)
    store.subscribers.change(readers[0], SubscriptionEvent.UNSUBSCRIBE, NOW + DAY)
    assert store.outbox.finish(NOW) == [first.id]
    second = release(store, "b", NOW + DAY)
    settle(store, start(store, claim(store, 4, issue_id=second.id)), now=NOW + DAY)
    store.issues.move(second.id, IssueEvent.CANCEL, NOW + DAY)
    third = release(store, "c", LATER)
    settle(store, start(store, claim(store, issue_id=third.id)), now=LATER)
    assert store.outbox.finish(LATER) == [third.id]
    told = {"at": NOW + DAY, "source": BounceSource.MAIL, "status": "5.2.2"}
    for number, kind in enumerate((BounceKind.SOFT, BounceKind.HARD, BounceKind.BLOCK)):
        news = Bounce(D, claims[number].id, key=f"b{number}", kind=kind, **told)  # type: ignore[arg-type]  # by keyword
        assert store.bounces.record(news, None)
    assert store.bounces.record(Complaint(NOW + DAY, "abuse", "c", D, claims[3].id), None)
    return [first.id, second.id, third.id], [held.message_id for held in claims]


def seen(store: Store, issues: list[int], message_ids: list[str]) -> dict[str, Any]:
    """Everything that anybody may ask about what was sent."""
    first, second, third = issues
    faulty = Faulty(ARTICLES[0][0], (ARTICLES[0][1],))
    everybody = Selection(newsletters=(("digest", None),))
    since = {"accepted_since": NOW - DAY}, {"not_accepted_since": NOW + 2 * DAY}
    again = new_issue(store, key="b", number=9)
    addresses = [f"reader{number}@example.org" for number in range(12)]
    return {
        "issues": store.issues.list(),
        "figures": [store.figures.of(number) for number in issues],
        "trouble": [store.issues.trouble(number) for number in issues],
        "few": store.issues.trouble(first, limit=2),
        "turnover": store.issues.turnover(third, "weekly", {"x"}, (first, {"x"})),
        "again": store.issues.turnover(second, "weekly", {"x"}),
        "groups": [group.size for _, groups in again.editions for group in groups],
        "reach": store.citations.reach(faulty, ["digest"]),
        "segments": [
            store.subscribers.count(Selection(newsletters=everybody.newsletters, **each))  # type: ignore[arg-type]  # by keyword
            for each in since
        ],
        "people": [store.subscribers.record(address) for address in addresses],
        "by id": [
            store.bounces.by_message_id(told, address)
            for told in message_ids
            for address in addresses
        ],
        "addressees": [store.bounces.addressee(D, number) for number in range(1, 40)],
        "latest": [store.bounces.latest(number) for number in range(1, 13)],
        "soft": [store.bounces.soft(address, (D, 0), LATER) for address in addresses],
        "blocks": [store.bounces.blocks(number) for number in issues],
        "forgetting": [
            store.subscribers.forget(address, None, LATER, dry_run=True) for address in addresses
        ],
    }


def on_the_shelf(store: Store) -> int:
    """Rows."""
    assert isinstance(store, SqlStore)
    with store.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(shelved)) or 0


def test_whoever_asks_what_was_sent_hears_the_same(store: Store) -> None:
    """After each batch of a move, whatever is asked; `unknown` and late issues stay."""
    issues, message_ids = world(store)
    before = seen(store, issues, message_ids)
    assert store.outbox.shelve(NOW - DAY, 100) == 0
    moved = 0
    while done := store.outbox.shelve(BEFORE, 7):
        assert done == min(7, 20 - moved)  # 10 of the first, all of the cancelled one
        moved += done
        assert on_the_shelf(store) == moved
        assert seen(store, issues, message_ids) == before
    assert moved == 20
    assert "is sound" in store.check()
    late = Bounce(D, 1, LATER, BounceKind.HARD, BounceSource.MAIL, key="late", status="5.1.1")
    assert store.bounces.record(late, None)
    assert store.figures.of(issues[0]).returned.total["hard"] == 2


def test_what_staff_decide_about_an_old_issue(store: Store) -> None:
    """Unknown ones are settled where they are; refused ones come back from the shelf to be sent."""
    issues, _ = world(store)
    store.outbox.shelve(BEFORE, 100)
    assert store.outbox.resolve(issues[0], "accepted", LATER) == 2
    assert store.outbox.retry(issues[0], S.REFUSED, LATER) == 3
    assert counts(store, issues[0]) == {"accepted": 8, "cancelled": 1, "queued": 3}
    claims = start(store, claim(store, now=LATER, issue_id=issues[0]), LATER)
    assert {held.fence for held in claims} == {2}
    settle(store, claims, now=LATER)
    assert store.outbox.finish(LATER) == [issues[0]]
    assert store.outbox.shelve(LATER + DAY, 100) == 5 + 10
    assert counts(store, issues[0]) == {"accepted": 11, "cancelled": 1}
    assert "is sound" in store.check()


def test_who_is_forgotten_leaves_the_shelf_too(store: Store) -> None:
    """By name, and by the window after which nobody knows who received what."""
    issues, _ = world(store)
    store.outbox.shelve(BEFORE, 100)
    gone = store.subscribers.forget("reader1@example.org", None, LATER)
    assert gone is not None
    assert gone.deliveries == 3
    faulty = Faulty(ARTICLES[0][0], (ARTICLES[0][1],))
    assert store.citations.reach(faulty, ["digest"]).erased == 3
    assert store.subscribers.unlink(BEFORE, 5) == 5
    assert store.subscribers.unlink(BEFORE, 100) == 12 + 10 + 10 - 3 - 5
    assert store.subscribers.unlink(BEFORE, 100) == 0
    assert counts(store, issues[0])["accepted"] == 6


def test_an_issue_whose_counts_do_not_add_up_is_left_alone(store: Store) -> None:
    """Nothing is moved of it, and the error says what to do."""
    issues, _ = world(store)
    assert isinstance(store, SqlStore)
    with store.database.change() as connection:
        connection.execute(text("UPDATE issue SET audience = 13 WHERE id = 1"))
    with pytest.raises(StoreError, match="issue 1 has 12 deliveries for 13 readers"):
        store.outbox.shelve(BEFORE, 100)
    assert on_the_shelf(store) == 0
    assert issues[0] == 1


def test_a_shelf_that_lost_something_is_not_sound(store: Store) -> None:
    """`store status` counts it."""
    world(store)
    store.outbox.shelve(BEFORE, 100)
    assert isinstance(store, SqlStore)
    with store.database.change() as connection:
        connection.execute(text("DELETE FROM shelved WHERE id = 1"))
    with pytest.raises(StoreError, match=r"the shelf does not hold .*issue 1\)"):
        store.check()


def test_the_shelf_has_all_that_a_settled_delivery_is() -> None:
    """A column that deliveries get is kept there as well."""
    assert set(delivery.c.keys()) - set(shelved.c.keys()) == set(UNDER_WAY)
    assert set(shelved.c.keys()) < set(delivery.c.keys())


def test_who_was_erased_while_an_issue_was_planned_is_not_sent_it(store: Store) -> None:
    """PostgreSQL keeps no key from a delivery to its reader: the release looks for it."""
    assert isinstance(store, SqlStore)
    if store.database.is_sqlite:
        return  # one writer: it cannot come to this, and its foreign keys are kept up
    ids = people(store, 3)
    made = store.issues.create(new_issue(store))
    with store.database.change() as connection:
        connection.execute(text("DELETE FROM consent"))
        connection.execute(text("DELETE FROM subscription WHERE id = :id"), {"id": ids[1]})
    store.issues.move(made.id, IssueEvent.RELEASE, NOW)
    assert counts(store, made.id) == {"queued": 2, "cancelled": 1}
    assert [each.reply for each in store.issues.trouble(made.id)] == ["forgotten"]
    assert len(start(store, claim(store))) == 2


MOVER = """
import sys
from datetime import datetime
from publisher.stores import open_store
store = open_store(sys.argv[1], host="mail.example.org")
print("ready", flush=True)
while store.outbox.shelve(datetime.fromisoformat(sys.argv[2]), 20):
    pass
"""


@pytest.mark.crash
def test_a_move_that_is_killed_loses_and_doubles_nothing(store_url: str, tmp_path: Path) -> None:
    """kill -9 in the middle; whoever comes next goes on where it was."""
    store = open_store(store_url, synchronous="NORMAL", host=HOST)
    store.migrate(NOW)
    assert isinstance(store, SqlStore)
    people(store, 3000)
    issue = release(store)
    with store.database.change() as connection:
        connection.execute(text("UPDATE delivery SET state = 'accepted', settled_at = 1"))
    store.outbox.finish(NOW)
    script = tmp_path / "mover.py"
    script.write_text(MOVER)
    pause = threading.Event()
    process = subprocess.Popen(
        [sys.executable, str(script), store_url, BEFORE.isoformat()],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    try:
        for _ in range(12_000):
            if on_the_shelf(store) >= 100 or process.poll() is not None:
                break
            pause.wait(0.005)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was done before it could be killed"
    found = on_the_shelf(store)
    assert 0 < found < 3000
    assert found % 20 == 0
    assert counts(store, issue.id) == {"accepted": 3000}
    assert store.outbox.shelve(BEFORE, 5000) == 3000 - found
    assert on_the_shelf(store) == 3000
    assert store.issues.get(issue.id).state is IssueState.FINISHED
    assert counts(store, issue.id) == {"accepted": 3000}
    assert "is sound" in store.check()
    store.close()


def test_an_earlier_version_and_back_again(store: Store) -> None:
    """Everything is in one table then, and news of deliveries are kept on both ways."""
    issues, message_ids = world(store)
    before = seen(store, issues, message_ids)
    store.outbox.shelve(BEFORE, 100)
    assert isinstance(store, SqlStore)
    with store.database.change() as connection:
        command.downgrade(schema._config(connection), "0011")
        assert connection.scalar(text("SELECT count(*) FROM delivery")) == 32
        assert connection.scalar(text("SELECT count(delivery_id) FROM bounce")) == 3
    store.migrate(LATER)
    assert seen(store, issues, message_ids) == before
    assert store.outbox.shelve(BEFORE, 100) == 20
    assert "is sound" in store.check()
