"""One look at a store, without reading all that works with one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

SECONDS = 5


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


def _reading(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=SECONDS)
