"""What the article versions in issues cite: written when an issue is planned, kept for good."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, exists, insert, select, tuple_

from publisher.domain.retraction import Carrier, Cited
from publisher.stores.tables import article_source, edition, edition_article

_ROWS = 200
_T = TypeVar("_T")


def write(connection: Connection, cited: Iterable[Cited]) -> None:
    """Put down the sources of versions that are not known yet; a version never changes."""
    by_version: dict[tuple[str, str], list[Cited]] = {}
    for each in cited:
        by_version.setdefault((each.article_id, each.version), []).append(each)
    a = article_source.c
    for some in _pieces(list(by_version)):
        known = {
            (row.article_id, row.version)
            for row in connection.execute(
                select(a.article_id, a.version).where(tuple_(a.article_id, a.version).in_(some))
            )
        }
        rows = [
            {
                "article_id": each.article_id,
                "version": each.version,
                "source_key": each.key,
                "name": name,
                "title": each.title,
                "acknowledged": each.acknowledged,
            }
            for pair in some
            if pair not in known
            for each in by_version[pair]
            for name in each.names or ("",)
        ]
        if rows:
            connection.execute(insert(article_source), rows)


def of_issue(connection: Connection, issue_id: int) -> Sequence[Cited]:
    """The sources of what the issue's editions carry, in a stable order."""
    e = edition_article.c
    carried = exists().where(
        e.article_id == article_source.c.article_id,
        e.version == article_source.c.version,
        e.edition_id.in_(select(edition.c.id).where(edition.c.issue_id == issue_id)),
    )
    return _read(connection, carried)


def of_article(connection: Connection, article_id: str) -> Sequence[Cited]:
    """The sources of every version of an article that was put down, in a stable order."""
    return _read(connection, article_source.c.article_id == article_id)


def carrying(connection: Connection, article_id: str) -> Sequence[tuple[int, str]]:
    """(issue id, version) of the issues whose editions hold the article."""
    e = edition_article.c
    rows = connection.execute(
        select(edition.c.issue_id, e.version)
        .join(edition, edition.c.id == e.edition_id)
        .where(e.article_id == article_id)
        .distinct()
        .order_by(edition.c.issue_id, e.version)
    )
    return [(row.issue_id, row.version) for row in rows]


def unsourced(connection: Connection, issue_id: int | None = None) -> Sequence[tuple[str, str]]:
    """(article id, version) that editions hold and of which no source was put down."""
    e, a = edition_article.c, article_source.c
    known = exists().where(a.article_id == e.article_id, a.version == e.version)
    query = select(e.article_id, e.version).where(~known).distinct()
    if issue_id is not None:
        mine = select(edition.c.id).where(edition.c.issue_id == issue_id)
        query = query.where(e.edition_id.in_(mine))
    rows = connection.execute(query.order_by(e.article_id, e.version))
    return [(row.article_id, row.version) for row in rows]


def names(connection: Connection) -> frozenset[str]:
    """The keys of every work that was ever put down."""
    a = article_source.c
    return frozenset(connection.scalars(select(a.name).where(a.name != "").distinct()))


def resting_on(connection: Connection, keys: Collection[str]) -> Sequence[Cited]:
    """Sources that are these works and are not cited as retracted, whole, in a stable order."""
    a, other = article_source.c, article_source.alias()
    found: dict[tuple[str, str, str], Cited] = {}
    for some in _pieces(sorted(keys)):
        same = exists().where(
            other.c.article_id == a.article_id,
            other.c.version == a.version,
            other.c.source_key == a.source_key,
            other.c.name.in_(some),
        )
        for each in _read(connection, same & ~a.acknowledged):
            found[each.article_id, each.version, each.key] = each
    return list(found.values())


def carriers(connection: Connection, names: Collection[str]) -> Sequence[Carrier]:
    """Issues that carried a version which cites a work with one of these keys."""
    a, e = article_source.c, edition_article.c
    found: dict[tuple[int, str, str], bool] = {}
    for some in _pieces(sorted(names)):
        rows = connection.execute(
            select(edition.c.issue_id, a.article_id, a.version, a.acknowledged)
            .distinct()
            .select_from(article_source)
            .join(edition_article, (e.article_id == a.article_id) & (e.version == a.version))
            .join(edition, edition.c.id == e.edition_id)
            .where(a.name.in_(some))
        )
        for row in rows:
            place = (row.issue_id, row.article_id, row.version)
            found[place] = found.get(place, True) and row.acknowledged
    return [Carrier(*place, acknowledged) for place, acknowledged in sorted(found.items())]


def _read(connection: Connection, where: ColumnElement[bool]) -> Sequence[Cited]:
    a = article_source.c
    found: dict[tuple[str, str, str], Cited] = {}
    rows = connection.execute(
        select(article_source).where(where).order_by(a.article_id, a.version, a.source_key, a.name)
    )
    for row in rows:
        place = (row.article_id, row.version, row.source_key)
        before = found[place].names if place in found else ()
        names = (*before, row.name) if row.name else before
        found[place] = Cited(*place, row.title, names, row.acknowledged)
    return list(found.values())


def _pieces(values: list[_T]) -> Iterable[list[_T]]:
    return (values[at : at + _ROWS] for at in range(0, len(values), _ROWS))
