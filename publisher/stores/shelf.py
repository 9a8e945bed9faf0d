"""The shelf: deliveries of issues that are long over, beside those that are under way.

A delivery is in `delivery` or in `shelved`, never in both: it is moved, with its id, in one
transaction that nobody else writes beside. Whoever asks what was sent asks both tables, through
what stands here; whoever claims, journals or settles knows `delivery` alone, which stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Table,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)

from publisher.domain.delivery import DeliveryState
from publisher.domain.issue import IssueState
from publisher.errors import StoreError
from publisher.stores.tables import delivery, issue, shelved, shelved_count, state_is

S = DeliveryState

BOTH = (delivery, shelved)
"""Where a delivery may be."""

MOVED = (S.ACCEPTED, S.REFUSED, S.CANCELLED)
"""What goes to the shelf. `unknown` waits where staff, and its own fence, may still settle it."""


def union(make: Callable[[Table], Select[Any]]) -> CompoundSelect[Any]:
    """What `make` selects of a table, of both."""
    return union_all(*(make(table) for table in BOTH))


def either(make: Callable[[Table], ColumnElement[bool]]) -> ColumnElement[bool]:
    """What `make` says of a table holds for one of them.

    An `exists` over a union would be worked out whole for each row in SQLite.
    """
    return or_(*(make(table) for table in BOTH))


def counted(connection: Connection, make: Callable[[Table], Select[Any]]) -> int:
    """The sum of the number that `make` selects of each table."""
    return sum(connection.scalar(make(table)) or 0 for table in BOTH)


def counts(connection: Connection, issue_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Deliveries of issues by state, wherever they are. Those on the shelf were counted when they
    were moved.
    """
    d, c = delivery.c, shelved_count.c
    here = connection.execute(
        select(d.issue_id, d.state, func.count())
        .where(d.issue_id.in_(issue_ids))
        .group_by(d.issue_id, d.state)
    )
    there = connection.execute(
        select(c.issue_id, c.state, c.number).where(c.issue_id.in_(issue_ids), c.number > 0)
    )
    found: dict[int, dict[str, int]] = {}
    for owner, state, number in (*here, *there):
        of = found.setdefault(owner, {})
        of[state] = of.get(state, 0) + number
    return found


def whole(connection: Connection, issue_id: int) -> int:
    """How many deliveries an issue has, wherever they are."""
    return sum(counts(connection, [issue_id]).get(issue_id, {}).values())


def shelve(connection: Connection, before: datetime, limit: int) -> int:
    """Move up to `limit` settled deliveries of issues that were over `before`; how many.

    The transaction must be one that nobody writes beside. Raises StoreError where the
    deliveries of an issue are not as many as its readers.
    """
    left = limit
    for issue_id, audience in _over(connection, before):
        if not _begun(connection, issue_id):
            _must_add_up(connection, issue_id, audience)
        for state in MOVED:
            if left:
                left -= _move(connection, delivery, shelved, issue_id, state, left)
        if not left:
            break
        _must_add_up(connection, issue_id, audience)
    return limit - left


def _begun(connection: Connection, issue_id: int) -> bool:
    c = shelved_count.c
    there = select(c.number).where(c.issue_id == issue_id, c.number > 0).limit(1)
    return connection.scalar(there) is not None


def _must_add_up(connection: Connection, issue_id: int, audience: int) -> None:
    """Asked before an issue's first delivery is moved and after its last: counting a large issue
    takes longer than moving a thousand of it.
    """
    if (number := whole(connection, issue_id)) != audience:
        raise StoreError(
            f"issue {issue_id} has {number} deliveries for {audience} readers, so they are not "
            "moved: stop publisher, and put the last backup in place"
        )


def take_back(connection: Connection, issue_id: int, state: DeliveryState) -> int:
    """Bring an issue's deliveries of this state back among those under way; how many."""
    return _move(connection, shelved, delivery, issue_id, state, None)


def check(connection: Connection) -> None:
    """Count what is on the shelf. Raises StoreError where it is not what was written down."""
    s, c = shelved.c, shelved_count.c
    there = {
        (row[0], row[1]): row[2]
        for row in connection.execute(
            select(s.issue_id, s.state, func.count()).group_by(s.issue_id, s.state)
        )
    }
    written = connection.execute(select(c.issue_id, c.state, c.number).where(c.number > 0))
    wrong = {
        key for key, _ in there.items() ^ {(row[0], row[1]): row[2] for row in written}.items()
    }
    if wrong:
        issues = ", ".join(str(number) for number in sorted({number for number, _ in wrong}))
        raise StoreError(
            f"the shelf does not hold the deliveries that were moved there (issue {issues}): "
            "stop publisher, keep a copy of the store, and put the last backup in its place"
        )


def _over(connection: Connection, before: datetime) -> Sequence[tuple[int, int]]:
    """Issues with something to move, the oldest first; (id, audience)."""
    i = issue.c
    left = exists().where(delivery.c.issue_id == i.id, state_is(delivery.c.state, *MOVED))
    rows = connection.execute(
        select(i.id, i.audience)
        .where(
            state_is(i.state, IssueState.FINISHED, IssueState.CANCELLED),
            # A cancelled one has no end of its own; what it had started is settled within days.
            func.coalesce(i.finished_at, i.released_at, i.planned_at) < before,
            left,
        )
        .order_by(i.id)
    )
    return [(row[0], row[1]) for row in rows]


def _move(
    connection: Connection,
    source: Table,
    target: Table,
    issue_id: int,
    state: DeliveryState,
    limit: int | None,
) -> int:
    names = shelved.c.keys()
    chosen = select(source.c.id).where(
        source.c.issue_id == issue_id, state_is(source.c.state, state)
    )
    if limit is not None:
        # In the order of the index, so that it is read no further than need be.
        chosen = chosen.order_by(source.c.due_at, source.c.id).limit(limit)
    these = source.c.id.in_(chosen)
    came = connection.execute(
        insert(target).from_select(names, select(*(source.c[n] for n in names)).where(these)),
        execution_options={"preserve_rowcount": True},
    ).rowcount
    went = connection.execute(delete(source).where(these)).rowcount
    if came != went:
        raise StoreError(
            f"{came} deliveries of issue {issue_id} were copied and {went} deleted: "
            "nothing was moved; see that no other program writes to the store"
        )
    if came:
        _note(connection, issue_id, state, came if target is shelved else -came)
    return came


def _note(connection: Connection, issue_id: int, state: DeliveryState, number: int) -> None:
    c = shelved_count.c
    changed = connection.execute(
        update(shelved_count)
        .where(c.issue_id == issue_id, c.state == str(state))
        .values(number=c.number + number)
    )
    if not changed.rowcount:
        connection.execute(
            insert(shelved_count).values(issue_id=issue_id, state=str(state), number=number)
        )
