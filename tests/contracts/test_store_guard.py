"""An older store that is put in place sends nothing until staff say so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from publisher.domain.delivery import DeliveryState
from publisher.domain.subscription import SubscriptionEvent as E
from publisher.domain.subscription import SubscriptionState as S
from publisher.domain.subscription import Suppression, SuppressionReason, address_key
from publisher.errors import Restored, StoreError
from publisher.formats import watermark
from publisher.formats.pepper import Pepper
from publisher.formats.watermark import Entry
from publisher.stores import guarding, open_store
from publisher.stores.sql import SqlStore
from publisher.watermark import WatermarkFile
from tests import factories
from tests.contracts.samples import HOST
from tests.verbs.outbox import NOW, release, subscribe

PEPPER = Pepper((("k1", b"k" * 32),))
FIRST, SECOND = "first@example.org", "second@example.org"


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere" / "watermark"


@pytest.fixture
def opened(store_url: str, mark: Path) -> Iterator[Callable[[], SqlStore]]:
    """Opens the store with its watermark, as often as it is called."""
    stores: list[SqlStore] = []

    def open_it() -> SqlStore:
        made = open_store(
            store_url,
            synchronous="NORMAL",
            host=HOST,
            pepper=PEPPER,
            watermark=WatermarkFile(mark, PEPPER),
        )
        assert isinstance(made, SqlStore)
        made.migrate(NOW)
        stores.append(made)
        return made

    yield open_it
    for each in stores:
        each.close()


def put_back(store: SqlStore, number: int) -> None:
    """What a restored backup looks like: the store's number of then."""
    with store.database.change() as connection:
        connection.execute(
            text("UPDATE meta SET value = :number WHERE key = 'watermark'"), {"number": str(number)}
        )


def number(store: SqlStore) -> int:
    with store.database.read() as connection:
        return int(connection.scalar(text("SELECT value FROM meta WHERE key = 'watermark'")) or 0)


def state(store: SqlStore, address: str) -> S:
    return store.subscribers.by_address(address)[0].state


def leave(store: SqlStore, address: str) -> None:
    store.subscribers.change(store.subscribers.by_address(address)[0].id, E.UNSUBSCRIBE, NOW)


def return_to(store: SqlStore, address: str) -> None:
    """Undo what leaving did to the store, as a backup from before does."""
    with store.database.change() as connection:
        connection.execute(
            text(
                "UPDATE subscription SET state = 'confirmed', unsubscribed_at = NULL WHERE "
                "subscriber_id = (SELECT id FROM subscriber WHERE key = :key)"
            ),
            {"key": address_key(address)},
        )


def test_a_store_that_is_its_own_goes_on(opened: Callable[[], SqlStore]) -> None:
    store = opened()
    store.guard.check()
    store.guard.pass_on(NOW)
    store.guard.pass_on(NOW)
    again = opened()
    again.guard.check()
    assert again.guard.catch_up(NOW).left == 0
    again.guard.pass_on(NOW)


def test_an_older_store_sends_nothing_until_staff_say_so(opened: Callable[[], SqlStore]) -> None:
    store = opened()
    subscribe(store, "weekly", [FIRST, SECOND])
    store.guard.pass_on(NOW)
    before = number(store)
    leave(store, FIRST)
    store.guard.pass_on(NOW)
    return_to(store, FIRST)
    put_back(store, before)
    for step in (store.guard.check, lambda: store.guard.pass_on(NOW)):
        with pytest.raises(Restored, match="store accept-restore"):
            step()
    with pytest.raises(Restored):
        store.guard.catch_up(NOW)
    assert state(store, FIRST) is S.CONFIRMED
    assert store.guard.accept(NOW).left == 1
    assert state(store, FIRST) is S.UNSUBSCRIBED
    assert state(store, SECOND) is S.CONFIRMED
    store.guard.check()
    store.guard.pass_on(NOW)


def test_who_left_and_nobody_was_mailed_since_leaves_without_asking(
    opened: Callable[[], SqlStore],
) -> None:
    """As after a process that was killed between the watermark and the store."""
    store = opened()
    subscribe(store, "weekly", [FIRST])
    store.guard.pass_on(NOW)
    before = number(store)
    leave(store, FIRST)
    return_to(store, FIRST)
    put_back(store, before)
    assert store.guard.catch_up(NOW).left == 1
    assert state(store, FIRST) is S.UNSUBSCRIBED


def test_who_came_back_before_the_backup_stays(opened: Callable[[], SqlStore]) -> None:
    store = opened()
    subscribe(store, "weekly", [FIRST])
    leave(store, FIRST)
    store.subscribers.change(store.subscribers.by_address(FIRST)[0].id, E.UNDO, NOW)
    store.guard.pass_on(NOW)
    before = number(store)
    store.guard.pass_on(NOW)
    put_back(store, before)
    assert store.guard.accept(NOW).left == 0
    assert state(store, FIRST) is S.CONFIRMED


def test_suppressions_and_the_forgotten_come_again(opened: Callable[[], SqlStore]) -> None:
    store = opened()
    subscribe(store, "weekly", [FIRST, SECOND])
    store.guard.pass_on(NOW)
    before = number(store)
    complaint = Suppression(FIRST, SuppressionReason.COMPLAINT, NOW)
    staff = Suppression("stranger@example.org", SuppressionReason.STAFF, NOW)
    store.suppressions.add_many([complaint, staff], dry_run=True)
    assert store.suppressions.add_many([complaint, staff]) == 2
    gone = Suppression(SECOND, SuppressionReason.FORGOTTEN, NOW)
    store.subscribers.forget(address_key(SECOND), gone, NOW, dry_run=True)
    store.subscribers.forget(address_key(SECOND), gone, NOW)
    store.guard.pass_on(NOW)
    with store.database.change() as connection:
        connection.execute(text("DELETE FROM suppression"))
    subscribe(store, "weekly", [SECOND])
    put_back(store, before)
    done = store.guard.accept(NOW)
    assert done.suppressed == 3
    assert done.forgotten == ((SECOND, "forgotten"),)
    for address in (FIRST, SECOND, "stranger@example.org"):
        assert store.suppressions.find(address_key(address)), address


def test_a_departure_cancels_what_waits_for_it(opened: Callable[[], SqlStore]) -> None:
    store = opened()
    subscribe(store, "weekly", [FIRST, SECOND])
    issue = release(store, factories.journal())
    store.guard.pass_on(NOW)
    before = number(store)
    leave(store, FIRST)
    return_to(store, FIRST)
    with store.database.change() as connection:
        connection.execute(text("UPDATE delivery SET state = 'queued', reason = NULL"))
    put_back(store, before)
    store.guard.catch_up(NOW)
    counts = store.issues.get(issue.id).counts
    assert counts[DeliveryState.CANCELLED.value] == 1
    assert counts[DeliveryState.QUEUED.value] == 1


def test_a_missing_watermark_stops_sending_but_nobody_from_leaving(
    opened: Callable[[], SqlStore], mark: Path
) -> None:
    store = opened()
    subscribe(store, "weekly", [FIRST])
    store.guard.pass_on(NOW)
    mark.unlink()
    leave(store, FIRST)
    assert state(store, FIRST) is S.UNSUBSCRIBED
    assert not mark.exists()
    with pytest.raises(Restored, match="missing"):
        store.guard.pass_on(NOW)
    store.guard.accept(NOW)
    store.guard.pass_on(NOW)


def test_where_it_cannot_be_written_nothing_is_sent_and_people_leave_all_the_same(
    opened: Callable[[], SqlStore], mark: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened()
    subscribe(store, "weekly", [FIRST])
    mark.parent.parent.mkdir(exist_ok=True)
    mark.parent.write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be read or written"):
        store.guard.pass_on(NOW)
    with caplog.at_level(logging.ERROR):
        leave(store, FIRST)
    assert state(store, FIRST) is S.UNSUBSCRIBED
    assert "cannot be read or written" in caplog.text


def test_a_torn_line_is_cut_off_and_damage_is_not_overlooked(
    opened: Callable[[], SqlStore], mark: Path
) -> None:
    store = opened()
    store.guard.pass_on(NOW)
    with mark.open("ab") as file:
        file.write(b"7 7 17000")
    store.guard.pass_on(NOW)
    lines = mark.read_bytes().splitlines(keepends=True)
    assert [watermark.parse(line) is not None for line in lines] == [True, True]
    mark.write_bytes(b"".join(line.replace(b"sent", b"test") for line in lines))
    with pytest.raises(StoreError, match="damaged"):
        store.guard.check()


def test_it_holds_no_address_and_grows_within_bounds(
    opened: Callable[[], SqlStore], mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "SHORTENED", 10)
    store = opened()
    subscribe(store, "weekly", [FIRST, SECOND])
    leave(store, FIRST)
    store.suppressions.add(Suppression(SECOND, SuppressionReason.STAFF, NOW))
    for _ in range(28):
        store.guard.pass_on(NOW)
    found = list(WatermarkFile(mark, PEPPER).after(0))
    assert [line.entry for line in found[:2]] == [Entry.LEFT, Entry.SUPPRESSED]
    assert [line.number for line in found] == sorted(line.number for line in found)
    assert len(found) == 3
    for word in (b"first", b"second", b"example.org"):
        assert word not in mark.read_bytes()
    assert mark.stat().st_mode & 0o077 == 0
    for _ in range(10):
        store.guard.pass_on(NOW + timedelta(days=401))
    assert not [line for line in WatermarkFile(mark, PEPPER).after(0) if line.form]


def test_two_processes_count_together(opened: Callable[[], SqlStore], mark: Path) -> None:
    one, other = opened(), opened()
    subscribe(one, "weekly", [FIRST])
    for store in (one, other, one):
        store.guard.pass_on(NOW)
    leave(other, FIRST)
    one.guard.pass_on(NOW)
    assert [line.number for line in WatermarkFile(mark, PEPPER).after(0)] == [1, 2, 3, 4, 5]
    one.guard.check()
    assert other.guard.catch_up(NOW).left == 0


def test_a_store_without_a_watermark_lets_everything_pass(store_url: str) -> None:
    store = open_store(store_url, synchronous="NORMAL", host=HOST)
    store.migrate(NOW)
    store.guard.check()
    store.guard.pass_on(NOW)
    assert store.guard.catch_up(NOW).left == store.guard.accept(NOW).left == 0
    store.close()
