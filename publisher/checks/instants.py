"""No two articles updated in the same second: feed readers order and merge by that instant."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from publisher.checks.rules import error
from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place
from publisher.errors import Defect

DAY = 86_400
NEAR = 600
"""Seconds are looked for in the first ten minutes, so that a new entry is not of the future."""


def seconds(written: str, place: Place) -> int | Finding:
    """The number in `written`, or what is wrong with it."""
    if re.fullmatch(r"0|[1-9]\d{0,4}", written, re.ASCII) and int(written) < DAY:
        return int(written)
    remedy = "delete the line and run `publisher check --mint`"
    return error("bad-feed-seconds", place, f"{written!r} are no seconds of a day", remedy)


def shared(articles: Iterable[Article]) -> Iterator[Finding]:
    """A finding for each article whose `updated_at` another one has already.

    Drafts are passed over. Who was there first keeps the instant: see `moved`.
    """
    for article, other in moved(articles, ()):
        yield error(
            "shared-instant",
            Place(article.path),
            f"{other.path} was updated in the same second ({article.updated_at:%Y-%m-%d %H:%M:%S})",
            "run `publisher check --mint`"
            if not article.feed_seconds
            else "give one of them a time: `updated: 2026-11-24T09:00:00Z`",
        )


def moved(articles: Iterable[Article], new: Collection[str]) -> Iterator[tuple[Article, Article]]:
    """(an article that must give way, the one that has its instant already).

    One that readers have longer stays: first those that have seconds of their own, then those
    whose path is not in `new`, then those never changed since they appeared, then by path.
    """
    kept: dict[datetime, Article] = {}
    drafted = (article for article in articles if not article.draft)
    for article in sorted(drafted, key=lambda a: _seniority(a, new)):
        other = kept.setdefault(article.updated_at, article)
        if other is not article:
            yield article, other


def _seniority(article: Article, new: Collection[str]) -> tuple[bool, bool, bool, str]:
    changed = article.updated_at > article.published_at
    return not article.feed_seconds, article.path in new, changed, article.path


def free(article: Article, taken: Collection[datetime]) -> int:
    """Seconds that bring the article to an instant that is not in `taken`.

    They come from its id, so what other articles there are decides as little as possible.
    """
    start: int = int.from_bytes(hashlib.sha256(article.id.encode()).digest()[:4], "big")
    near: Iterable[int] = ((start + step) % NEAR for step in range(NEAR))
    number: int
    for number in (*near, *range(NEAR, DAY)):
        if number and article.updated_at + timedelta(seconds=number) not in taken:
            return number
    raise Defect(f"every second of the day of {article.path} is taken")
