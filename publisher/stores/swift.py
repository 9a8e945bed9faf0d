"""Settling and journalling at the driver's own speed: what runs for every single message.

SQLAlchemy builds, caches and binds around each statement, which costs more than SQLite needs
to carry it out. The statements stay those of `lanes.py`, compiled once. Only the plain case is
dealt with here: whatever else there is to do, the transaction is given up and `outbox.py` does
all of it in its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from sqlalchemy import Dialect, Update
from sqlalchemy.sql.compiler import SQLCompiler

from publisher.domain.delivery import Claim, DeliveryEvent, OutboxKind, Settlement
from publisher.stores.lanes import Lane
from publisher.stores.tables import micros

_PLAIN = frozenset({DeliveryEvent.ACCEPT, DeliveryEvent.REFUSE, DeliveryEvent.LOSE})


def takes(settled: Sequence[Settlement]) -> bool:
    """Whether these settlements need no more than one statement each.

    What goes back to the queue may belong to an issue that was cancelled meanwhile.
    """
    return all(one.event in _PLAIN for one in settled)


class _Prepared:
    """A statement compiled once: `sql` with question marks, and what to put in their places."""

    def __init__(self, statement: Update, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - an UPDATE is SQL
        self.sql = compiled.string
        self._constants = compiled.params
        self._pick = itemgetter(*(compiled.positiontup or ()))

    def values(self, **row: int | str | None) -> Sequence[int | str | None]:
        """The values in their order. Instants are given as microseconds."""
        picked: Sequence[int | str | None] = self._pick(self._constants | row)
        return picked


class Swift:
    """The statements of both lanes, for SQLite."""

    def __init__(self, lanes: Mapping[OutboxKind, Lane], dialect: Dialect) -> None:
        self._start = {kind: _Prepared(lane.start_one, dialect) for kind, lane in lanes.items()}
        self._settle = {
            (kind, event): _Prepared(statement, dialect)
            for kind, lane in lanes.items()
            for event, statement in lane.settle.items()
        }

    def settle(self, cursor: sqlite3.Cursor, settled: Sequence[Settlement], now: datetime) -> None:
        """Each on its own row, if that is still its fence's and somewhere it can move from."""
        at = micros(now)
        for one in settled:
            statement = self._settle[one.claim.kind, one.event]
            values = statement.values(
                row_id=one.claim.id,
                row_fence=one.claim.fence,
                said=one.code,
                words=one.reply,
                due=None if one.due_at is None else micros(one.due_at),
                at=at,
            )
            cursor.execute(statement.sql, values)

    def start(
        self, cursor: sqlite3.Cursor, starting: Sequence[Claim], until: datetime
    ) -> frozenset[tuple[OutboxKind, int]]:
        """The conditional update of the design; which of `starting` may really be sent."""
        done = set()
        lease = micros(until)
        for claim in starting:
            statement = self._start[claim.kind]
            values = statement.values(row_id=claim.id, row_fence=claim.fence, until=lease)
            if cursor.execute(statement.sql, values).rowcount == 1:
                done.add((claim.kind, claim.id))
        return frozenset(done)
