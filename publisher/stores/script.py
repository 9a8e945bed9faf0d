"""Settling and journalling on PostgreSQL in one round trip: what runs for every single message.

Each statement by itself would wait for the server's answer to the one before. They go as one
script instead, which the server carries out as one transaction once it has all of it: a worker
that freezes or is cut off half-way leaves no transaction open that would hold others up (with
psycopg's pipeline mode it did). The statements stay those of `lanes.py`, compiled once, and planned
once a connection: planning takes the server three times as long as carrying out.
https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sqlalchemy import Dialect, Update
from sqlalchemy.sql.compiler import SQLCompiler

from publisher.domain.delivery import Claim, OutboxKind, Settlement
from publisher.stores.database import Company
from publisher.stores.lanes import Lane
from publisher.stores.tables import micros

if TYPE_CHECKING:
    import psycopg

Key = tuple[OutboxKind, int]


SESSION = (
    # Each statement changes one row by its key. A plan that was made while the table was small, or
    # before the server knew how large it had become, must not read all of it.
    "SET enable_seqscan = off",
    "SET plan_cache_mode = force_generic_plan",
    "SET jit = off",
)
"""How a connection that runs nothing else is set up."""


class _Prepared:
    """A statement that a connection prepares once, so that it is not planned for each message."""

    def __init__(self, name: str, statement: Update, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - it is SQL
        self.prepare = f"PREPARE {name} AS {compiled.string}"
        self._places = compiled.positiontup or ()
        self._fixed = compiled.params
        self._execute = f"EXECUTE {name} ({', '.join(['%s'] * len(self._places))})".encode()

    def filled(self, cursor: psycopg.ClientCursor, values: Mapping[str, Any]) -> str:
        """With the values in their places, as SQL."""
        given = {**self._fixed, **values}
        return cursor.mogrify(self._execute, [given[name] for name in self._places])


class Script:
    """The statements of both lanes, for PostgreSQL, filled in and sent as one."""

    def __init__(self, lanes: Mapping[OutboxKind, Lane]) -> None:
        from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

        dialect: Callable[..., Dialect] = PGDialect_psycopg
        numbered = dialect(paramstyle="numeric_dollar")
        self._start = {
            kind: _Prepared(f"start_{kind}", lane.start_one, numbered)
            for kind, lane in lanes.items()
        }
        self._settle = {
            (kind, event): _Prepared(f"settle_{kind}_{event.name.lower()}", statement, numbered)
            for kind, lane in lanes.items()
            for event, statement in lane.settle.items()
        }
        self._ready: WeakSet[psycopg.Connection] = WeakSet()

    def _prepare(self, connection: psycopg.Connection) -> None:
        """The first time that this connection is used."""
        if connection not in self._ready:
            statements = (*self._start.values(), *self._settle.values())
            script = (*SESSION, *(each.prepare for each in statements))
            connection.execute("; ".join(script).encode())
            self._ready.add(connection)

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
        self._prepare(connection)
        cursor = psycopg.ClientCursor(connection)
        script = [Company.TOGETHER.value]
        script += (
            self._settle[one.claim.kind, one.event].filled(cursor, _settling(one, at))
            for one in settled
        )
        script += (
            self._start[claim.kind].filled(
                cursor, {"row_id": claim.id, "row_fence": claim.fence, "until": lease}
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
