"""Which parts of issues have something to send, and passing that on within a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, select

from publisher.domain.delivery import DeliveryState
from publisher.domain.issue import IssueState
from publisher.domain.wakeup import NOTICES, PART, Wakeup
from publisher.ports import Wake
from publisher.stores.tables import delivery, issue, notice, state_is

WAKE = "publisher_wake"
"""The execution option that holds an engine's `wake`."""

_QUEUED = and_(state_is(delivery.c.state, DeliveryState.QUEUED), delivery.c.due_at.is_(None))


def tell_of_issue(connection: Connection, issue_id: int, due_at: datetime | None = None) -> None:
    """Wake whoever sends, if others have to be woken, for all that an issue has queued.

    Known to others when this transaction is.
    """
    wake: Wake | None = connection.get_execution_options().get(WAKE)
    if wake is not None and (wakeups := of_issue(connection, issue_id, due_at)):
        wake(connection.connection.driver_connection, wakeups)


def tell_of_notices(connection: Connection) -> None:
    """The same for notices."""
    wake: Wake | None = connection.get_execution_options().get(WAKE)
    if wake is not None:
        wake(connection.connection.driver_connection, (NOTICES,))


def due(connection: Connection) -> Sequence[Wakeup]:
    """Parts of sending issues, and the notices, that have something queued and due."""
    found: list[Wakeup] = []
    notices = select(notice.c.id).where(state_is(notice.c.state, DeliveryState.QUEUED)).limit(1)
    if connection.scalar(notices) is not None:
        found.append(NOTICES)
    sending = select(issue.c.id).where(state_is(issue.c.state, IssueState.SENDING))
    for issue_id in connection.scalars(sending.order_by(issue.c.id)).all():
        found += of_issue(connection, issue_id)
    return found


def of_issue(
    connection: Connection, issue_id: int, due_at: datetime | None = None
) -> Sequence[Wakeup]:
    """A wake-up for each part of an issue that has something queued and due.

    One look into the index for each part, however many messages there are.
    """
    newsletter = connection.scalar(select(issue.c.newsletter).where(issue.c.id == issue_id))
    found: list[Wakeup] = []
    low = 0
    while True:
        first = connection.scalar(
            # Ordered as the index is: for the least id PostgreSQL would read all that are queued.
            select(delivery.c.id)
            .where(delivery.c.issue_id == issue_id, _QUEUED, delivery.c.id >= low)
            .order_by(delivery.c.due_at, delivery.c.id)
            .limit(1)
        )
        if first is None:
            return found
        found.append(Wakeup(issue_id, newsletter, first // PART, due_at))
        low = (first // PART + 1) * PART
