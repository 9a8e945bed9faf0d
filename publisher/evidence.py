"""The sequences about sources and corrections that the CLI and the scheduler share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from publisher import correct, watch
from publisher.app import App
from publisher.domain.article import Article
from publisher.domain.issue import Issue
from publisher.ports import Library


def watch_sources(app: App, library: Library) -> tuple[watch.Fallen, ...]:
    """Retracted works that issues carried, and who received them. Changes nothing."""
    slugs = [newsletter.slug for newsletter in app.journal.newsletters]
    return watch.watch(library, app.store, app.retractions, slugs)


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
