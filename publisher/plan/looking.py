"""What comes next, for looking at: nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from publisher.domain.article import Article
from publisher.domain.cadence import Cadence, CadenceKind, Slot
from publisher.domain.issue import Issue, IssueState
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.template import TemplateSet
from publisher.plan.digesting import Preview, preview
from publisher.plan.slots import slot_id
from publisher.ports import Issues

OVER = (IssueState.FINISHED, IssueState.SKIPPED)
"""States of an issue after which the next slot is the one to look at."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next slot of a newsletter's cadence: the issue on record, else what planning would give.

    `slot` is None where each article is sent by itself and none waits.
    """

    newsletter: Newsletter
    cadence: Cadence
    slot: Slot | None = None
    issue: Issue | None = None
    preview: Preview | None = None


def upcoming(
    journal: Journal,
    issues: Issues,
    articles: Iterable[Article],
    seen: Mapping[str, datetime],
    templates: TemplateSet,
    now: datetime,
    cutoff: timedelta,
) -> Iterator[Upcoming]:
    """The next issue of each newsletter and cadence, in the order of the settings."""
    known = tuple(articles)
    for newsletter in journal.newsletters:
        for cadence in newsletter.cadences:
            if cadence.kind is CadenceKind.EACH:
                yield _each(journal, newsletter, cadence, issues, known, seen, templates, now)
                continue
            slot = _slot(journal, newsletter, cadence, issues, now, cutoff)
            issue = issues.find(slot_id(newsletter, cadence, slot))
            if issue is not None and issue.state is not IssueState.SKIPPED:
                yield Upcoming(newsletter, cadence, slot, issue)
                continue
            made = preview(
                newsletter,
                cadence,
                slot,
                journal=journal,
                articles=known,
                seen=seen,
                templates=templates,
                issues=issues,
                now=now,
            )
            yield Upcoming(newsletter, cadence, slot, None, made)


def _slot(
    journal: Journal,
    newsletter: Newsletter,
    cadence: Cadence,
    issues: Issues,
    now: datetime,
    cutoff: timedelta,
) -> Slot:
    """The one that `issue plan` means, unless its issue is over: then the next."""
    until = now + newsletter.lead
    for slot in reversed(list(cadence.slots(now - cutoff, until, journal.zone))):
        issue = issues.find(slot_id(newsletter, cadence, slot))
        if issue is None or issue.state not in OVER:
            return slot
    return cadence.next(until, journal.zone)


def _each(
    journal: Journal,
    newsletter: Newsletter,
    cadence: Cadence,
    issues: Issues,
    articles: Iterable[Article],
    seen: Mapping[str, datetime],
    templates: TemplateSet,
    now: datetime,
) -> Upcoming:
    """The first article that is scheduled and that this newsletter offers."""
    coming = sorted(
        (
            article
            for article in articles
            if article.published_at > now
            and not article.draft
            and (not newsletter.topics or article.category in newsletter.topics)
        ),
        key=lambda article: (article.published_at, article.id),
    )
    for article in coming:
        slot = Slot(article.id, article.published_at)
        issue = issues.find(slot_id(newsletter, cadence, slot))
        if issue is not None:
            return Upcoming(newsletter, cadence, slot, issue)
        made = preview(
            newsletter,
            cadence,
            slot,
            journal=journal,
            articles=[article],
            seen=seen,
            templates=templates,
            issues=issues,
            now=now,
        )
        return Upcoming(newsletter, cadence, slot, None, made)
    return Upcoming(newsletter, cadence)
