"""Issues and editions as rows, read whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from publisher.domain.issue import Edition, Issue, IssueKind, IssueState, SlotId
from publisher.stores import forcing, planning, shelf
from publisher.stores.tables import edition, edition_article, issue_article


def editions(connection: Connection, where: Any) -> Sequence[tuple[Edition, int]]:
    """Editions with the id of their issue, in order of id."""
    rows = connection.execute(select(edition).where(where).order_by(edition.c.id)).all()
    a = edition_article.c
    articles = _pairs(
        connection,
        select(a.edition_id, a.article_id, a.version)
        .where(a.edition_id.in_([row.id for row in rows]))
        .order_by(a.edition_id, a.position),
    )
    return [
        (
            Edition(
                id=row.id,
                language=row.language,
                subject=row.subject,
                preheader=row.preheader,
                html=row.html,
                text=row.text,
                articles=tuple(articles.get(row.id, ())),
            ),
            row.issue_id,
        )
        for row in rows
    ]


def load(connection: Connection, query: Select[Any]) -> Sequence[Issue]:
    """The issues that `query` selects whole, with articles and counts, in its order."""
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    a = issue_article.c
    articles = _pairs(
        connection,
        select(a.issue_id, a.article_id, a.version)
        .where(a.issue_id.in_(ids))
        .order_by(a.issue_id, a.position),
    )
    counts = shelf.counts(connection, ids)
    return [_issue(row, articles.get(row.id, ()), counts.get(row.id, {})) for row in rows]


def _pairs(connection: Connection, query: Select[Any]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    for owner, article_id, version in connection.execute(query):
        found.setdefault(owner, []).append((article_id, version))
    return found


def _issue(row: Row[Any], articles: Iterable[tuple[str, str]], counts: Mapping[str, int]) -> Issue:
    return Issue(
        id=row.id,
        slot=SlotId(row.newsletter, IssueKind(row.kind), row.cadence, row.slot_key),
        slot_at=row.slot_at,
        number=row.number,
        state=IssueState(row.state),
        planned_at=row.planned_at,
        audience=row.audience,
        reason=row.reason,
        hash=row.hash,
        shaping=planning.shaping_value(row.shaping),
        articles=tuple(articles),
        waiting=tuple(json.loads(row.waiting)),
        excluded=json.loads(row.excluded),
        counts=counts,
        approved_at=row.approved_at,
        approved_by=row.approved_by,
        released_at=row.released_at,
        finished_at=row.finished_at,
        subject=row.subject,
        forced=forcing.read(row.forced),
    )
