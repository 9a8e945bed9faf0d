"""Subscribers, subscriptions, consent and suppressions as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    func,
    insert,
    select,
    update,
)

from publisher.domain.retention import Erased
from publisher.domain.segment import Selection
from publisher.domain.subscription import (
    Admission,
    Consent,
    Forgotten,
    NewSubscriber,
    Subscription,
    SubscriptionEvent,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    Wishes,
    address_key,
    may_undo,
    step,
)
from publisher.errors import NotAllowed, NotFound
from publisher.formats.pepper import Pepper
from publisher.formats.watermark import Entry
from publisher.stores import admission, forgetting, leaving, people, segments, suppressing
from publisher.stores.database import Database
from publisher.stores.departing import departed
from publisher.stores.planning import topics_value
from publisher.stores.requests import columns
from publisher.stores.tables import (
    consent,
    subscriber,
    subscription,
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

    def __init__(self, database: Database, host: str, pepper: Pepper) -> None:
        self._database = database
        self._host = host
        self._pepper = pepper

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
            return admission.admit(
                connection, newsletter, rows, token_ids, consent, now, self._pepper
            )

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
        *,
        segment: Selection | None = None,
    ) -> Sequence[Subscription]:
        """A page of subscriptions in order of id, those with id > `after`."""
        query = _select().where(subscription.c.id > after)
        if newsletter is not None:
            query = query.where(subscription.c.newsletter == newsletter)
        if state is not None:
            query = query.where(subscription.c.state == str(state))
        if segment is not None:
            query = query.where(*segments.conditions(segment))
        return self._load(query.order_by(subscription.c.id).limit(limit))

    def count(self, segment: Selection) -> Mapping[str, int]:
        """Newsletter → number of subscriptions in a segment."""
        query = (
            select(subscription.c.newsletter, func.count())
            .join_from(subscription, subscriber)
            .where(*segments.conditions(segment))
            .group_by(subscription.c.newsletter)
            .order_by(subscription.c.newsletter)
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

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

    def change(
        self,
        subscription_id: int,
        event: SubscriptionEvent,
        now: datetime,
        *,
        agreed: Consent | None = None,
    ) -> Subscription:
        """Take one step of the subscription's state table. Raises NotFound, NotAllowed.

        UNSUBSCRIBE cancels what has not started; UNDO brings none of that back. A CONFIRM of
        a pending one lifts what opting in lifts. `agreed` is kept with the subscription.
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
            _apply(connection, self._pepper, row, event, now)
            if agreed is not None:
                connection.execute(
                    insert(consent).values(subscription_id=subscription_id, **asdict(agreed))
                )
            query = _select().where(subscription.c.id == subscription_id)
            return _value(connection.execute(query).one())

    def wish(self, subscription_id: int, wishes: Wishes) -> Subscription:
        """Put these in place of what was chosen before; from the next slot on. Raises NotFound."""
        return self._update(subscription_id, columns(wishes))

    def give_reason(self, subscription_id: int, reason: str) -> Subscription:
        """Keep why somebody left, in their own words. Raises NotFound."""
        return self._update(subscription_id, {"reason": reason})

    def rename(self, key: str, name: str) -> None:
        """Call whoever has this address (as compared) so. Raises NotFound."""
        with self._database.change() as connection:
            change = update(subscriber).where(subscriber.c.key == key).values(name=name)
            if connection.execute(change).rowcount == 0:
                raise NotFound("there is nobody with this address")

    def readdress(self, key: str, address: str) -> None:
        """Give whoever has the address `key` another one. Raises NotFound, NotAllowed."""
        new = address_key(address)
        with self._database.change() as connection:
            found = connection.scalar(select(subscriber.c.id).where(subscriber.c.key == key))
            if found is None:
                raise NotFound("there is nobody with this address")
            taken = connection.scalar(select(subscriber.c.id).where(subscriber.c.key == new))
            if taken not in (None, found):
                raise NotAllowed("the new address has subscriptions of its own: end those first")
            if suppressing.reasons(connection, self._pepper, [new]):
                raise NotAllowed("the new address is suppressed: it is never mailed")
            connection.execute(
                update(subscriber).where(subscriber.c.id == found).values(address=address, key=new)
            )

    def consents(self, subscription_id: int) -> Sequence[Consent]:
        """Everything that was agreed to, the first first."""
        query = (
            select(consent)
            .where(consent.c.subscription_id == subscription_id)
            .order_by(consent.c.id)
        )
        with self._database.read() as connection:
            return [_consent(row) for row in connection.execute(query)]

    def record(self, key: str) -> Mapping[str, Any] | None:
        """Everything that is known about an address (as compared); None when that is nothing."""
        with self._database.read() as connection:
            return people.record(connection, self._pepper, key)

    def subscriber_id(self, key: str) -> int | None:
        """The id of whoever has this address (as compared)."""
        with self._database.read() as connection:
            return connection.scalar(select(subscriber.c.id).where(subscriber.c.key == key))

    def forget(
        self, key: str, why: Suppression | None, now: datetime, *, dry_run: bool = False
    ) -> Forgotten | None:
        """Erase everything about an address (as compared); None when nothing is known of it.

        With `why`, its keyed hash stays among the suppressions. Raises SettingsError where
        that needs a key and there is none.
        """
        with self._database.change(keep=not dry_run) as connection:
            gone = forgetting.forget(connection, self._pepper, self._host, why, key, now)
            if gone is not None and not dry_run:
                reason = SuppressionReason.FORGOTTEN if why is None else why.reason
                departed(connection, Entry.FORGOTTEN, [(key, str(reason))], now)
            return gone

    def overdue(self, unconfirmed: datetime, left: datetime, limit: int) -> Sequence[str]:
        """Addresses of people who never confirmed, or left, before these instants."""
        with self._database.read() as connection:
            return forgetting.overdue(connection, unconfirmed, left, limit)

    def unlink(self, before: datetime, limit: int) -> int:
        """Forget who received what of issues planned before; how many deliveries."""
        with self._database.change() as connection:
            return forgetting.unlink(connection, before, limit)

    def count_erased(self, new: Erased, now: datetime) -> None:
        """Add what retention erased to what it ever did."""
        with self._database.change() as connection:
            forgetting.count_erased(connection, new, now)

    def erased(self) -> tuple[datetime, Erased] | None:
        """When retention last erased anything, and all that it ever did."""
        with self._database.read() as connection:
            return forgetting.erased(connection)

    def _update(self, subscription_id: int, values: Mapping[str, Any]) -> Subscription:
        with self._database.change() as connection:
            connection.execute(
                update(subscription).where(subscription.c.id == subscription_id).values(values)
            )
            found = connection.execute(
                _select().where(subscription.c.id == subscription_id)
            ).one_or_none()
        if found is None:
            raise NotFound(f"there is no subscription {subscription_id}")
        return _value(found)

    def _load(self, query: Select[Any]) -> Sequence[Subscription]:
        with self._database.read() as connection:
            return [_value(row) for row in connection.execute(query)]


def _apply(
    connection: Connection,
    pepper: Pepper,
    row: Row[Any],
    event: SubscriptionEvent,
    now: datetime,
) -> None:
    before = SubscriptionState(row.state)
    after = step(before, event)
    if event is E.UNDO and not may_undo(row.unsubscribed_at, now):
        raise NotAllowed(
            "the minute in which unsubscribing can be undone is over: subscribe again instead"
        )
    changes: dict[str, Any] = {"state": str(after)}
    if after is S.UNSUBSCRIBED:
        changes["unsubscribed_at"] = row.unsubscribed_at or now
        leaving.cancel_unsent(connection, row.id, now)
        departed(connection, Entry.LEFT, [(row.key, row.newsletter)], now)
    else:
        changes |= {"unsubscribed_at": None, "reason": ""}
    if before is S.PENDING and after is S.CONFIRMED:
        changes["confirmed_at"] = now
        suppressing.opt_in(connection, pepper, row.key)
    connection.execute(update(subscription).where(subscription.c.id == row.id).values(changes))


def _select() -> Select[Any]:
    return (
        select(
            subscription,
            subscriber.c.address,
            subscriber.c.name,
            consent.c.at,
            consent.c.origin,
            consent.c.wording,
            consent.c.page,
            consent.c.network,
            consent.c.version,
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
        consent=_consent(row),
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        unsubscribed_at=row.unsubscribed_at,
        paused_until=row.paused_until,
        reason=row.reason,
    )


def _consent(row: Row[Any]) -> Consent:
    return Consent(row.at, row.origin, row.wording, row.page, row.network, row.version)
