"""A journal moves to PostgreSQL row for row, goes on where it broke off, and leaves once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from publisher.domain.issue import IssueEvent
from publisher.domain.subscription import SubscriptionEvent, Suppression, SuppressionReason
from publisher.errors import Defect, StoreError
from publisher.ports import Store
from publisher.stores import open_store
from publisher.stores.sql import SqlStore, copy_store
from tests.contracts.samples import (
    HOST,
    NOW,
    admit,
    claim,
    notice,
    people,
    release,
    row,
    settle,
    start,
)
from tests.postgres import Server


@pytest.fixture
def source(tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}", host=HOST)
    assert isinstance(opened, SqlStore)
    opened.migrate(NOW)
    yield opened
    opened.close()


@pytest.fixture
def target(postgres: Server, blank: str) -> Iterator[SqlStore]:
    name = postgres.create(blank)
    opened = open_store(postgres.url(name), host=HOST)
    assert isinstance(opened, SqlStore)
    yield opened
    opened.close()
    postgres.drop(name)


def fill(store: Store) -> None:
    """Something of nearly everything, odd words included."""
    people(store, 30)
    admit(store, row("Ümlaut", name="Zoë “Z” O'Hara\t<b>"), row("zz", topics=("heart",)))
    store.suppressions.add(Suppression("no@example.org", SuppressionReason.STAFF, NOW, "asked"))
    store.sightings.add({"tag:example.org,2026:a/É": NOW, "tag:example.org,2026:a/b": NOW})
    store.notices.add(notice("n1"), "nonce", NOW)
    release(store, "one")
    claims = claim(store, 12)
    start(store, claims[:8])
    settle(store, claims[:5])


def quiet(_name: str, _rows: int) -> None:
    return None


def rows_of(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    found = {}
    with store.database.read() as connection:
        for table in store.rows():
            answers = connection.execute(text(f'SELECT * FROM "{table}"')).all()  # noqa: S608
            plain = [tuple(int(v) if isinstance(v, bool) else v for v in one) for one in answers]
            found[table] = sorted(plain, key=repr)
    found["meta"] = [one for one in found["meta"] if one[0] == "started_at"]
    return found


def test_everything_arrives_as_it_was(source: SqlStore, target: SqlStore) -> None:
    """Every row of every table; ids go on behind the last one that was ever given."""
    fill(source)
    gone = admit(source, row("gone"))
    assert gone
    source.subscribers.forget("gone@example.org", None, NOW)
    before = rows_of(source)
    done = copy_store(source, target, NOW, quiet)
    assert rows_of(target) == before
    assert {each.table: each.rows for each in done}["subscriber"] == 32
    assert target.ledger.verify() == source.ledger.verify()
    assert target.ledger.verify().entries == 2
    admit(target, row("new"))
    (new,) = target.subscribers.by_address("new@example.org")
    assert new.id == 34


def test_the_old_store_is_closed_for_good(source: SqlStore, target: SqlStore) -> None:
    """Who still runs can neither claim nor settle nor change anybody; who starts is told where."""
    fill(source)
    copy_store(source, target, NOW, quiet)
    with pytest.raises((Defect, StoreError), match="it was moved"):
        claim(source, 1)
    with pytest.raises((Defect, StoreError), match="it was moved"):
        admit(source, row("late"))
    with pytest.raises(StoreError, match=r"was moved: set store = \"postgresql\+psycopg://"):
        source.migrate(NOW)
    assert len(claim(target, 100)) > 0


def test_a_copy_that_broke_off_goes_on(source: SqlStore, target: SqlStore) -> None:
    """What changed, came or went meanwhile is found by its hash; nothing of before is left."""
    fill(source)

    def break_off(name: str, _rows: int) -> None:
        if name == "delivery":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_store(source, target, NOW, break_off)
    assert target.rows()["subscriber"] == 32
    some = random.Random(3)  # noqa: S311 - which readers change, no secrets
    for each in some.sample(source.subscribers.list("digest"), 5):
        source.subscribers.change(each.id, SubscriptionEvent.UNSUBSCRIBE, NOW)
    source.subscribers.forget("reader7@example.org", None, NOW)
    admit(source, row("newcomer"))
    (issue,) = source.issues.list()
    source.issues.move(issue.id, IssueEvent.PAUSE, NOW)
    before = rows_of(source)
    done = copy_store(source, target, NOW, quiet)
    assert rows_of(target) == before
    assert {each.table for each in done if each.written} == set()  # the last pass only proved


def test_another_journals_store_is_not_written_over(source: SqlStore, target: SqlStore) -> None:
    """Only an empty database is taken, or what an earlier copy left."""
    target.database.close()
    with target.database.write() as connection:
        connection.execute(text("UPDATE meta SET value = '1' WHERE key = 'started_at'"))
    admit(target, row("other"))
    with pytest.raises(StoreError, match="belongs to another journal"):
        copy_store(source, target, NOW, quiet)
    assert len(source.subscribers.list()) == 0


def test_a_copy_that_differs_is_found_out(
    source: SqlStore, target: SqlStore, postgres: Server
) -> None:
    """The target is read again: what was tampered with leaves the source open."""
    fill(source)

    def tamper(name: str, _rows: int) -> None:
        if name == "subscription":
            with target.database.write() as connection:
                connection.execute(text("UPDATE subscriber SET name = 'X' WHERE id = 3"))

    with pytest.raises(StoreError, match=r"the copy of 'subscriber' .* is not the same"):
        copy_store(source, target, NOW, tamper)
    admit(source, row("still-open"))
