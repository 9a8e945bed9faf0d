"""The sequences about sources and corrections that the CLI and the scheduler share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from publisher import watch
from publisher.app import App
from publisher.domain.article import Article
from publisher.domain.issue import Issue
from publisher.domain.refreshing import Attempt, due_at
from publisher.domain.retraction import Snapshot, cited
from publisher.errors import PublisherError, StoreError
from publisher.ports import Library
from publisher.settings import Settings

if TYPE_CHECKING:
    from publisher import correct


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


def origin(settings: Settings) -> str:
    """Where the data of retractions come from: an address, or a place from the journal's folder."""
    given = settings.retractions
    return given if "://" in given else str(settings.root / given)


def refresh_due(app: App, now: datetime) -> bool:
    """Whether the settings want the data of retractions to be loaded again at `now`."""
    every = app.settings.refresh_every
    if every is None:
        return False
    try:
        snapshot = app.retractions.snapshot()
    except StoreError:
        snapshot = None  # spoilt: others must come in its place
    at = due_at(app.retractions.attempt(), snapshot, every)
    return at is None or at <= now


def refresh_sources(app: App, now: datetime) -> Snapshot | Attempt | None:
    """Load the data again; what there are now, the failure, or None: another process does it.

    The old data stay where that fails, and the failure is kept for `status`. Raises StoreError
    where not even that can be.
    """
    with app.retractions.turn() as ours:
        if not ours or not refresh_due(app, now):
            return None
        try:
            return app.retractions.refresh(origin(app.settings), now)
        except PublisherError as error:
            return app.retractions.failed(str(error), now)


def trace_correction(app: App, article: Article) -> correct.Trace:
    """Who received the article without its newest correction. Raises UsageError."""
    from publisher import correct

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
    from publisher import correct

    return correct.plan(
        found,
        journal=app.journal,
        library=app.content.load() if library is None else library,
        templates=app.templates.load(),
        store=app.store,
        now=now,
        nonce=nonce,
    )
