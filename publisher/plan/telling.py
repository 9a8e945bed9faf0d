"""Corrections that a digest tells of: of articles that earlier issues carried without them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from publisher.domain.article import Article, Correction
from publisher.domain.issue import IssueState
from publisher.domain.reach import is_told, taken_back
from publisher.ports import Issues

RECENT = timedelta(days=92)
"""How old a correction may be to be told of; also how far back issues are looked through."""
SENT = (IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED, IssueState.FINISHED)
EVERY = 100_000


def untold(
    newsletter: str,
    articles: Iterable[Article],
    issues: Issues,
    slot_at: datetime,
    *,
    besides: Collection[str],
    but: int | None = None,
) -> tuple[tuple[Article, Correction], ...]:
    """Each recent correction of an article that this newsletter carried and has not told of yet.

    Of one that was withdrawn that alone is told (`taken_back`).
    `besides` are articles that the issue carries itself, `but` the issue that is made anew.
    Nothing is looked up while no article has a recent correction.
    """
    first, last = (slot_at - RECENT).date(), slot_at.date()
    recent = [
        (article, correction)
        for article in articles
        if article.has_appeared(slot_at) and article.id not in besides
        for correction in _told(article)
        if first <= correction.date <= last
    ]
    if not recent:
        return ()
    sent = [one for one in issues.list(newsletter, SENT, EVERY) if one.id != but]
    carried = {article_id for one in sent for article_id, _ in one.articles}
    texts = [issues.editions(one.id)[0].text for one in sent if one.slot_at.date() >= first]
    return tuple(
        (article, correction)
        for article, correction in recent
        if article.id in carried and not any(is_told(correction, text) for text in texts)
    )


def _told(article: Article) -> tuple[Correction, ...]:
    gone = taken_back(article)
    return article.corrections if gone is None else (gone,)
