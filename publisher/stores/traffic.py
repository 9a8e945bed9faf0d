"""What is known of transports and of those they bring mail to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from publisher.domain.backoff import Backoff
from publisher.domain.breaker import Breaker, Circuit
from publisher.stores.database import Database
from publisher.stores.tables import backoff, breaker, usage

KEPT = timedelta(hours=25)
"""How long it is remembered what was let go: a little longer than the longest window."""


class SqlTraffic:
    """`ports.Traffic` on SQL. Its writers are alone, so no row is made twice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def breakers(self) -> Mapping[str, Breaker]:
        """Those that are not closed, by transport."""
        with self._database.read() as connection:
            return {
                row.transport: Breaker(
                    Circuit(row.state), row.failures, row.since, row.probe_at, row.reason
                )
                for row in connection.execute(select(breaker).order_by(breaker.c.transport))
            }

    def keep_breaker(self, transport: str, new: Breaker) -> None:
        """Put `new` in place of what was known; a closed one is forgotten."""
        with self._database.change() as connection:
            connection.execute(delete(breaker).where(breaker.c.transport == transport))
            if new.state is not Circuit.CLOSED:
                connection.execute(
                    insert(breaker).values(
                        transport=transport,
                        state=str(new.state),
                        failures=new.failures,
                        since=new.since,
                        probe_at=new.probe_at,
                        reason=new.reason,
                    )
                )

    def backoffs(self) -> Mapping[tuple[str, str], Backoff]:
        """Those above level 0, by transport and destination."""
        with self._database.read() as connection:
            return {
                (row.transport, row.destination): Backoff(
                    row.at, row.level, row.accepted, row.sent_at
                )
                for row in connection.execute(select(backoff))
            }

    def keep_backoff(self, transport: str, destination: str, new: Backoff) -> None:
        """Put `new` in place of what was known; level 0 is forgotten."""
        mine = (backoff.c.transport == transport, backoff.c.destination == destination)
        with self._database.change() as connection:
            connection.execute(delete(backoff).where(*mine))
            if new.level:
                connection.execute(
                    insert(backoff).values(
                        transport=transport,
                        destination=destination,
                        level=new.level,
                        accepted=new.accepted,
                        at=new.at,
                        sent_at=new.sent_at,
                    )
                )

    def spend(
        self, transport: str, spent: Mapping[tuple[str, datetime], int], now: datetime
    ) -> None:
        """Add what was let go, by destination and minute; what is older than a day is forgotten."""
        with self._database.change() as connection:
            for (destination, minute), number in sorted(spent.items()):
                _add(connection, transport, destination, minute, number)
            connection.execute(delete(usage).where(usage.c.minute < now - KEPT))

    def spent(
        self, transport: str, destination: str, since: datetime
    ) -> Sequence[tuple[datetime, int]]:
        """(minute, number) from `since` on, in order."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(usage.c.minute, usage.c.number)
                .where(
                    usage.c.transport == transport,
                    usage.c.destination == destination,
                    usage.c.minute >= since,
                )
                .order_by(usage.c.minute)
            ).all()
        return [(row.minute, row.number) for row in rows]


def _add(
    connection: Connection, transport: str, destination: str, minute: datetime, number: int
) -> None:
    mine = {"transport": transport, "destination": destination, "minute": minute}
    raised = connection.execute(
        update(usage)
        .where(*(usage.c[name] == value for name, value in mine.items()))
        .values(number=usage.c.number + number)
    )
    if not raised.rowcount:
        connection.execute(insert(usage).values(**mine, number=number))
