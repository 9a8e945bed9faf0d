"""The outbox on SQL: claim on a lease, journal, settle. The hot path of sending."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import Connection, bindparam, exists, select, update

from publisher.domain.delivery import (
    Claim,
    DeliveryEvent,
    DeliveryState,
    Lapsed,
    OutboxKind,
    Settlement,
    message_id,
)
from publisher.domain.issue import IssueState
from publisher.domain.wakeup import NOTICES, Wakeup, bounds
from publisher.stores import journalling, lanes, shelf, staff, sweeps, swift, waking
from publisher.stores.database import Company, Database
from publisher.stores.lanes import Lane
from publisher.stores.script import Script
from publisher.stores.swift import Swift
from publisher.stores.tables import (
    delivery,
    issue,
    state_is,
    subscriber,
    subscription,
)

T = TypeVar("T")

Reader = Sequence[str]
"""The token id, address and name of a subscription."""


class Owner(NamedTuple):
    """What an issue's deliveries have of it."""

    id: int
    nonce: str
    newsletter: str
    transport: str
    released_at: datetime


PIECE = 20
PIECE_AFAR = 50
"""Messages that are claimed at once. Where each commit is a round trip, and a flush of the server's
log, fewer of them matter more than how long one takes."""

MAX_ID = 2**63 - 1
BATCH = 1000
"""Rows named in one statement: far below SQLite's 32,766 and PostgreSQL's 65,535 parameters."""

_SENDING = (
    select(issue.c.id, issue.c.nonce, issue.c.newsletter, issue.c.transport, issue.c.released_at)
    .where(state_is(issue.c.state, IssueState.SENDING))
    .order_by(issue.c.id)
)
_READERS = (
    select(subscription.c.id, subscription.c.token_id, subscriber.c.address, subscriber.c.name)
    .join_from(subscription, subscriber)
    .where(subscription.c.id.in_(bindparam("ids", expanding=True)))
)
# A started message may come back to an issue that was cancelled meanwhile: it goes no further.
_CANCEL_RETURNED = (
    update(delivery)
    .where(
        delivery.c.id.in_(bindparam("ids", expanding=True)),
        state_is(delivery.c.state, DeliveryState.QUEUED, DeliveryState.DEFERRED),
        exists().where(
            issue.c.id == delivery.c.issue_id, state_is(issue.c.state, IssueState.CANCELLED)
        ),
    )
    .values(state=str(DeliveryState.CANCELLED), reason="issue cancelled", due_at=None)
)


class _Statements:
    """What is compiled once for a store, and once prepared by a connection."""

    def __init__(self, database: Database) -> None:
        self.lanes: Mapping[OutboxKind, Lane] = {
            OutboxKind.NOTICE: lanes.notices(),
            OutboxKind.DELIVERY: lanes.deliveries(),
        }
        self.script = None if database.is_sqlite else Script(self.lanes)
        dialect = database.engine.dialect
        self.swift = Swift(self.lanes, dialect, _SENDING, _READERS) if database.is_sqlite else None


class SqlOutbox:
    """`ports.Outbox` on SQL. `host` is the right-hand side of Message-IDs."""

    def __init__(
        self,
        database: Database,
        host: str,
        within: Wakeup | None = None,
        statements: _Statements | None = None,
    ) -> None:
        self._database = database
        self._within = within
        self._ids = (0, MAX_ID) if within is None else bounds(within.part)
        self._host = host
        self._statements = statements or _Statements(database)
        self._lanes = self._statements.lanes
        self._script = self._statements.script
        self._swift = self._statements.swift

    @property
    def piece(self) -> int:
        """See `ports.Outbox.piece`."""
        return PIECE if self._database.is_sqlite else PIECE_AFAR

    def part(self, wakeup: Wakeup) -> SqlOutbox:
        """The same outbox, but claiming nothing beside what a wake-up is about."""
        return SqlOutbox(self._database, self._host, wakeup, self._statements)

    # --- the journey of a message ---------------------------------------------------------

    def claim(
        self,
        worker: str,
        limit: int,
        lease: timedelta,
        now: datetime,
        *,
        issue_id: int | None = None,
        notices_only: bool = False,
    ) -> Sequence[Claim]:
        """Take up to `limit` queued messages: notices first (none when `issue_id` is given),
        then deliveries of issues that are sending, in order of id.
        """
        if self._swift is not None and issue_id is not None and self._may_claim(issue_id):
            return self._claim_swiftly(self._swift, issue_id, limit, worker, now + lease)
        if self._swift is not None and notices_only and not self._notice_waits(self._swift):
            return []
        found: list[Claim] = []
        hold = {"worker": worker, "until": now + lease}
        with self._database.change(company=Company.TOGETHER) as connection:
            if issue_id is None and self._within in (None, NOTICES):
                found += self._claim_notices(connection, limit, hold)
            if not notices_only and self._within != NOTICES:
                for row in connection.execute(_SENDING).all():
                    if len(found) >= limit:
                        break
                    if issue_id in (None, row.id) and self._may_claim(row.id):
                        found += self._claim_deliveries(connection, row, limit - len(found), hold)
        return found

    def advance(
        self,
        settled: Sequence[Settlement],
        starting: Sequence[Claim],
        lease: timedelta,
        now: datetime,
        *,
        again: bool = False,
    ) -> frozenset[tuple[OutboxKind, int]]:
        """Settle and journal in one commit; which of `starting` may really be sent.

        See `ports.Outbox.advance`.
        """
        if not settled and not starting:
            return frozenset()
        if self._swift is not None and swift.takes(settled) and not again:
            with self._database.bare() as transaction:
                self._swift.settle(transaction.cursor, settled, now)
                transaction.given_up = not self._swift.start(
                    transaction.cursor, starting, now + lease
                )
            if not transaction.given_up:
                return frozenset((claim.kind, claim.id) for claim in starting)
        started: set[tuple[OutboxKind, int]] = set()
        if self._script is not None and swift.takes(settled) and not again:
            with self._database.raw() as driver:
                started |= self._script.advance(driver, settled, starting, now + lease, now)
            if len(started) == len(starting):
                return frozenset(started)
            # Why the others may not go, and what becomes of them, is found out one by one.
            settled = ()
            starting = [claim for claim in starting if (claim.kind, claim.id) not in started]
        with self._database.change(company=Company.TOGETHER) as connection:
            if settled:
                self._settle(connection, settled, now)
            for kind, lane in self._lanes.items():
                mine = [claim for claim in starting if claim.kind is kind]
                for batch in _batches(mine):
                    started |= journalling.start(connection, lane, batch, now + lease, now)
                    if again:
                        started |= journalling.change(
                            connection, lane, lane.started, batch, now + lease
                        )
        return frozenset(started)

    def give_back(
        self,
        claims: Sequence[Claim],
        now: datetime,  # noqa: ARG002 (the port's signature)
        until: Sequence[datetime | None] = (),
    ) -> None:
        """Return claimed messages that were never started (the event RETURN).

        `until`, where it is given, has for each claim the instant before which nobody claims it.
        """
        due = dict(zip(claims, until or (None,) * len(claims), strict=True))
        with self._database.change(company=Company.TOGETHER) as connection:
            for kind, lane in self._lanes.items():
                rows = [
                    journalling.row(claim) | {"due": at}
                    for claim, at in due.items()
                    if claim.kind is kind
                ]
                if rows:
                    connection.execute(lane.give_back, rows)

    def renew(self, worker: str, lease: timedelta, now: datetime) -> None:
        """Prolong the lease of everything that this worker has claimed or is sending."""
        with self._database.change(company=Company.TOGETHER) as connection:
            sweeps.renew(connection, worker, now + lease)

    # --- what time does to messages -------------------------------------------------------

    def lapse(self, now: datetime) -> Lapsed:
        """Free what lapsed leases hold: claimed → queued, sending → unknown."""
        with self._database.change() as connection:
            return sweeps.lapse(connection, now)

    def wake(self, now: datetime, limit: timedelta) -> int:
        """What waits for its time and is due → may be claimed (how many); too old → refused.

        Those of a paused issue sleep on.
        """
        with self._database.change() as connection:
            return sweeps.wake(connection, now, limit)

    def finish(self, now: datetime) -> Sequence[int]:
        """Issues that are sending and have nothing open left → finished; their ids.

        Raises Defect, after finishing the sound ones, where counts do not add up.
        """
        return sweeps.finish(self._database, now)

    def shelve(self, before: datetime, limit: int) -> int:
        """Move settled deliveries of issues that were over `before` to the shelf; how many.

        Up to `limit`, in one transaction. Raises StoreError where counts do not add up.
        """
        with self._database.change() as connection:
            return shelf.shelve(connection, before, limit)

    def pending(self, issue_id: int | None = None) -> int:
        """How many messages are queued and due, claimed or sending now.

        Of sending issues, and notices; with `issue_id` of that issue alone.
        """
        with self._database.read() as connection:
            return sweeps.pending(connection, issue_id)

    def next_due(self) -> datetime | None:
        """When the next message (of a sending issue, or a notice) that waits is due, if any."""
        with self._database.read() as connection:
            return sweeps.next_due(connection)

    def held(self, issue_id: int) -> tuple[int, datetime | None]:
        """How many queued messages of an issue wait for their time; when the first is due."""
        with self._database.read() as connection:
            return sweeps.held(connection, issue_id)

    # --- what staff decides ---------------------------------------------------------------

    def resolve(
        self,
        issue_id: int,
        to: Literal["accepted", "resend"],
        now: datetime,
        only: Collection[int] = (),
    ) -> int:
        """Staff's word on what is unknown; how many moved. Raises NotFound, NotAllowed."""
        with self._database.change() as connection:
            return staff.resolve(connection, issue_id, to, now, only)

    def retry(self, issue_id: int, state: DeliveryState, now: datetime) -> int:
        """Queue deferred or refused ones at once; how many. Raises NotFound, NotAllowed."""
        with self._database.change() as connection:
            return staff.retry(connection, issue_id, state, now)

    def wakeups(self) -> Sequence[Wakeup]:
        """Parts of sending issues, and the notices, that have something queued and due."""
        with self._database.read() as connection:
            return waking.due(connection)

    # --- within one transaction -----------------------------------------------------------

    def _may_claim(self, issue_id: int) -> bool:
        return self._within is None or self._within.issue_id == issue_id

    def _notice_waits(self, using: Swift) -> bool:
        """Whether there is any to be claimed: asked again and again while an issue leaves."""
        with self._database.glance() as cursor:
            return using.notice_waits(cursor)

    def _claim_notices(
        self, connection: Connection, limit: int, hold: Mapping[str, Any]
    ) -> list[Claim]:
        lane = self._lanes[OutboxKind.NOTICE]
        rows = connection.execute(lane.claim, {**hold, "number": limit}).all()
        return [
            Claim(
                kind=OutboxKind.NOTICE,
                id=row.id,
                fence=row.fence,
                attempts=row.attempts,
                first_due_at=row.first_due_at or row.created_at,
                address=row.address,
                name="",
                token_id="",
                message_id=message_id(row.nonce, OutboxKind.NOTICE, row.id, self._host),
                dated_at=row.created_at,
                newsletter=row.newsletter,
                transport=row.transport,
            )
            for row in sorted(rows, key=lambda row: row.id)
        ]

    def _claim_deliveries(
        self, connection: Connection, owner: Any, limit: int, hold: Mapping[str, Any]
    ) -> list[Claim]:
        lane = self._lanes[OutboxKind.DELIVERY]
        of = {"issue": owner.id, "low": self._ids[0], "high": self._ids[1]}
        rows = connection.execute(lane.claim, {**hold, **of, "number": limit}).all()
        readers: dict[int, Reader] = {}
        for batch in _batches(rows):
            ids = {"ids": [row.subscription_id for row in batch]}
            readers |= {number: reader for number, *reader in connection.execute(_READERS, ids)}
        return self._taken(Owner(*owner), sorted(tuple(row) for row in rows), readers)

    def _claim_swiftly(
        self, using: Swift, issue_id: int, limit: int, worker: str, until: datetime
    ) -> list[Claim]:
        """The same without SQLAlchemy: every message comes this way."""
        readers: dict[int, Reader] = {}
        # After a power cut they are as free as their leases would make them.
        with self._database.bare(lasting=False) as transaction:
            owner = using.owner(transaction.cursor, issue_id)
            if owner is None:
                return []
            rows = using.claim(transaction.cursor, issue_id, self._ids, limit, worker, until)
            for batch in _batches([row[5] for row in rows]):
                found = using.readers(transaction.cursor, batch)
                readers |= {reader[0]: reader[1:] for reader in found}
        return self._taken(Owner(*owner), rows, readers)

    def _taken(
        self, owner: Owner, rows: Iterable[tuple[Any, ...]], readers: Mapping[int, Reader]
    ) -> list[Claim]:
        issue_id, nonce, newsletter, transport, released_at = owner
        kind, host = OutboxKind.DELIVERY, self._host
        claims: list[Claim] = []
        for number, fence, attempts, due, leaves, reader_id, edition_id in rows:
            token_id, address, name = readers[reader_id]
            dated_at = released_at if leaves is None else max(leaves, released_at)
            mail_id = message_id(nonce, kind, number, host)
            # By position: with names it takes twice as long.
            claims.append(
                Claim(
                    *(kind, number, fence, attempts, due or dated_at),
                    *(address, name, token_id, mail_id, dated_at),
                    *(issue_id, edition_id, newsletter, transport),
                )
            )
        return claims

    def _settle(self, connection: Connection, settled: Sequence[Settlement], now: datetime) -> None:
        rows: dict[tuple[OutboxKind, DeliveryEvent], list[dict[str, Any]]] = {}
        returned: list[int] = []
        for one in settled:
            row = journalling.row(one.claim) | {"said": one.code, "words": one.reply, "at": now}
            if one.event in lanes.WAITING:
                row["due"] = one.due_at
            rows.setdefault((one.claim.kind, one.event), []).append(row)
            if one.event in (DeliveryEvent.DEFER, DeliveryEvent.RETURN) and one.claim.issue_id:
                returned.append(one.claim.id)
        for (kind, event), parameters in rows.items():
            connection.execute(self._lanes[kind].settle[event], parameters)
        for batch in _batches(returned):
            connection.execute(_CANCEL_RETURNED, {"ids": batch})


def _batches(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
