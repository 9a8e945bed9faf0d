"""Subscribers, subscriptions, consent and suppressions as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from publisher.domain.delivery import DeliveryState
from publisher.domain.subscription import (
    Admission,
    Consent,
    NewSubscriber,
    Subscription,
    SubscriptionEvent,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    address_key,
    may_undo,
    step,
)
from publisher.errors import NotAllowed, NotFound
from publisher.stores import admission
from publisher.stores.database import Database
from publisher.stores.planning import topics_value
from publisher.stores.tables import (
    consent,
    delivery,
    state_is,
    subscriber,
    subscription,
    suppression,
)

S, E = SubscriptionState, SubscriptionEvent

# What someone agreed to last is the last row; earlier ones stay as evidence.
_ANY_CONSENT = consent.alias()
_LAST_CONSENT = (
    select(func.max(_ANY_CONSENT.c.id))
    .where(_ANY_CONSENT.c.subscription_id == subscription.c.id)
    .correlate(subscription)
    .scalar_subquery()
)


class SqlSubscribers:
    """`ports.Subscribers` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def admit(
        self,
        newsletter: str,
        rows: Sequence[NewSubscriber],
        token_ids: Sequence[str],
        consent: Consent,
        now: datetime,
        *,
        dry_run: bool = False,
    ) -> Sequence[Admission]:
        """Add confirmed subscriptions, never reviving the unsubscribed or the suppressed.

        One answer a row, in the same order; `token_ids` holds one fresh id a row.
        """
        with self._database.change(keep=not dry_run) as connection:
            return admission.admit(connection, newsletter, rows, token_ids, consent, now)

    def by_address(self, key: str) -> Sequence[Subscription]:
        """All subscriptions of one address (as compared: lower case)."""
        return self._load(
            _select().where(subscriber.c.key == address_key(key)).order_by(subscription.c.id)
        )

    def by_token(self, token_id: str) -> Subscription | None:
        """The subscription that a token names, if it still exists."""
        found = self._load(_select().where(subscription.c.token_id == token_id))
        return found[0] if found else None

    def list(
        self,
        newsletter: str | None = None,
        state: SubscriptionState | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> Sequence[Subscription]:
        """A page of subscriptions in order of id, those with id > `after`."""
        query = _select().where(subscription.c.id > after)
        if newsletter is not None:
            query = query.where(subscription.c.newsletter == newsletter)
        if state is not None:
            query = query.where(subscription.c.state == str(state))
        return self._load(query.order_by(subscription.c.id).limit(limit))

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Newsletter → state → number."""
        c = subscription.c
        found: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for newsletter, state, number in connection.execute(
                select(c.newsletter, c.state, func.count()).group_by(c.newsletter, c.state)
            ):
                found.setdefault(newsletter, {})[state] = number
        return found

    def change(self, subscription_id: int, event: SubscriptionEvent, now: datetime) -> Subscription:
        """Take one step of the subscription's state table. Raises NotFound, NotAllowed.

        UNSUBSCRIBE cancels what has not started; UNDO brings none of that back. A CONFIRM of
        a pending one lifts a suppression that came from bounces.
        """
        with self._database.change() as connection:
            row = connection.execute(
                select(subscription, subscriber.c.key)
                .join(subscriber)
                .where(subscription.c.id == subscription_id)
                .with_for_update(of=subscription)
            ).one_or_none()
            if row is None:
                raise NotFound(f"there is no subscription {subscription_id}")
            _apply(connection, row, event, now)
            query = _select().where(subscription.c.id == subscription_id)
            return _value(connection.execute(query).one())

    def suppress(self, suppression_: Suppression) -> bool:
        """Never mail this address again; False when it was suppressed already."""
        try:
            with self._database.write() as connection:
                connection.execute(
                    insert(suppression).values(
                        key=address_key(suppression_.address),
                        address=suppression_.address,
                        reason=str(suppression_.reason),
                        since=suppression_.since,
                        note=suppression_.note,
                    )
                )
        except IntegrityError:
            return False
        return True

    def suppressions(self) -> Sequence[Suppression]:
        """All suppressions, oldest first."""
        c = suppression.c
        with self._database.read() as connection:
            return [
                Suppression(row.address, SuppressionReason(row.reason), row.since, row.note)
                for row in connection.execute(select(suppression).order_by(c.since, c.key))
            ]

    def _load(self, query: Select[Any]) -> Sequence[Subscription]:
        with self._database.read() as connection:
            return [_value(row) for row in connection.execute(query)]


def _apply(connection: Connection, row: Row[Any], event: SubscriptionEvent, now: datetime) -> None:
    before = SubscriptionState(row.state)
    after = step(before, event)
    if event is E.UNDO and not may_undo(row.unsubscribed_at, now):
        raise NotAllowed(
            "the minute in which unsubscribing can be undone is over: subscribe again instead"
        )
    changes: dict[str, Any] = {"state": str(after)}
    if after is S.UNSUBSCRIBED:
        changes["unsubscribed_at"] = row.unsubscribed_at or now
        _cancel_unsent(connection, row.id, now)
    else:
        changes["unsubscribed_at"] = None
    if before is S.PENDING and after is S.CONFIRMED:
        changes["confirmed_at"] = now
        connection.execute(
            delete(suppression).where(
                suppression.c.key == row.key,
                suppression.c.reason == str(SuppressionReason.BOUNCE),
            )
        )
    connection.execute(update(subscription).where(subscription.c.id == row.id).values(changes))


def _cancel_unsent(connection: Connection, subscription_id: int, now: datetime) -> None:
    D = DeliveryState  # noqa: N806 (the table of states by its short name, as in domain/)
    connection.execute(
        update(delivery)
        .where(
            delivery.c.subscription_id == subscription_id,
            state_is(delivery.c.state, D.QUEUED, D.CLAIMED, D.DEFERRED),
        )
        .values(
            state=str(D.CANCELLED),
            reason="unsubscribed",
            settled_at=now,
            due_at=None,
            leased_by=None,
            leased_until=None,
        )
    )


def _select() -> Select[Any]:
    return (
        select(
            subscription,
            subscriber.c.address,
            subscriber.c.name,
            consent.c.at,
            consent.c.origin,
            consent.c.wording,
        )
        .join_from(subscription, subscriber)
        .join(
            consent,
            and_(consent.c.subscription_id == subscription.c.id, consent.c.id == _LAST_CONSENT),
        )
    )


def _value(row: Row[Any]) -> Subscription:
    return Subscription(
        id=row.id,
        newsletter=row.newsletter,
        address=row.address,
        name=row.name,
        state=SubscriptionState(row.state),
        token_id=row.token_id,
        topics=topics_value(row.topics),
        cadence=row.cadence,
        language=row.language,
        time_zone=row.time_zone,
        consent=Consent(row.at, row.origin, row.wording),
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        unsubscribed_at=row.unsubscribed_at,
    )
