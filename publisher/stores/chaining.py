"""Adding to the ledger, within the transaction of what is told.

Entries follow each other in one chain, so whoever adds one must know the last, and nobody else
may add one until that is committed. SQLite has one writer. In PostgreSQL a lock of the ledger's
own is held from the first entry of a transaction to its end; planning, which sees the state of
its beginning only (REPEATABLE READ), asks for the last entry over another connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, text

from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.ledger import Happening, Head
from publisher.formats import chain
from publisher.ports import NewIssue
from publisher.stores import shelf
from publisher.stores.database import HEAD, SNAPSHOT
from publisher.stores.ledger_rows import ledger
from publisher.stores.tables import edition, edition_article, issue

LOCK = "SELECT pg_advisory_xact_lock(7470082)"
_OF_EVENT: Mapping[IssueEvent, Happening] = {
    IssueEvent.APPROVE: Happening.APPROVED,
    IssueEvent.EDIT: Happening.EDITED,
    IssueEvent.RELEASE: Happening.STARTED,
    IssueEvent.PAUSE: Happening.PAUSED,
    IssueEvent.RESUME: Happening.RESUMED,
    IssueEvent.FINISH: Happening.FINISHED,
    IssueEvent.CANCEL: Happening.CANCELLED,
    IssueEvent.SKIP: Happening.LAPSED,
    IssueEvent.REOPEN: Happening.REOPENED,
}
_ENDS = (Happening.FINISHED, Happening.CANCELLED)
_LAST: Select[tuple[int, str]] = (
    select(ledger.c.number, ledger.c.hash).order_by(ledger.c.number.desc()).limit(1)
)


def head(connection: Connection) -> Head | None:
    """The last entry that this connection sees."""
    row = connection.execute(_LAST).one_or_none()
    return None if row is None else Head(row.number, row.hash)


def append(
    connection: Connection, happening: Happening, at: datetime, details: Mapping[str, Any]
) -> Head:
    """Add an entry; it is there once the transaction is committed. To be called late in it."""
    row = chain.render(_follow(connection), at, happening, details)
    connection.execute(insert(ledger).values(number=row.number, body=row.body, hash=row.hash))
    made = Head(row.number, row.hash)
    connection.info[HEAD] = made
    return made


def _follow(connection: Connection) -> Head | None:
    """The last entry of all, which nobody can add to until this transaction ends."""
    if connection.dialect.name == "sqlite":
        return head(connection)
    connection.execute(text(LOCK))
    own = head(connection)
    if not connection.get_execution_options().get(SNAPSHOT):
        return own
    with connection.engine.connect() as other:
        last = head(other)
    if own is None or (last is not None and last.number > own.number):
        return last
    return own


def planned(connection: Connection, issue_id: int, plan: NewIssue, audience: int) -> None:
    """An issue is on record: which versions it holds, and to how many people it would go."""
    details: dict[str, Any] = {
        **_named(connection, issue_id),
        "slot": plan.slot.key,
        "audience": audience,
        "articles": _carried(connection, issue_id),
        "acknowledged": sorted(
            [each.article_id, name]
            for each in plan.cited
            if each.acknowledged
            for name in each.names or (each.key,)
        ),
    }
    if plan.forced:
        details["forced"] = sorted(each.rule for each in plan.forced)
    if plan.faulty is not None:
        details["faulty"] = list(plan.faulty.versions)
    append(connection, Happening.PLANNED, plan.planned_at, details)


def forced(connection: Connection, issue_id: int, rules: Iterable[str], now: datetime) -> None:
    """Rules were set aside for an issue; why, and by whom, stays in its row."""
    told = _named(connection, issue_id) | {"forced": sorted(rules)}
    append(connection, Happening.FORCED, now, told)


def moved(
    connection: Connection, issue_id: int, event: IssueEvent, now: datetime, by: str | None = None
) -> None:
    """An issue took a step. A slot that made none, and so has no number, is not told of."""
    told = _named(connection, issue_id)
    if told["name"] is None:
        return
    happening = _OF_EVENT[event]
    if happening is Happening.APPROVED and by is not None:
        nonce = connection.scalar(select(issue.c.nonce).where(issue.c.id == issue_id)) or ""
        told["by"] = chain.seal(nonce, by)
    if happening is Happening.EDITED:
        told["articles"] = _carried(connection, issue_id)
    if happening in _ENDS:
        told["counts"] = _counts(connection, issue_id)
    append(connection, happening, now, told)


def _named(connection: Connection, issue_id: int) -> dict[str, Any]:
    i = issue.c
    row = connection.execute(
        select(i.newsletter, i.number, i.kind, i.state, i.hash).where(i.id == issue_id)
    ).one()
    return {
        "issue": issue_id,
        "name": None if row.number is None else f"{row.newsletter}/{row.number}",
        "kind": row.kind,
        "state": str(IssueState(row.state)),
        "hash": row.hash,
    }


def _carried(connection: Connection, issue_id: int) -> list[list[str]]:
    e = edition_article.c
    rows: Iterable[Any] = connection.execute(
        select(e.article_id, e.version)
        .join(edition, edition.c.id == e.edition_id)
        .where(edition.c.issue_id == issue_id)
        .distinct()
    )
    return sorted([row.article_id, row.version] for row in rows)


def _counts(connection: Connection, issue_id: int) -> dict[str, int]:
    return shelf.counts(connection, [issue_id]).get(issue_id, {})
