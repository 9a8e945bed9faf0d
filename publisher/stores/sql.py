"""The store on SQL: everything behind one connection pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from publisher import ports
from publisher.errors import Defect, StoreError
from publisher.formats.pepper import Pepper
from publisher.stores import postgres, schema, shelf, sqlite
from publisher.stores.bounces import SqlBounces
from publisher.stores.citations import SqlCitations
from publisher.stores.database import Database
from publisher.stores.departing import WATERMARK
from publisher.stores.figures import SqlFigures
from publisher.stores.guarding import SqlGuard
from publisher.stores.issues import SqlIssues
from publisher.stores.ledger import SqlLedger
from publisher.stores.notices import SqlNotices
from publisher.stores.opening import open_database
from publisher.stores.outbox import SqlOutbox
from publisher.stores.requests import SqlRequests
from publisher.stores.sightings import SqlSightings
from publisher.stores.subscribers import SqlSubscribers
from publisher.stores.suppressing import SqlSuppressions
from publisher.stores.tables import issue, metadata, subscription
from publisher.stores.traffic import SqlTraffic

if TYPE_CHECKING:
    from publisher.stores.copying import Copied

NO_PEPPER = Pepper()


class SqlStore:
    """`ports.Store` on SQL. Safe to share between threads."""

    def __init__(
        self,
        database: Database,
        host: str,
        pepper: Pepper,
        watermark: ports.Watermark | None = None,
        anchor: ports.Anchor | None = None,
    ) -> None:
        self.database = database
        if watermark is not None:
            database.options(**{WATERMARK: watermark})
        self._guard = SqlGuard(database, watermark, pepper)
        self._issues = SqlIssues(database, host)
        self._citations = SqlCitations(database)
        self._ledger = SqlLedger(database, anchor)
        self._outbox = SqlOutbox(database, host)
        self._notices = SqlNotices(database)
        self._subscribers = SqlSubscribers(database, host, pepper)
        self._sightings = SqlSightings(database)
        self._bounces = SqlBounces(database, host, pepper)
        self._requests = SqlRequests(database, pepper)
        self._suppressions = SqlSuppressions(database, pepper)
        self._figures = SqlFigures(database)
        self._traffic = SqlTraffic(database)

    @property
    def guard(self) -> SqlGuard:
        """Whether an older store was put in place."""
        return self._guard

    @property
    def citations(self) -> SqlCitations:
        """What issues carried, and who received it."""
        return self._citations

    @property
    def ledger(self) -> SqlLedger:
        """What happened, in order."""
        return self._ledger

    @property
    def issues(self) -> SqlIssues:
        """Issues and editions."""
        return self._issues

    @property
    def outbox(self) -> SqlOutbox:
        """Messages on their way out."""
        return self._outbox

    @property
    def notices(self) -> SqlNotices:
        """Mails outside any issue."""
        return self._notices

    @property
    def subscribers(self) -> SqlSubscribers:
        """Addresses and subscriptions."""
        return self._subscribers

    @property
    def sightings(self) -> SqlSightings:
        """When articles were first seen."""
        return self._sightings

    @property
    def bounces(self) -> SqlBounces:
        """What mail systems tell about messages."""
        return self._bounces

    @property
    def requests(self) -> SqlRequests:
        """What was asked for through forms."""
        return self._requests

    @property
    def suppressions(self) -> SqlSuppressions:
        """Who is never mailed."""
        return self._suppressions

    @property
    def figures(self) -> SqlFigures:
        """What became of issues."""
        return self._figures

    @property
    def traffic(self) -> SqlTraffic:
        """What is known of transports and destinations."""
        return self._traffic

    def migrate(self, now: datetime) -> None:
        """Bring the schema up to date; `now` becomes the journal's beginning the first time."""
        schema.migrate(self.database, now)

    def started_at(self) -> datetime:
        """When this store began: slots before it were never missed."""
        with self.database.read() as connection:
            return schema.started_at(connection, self.database.where)

    @property
    def where(self) -> str:
        """What it is called in messages."""
        return self.database.where

    def rows(self) -> Mapping[str, int]:
        """How many rows each table has."""
        with self.database.read() as connection:
            return {
                table.name: connection.scalar(select(func.count()).select_from(table)) or 0
                for table in metadata.sorted_tables
            }

    def check(self) -> str:
        """One sentence on the store's health, or raise StoreError.

        Proves that it is writable, and for SQLite reads the whole file (a second for each few
        hundred MB).
        """
        where = self.database.where
        with self.database.write(keep=False) as connection:
            version = schema.check(connection, where)
            if not self.database.is_sqlite:
                postgres.check(connection, where)
        with self.database.read() as connection:
            if self.database.is_sqlite:
                sqlite.check(connection, where)
            shelf.check(connection)
            issues = connection.scalar(select(func.count()).select_from(issue))
            readers = connection.scalar(select(func.count()).select_from(subscription))
        return (
            f"the store {where} is sound (version {version}): "
            f"issues: {issues}, subscriptions: {readers}"
        )

    def close(self) -> None:
        """Let go of every connection."""
        self.database.close()


def open_store(
    url: str,
    *,
    synchronous: str = "FULL",
    host: str = "localhost",
    pepper: Pepper = NO_PEPPER,
    busy_timeout: timedelta = timedelta(seconds=30),
    only_read: bool = False,
    wake: ports.Wake | None = None,
    watermark: ports.Watermark | None = None,
    anchor: ports.Anchor | None = None,
) -> ports.Store:
    """Open the store that `url` names, a file (`sqlite:///path`) that is made if need be, or a
    database of PostgreSQL (`postgresql+psycopg://user@host/name`). Call `migrate` on it next.

    `wake` is told, in PostgreSQL, of everything that can be sent from now on.
    `host` is the right-hand side of Message-IDs, `pepper` hashes who was forgotten.
    `synchronous` FULL survives a power cut whole; NORMAL may forget the last moments of one, not
    of a killed process
    (https://www.sqlite.org/pragma.html#pragma_synchronous).
    `watermark` tells when an older store is put in place; without it nothing does. `anchor` is
    where the head of the ledger is noted.
    `only_read`: for looking alone; the store must be there, and nothing can be changed through
    what is returned, not even its schema. Raises StoreError.
    """
    database = open_database(url, synchronous, busy_timeout, only_read=only_read, wake=wake)
    if only_read:
        try:
            with database.read() as connection:
                schema.must_be_current(connection, database.where)
        except StoreError:
            database.close()
            raise
    return SqlStore(database, host, pepper, watermark, anchor)


def copy_store(
    source: ports.Store, target: ports.Store, now: datetime, on_table: Callable[[str, int], None]
) -> Sequence[Copied]:
    """Move everything from a store in SQLite to one in PostgreSQL. See `copying.copy`."""
    from publisher.stores import copying  # PostgreSQL's own SQL, which no other command needs

    if not (isinstance(source, SqlStore) and isinstance(target, SqlStore)):
        raise Defect("only stores on SQL can be copied")
    return copying.copy(source.database, target.database, now, on_table)
