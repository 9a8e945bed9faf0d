"""Taking people in: many rows in one transaction, a few statements for each thousand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Text,
    bindparam,
    exists,
    insert,
    literal,
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
from publisher.stores.tables import Instant, consent, subscriber, subscription

CHUNK = 5000
"""Rows looked up and written together: memory stays flat, statements stay few."""

_KEYS: BindParameter[str] = bindparam("keys", expanding=True)
_KNOWN = (
    select(subscriber.c.key, subscription.c.state)
    .join_from(subscription, subscriber)
    .where(
        subscriber.c.key.in_(_KEYS),
        subscription.c.newsletter == bindparam("newsletter", type_=Text),
    )
)
_NEW_SUBSCRIBER = insert(subscriber).from_select(
    ["address", "key", "name", "created_at"],
    select(
        bindparam("row_address", type_=Text),
        bindparam("row_key", type_=Text),
        bindparam("row_name", type_=Text),
        bindparam("now", type_=Instant),
    ).where(~exists().where(subscriber.c.key == bindparam("row_key", type_=Text))),
)
_NEW_SUBSCRIPTION = insert(subscription).from_select(
    [
        "subscriber_id",
        "newsletter",
        "state",
        "token_id",
        "topics",
        "cadence",
        "language",
        "created_at",
        "confirmed_at",
    ],
    select(
        subscriber.c.id,
        bindparam("for_newsletter", type_=Text),
        literal(str(SubscriptionState.CONFIRMED), Text),
        bindparam("token", type_=Text),
        bindparam("row_topics", type_=Text),
        bindparam("row_cadence", type_=Text),
        bindparam("row_language", type_=Text),
        bindparam("now", type_=Instant),
        bindparam("now", type_=Instant),
    ).where(subscriber.c.key == bindparam("row_key", type_=Text)),
)
_THIS = (
    select(subscription.c.id)
    .join_from(subscription, subscriber)
    .where(
        subscriber.c.key == bindparam("row_key", type_=Text),
        subscription.c.newsletter == bindparam("for_newsletter", type_=Text),
    )
    .correlate(None)
)
_CONFIRM_PENDING = (
    update(subscription)
    .where(subscription.c.id == _THIS.scalar_subquery())
    .values(
        state=str(SubscriptionState.CONFIRMED),
        topics=bindparam("row_topics", type_=Text),
        cadence=bindparam("row_cadence", type_=Text),
        language=bindparam("row_language", type_=Text),
        confirmed_at=bindparam("now", type_=Instant),
    )
)
_NEW_CONSENT = insert(consent).from_select(
    ["subscription_id", "at", "origin", "wording", "page", "network", "version"],
    select(
        subscription.c.id,
        bindparam("agreed", type_=Instant),
        bindparam("from_where", type_=Text),
        bindparam("to_what", type_=Text),
        bindparam("on_page", type_=Text),
        bindparam("of_network", type_=Text),
        bindparam("of_version", type_=Text),
    )
    .join_from(subscription, subscriber)
    .where(
        subscriber.c.key == bindparam("row_key", type_=Text),
        subscription.c.newsletter == bindparam("for_newsletter", type_=Text),
    ),
)


def admit(
    connection: Connection,
    newsletter: str,
    rows: Sequence[NewSubscriber],
    token_ids: Sequence[str],
    agreed: Consent,
    now: datetime,
    pepper: Pepper,
) -> list[Admission]:
    """One answer a row, in the same order. ValueError unless there is a token id for each."""
    answers: list[Admission] = []
    added: set[str] = set()
    pairs = list(zip(rows, token_ids, strict=True))
    for start in range(0, len(pairs), CHUNK):
        chunk = pairs[start : start + CHUNK]
        keys = [row.key for row, _ in chunk]
        known: dict[str, str] = {
            row[0]: row[1]
            for row in connection.execute(_KNOWN, {"keys": keys, "newsletter": newsletter})
        }
        suppressed = suppressing.reasons(connection, pepper, keys)
        fresh: list[dict[str, Any]] = []
        pending: list[dict[str, Any]] = []
        for row, token_id in chunk:
            answer = _answer(row.key, known.get(row.key), suppressed, added)
            answers.append(answer)
            if answer is Admission.ADDED:
                added.add(row.key)
                target = pending if row.key in known else fresh
                target.append(_parameters(newsletter, row, token_id, agreed, now))
        _write(connection, fresh, pending)
    return answers


def _answer(
    key: str, state: str | None, suppressed: Collection[str], added: Collection[str]
) -> Admission:
    if key in suppressed:
        return Admission.SUPPRESSED
    if key in added or state == SubscriptionState.CONFIRMED:
        return Admission.ALREADY
    return Admission.LEFT if state == SubscriptionState.UNSUBSCRIBED else Admission.ADDED


def _parameters(
    newsletter: str, row: NewSubscriber, token_id: str, agreed: Consent, now: datetime
) -> dict[str, Any]:
    return {
        "for_newsletter": newsletter,
        "row_address": row.address,
        "row_key": row.key,
        "row_name": row.name,
        "token": token_id,
        "row_topics": topics_text(row.topics),
        "row_cadence": row.cadence,
        "row_language": row.language,
        "now": now,
        "agreed": agreed.at,
        "from_where": agreed.origin,
        "to_what": agreed.wording,
        "on_page": agreed.page,
        "of_network": agreed.network,
        "of_version": agreed.version,
    }


def _write(
    connection: Connection, fresh: list[dict[str, Any]], pending: list[dict[str, Any]]
) -> None:
    if fresh:
        connection.execute(_NEW_SUBSCRIBER, fresh)
        connection.execute(_NEW_SUBSCRIPTION, fresh)
    if pending:
        connection.execute(_CONFIRM_PENDING, pending)
    if fresh or pending:
        connection.execute(_NEW_CONSENT, fresh + pending)
