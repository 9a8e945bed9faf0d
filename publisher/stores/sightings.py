"""When each article was first seen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Text, bindparam, exists, insert, literal_column, select

from publisher.stores.database import Database
from publisher.stores.tables import Instant, sighting


class SqlSightings:
    """`ports.Sightings` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self) -> Mapping[str, datetime]:
        """Article id → first seen."""
        with self._database.read() as connection:
            rows = connection.execute(select(sighting.c.article_id, sighting.c.seen_at))
            return {row[0]: row[1] for row in rows}

    def add(self, seen: Mapping[str, datetime]) -> None:
        """Record first sightings; known ids keep theirs."""
        if not seen:
            return
        known = exists(literal_column("1")).where(sighting.c.article_id == bindparam("one"))
        row = select(bindparam("one", type_=Text), bindparam("at", type_=Instant)).where(~known)
        with self._database.change() as connection:
            connection.execute(
                insert(sighting).from_select(["article_id", "seen_at"], row),
                [{"one": article_id, "at": at} for article_id, at in sorted(seen.items())],
            )
