"""Taking people in: many rows in one transaction, a few statements for each thousand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Insert,
    Text,
    and_,
    bindparam,
    insert,
    select,
    update,
)

from publisher.domain.subscription import (
    Admission,
    Consent,
    NewSubscriber,
    SubscriptionState,
)
from publisher.formats.pepper import Pepper
from publisher.stores import suppressing
from publisher.stores.planning import topics_text
from publisher.stores.tables import Id, consent, micros, subscriber, subscription

CHUNK = 5000
"""Rows looked up and written together: memory stays flat, statements stay few."""

_KEYS: BindParameter[str] = bindparam("keys", expanding=True)
_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_NEWSLETTER = bindparam("for_newsletter", type_=Text)
_KNOWN = (
    select(
        subscriber.c.key,
        subscriber.c.id,
        subscription.c.id.label("subscription_id"),
        subscription.c.state,
    )
    .outerjoin_from(
        subscriber,
        subscription,
        and_(
            subscription.c.subscriber_id == subscriber.c.id,
            subscription.c.newsletter == _NEWSLETTER,
        ),
    )
    .where(subscriber.c.key.in_(_KEYS))
)
_OWNERS = select(subscriber.c.key, subscriber.c.id).where(subscriber.c.key.in_(_KEYS))
_THEIRS = select(subscription.c.subscriber_id, subscription.c.id).where(
    subscription.c.newsletter == _NEWSLETTER, subscription.c.subscriber_id.in_(_IDS)
)
# Instants as numbers already: `Instant` would work each one out anew.
_NEW_SUBSCRIBER = insert(subscriber).values(created_at=bindparam("micros", type_=BigInteger))
_NEW_SUBSCRIPTION = insert(subscription).values(
    created_at=bindparam("micros", type_=BigInteger),
    confirmed_at=bindparam("micros", type_=BigInteger),
)
_CONFIRM_PENDING = (
    update(subscription)
    .where(subscription.c.id == bindparam("this", type_=Id))
    .values(
        state=str(SubscriptionState.CONFIRMED),
        topics=bindparam("topics", type_=Text),
        cadence=bindparam("cadence", type_=Text),
        language=bindparam("language", type_=Text),
        time_zone=bindparam("time_zone", type_=Text),
        confirmed_at=bindparam("micros", type_=BigInteger),
    )
)
_NEW_CONSENT = insert(consent).values(at=bindparam("micros", type_=BigInteger))


def admit(
    connection: Connection,
    newsletter: str,
    rows: Sequence[NewSubscriber],
    token_ids: Sequence[str],
    agreed: Consent,
    now: datetime,
    pepper: Pepper,
) -> list[Admission]:
    """One answer a row, in the same order. ValueError unless there is a token id for each.

    A row's own consent stands before `agreed`.
    """
    answers: list[Admission] = []
    added: set[str] = set()
    pairs = list(zip(rows, token_ids, strict=True))
    for start in range(0, len(pairs), CHUNK):
        chunk = pairs[start : start + CHUNK]
        keys = [row.key for row, _ in chunk]
        known = {
            row.key: row
            for row in connection.execute(_KNOWN, {"keys": keys, "for_newsletter": newsletter})
        }
        suppressed = suppressing.reasons(connection, pepper, keys)
        fresh: list[tuple[NewSubscriber, str]] = []
        pending: list[tuple[NewSubscriber, int]] = []
        for row, token_id in chunk:
            there = known.get(row.key)
            answer = _answer(row.key, there and there.state, suppressed, added)
            answers.append(answer)
            if answer is Admission.ADDED:
                added.add(row.key)
                if there is not None and there.subscription_id is not None:
                    pending.append((row, there.subscription_id))
                else:
                    fresh.append((row, token_id))
        owners = {key: row.id for key, row in known.items()}
        ids = _subscribe(connection, newsletter, fresh, owners, now)
        _confirm(connection, pending, now)
        _agree(connection, [*zip((row for row, _ in fresh), ids, strict=True), *pending], agreed)
    return answers


def _answer(
    key: str, state: str | None, suppressed: Collection[str], added: Collection[str]
) -> Admission:
    if key in suppressed:
        return Admission.SUPPRESSED
    if key in added or state == SubscriptionState.CONFIRMED:
        return Admission.ALREADY
    return Admission.LEFT if state == SubscriptionState.UNSUBSCRIBED else Admission.ADDED


def _subscribe(
    connection: Connection,
    newsletter: str,
    rows: Sequence[tuple[NewSubscriber, str]],
    known: Mapping[str, int],
    now: datetime,
) -> list[int]:
    """Ids of new confirmed subscriptions, in the same order; `known`: ids of subscribers."""
    if not rows:
        return []
    at = micros(now)
    strangers = [row for row, _ in rows if row.key not in known]
    owners = dict(known)
    if strangers:
        _bulk(
            connection,
            _NEW_SUBSCRIBER,
            [
                {"address": row.address, "key": row.key, "name": row.name, "micros": at}
                for row in strangers
            ],
        )
        found = connection.execute(_OWNERS, {"keys": [row.key for row in strangers]})
        owners.update((row.key, row.id) for row in found)
    _bulk(
        connection,
        _NEW_SUBSCRIPTION,
        [
            _choices(row)
            | {
                "subscriber_id": owners[row.key],
                "newsletter": newsletter,
                "state": str(SubscriptionState.CONFIRMED),
                "token_id": token_id,
                "micros": at,
            }
            for row, token_id in rows
        ],
    )
    wanted = [owners[row.key] for row, _ in rows]
    theirs: dict[int, int] = {
        row.subscriber_id: row.id
        for row in connection.execute(_THEIRS, {"ids": wanted, "for_newsletter": newsletter})
    }
    return [theirs[each] for each in wanted]


def _confirm(
    connection: Connection, rows: Sequence[tuple[NewSubscriber, int]], now: datetime
) -> None:
    if rows:
        connection.execute(
            _CONFIRM_PENDING,
            [_choices(row) | {"this": found, "micros": micros(now)} for row, found in rows],
        )


def _agree(
    connection: Connection, rows: Sequence[tuple[NewSubscriber, int]], agreed: Consent
) -> None:
    if not rows:
        return
    usual = _consent(agreed)
    _bulk(
        connection,
        _NEW_CONSENT,
        [
            {"subscription_id": found} | (usual if row.consent is None else _consent(row.consent))
            for row, found in rows
        ],
    )


def _bulk(connection: Connection, statement: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run it for many rows of plain values: text, numbers, None.

    Working out the parameters of each row anew would take SQLAlchemy as long as all the rest.
    """
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names = compiled.positiontup
    values: Any = (
        list(rows) if names is None else [tuple(map(row.__getitem__, names)) for row in rows]
    )
    connection.exec_driver_sql(str(compiled), values)


def _choices(row: NewSubscriber) -> dict[str, Any]:
    return {
        "topics": topics_text(row.topics),
        "cadence": row.cadence,
        "language": row.language,
        "time_zone": row.time_zone,
    }


def _consent(agreed: Consent) -> dict[str, Any]:
    return {
        "micros": micros(agreed.at),
        "origin": agreed.origin,
        "wording": agreed.wording,
        "page": agreed.page,
        "network": agreed.network,
        "version": agreed.version,
    }
