"""Which articles an issue takes: a pure rule with a reason for every article left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from publisher.domain.article import Article

LATENESS = timedelta(days=14)
"""How long after its date an article may first appear and still be carried."""


class LeftOut(StrEnum):
    """Why an article is not in a digest."""

    DRAFT = "it is a draft"
    WITHDRAWN = "it was withdrawn"
    OVERDUE = "its review is overdue"
    SCHEDULED = "it is published after the slot"
    CARRIED = "an earlier issue carried it"
    BEFORE_SINCE = "it is older than this newsletter's first issue covers"
    TOO_LATE = "it appeared more than 14 days after its date"
    OTHER_TOPIC = "this newsletter does not offer its topic"
    WAITING = "the issue is full; it waits for the next"
    TOO_FEW = "there are fewer articles than the minimum; all wait"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article and the instant it was first seen (None: just now)."""

    article: Article
    appeared_at: datetime


@dataclass(frozen=True, slots=True)
class Digest:
    """The articles chosen for one slot, newest first, and why each other one is not there."""

    articles: tuple[Article, ...]
    left_out: tuple[tuple[str, LeftOut], ...]

    def ids(self, reason: LeftOut) -> tuple[str, ...]:
        """Ids of the articles left out for this reason."""
        return tuple(article_id for article_id, why in self.left_out if why is reason)


def choose(
    candidates: Iterable[Candidate],
    *,
    slot_at: datetime,
    since: datetime,
    carried: Collection[str],
    topics: Collection[str],
    minimum: int,
    maximum: int,
    today: date | None = None,
) -> Digest:
    """Apply the rule of the design.

    Published at or before the slot, later than `since`, of an offered topic (empty: all),
    never carried, and not seen for the first time more than LATENESS after its date. Over
    `maximum` the newest go; under `minimum` none goes and all wait. `left_out` is in the
    order of the candidates' ids, so the same input gives the same value. An article whose review
    is overdue on `today` (the journal's civil date; None: it does not matter) stays out.
    """
    fit: list[Article] = []
    left: list[tuple[str, LeftOut]] = []
    for candidate in sorted(candidates, key=lambda c: c.article.id):
        why = _unfit(candidate, slot_at, since, carried, topics)
        if why is None and today is not None and candidate.article.is_overdue(today):
            why = LeftOut.OVERDUE
        if why is None:
            fit.append(candidate.article)
        else:
            left.append((candidate.article.id, why))
    fit.sort(key=lambda article: (-article.published_at.timestamp(), article.id))
    if len(fit) < minimum:
        left.extend((article.id, LeftOut.TOO_FEW) for article in fit)
        return Digest((), tuple(left))
    left.extend((article.id, LeftOut.WAITING) for article in fit[maximum:])
    return Digest(tuple(fit[:maximum]), tuple(left))


def _unfit(
    candidate: Candidate,
    slot_at: datetime,
    since: datetime,
    carried: Collection[str],
    topics: Collection[str],
) -> LeftOut | None:
    article = candidate.article
    if article.draft:
        return LeftOut.DRAFT
    if article.withdrawn is not None:
        return LeftOut.WITHDRAWN
    if article.published_at > slot_at:
        return LeftOut.SCHEDULED
    if article.id in carried:
        return LeftOut.CARRIED
    if topics and article.category not in topics:
        return LeftOut.OTHER_TOPIC
    if article.published_at <= since:
        return LeftOut.BEFORE_SINCE
    if candidate.appeared_at - article.published_at > LATENESS:
        return LeftOut.TOO_LATE
    return None


def for_topics(articles: Iterable[Article], topics: Collection[str] | None) -> tuple[Article, ...]:
    """What one reader gets of a digest: the articles of their topics (None: all of them)."""
    return tuple(a for a in articles if topics is None or a.category in topics)
