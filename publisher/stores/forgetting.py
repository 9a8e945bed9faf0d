"""Erasing a person: what stays is a keyed hash, and counts that are nobody's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, func, insert, or_, select, update

from publisher.domain.delivery import OPEN, DeliveryState, OutboxKind, message_id
from publisher.domain.issue import IssueState
from publisher.domain.retention import Erased
from publisher.domain.subscription import (
    Forgotten,
    SubscriptionState,
    Suppression,
)
from publisher.formats.pepper import Pepper
from publisher.stores import shelf, suppressing
from publisher.stores.tables import (
    consent,
    delivery,
    instant,
    issue,
    meta,
    micros,
    notice,
    request,
    state_is,
    subscriber,
    subscription,
)

D = DeliveryState


def forget(
    connection: Connection,
    pepper: Pepper,
    host: str,
    why: Suppression | None,
    key: str,
    now: datetime,
) -> Forgotten | None:
    """Erase everything about an address; None when nothing is known of it.

    With `why`, its hash stays among the suppressions, so that nobody brings it back; what it was
    suppressed for stays as a hash too. Raises SettingsError where that needs a key.
    """
    owner = connection.scalar(select(subscriber.c.id).where(subscriber.c.key == key))
    mine = select(subscription.c.id).where(subscription.c.subscriber_id == owner)
    letters = connection.execute(
        select(notice.c.id, notice.c.nonce).where(notice.c.address_key == key)
    ).all()
    before = suppressing.find(connection, pepper, key)
    plain = before is not None and before.address
    if owner is None and not (letters or plain or suppressing.lifts(connection, pepper, key)):
        return None
    found = connection.execute(
        shelf.union(
            lambda d: (
                select(d.c.id, issue.c.nonce)
                .join_from(d, issue)
                .where(d.c.subscription_id.in_(mine))
            )
        )
    )
    sent = sorted(found, key=lambda row: row.id)
    ids = [message_id(row.nonce, OutboxKind.DELIVERY, row.id, host) for row in sent]
    ids += [message_id(row.nonce, OutboxKind.NOTICE, row.id, host) for row in letters]
    cancelled = _cancel(connection, mine, now)
    for table in shelf.BOTH:
        connection.execute(
            update(table).where(table.c.subscription_id.in_(mine)).values(subscription_id=None)
        )
    subscriptions = connection.scalar(select(func.count()).select_from(mine.subquery())) or 0
    connection.execute(delete(consent).where(consent.c.subscription_id.in_(mine)))
    connection.execute(
        delete(request).where(or_(request.c.key == key, request.c.subscriber_id == owner))
    )
    connection.execute(delete(subscription).where(subscription.c.subscriber_id == owner))
    connection.execute(delete(subscriber).where(subscriber.c.id == owner))
    connection.execute(delete(notice).where(notice.c.address_key == key))
    suppressing.erase(connection, pepper, key, _graver(before, why))
    return Forgotten(subscriptions, len(sent), cancelled, len(letters), tuple(ids))


def _graver(before: Suppression | None, why: Suppression | None) -> Suppression | None:
    """What is kept as a hash: what opting in lifts never takes the place of what it does not."""
    if before is None or why is None:
        return why or before
    return (
        why if before.reason.lifted_by_opting_in or not why.reason.lifted_by_opting_in else before
    )


def _cancel(connection: Connection, mine: Select[Any], now: datetime) -> int:
    return connection.execute(
        update(delivery)
        .where(
            delivery.c.subscription_id.in_(mine),
            state_is(delivery.c.state, D.QUEUED, D.CLAIMED, D.DEFERRED),
        )
        .values(
            state=str(D.CANCELLED),
            reason="forgotten",
            settled_at=now,
            due_at=None,
            leased_by=None,
            leased_until=None,
        )
    ).rowcount


def overdue(
    connection: Connection, unconfirmed: datetime, left: datetime, limit: int
) -> Sequence[str]:
    """Addresses (as compared) of people whom retention erases: all their subscriptions were
    never confirmed and are older than `unconfirmed`, or ended before `left`.
    """
    s = subscription.c
    old = or_(
        and_(state_is(s.state, SubscriptionState.PENDING), s.created_at < unconfirmed),
        and_(
            state_is(s.state, SubscriptionState.UNSUBSCRIBED),
            func.coalesce(s.unsubscribed_at, s.created_at) < left,
        ),
    )
    query = (
        select(subscriber.c.key)
        .where(
            exists().where(s.subscriber_id == subscriber.c.id),
            ~exists().where(s.subscriber_id == subscriber.c.id, ~old),
        )
        .order_by(subscriber.c.id)
        .limit(limit)
    )
    return list(connection.scalars(query))


def unlink(connection: Connection, before: datetime, limit: int) -> int:
    """Forget who received what of issues that were planned before; how many deliveries.

    At most `limit` at once. Outcomes and counts stay; what is under way is left alone.
    """
    over = select(issue.c.id).where(
        issue.c.planned_at < before,
        state_is(issue.c.state, IssueState.FINISHED, IssueState.CANCELLED),
    )
    done = 0
    for table in shelf.BOTH:
        old = (
            select(table.c.id)
            .where(
                table.c.issue_id.in_(over),
                table.c.subscription_id.is_not(None),
                ~state_is(table.c.state, *OPEN),
            )
            .limit(limit - done)
        )
        done += connection.execute(
            update(table).where(table.c.id.in_(old)).values(subscription_id=None)
        ).rowcount
    return done


_ERASED = "erased"


def erased(connection: Connection) -> tuple[datetime, Erased] | None:
    """When retention last erased anything, and all that it ever did."""
    value = connection.scalar(select(meta.c.value).where(meta.c.key == _ERASED))
    if value is None:
        return None
    told = json.loads(value)
    return instant(told.pop("at")), Erased(**told)


def count_erased(connection: Connection, new: Erased, now: datetime) -> None:
    """Add what retention erased to what it ever did."""
    before = erased(connection)
    whole = asdict(new if before is None else before[1] + new)
    value = json.dumps(whole | {"at": micros(now)})
    if before is None:
        connection.execute(insert(meta).values(key=_ERASED, value=value))
    else:
        connection.execute(update(meta).where(meta.c.key == _ERASED).values(value=value))
