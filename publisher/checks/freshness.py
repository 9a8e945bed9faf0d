"""When an article is to be looked at again, and whether that day has passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from publisher.checks.rules import error, warning
from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place


def order(
    published_at: datetime, reviewed: date | None, due: tuple[date, Place] | None, zone: ZoneInfo
) -> Iterator[Finding]:
    """A review that would be due before the article, or its last review, was there."""
    if due is None:
        return
    first = published_at.astimezone(zone).date()
    for day, name in ((first, "published"), (reviewed, "reviewed")):
        if day is not None and due[0] < day:
            yield error("date-order", due[1], f"review_by comes before {name}", "check both dates")


def articles(read: Iterable[Article], today: date) -> Iterator[Finding]:
    """Articles whose review is overdue, and reviews of days to come; a draft has time."""
    for article in read:
        place = Place(article.path)
        if article.draft or article.withdrawn is not None:
            continue
        if article.is_overdue(today):
            message = f"a review was due by {article.review_by}; readers are told so"
            remedy = "look at it again, then set `reviewed` and a new `review_by`"
            yield warning("review-overdue", place, message, remedy)
        if article.reviewed is not None and article.reviewed > today:
            message = f"reviewed on {article.reviewed}, which is still to come"
            yield warning("reviewed-ahead", place, message, "write the day of the review")
