"""Settling and journalling at the driver's own speed: what runs for every single message.

SQLAlchemy builds, caches and binds around each statement, which costs more than SQLite needs
to carry it out. The statements stay those of `lanes.py`, compiled once. Only the plain case is
dealt with here: whatever else there is to do, the transaction is given up and `outbox.py` does
all of it in its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Dialect, Select, Update, bindparam, select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningUpdate

from publisher.domain.delivery import (
    Claim,
    DeliveryEvent,
    DeliveryState,
    OutboxKind,
    Settlement,
)
from publisher.stores.lanes import Lane
from publisher.stores.tables import Id, instant, issue, micros, notice, state_is

Value = int | str | None

_PLAIN = frozenset({DeliveryEvent.ACCEPT, DeliveryEvent.REFUSE, DeliveryEvent.LOSE})


def takes(settled: Sequence[Settlement]) -> bool:
    """Whether these settlements need no more than one statement each.

    What goes back to the queue may belong to an issue that was cancelled meanwhile.
    """
    return all(one.event in _PLAIN for one in settled)


_kind = attrgetter("kind")
_settling = attrgetter("claim.kind", "event")


class _Prepared:
    """A statement compiled once: `sql` with question marks, and what to put in their places."""

    def __init__(
        self, statement: Select[Any] | Update | ReturningUpdate[Any], dialect: Dialect, *names: str
    ) -> None:
        """`names`: what `values` is given, in this order."""
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - it is SQL
        self.sql = compiled.string
        places = compiled.positiontup or ()
        fixed = [name for name in dict.fromkeys(places) if name not in names]
        self._fixed = tuple(compiled.params[name] for name in fixed)
        order = [*fixed, *names]
        wanted = [order.index(place) for place in places]
        # One thing alone it would give without a tuple around.
        self._pick = itemgetter(*wanted) if len(wanted) > 1 else itemgetter(slice(1))

    def values(self, *given: Value) -> Sequence[Value]:
        """The values in their order. Instants are given as microseconds."""
        picked: Sequence[Value] = self._pick(self._fixed + given)
        return picked


class Swift:
    """The statements of both lanes, for SQLite."""

    def __init__(
        self,
        lanes: Mapping[OutboxKind, Lane],
        dialect: Dialect,
        owners: Select[Any],
        readers: Select[Any],
    ) -> None:
        """`owners`: the issues that are sending, the instant of release last; `readers`: what is
        to be known of the subscriptions `ids`.
        """
        self._dialect = dialect
        self._owner = _Prepared(
            owners.where(issue.c.id == bindparam("one", type_=Id)), dialect, "one"
        )
        self._readers = readers
        waiting = select(notice.c.id).where(
            state_is(notice.c.state, DeliveryState.QUEUED), notice.c.due_at.is_(None)
        )
        self._notice = str(waiting.compile(dialect=dialect))
        one = ("row_id", "row_fence")
        self._claim = _Prepared(
            lanes[OutboxKind.DELIVERY].claim,
            dialect,
            *("issue", "low", "high", "number", "worker", "until"),
        )
        self._start = {
            kind: _Prepared(lane.start_one, dialect, *one, "until") for kind, lane in lanes.items()
        }
        self._settle = {
            (kind, event): _Prepared(statement, dialect, *one, "said", "words", "due", "at")
            for kind, lane in lanes.items()
            for event, statement in lane.settle.items()
        }

    def owner(self, cursor: sqlite3.Cursor, issue_id: int) -> tuple[Any, ...] | None:
        """What `owners` tells of this issue, if it is among them."""
        found = cursor.execute(self._owner.sql, self._owner.values(issue_id)).fetchone()
        return None if found is None else (*found[:-1], _when(found[-1]))

    def notice_waits(self, cursor: sqlite3.Cursor) -> bool:
        """Whether `lane.claim` would find a notice."""
        return cursor.execute(self._notice).fetchone() is not None

    def claim(
        self,
        cursor: sqlite3.Cursor,
        issue_id: int,
        ids: tuple[int, int],
        limit: int,
        worker: str,
        until: datetime,
    ) -> list[tuple[Any, ...]]:
        """What `lane.claim` returns, in order of id; `ids` are the first and last it may take."""
        values = self._claim.values(issue_id, *ids, limit, worker, micros(until))
        rows = sorted(cursor.execute(self._claim.sql, values).fetchall())
        # Nearly always neither instant is there: then the row is as it should be.
        return [
            row
            if row[3] is None and row[4] is None
            else (*row[:3], _when(row[3]), _when(row[4]), *row[5:])
            for row in rows
        ]

    def readers(self, cursor: sqlite3.Cursor, ids: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """What `readers` tells of these subscriptions."""
        return iter(cursor.execute(_naming(self._readers, self._dialect, len(ids)), ids))

    def settle(self, cursor: sqlite3.Cursor, settled: Sequence[Settlement], now: datetime) -> None:
        """Each on its own row, if that is still its fence's and somewhere it can move from."""
        at = micros(now)
        for (kind, event), several in groupby(settled, _settling):
            statement = self._settle[kind, event]
            values = statement.values
            cursor.executemany(
                statement.sql,
                [
                    values(each.claim.id, each.claim.fence, each.code, each.reply, None, at)
                    for each in several
                ],
            )

    def start(self, cursor: sqlite3.Cursor, starting: Sequence[Claim], until: datetime) -> bool:
        """The conditional update of the design; whether all of `starting` may really be sent."""
        lease = micros(until)
        for kind, several in groupby(starting, _kind):
            statement = self._start[kind]
            rows = [statement.values(each.id, each.fence, lease) for each in several]
            if cursor.executemany(statement.sql, rows).rowcount != len(rows):
                return False
        return True


def _when(value: int | None) -> datetime | None:
    return None if value is None else instant(value)


@lru_cache(maxsize=16)
def _naming(statement: Select[Any], dialect: Dialect, number: int) -> str:
    """A statement about `ids`, for so many of them."""
    named = statement.params(ids=list(range(number)))
    return named.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}).string
