"""Everything that is known about one person, for them to have (GDPR, articles 15 and 20)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, or_, select

from publisher.formats.pepper import Pepper
from publisher.stores import shelf, suppressing
from publisher.stores.planning import topics_value
from publisher.stores.tables import (
    bounce,
    complaint,
    consent,
    issue,
    notice,
    request,
    subscriber,
    subscription,
)

_MAIL = ("state", "attempts", "settled_at", "code", "reply", "reason")
"""What became of a delivery or a notice."""


def record(connection: Connection, pepper: Pepper, key: str) -> Mapping[str, Any] | None:
    """Plain values and aware datetimes, named by the design's words; no ids but links' own."""
    owner = connection.execute(select(subscriber).where(subscriber.c.key == key)).one_or_none()
    owner_id = None if owner is None else owner.id
    suppressed = suppressing.find(connection, pepper, key)
    lifted = suppressing.lifts(connection, pepper, key)
    notices = _rows(
        connection,
        select(*_of(notice, "kind", "subject", "text", "newsletter", "created_at", *_MAIL))
        .where(notice.c.address_key == key)
        .order_by(notice.c.id),
    )
    requests = _rows(
        connection,
        select(*_of(request, "kind", "at", "address", "page", "network", "wording", "version"))
        .add_columns(*_of(request, "choices", "mailed", "used_at"))
        .where(or_(request.c.key == key, request.c.subscriber_id == owner_id))
        .order_by(request.c.id),
    )
    if owner is None and suppressed is None and not (notices or requests or lifted):
        return None
    return {
        "address": key if owner is None else owner.address,
        "name": "" if owner is None else owner.name,
        "created_at": None if owner is None else owner.created_at,
        "subscriptions": [] if owner is None else _subscriptions(connection, owner.id),
        "notices": notices,
        "requests": [each | {"choices": json.loads(each["choices"])} for each in requests],
        "suppression": suppressed
        and {"reason": str(suppressed.reason), "since": suppressed.since, "note": suppressed.note},
        "lifted": [
            {
                "reason": str(each.was.reason),
                "since": each.was.since,
                "at": each.at,
                "by": each.by,
                "why": each.why,
            }
            for each in lifted
        ],
    }


def _subscriptions(connection: Connection, owner_id: int) -> list[dict[str, Any]]:
    found = _rows(
        connection,
        select(subscription).where(subscription.c.subscriber_id == owner_id).order_by("id"),
    )
    for each in found:
        number = each.pop("id")
        del each["subscriber_id"], each["token_id"]  # a link that acts for them is no fact
        each["topics"] = topics_value(each["topics"])
        agreed = consent.c.subscription_id == number
        words = _of(consent, "at", "origin", "wording", "page", "network", "version")
        each["consents"] = _rows(connection, select(*words).where(agreed).order_by(consent.c.id))
        each["deliveries"] = _deliveries(connection, number)
    return found


def _deliveries(connection: Connection, subscription_id: int) -> list[dict[str, Any]]:
    every = shelf.union(
        lambda d: (
            select(
                d.c.id,
                issue.c.newsletter,
                issue.c.number,
                issue.c.slot_key.label("slot"),
                issue.c.subject,
                *_of(d, *_MAIL),
            )
            .join_from(d, issue)
            .where(d.c.subscription_id == subscription_id)
        )
    ).subquery()
    found = _rows(connection, select(every).order_by(every.c.id))
    for each in found:
        number = each.pop("id")
        told = _of(bounce, "at", "kind", "source", "status", "code", "reply")
        each["bounces"] = _rows(
            connection, select(*told).where(bounce.c.delivery_id == number).order_by(bounce.c.id)
        )
        each["complaints"] = _rows(
            connection,
            select(complaint.c.at, complaint.c.feedback)
            .where(complaint.c.delivery_id == number)
            .order_by(complaint.c.id),
        )
    return found


def _of(table: Table, *names: str) -> list[Column[Any]]:
    return [table.c[name] for name in names]


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]
