"""What was set aside for an issue, as JSON in its row."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import Connection, select, update

from publisher.domain.forcing import Forcing
from publisher.errors import NotFound
from publisher.stores.tables import instant, issue, micros


def written(forced: Iterable[Forcing]) -> str:
    """As the row keeps it."""
    rows = [asdict(each) | {"at": micros(each.at)} for each in forced]
    return json.dumps(rows, ensure_ascii=False)


def read(text: str) -> tuple[Forcing, ...]:
    """The inverse of `written`."""
    return tuple(Forcing(**row | {"at": instant(row["at"])}) for row in json.loads(text))


def add(connection: Connection, issue_id: int, forced: Iterable[Forcing]) -> tuple[Forcing, ...]:
    """Put what is new on record, and return it. Raises NotFound.

    A rule that was set aside before keeps its first reason.
    """
    query = select(issue.c.forced).where(issue.c.id == issue_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no issue {issue_id}: see `publisher issue list`")
    before = read(row.forced or "[]")
    known = {each.rule for each in before}
    new = tuple(each for each in forced if each.rule not in known)
    whole = (*before, *new)
    connection.execute(update(issue).where(issue.c.id == issue_id).values(forced=written(whole)))
    return new
