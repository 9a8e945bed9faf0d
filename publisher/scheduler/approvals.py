"""Drafts that wait for a person: staff get the whole of each, once for each of its contents."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta

from publisher.app import App
from publisher.checks import edition as edition_checks
from publisher.checks import withdrawals
from publisher.domain.article import by_id
from publisher.domain.finding import Finding
from publisher.domain.issue import Issue, IssueState
from publisher.domain.reach import takes_back
from publisher.formats import approval, catalogue
from publisher.ports import Library
from publisher.scheduler.alerts import Alert

VERSIONS = "edition-articles"
"""A finding about articles edited since: the mail shows what is frozen, and that is asked about."""


def requests(
    app: App, library: Library, cutoff: timedelta, told: Collection[str]
) -> Iterator[Alert]:
    """A request for each draft; an edit makes a new one, because it is another mail by then.

    `told` are keys of alerts that staff have: those drafts are not read again.
    """
    for issue in app.store.issues.list(states=(IssueState.DRAFT,)):
        key = f"approval:{issue.id}:{issue.hash[: approval.SHORT]}"
        if issue.number is not None and key not in told:
            yield _request(app, library, issue, cutoff, key)


def _request(app: App, library: Library, issue: Issue, cutoff: timedelta, key: str) -> Alert:
    editions = [each for each in app.store.issues.editions(issue.id) if each.articles]
    known = by_id(library.articles)
    titles = [
        known[article_id].title if article_id in known else article_id
        for article_id, _ in editions[0].articles
    ]
    templates = app.templates.load()
    found: dict[Finding, None] = dict.fromkeys(withdrawals.number(len(editions)))
    for each in editions:
        articles = tuple(known[a] for a, _ in each.articles if a in known)
        spoken = catalogue.of(templates, each.language)
        found |= dict.fromkeys(
            edition_checks.check(
                each,
                app.journal,
                articles,
                library.register,
                spoken,
                withdrawal=any(takes_back(issue.slot, article) for article in articles),
            )
        )
    paths = {known[a].path for a, _ in editions[0].articles if a in known}
    own = [finding for finding in library.findings if finding.place.path in paths]
    subject, text, html = approval.request(
        issue,
        editions,
        app.journal,
        titles=titles,
        findings=[*own, *(finding for finding in found if finding.rule != VERSIONS)],
        until=max(issue.slot_at, issue.planned_at) + cutoff,
    )
    return Alert(key, subject, text, html)
