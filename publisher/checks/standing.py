"""What may have changed since an issue was planned, looked at again before it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from publisher.checks import withdrawals
from publisher.checks.edition import check_rendered
from publisher.domain.article import Article
from publisher.domain.finding import Finding
from publisher.domain.issue import Edition, SlotId
from publisher.domain.journal import Journal
from publisher.domain.reach import takes_back


def standing(
    editions: Sequence[Edition], journal: Journal, articles: Iterable[Article], slot: SlotId
) -> Iterator[Finding]:
    """What the frozen `editions` have against them now.

    By today's settings (postal address, disclaimer, where to unsubscribe) and today's articles:
    one that was withdrawn does not go, unless that is what the issue of this `slot` tells. An
    article that was only edited does: what was approved is what is sent.
    """
    carried = {article_id for each in editions for article_id, _ in each.articles}
    yield from withdrawals.of(
        article for article in articles if article.id in carried and not takes_back(slot, article)
    )
    yield from withdrawals.number(len(editions))
    for edition in editions:
        if edition.articles:
            yield from check_rendered(edition, journal)
