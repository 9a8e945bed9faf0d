"""What is known of transports and of those they bring mail to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql

from publisher.domain.backoff import Backoff
from publisher.domain.breaker import Breaker, Circuit
from publisher.stores.database import Company, Database
from publisher.stores.tables import EPOCH, allowance, backoff, breaker

KEPT = timedelta(hours=25)
"""How long it is remembered what was let go: a little longer than the longest window."""

T = TypeVar("T")

_KEEP = (
    update(allowance)
    .where(
        allowance.c.transport == bindparam("of_transport"),
        allowance.c.destination == bindparam("of_destination"),
    )
    .values(at=bindparam("new_at"), state=bindparam("new_state"))
)
_NEW = postgresql.insert(allowance).on_conflict_do_nothing()


class SqlTraffic:
    """`ports.Traffic` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def breakers(self) -> Mapping[str, Breaker]:
        """Those that are not closed, by transport."""
        with self._database.read() as connection:
            return _breakers(connection)

    def change_breaker(self, transport: str, step: Callable[[Breaker], Breaker]) -> Breaker:
        """Put what `step` makes of it in its place; a closed one is forgotten."""
        with self._database.change() as connection:
            new = step(_breakers(connection).get(transport, Breaker()))
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
        return new

    def backoffs(self) -> Mapping[tuple[str, str], Backoff]:
        """Those above level 0, by transport and destination."""
        with self._database.read() as connection:
            return _backoffs(connection)

    def change_backoff(
        self, transport: str, destination: str, step: Callable[[Backoff | None], Backoff]
    ) -> Backoff:
        """Put what `step` makes of it in its place; level 0 is forgotten."""
        mine = (backoff.c.transport == transport, backoff.c.destination == destination)
        with self._database.change() as connection:
            new = step(_backoffs(connection).get((transport, destination)))
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
        return new

    def exchange(
        self,
        transport: str,
        steps: Mapping[str, Callable[[str | None, datetime], tuple[str, T]]],
        now: datetime,
    ) -> Mapping[str, T]:
        """One transaction; the rows are locked in the same order by everybody."""
        with self._database.change(company=Company.TOGETHER) as connection:
            found = _locked(connection, transport, steps)
            if missing := sorted(steps.keys() - found.keys()):
                self._add(connection, transport, missing)
                found = _locked(connection, transport, steps)
            # Only now: whoever waited for a lock must not go by the time before.
            at = self._now(connection, now)
            answers, rows = {}, []
            for destination, step in sorted(steps.items()):
                state, answers[destination] = step(found[destination] or None, at)
                key = {"of_transport": transport, "of_destination": destination}
                rows.append(key | {"new_at": at, "new_state": state})
            connection.execute(_KEEP, rows)
        return answers

    def allowance(
        self,
        transport: str,
        destination: str,
        read: Callable[[str | None, datetime], T],
        now: datetime,
    ) -> T:
        """What `read` says of it."""
        with self._database.read() as connection:
            state = connection.scalar(
                select(allowance.c.state).where(
                    allowance.c.transport == transport, allowance.c.destination == destination
                )
            )
            return read(state or None, self._now(connection, now))

    def forget(self, now: datetime) -> None:
        """What nobody touched for a day."""
        with self._database.change(company=Company.TOGETHER) as connection:
            at = self._now(connection, now)
            connection.execute(delete(allowance).where(allowance.c.at < at - KEPT))

    def _now(self, connection: Connection, now: datetime) -> datetime:
        """The server's clock, which all machines share, where there is a server."""
        if self._database.is_sqlite:
            return now
        found: datetime = connection.scalar(select(func.clock_timestamp()))  # type: ignore[assignment]
        return found

    def _add(self, connection: Connection, transport: str, destinations: list[str]) -> None:
        """Empty rows to lock, in case that nobody else makes them just now."""
        adding = insert(allowance) if self._database.is_sqlite else _NEW
        connection.execute(
            adding,
            [
                {"transport": transport, "destination": each, "at": EPOCH, "state": ""}
                for each in destinations
            ],
        )


def _locked(
    connection: Connection, transport: str, destinations: Mapping[str, object]
) -> Mapping[str, str]:
    rows = connection.execute(
        select(allowance.c.destination, allowance.c.state)
        .where(
            allowance.c.transport == transport, allowance.c.destination.in_(sorted(destinations))
        )
        .order_by(allowance.c.destination)
        .with_for_update()
    )
    return {row.destination: row.state for row in rows}


def _breakers(connection: Connection) -> Mapping[str, Breaker]:
    return {
        row.transport: Breaker(
            Circuit(row.state), row.failures, row.since, row.probe_at, row.reason
        )
        for row in connection.execute(select(breaker).order_by(breaker.c.transport))
    }


def _backoffs(connection: Connection) -> Mapping[tuple[str, str], Backoff]:
    return {
        (row.transport, row.destination): Backoff(row.at, row.level, row.accepted, row.sent_at)
        for row in connection.execute(select(backoff))
    }
