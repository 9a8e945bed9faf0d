"""A look at a store that may be anything."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from publisher.stores import glance


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of three columns: whatever an issue's row holds is looked at."""
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE issue (id INTEGER, state TEXT, hash TEXT)")
        base.execute("CREATE TABLE edition (id INTEGER, issue_id INT, language TEXT, subject TEXT)")
        base.execute("INSERT INTO issue VALUES (1, 'approved', 'abc')")
        base.execute("INSERT INTO edition VALUES (1, 1, 'en', 'Words')")
    return path


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE issue SET state = 'finished'",
        "UPDATE issue SET hash = 'abd'",
        "INSERT INTO issue VALUES (2, 'draft', '')",
        "DELETE FROM issue",
        "UPDATE edition SET subject = 'Other words'",
        "INSERT INTO edition VALUES (2, 1, 'de', 'Worte')",
        "ALTER TABLE issue ADD COLUMN more TEXT",
    ],
)
def test_whatever_changes_about_an_issue_is_seen(store: Path, change: str) -> None:
    """The site's archive is taken from the cache only where nothing has changed."""
    before = glance.issues(f"sqlite:///{store}")
    assert before == glance.issues(f"sqlite:///{store}")
    with closing(sqlite3.connect(store)) as base, base:
        base.execute(change)
    assert glance.issues(f"sqlite:///{store}") not in (before, None)


def test_what_cannot_be_seen_is_for_the_store_to_say(tmp_path: Path) -> None:
    """Another kind of store, a file that is not there, and one that is damaged."""
    spoilt = tmp_path / "spoilt.sqlite3"
    spoilt.write_bytes(b"no database" * 100)
    for url in ("postgresql://localhost/x", f"sqlite:///{tmp_path}/none", f"sqlite:///{spoilt}"):
        assert glance.issues(url) is None
        assert glance.versions(url) is None
    assert glance.may_hold_issues(f"sqlite:///{spoilt}")
    assert glance.may_hold_issues("postgresql://localhost/x")
    assert not glance.may_hold_issues(f"sqlite:///{tmp_path}/none")
