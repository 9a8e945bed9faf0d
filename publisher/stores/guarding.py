"""Whether this store is the one that mail was sent from, or an older one put in its place.

The store and the watermark (a file elsewhere) count together. Before mail leaves, the store's
number is raised first and the watermark's then: a watermark that is ahead, with mail sent since,
means that this store is older than what was sent from it. Departures go the other way round, so
that none is lost; those that a killed process left only there are made good in passing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy import Connection, select

from publisher.domain.restore import Replayed
from publisher.domain.subscription import Suppression, SuppressionReason
from publisher.errors import Restored
from publisher.formats.pepper import Pepper
from publisher.formats.watermark import Entry, Line
from publisher.ports import Watermark
from publisher.stores import leaving, suppressing
from publisher.stores.database import Database
from publisher.stores.departing import WATERMARK, number_of, raise_to
from publisher.stores.tables import subscriber

KEPT = timedelta(days=400)
"""How long departures stay in the watermark: no backup that old may be put in place."""
SHORTENED = 5000
"""The watermark is rewritten without what is needed no more each time that its number passes
a multiple of this."""

_PAGE = 10_000


class SqlGuard:
    """`ports.Guard` on SQL. Without a watermark it lets everything pass."""

    def __init__(self, database: Database, mark: Watermark | None, pepper: Pepper) -> None:
        self._database = database
        self._mark = mark
        self._pepper = pepper

    def check(self) -> None:
        """Raises Restored where nothing may be sent, StoreError where that cannot be told."""
        if self._mark is None:
            return
        with self._database.read() as connection:
            own = number_of(connection)
        with self._mark.turn():
            _judge(self._mark, own)

    def pass_on(self, now: datetime) -> None:
        """Let mail leave from now on: both numbers rise. Raises as `check` does."""
        mark = self._mark
        if mark is None:
            return
        with ExitStack() as stack:
            with self._database.change() as connection:
                own = number_of(connection)
                # Always the store's lock first, then the file's: the other way would wait for ever.
                stack.enter_context(mark.turn())
                last = _judge(mark, own)
                number = max(own, last.number if last else 0) + 1
                raise_to(connection, own, number)
            line = Line(number, number, int(now.timestamp()), Entry.SENT)
            if number % SHORTENED == 0:
                oldest = int((now - KEPT).timestamp())
                kept = [one for one in mark.after(0) if one.form and one.seconds >= oldest]
                mark.rewrite([*kept, line])
            else:
                mark.append([line])

    def catch_up(self, now: datetime) -> Replayed:
        """Make good the departures that only the watermark knows. Raises as `check` does."""
        mark = self._mark
        if mark is None:
            return Replayed()
        with self._database.read() as connection:
            own = number_of(connection)
        with mark.turn():
            last = _judge(mark, own)
        if last is None or last.number <= own:
            return Replayed()
        return self.accept(now)

    def accept(self, now: datetime) -> Replayed:
        """Go on with this store, once everybody who left since has left it too."""
        mark = self._mark
        if mark is None:
            return Replayed()
        with self._database.change() as connection:
            connection = connection.execution_options(**{WATERMARK: None})
            own = number_of(connection)
            with mark.turn():
                last = mark.last()
                number = max(own, last.number if last else 0)
                gone: dict[str, list[Line]] = {}
                for line in mark.after(own):
                    if line.form:
                        gone.setdefault(line.form, []).append(line)
                done = self._replay(connection, mark, gone, now) if gone else Replayed()
                raise_to(connection, own, max(number, 1))
                if last is None:
                    seconds = int(now.timestamp())
                    mark.append([Line(max(number, 1), max(number, 1), seconds, Entry.SENT)])
        return done

    def _replay(
        self,
        connection: Connection,
        mark: Watermark,
        gone: Mapping[str, Sequence[Line]],
        now: datetime,
    ) -> Replayed:
        left = suppressed = 0
        forgotten: list[tuple[str, str]] = []
        found: set[str] = set()
        after = 0
        query = select(subscriber.c.id, subscriber.c.key, subscriber.c.address)
        while rows := connection.execute(
            query.where(subscriber.c.id > after).order_by(subscriber.c.id).limit(_PAGE)
        ).all():
            for row in rows:
                for form in mark.forms(row.key):
                    for line in gone.get(form, ()):
                        found.add(form)
                        if line.entry is Entry.LEFT:
                            left += leaving.leave(connection, row.id, line.detail, now)
                            continue
                        suppressed += suppressing.add(
                            connection, self._pepper, _suppression(row.address, line, now)
                        )
                        if line.entry is Entry.FORGOTTEN:
                            forgotten.append((row.address, line.detail))
            after = rows[-1].id
        strangers = [
            line
            for form, lines in gone.items()
            if form not in found and not self._pepper.unknown([form])
            for line in lines
            if line.entry is not Entry.LEFT
        ]
        for line in strangers:
            suppressed += suppressing.add_form(connection, line.form, _suppression("", line, now))
        return Replayed(left, suppressed, tuple(forgotten))


def _suppression(address: str, line: Line, now: datetime) -> Suppression:
    return Suppression(
        address, SuppressionReason(line.detail), now, "replayed after an older store was restored"
    )


def _judge(mark: Watermark, own: int) -> Line | None:
    last = mark.last()
    if last is None and own:
        _refuse(
            f"its watermark {mark.where} is missing, so whether this store was restored from a "
            "backup cannot be told"
        )
    if last is not None and last.sent > own:
        _refuse(
            f"mail was sent since this store was as it is (the watermark {mark.where} is at "
            f"{last.sent}, the store at {own}): it was restored from a backup, or lost its last "
            "moments in a power cut"
        )
    return last


def _refuse(why: str) -> NoReturn:
    raise Restored(
        f"nothing is sent: {why}. See which issues were under way and pause or cancel what had "
        "left (docs/operations.md, Restoring), then run: publisher store accept-restore"
    )
