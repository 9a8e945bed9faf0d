"""One look at a store, without reading all that works with one."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.parse import quote

from publisher.domain.ledger import Happening

SECONDS = 5
VERSIONS = "versions"
"""The key in `meta` that says which versions of articles the ledger was told of last."""


def may_hold_issues(url: str) -> bool:
    """False where the store at `url` certainly has no issue that left its draft.

    That is a SQLite file that is not there, or one without such a row. Whatever else it finds,
    a damaged file or another kind of store, is for the store itself to say.
    """
    path = url.removeprefix("sqlite:///")
    if path == url or path in ("", ":memory:"):
        return True
    if not Path(path).exists():
        return False
    try:
        with closing(_reading(path)) as base:
            found = base.execute(
                "SELECT 1 FROM issue WHERE state NOT IN ('draft', 'skipped') LIMIT 1"
            )
            return found.fetchone() is not None
    except sqlite3.Error:
        return True


def issues(url: str) -> str | None:
    """What changes whenever an issue does, or an edition, whose hash stands in its issue.

    None where that is not to be seen so cheaply, as in any store but SQLite's.
    """
    path = url.removeprefix("sqlite:///")
    if path == url:
        return None
    digest = hashlib.sha256()
    try:
        with closing(_reading(path)) as base:
            for query in (
                "SELECT * FROM issue ORDER BY id",
                "SELECT id, issue_id, language, subject FROM edition ORDER BY id",
            ):
                for row in base.execute(query):
                    digest.update(repr(row).encode("utf-8", "surrogatepass"))
    except sqlite3.Error:
        return None
    return digest.hexdigest()


def is_there(url: str) -> bool:
    """False where there certainly is no store at `url`: a SQLite file that is not there."""
    path = url.removeprefix("sqlite:///")
    return path == url or Path(path).exists()


def versions(url: str) -> str | None:
    """The mark of the versions that the ledger at `url` was told of last; None: not to be seen."""
    path = url.removeprefix("sqlite:///")
    if path == url:
        return None
    try:
        with closing(_reading(path)) as base:
            found = base.execute("SELECT value FROM meta WHERE key = ?", (VERSIONS,)).fetchone()
            return None if found is None else str(found[0])
    except sqlite3.Error:
        return None


def had_data(url: str) -> date | None:
    """The day of the last data of retractions that the ledger at `url` knows; None: not to be
    seen, as in any store but SQLite's.
    """
    path = url.removeprefix("sqlite:///")
    if path == url or not Path(path).exists():
        return None
    try:
        with closing(_reading(path)) as base:
            found = base.execute(
                "SELECT body FROM ledger WHERE body LIKE ? ORDER BY number DESC LIMIT 1",
                (f'%"happening":"{Happening.SNAPSHOT}"%',),
            ).fetchone()
            return None if found is None else date.fromisoformat(json.loads(found[0])["as_of"])
    except (sqlite3.Error, ValueError, KeyError, TypeError):
        return None  # what is damaged is for the store itself to say


def _reading(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=SECONDS)
