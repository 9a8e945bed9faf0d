"""Bounces and complaints as rows, and what they are judged by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, exists, func, insert, select, union_all
from sqlalchemy.exc import IntegrityError

from publisher.domain.bounce import (
    SETTLES_AFTER,
    Addressee,
    Bounce,
    BounceKind,
    BounceSource,
    Complaint,
    Refusal,
)
from publisher.domain.delivery import DeliveryState, OutboxKind, message_id
from publisher.domain.notice import NoticeKind
from publisher.domain.subscription import Suppression, address_key
from publisher.formats.pepper import Pepper
from publisher.stores import shelf, suppressing
from publisher.stores.database import Database
from publisher.stores.tables import (
    bounce,
    complaint,
    delivery,
    issue,
    notice,
    state_is,
    subscriber,
    subscription,
)

_COLUMN = {OutboxKind.DELIVERY: "delivery_id", OutboxKind.NOTICE: "notice_id"}
_TO_STAFF = (str(NoticeKind.STAFF), str(NoticeKind.TEST))


class SqlBounces:
    """`ports.Bounces` on SQL. `host` is the right-hand side of Message-IDs."""

    def __init__(self, database: Database, host: str, pepper: Pepper) -> None:
        self._database = database
        self._host = host
        self._pepper = pepper

    def addressee(self, of: OutboxKind, of_id: int) -> Addressee | None:
        """Whom a message was for; None when there is no such message (any more)."""
        query = _notice(of_id) if of is OutboxKind.NOTICE else shelf.union(_delivery(of_id))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if of is OutboxKind.NOTICE:
            return Addressee(row.address, None, row.newsletter, row.kind not in _TO_STAFF)
        return Addressee(row.address, row.issue_id, row.newsletter, token_id=row.token_id)

    def by_message_id(self, message_id_: str, key: str) -> tuple[OutboxKind, int] | None:
        """The delivery to this address (as compared) that has this Message-ID."""
        own = subscriber.c.key == address_key(key)
        query = shelf.union(
            lambda d: (
                select(d.c.id, issue.c.nonce)
                .join_from(d, issue)
                .join(subscription, subscription.c.id == d.c.subscription_id)
                .join(subscriber)
                .where(own)
            )
        )
        with self._database.read() as connection:
            for row in connection.execute(query):
                made = message_id(row.nonce, OutboxKind.DELIVERY, row.id, self._host)
                if made == message_id_:
                    return OutboxKind.DELIVERY, row.id
        return None

    def latest(self, subscription_id: int) -> int | None:
        """The delivery that last left for a subscription."""
        left = shelf.union(
            lambda d: select(d.c.id, d.c.settled_at).where(
                d.c.subscription_id == subscription_id,
                state_is(d.c.state, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN),
            )
        ).subquery()
        query = select(left.c.id).order_by(left.c.settled_at.desc(), left.c.id.desc()).limit(1)
        with self._database.read() as connection:
            found: int | None = connection.scalar(query)
            return found

    def known(self, key: str) -> bool:
        """Whether a bounce or complaint with this key is on record."""
        both = union_all(
            select(bounce.c.id).where(bounce.c.key == key),
            select(complaint.c.id).where(complaint.c.key == key),
        )
        with self._database.read() as connection:
            return connection.execute(both).first() is not None

    def soft(
        self, address: str, besides: tuple[OutboxKind, int], now: datetime
    ) -> Sequence[datetime]:
        """Instants of soft bounces of deliveries to an address since the last that arrived."""
        key = address_key(address)
        own = shelf.union(
            lambda d: (
                select(d.c.id, d.c.state, d.c.settled_at)
                .join_from(d, subscription)
                .join(subscriber)
                .where(subscriber.c.key == key)
            )
        ).subquery()
        arrived = select(func.max(own.c.settled_at)).where(
            state_is(own.c.state, DeliveryState.ACCEPTED),
            own.c.settled_at <= now - SETTLES_AFTER,
            ~exists().where(bounce.c.delivery_id == own.c.id),
        )
        with self._database.read() as connection:
            since = connection.scalar(arrived)
            query = (
                select(func.min(bounce.c.at).label("first"), own.c.id)
                .join_from(own, bounce, bounce.c.delivery_id == own.c.id)
                .where(bounce.c.kind == str(BounceKind.SOFT))
                .group_by(own.c.id)
            )
            if since is not None:
                query = query.where(own.c.settled_at > since)
            return [
                row.first
                for row in connection.execute(query)
                if (OutboxKind.DELIVERY, row.id) != besides
            ]

    def blocks(self, issue_id: int) -> int:
        """How many deliveries of an issue met a block."""
        with self._database.read() as connection:
            return shelf.counted(
                connection,
                lambda d: (
                    select(func.count(d.c.id.distinct()))
                    .join_from(bounce, d, bounce.c.delivery_id == d.c.id)
                    .where(d.c.issue_id == issue_id, bounce.c.kind == str(BounceKind.BLOCK))
                ),
            )

    def record(self, news: Bounce | Complaint, suppression_: Suppression | None) -> bool:
        """Keep the news and, with it, suppress; False (and nothing changed) when it is known."""
        table = bounce if isinstance(news, Bounce) else complaint
        try:
            with self._database.write() as connection:
                if news.of is OutboxKind.DELIVERY and not _is_there(connection, news.of_id):
                    return False
                connection.execute(insert(table).values(_row(news)))
                if suppression_ is not None:
                    suppressing.raise_to(connection, self._pepper, suppression_)
        except IntegrityError:
            return False
        return True

    def refusals(self, since: datetime, limit: int) -> Sequence[Refusal]:
        """Messages settled as refused by a server since then that no bounce tells of yet."""
        found: list[Refusal] = []
        with self._database.read() as connection:
            for kind, table in ((OutboxKind.DELIVERY, delivery), (OutboxKind.NOTICE, notice)):
                query = (
                    select(table.c.id, table.c.settled_at, table.c.code, table.c.reply)
                    .where(
                        state_is(table.c.state, DeliveryState.REFUSED),
                        table.c.settled_at >= since,
                        table.c.code > 0,
                        ~exists().where(
                            bounce.c[_COLUMN[kind]] == table.c.id,
                            bounce.c.source == str(BounceSource.SESSION),
                            bounce.c.at >= table.c.settled_at,
                        ),
                    )
                    .order_by(table.c.settled_at, table.c.id)
                    .limit(limit - len(found))
                )
                found += [
                    Refusal(kind, row.id, row.settled_at, row.code, row.reply)
                    for row in connection.execute(query)
                ]
        return found


def _is_there(connection: Connection, delivery_id: int | None) -> bool:
    """News of a delivery, if they are of one. They outlive the move to the shelf, so no foreign
    key says it.
    """
    if delivery_id is None:
        return True
    query = shelf.union(lambda d: select(d.c.id).where(d.c.id == delivery_id))
    return connection.execute(query).first() is not None


def _delivery(of_id: int) -> Callable[[Table], Select[Any]]:
    return lambda d: (
        select(
            subscriber.c.address,
            d.c.issue_id,
            subscription.c.newsletter,
            subscription.c.token_id,
        )
        .join_from(d, subscription)
        .join(subscriber)
        .where(d.c.id == of_id)
    )


def _notice(of_id: int) -> Select[Any]:
    return select(notice.c.address, notice.c.newsletter, notice.c.kind).where(notice.c.id == of_id)


def _row(news: Bounce | Complaint) -> dict[str, Any]:
    row: dict[str, Any] = {_COLUMN[news.of]: news.of_id, "at": news.at, "key": news.key}
    if isinstance(news, Complaint):
        return row | {"feedback": news.feedback}
    return row | {
        "kind": str(news.kind),
        "source": str(news.source),
        "status": news.status,
        "code": news.code,
        "reply": news.reply,
    }
