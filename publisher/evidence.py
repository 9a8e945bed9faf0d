"""The sequences about sources and corrections that the CLI and the scheduler share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from publisher import correct, watch
from publisher.app import App
from publisher.domain.article import Article
from publisher.domain.issue import Issue
from publisher.domain.retraction import cited
from publisher.ports import Library


def watch_sources(app: App, library: Library) -> tuple[watch.Fallen, ...]:
    """Retracted works that issues carried, and who received them. Changes nothing."""
    slugs = [newsletter.slug for newsletter in app.journal.newsletters]
    return watch.watch(library, app.store, app.retractions, slugs)


def put_down_sources(app: App, library: Library, now: datetime) -> tuple[watch.Fallen, ...]:
    """`watch_sources`, and the ledger is told which data there are and what they newly found.

    Sources of what issues of old carried are put down where the file is still as it was then.
    """
    citations = app.store.citations
    if bare := frozenset(citations.unsourced()):
        same = [a for a in library.articles if (a.id, a.version) in bare]
        citations.put_down(cited(same))
    snapshot = app.retractions.snapshot()
    if snapshot is not None:
        app.store.ledger.loaded(snapshot, now)
    found = watch_sources(app, library)
    for each in found:
        event = each.status.event
        details = {
            "on": event.on.isoformat() if event and event.on else None,
            "record": event.record if event else None,
            "data": snapshot.sha256 if snapshot else None,
            "articles": [[s.article_id, v] for s in each.spread for v in s.faulty.versions],
            "issues": sorted({issue.id for s in each.spread for issue in s.issues}),
        }
        app.store.ledger.found(each.name, details, now)
    return found


def trace_correction(app: App, article: Article) -> correct.Trace:
    """Who received the article without its newest correction. Raises UsageError."""
    return correct.trace(article, app.journal, app.store.citations)


def plan_correction(
    app: App,
    found: correct.Trace,
    now: datetime,
    *,
    nonce: Callable[[], str],
    library: Library | None = None,
) -> tuple[Issue, ...]:
    """Drafts that tell everybody in `found`. See `correct.plan` for what it raises."""
    return correct.plan(
        found,
        journal=app.journal,
        library=app.content.load() if library is None else library,
        templates=app.templates.load(),
        store=app.store,
        now=now,
        nonce=nonce,
    )
