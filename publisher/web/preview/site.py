"""The journal's own pages within the preview: every article in order, drafts and scheduled too."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from publisher.build import prepare
from publisher.building import archived
from publisher.domain.article import Article
from publisher.domain.leaf import Leaves
from publisher.errors import StoreError
from publisher.ports import Library
from publisher.web.preview.reading import Reading


def pages(reading: Reading, url: str) -> Leaves:
    """The site as it will be once everything is published, at `url`; made page by page.

    Articles whose findings stand in the way of a page are left out. Raises BlockedByFindings,
    SettingsError; making a page raises TemplateError.
    """
    if reading.templates is None:
        return Leaves({})
    journal = replace(reading.app.journal, url=url, app_url=url, hub=None)
    known = {category.slug for category in journal.categories}
    images = reading.library.images
    articles = tuple(
        _published(article, reading.now)
        for article in reading.library.articles
        if article.category in known and (not article.image or article.image.path in images)
    )
    try:
        issues = archived(reading.app.store)
    except StoreError:
        issues = ()
    library = Library(articles, (), images, reading.library.register)
    return prepare(journal, library, reading.templates, issues, reading.now)


def _published(article: Article, now: datetime) -> Article:
    if article.has_appeared(now):
        return article
    return replace(
        article,
        draft=False,
        published_at=min(article.published_at, now),
        updated_at=min(article.updated_at, now),
    )
