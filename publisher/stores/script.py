"""Settling and journalling on PostgreSQL in one round trip: what runs for every single message.

Each statement by itself would wait for the server's answer to the one before. They go as one
script instead, which the server carries out as one transaction once it has all of it: a worker
that freezes or is cut off half-way leaves no transaction open that would hold others up (with
psycopg's pipeline mode it did). The statements stay those of `lanes.py`, compiled once.
https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Dialect, Update
from sqlalchemy.sql.compiler import SQLCompiler

from publisher.domain.delivery import Claim, OutboxKind, Settlement
from publisher.stores.database import Company
from publisher.stores.lanes import Lane
from publisher.stores.tables import micros

if TYPE_CHECKING:
    import psycopg

Key = tuple[OutboxKind, int]


class _Prepared:
    """A statement compiled once: `sql` with named places, and what always stands in some."""

    def __init__(self, statement: Update, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - it is SQL
        self.sql = compiled.string.encode()
        self.fixed = compiled.params


class Script:
    """The statements of both lanes, for PostgreSQL, filled in and sent as one."""

    def __init__(self, lanes: Mapping[OutboxKind, Lane], dialect: Dialect) -> None:
        self._start = {kind: _Prepared(lane.start_one, dialect) for kind, lane in lanes.items()}
        self._settle = {
            (kind, event): _Prepared(statement, dialect)
            for kind, lane in lanes.items()
            for event, statement in lane.settle.items()
        }

    def advance(
        self,
        connection: psycopg.Connection,
        settled: Sequence[Settlement],
        starting: Sequence[Claim],
        until: datetime,
        now: datetime,
    ) -> frozenset[Key]:
        """One transaction; which of `starting` may really be sent. Settled ones must be plain."""
        import psycopg

        at, lease = micros(now), micros(until)
        cursor = psycopg.ClientCursor(connection)

        def filled(statement: _Prepared, values: Mapping[str, Any]) -> str:
            return cursor.mogrify(statement.sql, {**statement.fixed, **values})

        script = [Company.TOGETHER.value]
        script += (
            filled(self._settle[one.claim.kind, one.event], _settling(one, at)) for one in settled
        )
        script += (
            filled(
                self._start[claim.kind],
                {"row_id": claim.id, "row_fence": claim.fence, "until": lease},
            )
            for claim in starting
        )
        cursor.execute("; ".join(script).encode())
        counts = [cursor.rowcount]
        while cursor.nextset():
            counts.append(cursor.rowcount)
        done = counts[len(counts) - len(starting) :]
        return frozenset(
            (claim.kind, claim.id)
            for claim, count in zip(starting, done, strict=True)
            if count == 1
        )


def _settling(one: Settlement, at: int) -> Mapping[str, Any]:
    return {
        "row_id": one.claim.id,
        "row_fence": one.claim.fence,
        "said": one.code,
        "words": one.reply,
        "due": None,
        "at": at,
    }
