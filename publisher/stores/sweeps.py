"""What time does to messages: leases lapse, retries fall due, issues finish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, func, select, update

from publisher.domain.delivery import OPEN, DeliveryState, Lapsed
from publisher.domain.issue import IssueEvent, IssueState
from publisher.errors import Defect
from publisher.stores import shelf
from publisher.stores.database import Database
from publisher.stores.issues import take_step
from publisher.stores.lanes import FREED
from publisher.stores.tables import delivery, issue, notice, state_is

S = DeliveryState

NO_ANSWER = "the worker stopped before it could note an answer"
TOO_OLD = "it was deferred for too long"


def _of(*states: IssueState) -> ColumnElement[bool]:
    """Deliveries of issues in these states: ranges of an index, issue by issue."""
    return delivery.c.issue_id.in_(select(issue.c.id).where(state_is(issue.c.state, *states)))


def _live() -> ColumnElement[bool]:
    """Deliveries whose issue may still have a message claimed or sending."""
    return _of(IssueState.SENDING, IssueState.PAUSED, IssueState.CANCELLED)


def renew(connection: Connection, worker: str, until: datetime) -> None:
    """Prolong every lease of a worker."""
    for table, where in ((notice, None), (delivery, _live())):
        change = update(table).where(
            state_is(table.c.state, S.CLAIMED, S.SENDING), table.c.leased_by == worker
        )
        change = change if where is None else change.where(where)
        connection.execute(change.values(leased_until=until))


def lapse(connection: Connection, now: datetime) -> Lapsed:
    """Claimed → queued, sending → unknown, wherever the lease is over."""
    requeued = 0
    unknown: Counter[int | None] = Counter()
    for table, where in ((notice, None), (delivery, _live())):
        late = table.c.leased_until <= now
        free = update(table).where(state_is(table.c.state, S.CLAIMED), late)
        lose = update(table).where(state_is(table.c.state, S.SENDING), late)
        if where is not None:
            free, lose = free.where(where), lose.where(where)
        requeued += connection.execute(free.values(state=str(S.QUEUED), **FREED)).rowcount
        lost = lose.values(state=str(S.UNKNOWN), settled_at=now, code=0, reply=NO_ANSWER, **FREED)
        if table is notice:
            number = connection.execute(lost).rowcount
            unknown.update({None: number} if number else {})
        else:
            unknown.update(connection.scalars(lost.returning(delivery.c.issue_id)))
    # Notices first, then issues in order of id.
    return Lapsed(requeued, tuple(sorted(unknown.items(), key=lambda item: item[0] or 0)))


def wake(connection: Connection, now: datetime, limit: timedelta) -> int:
    """Deferred → queued when due, and what waits for its reader's own time; how many.

    What was deferred for too long → refused.
    """
    released = select(issue.c.released_at).where(issue.c.id == delivery.c.issue_id)
    woken = 0
    for table, where, first_due in (
        (notice, None, func.coalesce(notice.c.first_due_at, notice.c.created_at)),
        (
            delivery,
            _of(IssueState.SENDING),
            func.coalesce(
                delivery.c.first_due_at, delivery.c.departs_at, released.scalar_subquery()
            ),
        ),
    ):
        deferred = update(table).where(state_is(table.c.state, S.DEFERRED))
        deferred = deferred if where is None else deferred.where(where)
        connection.execute(
            deferred.where(first_due <= now - limit).values(
                state=str(S.REFUSED), reason=TOO_OLD, due_at=None, settled_at=now
            )
        )
        waiting = update(table).where(state_is(table.c.state, S.DEFERRED, S.QUEUED))
        waiting = waiting if where is None else waiting.where(where)
        woken += connection.execute(
            waiting.where(table.c.due_at <= now).values(state=str(S.QUEUED), due_at=None)
        ).rowcount
    return woken


def finish(database: Database, now: datetime) -> Sequence[int]:
    """Finish what has nothing open; their ids. Raises Defect where counts do not add up."""
    still_open = exists().where(
        delivery.c.issue_id == issue.c.id, state_is(delivery.c.state, *OPEN)
    )
    done: list[int] = []
    wrong: list[str] = []
    with database.change() as connection:
        for issue_id, audience in connection.execute(
            select(issue.c.id, issue.c.audience)
            .where(state_is(issue.c.state, IssueState.SENDING), ~still_open)
            .order_by(issue.c.id)
        ).all():
            number = shelf.whole(connection, issue_id)
            if number == audience:
                take_step(connection, issue_id, IssueEvent.FINISH, now)
                done.append(issue_id)
            else:
                wrong.append(f"issue {issue_id} has {number} deliveries for {audience} readers")
    if wrong:
        raise Defect("the counts do not add up: " + "; ".join(wrong))
    return done


def pending(connection: Connection, issue_id: int | None) -> int:
    """How many are queued and due, claimed or sending: of sending issues, and notices."""
    states = (S.QUEUED, S.CLAIMED, S.SENDING)
    ours = and_(_of(IssueState.SENDING), delivery.c.due_at.is_(None))
    if issue_id is not None:
        return _count(connection, delivery, ours, delivery.c.issue_id == issue_id, states=states)
    return _count(connection, delivery, ours, states=states) + _count(
        connection, notice, states=states
    )


def _count(
    connection: Connection,
    table: Table,
    *where: ColumnElement[bool],
    states: Sequence[DeliveryState],
) -> int:
    query = select(func.count()).select_from(table).where(state_is(table.c.state, *states), *where)
    return connection.scalar(query) or 0


def next_due(connection: Connection) -> datetime | None:
    """When the next message that waits is due: of sending issues, and notices."""
    found = [
        connection.scalar(
            select(func.min(table.c.due_at)).where(
                state_is(table.c.state, S.DEFERRED, S.QUEUED), table.c.due_at.is_not(None), *where
            )
        )
        for table, where in ((notice, ()), (delivery, (_of(IssueState.SENDING),)))
        for state in (S.DEFERRED, S.QUEUED)
    ]
    return min((at for at in found if at is not None), default=None)


def held(connection: Connection, issue_id: int) -> tuple[int, datetime | None]:
    """How many queued messages of an issue wait for their time; when the first is due."""
    row = connection.execute(
        select(func.count(), func.min(delivery.c.due_at)).where(
            delivery.c.issue_id == issue_id,
            state_is(delivery.c.state, S.QUEUED),
            delivery.c.due_at.is_not(None),
        )
    ).one()
    return row[0], row[1]
