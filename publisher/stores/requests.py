"""What was asked for through forms: one transaction each, so that nobody is mailed twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from publisher.domain.notice import Notice
from publisher.domain.request import (
    DAY,
    LIFETIME,
    Choice,
    Filed,
    FormLimits,
    Request,
    RequestKind,
)
from publisher.domain.subscription import (
    Consent,
    SubscriptionEvent,
    SubscriptionState,
    Wishes,
    step,
)
from publisher.formats.pepper import Pepper
from publisher.ports import Letter
from publisher.stores import suppressing
from publisher.stores.database import Database
from publisher.stores.notices import queue
from publisher.stores.planning import topics_text
from publisher.stores.tables import consent, request, subscriber, subscription

S, E = SubscriptionState, SubscriptionEvent


class SqlRequests:
    """`ports.Requests` on SQL."""

    def __init__(self, database: Database, pepper: Pepper) -> None:
        self._database = database
        self._pepper = pepper

    def file(
        self,
        asked: Request,
        notice: Notice,
        limits: FormLimits,
        token_id: Callable[[], str],
        nonce: str,
        now: datetime,
    ) -> Filed:
        """Keep it and queue the mail that answers it, or say why nobody is mailed.

        A JOIN leaves its subscriptions pending; those that are confirmed stay as they are.
        """
        with self._database.change() as connection:
            answer = _verdict(connection, self._pepper, asked, limits, now)
            if answer in (Filed.NETWORK_LIMIT, Filed.TOTAL_LIMIT):
                return answer  # not even a row: forms without end must not fill the disk
            mailed = answer is Filed.MAILED
            owner = asked.subscriber_id
            if mailed and asked.kind is RequestKind.JOIN:
                owner = _person(connection, asked, now)
                for choice in asked.choices:
                    _await(connection, owner, choice, asked.consent, token_id(), now)
            connection.execute(insert(request).values(_row(asked, owner, mailed)))
            if mailed:
                queue(connection, notice, nonce, now)
            return answer

    def get(self, token_id: str) -> Request | None:
        """The request that a link names, used or not."""
        with self._database.read() as connection:
            row = connection.execute(
                select(request).where(request.c.token_id == token_id)
            ).one_or_none()
        return None if row is None else _value(row)

    def confirm(
        self, token_id: str, agreed: Consent, now: datetime, welcome: Letter | None = None
    ) -> Sequence[int]:
        """Carry a JOIN out: ids of its subscriptions, all confirmed with their wishes now.

        `welcome` is queued with it where somebody became a reader by it.

        Doing it again changes nothing, though somebody left meanwhile. Empty where it is gone,
        or where the address is suppressed for anything that opting in does not lift.
        """
        with self._database.change() as connection:
            row = _take(connection, token_id, RequestKind.JOIN, now)
            if row is None or row.subscriber_id is None:
                return ()
            reason = suppressing.reasons(connection, self._pepper, [row.key]).get(row.key)
            if reason is not None and not reason.lifted_by_opting_in:
                return ()
            suppressing.opt_in(connection, self._pepper, row.key)
            before = _confirmed(connection, row.subscriber_id)
            ids = [_settle(connection, row, each, agreed, now) for each in _choices(row.choices)]
            found = [each for each in ids if each is not None]
            if welcome is not None and not before.issuperset(found):
                notice, nonce = welcome
                queue(connection, notice, nonce, now)
            return found

    def move(
        self, token_id: str, now: datetime, tell: Callable[[str], Letter] | None = None
    ) -> tuple[str, str] | None:
        """Carry a MOVE out: (the old address, the new one), or None.

        `tell` makes what the old address is told; it is queued with it.

        None where it is gone or was used, where the new address is suppressed, or has
        subscriptions of its own: whose choices should hold then, nobody could tell.
        """
        with self._database.change() as connection:
            row = _take(connection, token_id, RequestKind.MOVE, now)
            if row is None or row.used_at is not None or row.subscriber_id is None:
                return None
            if suppressing.reasons(connection, self._pepper, [row.key]):
                return None
            taken = connection.scalar(select(subscriber.c.id).where(subscriber.c.key == row.key))
            if taken is not None and taken != row.subscriber_id:
                return None
            here = subscriber.c.id == row.subscriber_id
            old = connection.scalar(select(subscriber.c.address).where(here))
            if old is None:
                return None
            connection.execute(
                update(subscriber).where(here).values(address=row.address, key=row.key)
            )
            if tell is not None:
                notice, nonce = tell(old)
                queue(connection, notice, nonce, now)
            return old, row.address

    def sweep(self, now: datetime) -> int:
        """Delete what no link can use any more; how many."""
        with self._database.change() as connection:
            return connection.execute(
                delete(request).where(request.c.at < now - LIFETIME - DAY)
            ).rowcount


def _verdict(
    connection: Connection, pepper: Pepper, asked: Request, limits: FormLimits, now: datetime
) -> Filed:
    recent = request.c.at > now - DAY

    def count(*where: Any) -> int:
        query = select(func.count()).select_from(request).where(recent, *where)
        return connection.scalar(query) or 0

    if count() >= limits.total:
        return Filed.TOTAL_LIMIT
    network = asked.consent.network
    if network and count(request.c.network == network) >= limits.network:
        return Filed.NETWORK_LIMIT
    if count(request.c.key == asked.key, request.c.mailed):
        return Filed.ADDRESS_LIMIT
    reason = suppressing.reasons(connection, pepper, [asked.key]).get(asked.key)
    if reason is not None and not reason.lifted_by_opting_in:
        return Filed.SUPPRESSED
    return Filed.MAILED


def _person(connection: Connection, asked: Request, now: datetime) -> int:
    found = connection.scalar(select(subscriber.c.id).where(subscriber.c.key == asked.key))
    if found is not None:
        return int(found)
    made: int = connection.execute(
        insert(subscriber)
        .values(address=asked.address, key=asked.key, name="", created_at=now)
        .returning(subscriber.c.id)
    ).scalar_one()
    return made


def _await(
    connection: Connection,
    owner: int,
    choice: Choice,
    agreed: Consent,
    token_id: str,
    now: datetime,
) -> None:
    """A pending subscription, with what was agreed to; a confirmed one is left as it is."""
    c = subscription.c
    row = connection.execute(
        select(subscription).where(c.subscriber_id == owner, c.newsletter == choice.newsletter)
    ).one_or_none()
    if row is None:
        found = connection.execute(
            insert(subscription)
            .values(
                subscriber_id=owner,
                newsletter=choice.newsletter,
                state=str(S.PENDING),
                token_id=token_id,
                created_at=now,
                **columns(choice.wishes),
            )
            .returning(c.id)
        ).scalar_one()
    elif row.state == S.CONFIRMED:
        return
    else:
        found = row.id
        after = step(SubscriptionState(row.state), E.REQUEST)
        connection.execute(
            update(subscription)
            .where(c.id == found)
            .values(state=str(after), unsubscribed_at=None, reason="")
        )
    _agree(connection, found, agreed)


def _settle(
    connection: Connection, row: Row[Any], choice: Choice, agreed: Consent, now: datetime
) -> int | None:
    """One subscription of a request that is carried out; its id, or None when it is gone."""
    c = subscription.c
    found = connection.execute(
        select(subscription).where(
            c.subscriber_id == row.subscriber_id, c.newsletter == choice.newsletter
        )
    ).one_or_none()
    if found is None:
        return None
    number = int(found.id)
    if found.state == S.CONFIRMED or row.used_at is not None:
        return number if found.state == S.CONFIRMED else None
    if found.state != S.PENDING:
        return None  # they left while the mail was under way
    connection.execute(
        update(subscription)
        .where(c.id == number)
        .values(state=str(step(S.PENDING, E.CONFIRM)), confirmed_at=now, **columns(choice.wishes))
    )
    _agree(connection, number, agreed)
    return number


def _confirmed(connection: Connection, owner: int) -> set[int]:
    c = subscription.c
    return set(
        connection.scalars(
            select(c.id).where(c.subscriber_id == owner, c.state == str(S.CONFIRMED))
        )
    )


def _take(
    connection: Connection, token_id: str, kind: RequestKind, now: datetime
) -> Row[Any] | None:
    """The row as it was; used from now on."""
    row = connection.execute(
        select(request)
        .where(request.c.token_id == token_id, request.c.kind == str(kind))
        .with_for_update()
    ).one_or_none()
    if row is not None and row.used_at is None:
        connection.execute(update(request).where(request.c.id == row.id).values(used_at=now))
    return row


def _agree(connection: Connection, subscription_id: int, agreed: Consent) -> None:
    connection.execute(insert(consent).values(subscription_id=subscription_id, **asdict(agreed)))


def columns(wishes: Wishes) -> dict[str, Any]:
    """Wishes as a subscription's columns."""
    return {
        "topics": topics_text(wishes.topics),
        "cadence": wishes.cadence,
        "language": wishes.language,
        "time_zone": wishes.time_zone,
        "paused_until": wishes.paused_until,
    }


def _row(asked: Request, owner: int | None, mailed: bool) -> dict[str, Any]:
    return {
        "token_id": asked.token_id,
        "kind": str(asked.kind),
        "at": asked.at,
        "network": asked.consent.network,
        "address": asked.address,
        "key": asked.key,
        "subscriber_id": owner,
        "choices": json.dumps([_plain(choice) for choice in asked.choices], ensure_ascii=False),
        "page": asked.consent.page,
        "wording": asked.consent.wording,
        "version": asked.consent.version,
        "mailed": mailed,
    }


def _plain(choice: Choice) -> dict[str, Any]:
    wishes = choice.wishes
    return {
        "newsletter": choice.newsletter,
        "topics": wishes.topics,
        "cadence": wishes.cadence,
        "language": wishes.language,
        "time_zone": wishes.time_zone,
    }


def _choices(text: str) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            each["newsletter"],
            Wishes(
                None if each["topics"] is None else tuple(each["topics"]),
                each["cadence"],
                each["language"],
                each["time_zone"],
            ),
        )
        for each in json.loads(text)
    )


def _value(row: Row[Any]) -> Request:
    agreed = Consent(row.at, "form", row.wording, row.page, row.network, row.version)
    return Request(
        token_id=row.token_id,
        kind=RequestKind(row.kind),
        address=row.address,
        key=row.key,
        at=row.at,
        consent=agreed,
        choices=_choices(row.choices),
        subscriber_id=row.subscriber_id,
        used_at=row.used_at,
    )
