"""Settling and journalling on PostgreSQL in one round trip: what runs for every single message.

Each statement by itself would wait for the server's answer to the one before; psycopg's pipeline
mode sends them all, with their COMMIT, and reads the answers afterwards. The statements stay those
of `lanes.py`, compiled once.
https://www.psycopg.org/psycopg3/docs/advanced/pipeline.html
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


class Pipeline:
    """The statements of both lanes, for PostgreSQL."""

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
        at, lease = micros(now), micros(until)
        answers: list[tuple[Key, psycopg.Cursor]] = []
        with connection.pipeline():
            connection.execute(Company.TOGETHER.value.encode())
            for one in settled:
                self._run(
                    connection,
                    self._settle[one.claim.kind, one.event],
                    _settling(one, at),
                )
            for claim in starting:
                values = {"row_id": claim.id, "row_fence": claim.fence, "until": lease}
                cursor = self._run(connection, self._start[claim.kind], values)
                answers.append(((claim.kind, claim.id), cursor))
            connection.commit()
        return frozenset(key for key, cursor in answers if cursor.rowcount == 1)

    @staticmethod
    def _run(
        connection: psycopg.Connection, statement: _Prepared, values: Mapping[str, Any]
    ) -> psycopg.Cursor:
        return connection.execute(statement.sql, {**statement.fixed, **values})


def _settling(one: Settlement, at: int) -> Mapping[str, Any]:
    return {
        "row_id": one.claim.id,
        "row_fence": one.claim.fence,
        "said": one.code,
        "words": one.reply,
        "due": None,
        "at": at,
    }
