"""What issues carried and who received it, as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from publisher.domain.reach import Faulty, Reach
from publisher.domain.retraction import Carrier, Cited
from publisher.stores import citing
from publisher.stores import reach as reaching
from publisher.stores.database import Database


class SqlCitations:
    """`ports.Citations` on SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, article_id: str) -> Sequence[tuple[str, str]]:
        """Each version of the article that went out, with the text of an edition that held it."""
        with self._database.read() as connection:
            return reaching.versions(connection, article_id)

    def reach(self, faulty: Faulty, newsletters: Collection[str]) -> Reach:
        """Who received one of these versions, and who of them can be told, under `newsletters`."""
        with self._database.read() as connection:
            return reaching.reach(connection, faulty, newsletters)

    def carrying(self, article_id: str) -> Sequence[tuple[int, str]]:
        """(issue id, version) of every issue on record that carries the article, by id."""
        with self._database.read() as connection:
            return citing.carrying(connection, article_id)

    def known(self, article_id: str) -> Sequence[Cited]:
        """The sources that were put down of each version of the article."""
        with self._database.read() as connection:
            return citing.of_article(connection, article_id)

    def unsourced(self, issue_id: int | None = None) -> Sequence[tuple[str, str]]:
        """(article id, version) that issues carry and whose sources were never put down."""
        with self._database.read() as connection:
            return citing.unsourced(connection, issue_id)

    def put_down(self, cited: Sequence[Cited]) -> int:
        """Keep the sources of versions that issues carry and that have none yet; how many."""
        with self._database.read() as connection:
            bare = frozenset(citing.unsourced(connection))
        if not any((each.article_id, each.version) in bare for each in cited):
            return 0
        with self._database.change() as connection:
            bare = frozenset(citing.unsourced(connection))
            fresh = [each for each in cited if (each.article_id, each.version) in bare]
            citing.write(connection, fresh)
        return len({(each.article_id, each.version) for each in fresh})

    def works(self, issue_id: int) -> Sequence[Cited]:
        """The sources of the article versions that the issue's editions carry."""
        with self._database.read() as connection:
            return citing.of_issue(connection, issue_id)

    def names(self) -> frozenset[str]:
        """The keys of every work that an issue carried."""
        with self._database.read() as connection:
            return citing.names(connection)

    def resting_on(self, names: Collection[str]) -> Sequence[Cited]:
        """Where works with these keys are cited without being called retracted."""
        with self._database.read() as connection:
            return citing.resting_on(connection, names)

    def carriers(self, names: Collection[str]) -> Sequence[Carrier]:
        """Where works with these keys were carried: by issue, then article and version."""
        with self._database.read() as connection:
            return citing.carriers(connection, names)
