"""Notices as rows: mails owed to one address outside any issue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from publisher.domain.delivery import DeliveryState
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.subscription import address_key
from publisher.errors import NotFound
from publisher.stores import waking
from publisher.stores.database import Company, Database
from publisher.stores.tables import notice


class SqlNotices:
    """`ports.Notices` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, notice_: Notice, nonce: str, now: datetime) -> bool:
        """Queue it; False when its key is known already."""
        try:
            with self._database.write(company=Company.TOGETHER) as connection:
                queue(connection, notice_, nonce, now)
        except IntegrityError:
            return False
        return True

    def get(self, notice_id: int) -> Notice:
        """One notice. Raises NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(notice).where(notice.c.id == notice_id)).one_or_none()
        if row is None:
            raise NotFound(f"there is no notice {notice_id}")
        return Notice(
            kind=NoticeKind(row.kind),
            key=row.key,
            address=row.address,
            subject=row.subject,
            text=row.text,
            html=row.html,
            newsletter=row.newsletter,
            transport=row.transport,
        )

    def state(self, key: str) -> DeliveryState | None:
        """Where the notice with this key is."""
        with self._database.read() as connection:
            found = connection.scalar(select(notice.c.state).where(notice.c.key == key))
        return None if found is None else DeliveryState(found)

    def counts(self) -> Mapping[str, int]:
        """Notices by state."""
        with self._database.read() as connection:
            rows = connection.execute(select(notice.c.state, func.count()).group_by(notice.c.state))
            return {row[0]: row[1] for row in rows}


def queue(connection: Connection, notice_: Notice, nonce: str, now: datetime) -> None:
    """Insert it. Raises IntegrityError when its key is known already."""
    connection.execute(
        insert(notice).values(
            kind=str(notice_.kind),
            key=notice_.key,
            nonce=nonce,
            address=notice_.address,
            address_key=address_key(notice_.address),
            subject=notice_.subject,
            text=notice_.text,
            html=notice_.html,
            newsletter=notice_.newsletter,
            transport=notice_.transport,
            created_at=now,
            state=str(DeliveryState.QUEUED),
        )
    )
    waking.tell_of_notices(connection)
