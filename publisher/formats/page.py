"""Pages of the site, and what feeds carry of an article, through the templates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

from markupsafe import Markup, escape

from publisher.domain.article import Article
from publisher.domain.journal import Category, Journal, Newsletter
from publisher.domain.template import TemplateSet
from publisher.formats import atom, colours, jsonfeed, jsonld, rss
from publisher.formats.feed import clean
from publisher.formats.picture import Picture
from publisher.formats.templating import environment, locale, render

FRONT = 25
"""How many articles the front page shows: one large, the others in a grid."""
CARDS = 24
"""How many articles a category page shows with their summaries; the others by title."""

Absolute = Callable[[str, str], str]
"""`(html, base_url) → html`: every relative URL made absolute."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the page of past issues."""

    path: str
    number: int
    subject: str
    slot_at: datetime


class Pages:
    """Renders every page of one build. Templates are compiled once, at their first use.

    `pictures` holds the picture of each article by id (None: it has none); `assets` are the
    files that pages refer to by a name with a version. Every method raises TemplateError.
    """

    def __init__(
        self,
        journal: Journal,
        templates: TemplateSet,
        *,
        pictures: Mapping[str, Picture | None],
        assets: Mapping[str, bytes],
        icon: Picture | None = None,
        logo: Picture | None = None,
    ) -> None:
        self._journal = journal
        self._templates = templates
        self._pictures = pictures
        self._assets = assets
        self._base = urlsplit(journal.url).path
        self._logo = journal.url + quote(logo.path) if logo else None
        self._env = environment(templates, language=journal.language, zone=journal.zone)
        self._env.globals.update(
            journal=journal,
            once=lru_cache(maxsize=1024)(self._once),
            href=lru_cache(maxsize=1024)(self._href),
            asset=self._asset,
            pictures=pictures,
            icon=icon,
            logo=logo,
            feeds=_feeds(journal),
            light=colours.light(journal.colours),
            dark=colours.dark(journal.colours),
        )

    def article(self, article: Article) -> bytes:
        """An article's own page."""
        journal = self._journal
        picture = self._pictures[article.id]
        return self._page(
            "article",
            path=journal.article_path(article),
            title=article.title,
            description=article.summary,
            canonical=article.canonical_url,
            language=article.language,
            graph=jsonld.article_graph(journal, article, picture, self._logo),
            article=article,
            category=journal.category(article.category),
            image=picture,
        )

    def index(self, articles: Sequence[Article]) -> bytes:
        """The front page: the newest of `articles`, which come newest first."""
        return self._page(
            "index",
            path="/",
            here="/",
            description=self._journal.description,
            graph=jsonld.journal_graph(self._journal, self._logo),
            articles=articles[:FRONT],
            more=len(articles) > FRONT,
        )

    def category(self, category: Category, articles: Sequence[Article]) -> bytes:
        """All articles of one category, newest first."""
        return self._page(
            "category",
            path=self._journal.category_path(category.slug),
            here=self._journal.category_path(category.slug),
            title=category.title,
            description=category.description or f"{category.title}: {self._journal.title}",
            category=category,
            articles=articles[:CARDS],
            earlier=articles[CARDS:],
        )

    def issues(self, newsletters: Sequence[tuple[Newsletter, Sequence[Listed]]]) -> bytes:
        """The page of past issues, newest first under each newsletter."""
        return self._page(
            "issues",
            path="/issues/",
            here="/issues/",
            title="Past issues",
            description=f"Every issue of {self._journal.title}, as it was sent.",
            newsletters=newsletters,
        )

    def missing(self) -> bytes:
        """The page for an address that leads nowhere; it has no address of its own."""
        return self._page("404", path=None, title="Page not found")

    def feed_content(self, article: Article, absolute: Absolute) -> str:
        """What feeds carry: body, questions, takeaway, sources, corrections, disclaimer.

        Sanitised HTML in which every URL is absolute; marks of citations lead to the page.
        """
        url = self._journal.article_url(article)
        return render(
            self._env,
            self._templates,
            "site/feed-content.html",
            article=article,
            image=self._pictures[article.id],
            body_html=absolute(article.body_html, url),
            questions=[(q.question, absolute(q.answer_html, url)) for q in article.questions],
        )

    def _page(
        self,
        name: str,
        *,
        path: str | None,
        here: str | None = None,
        title: str = "",
        description: str = "",
        canonical: str | None = None,
        language: str | None = None,
        graph: list[dict[str, object]] | None = None,
        **context: object,
    ) -> bytes:
        spoken = language or self._journal.language
        own = self._journal.url + path if path is not None else None
        text = render(
            self._env,
            self._templates,
            f"site/{name}.html",
            here=here,
            title=title,
            description=description,
            canonical=canonical or own,
            language=spoken,
            direction=locale(spoken).text_direction,
            og_locale=spoken.replace("-", "_") if "-" in spoken else None,
            jsonld=jsonld.render(graph) if graph else None,
            **context,
        )
        return clean(text).encode()

    def _once(self, name: str, here: str | None = None) -> Markup:
        """A part that many pages share; `here` is the page that its links lead to, if any."""
        # The templates have escaped what is in it already.
        return Markup(render(self._env, self._templates, name, here=here))  # noqa: S704

    def _href(self, path: str) -> Markup:
        """A path of the site as pages link to it, below the journal's URL."""
        return escape(self._base + quote(path, safe="/?=&#%"))

    def _asset(self, name: str) -> str:
        """A file's address with its version, so that caches may keep it for good."""
        version = hashlib.sha256(self._assets.get(name, b"")).hexdigest()[:10]
        return f"{self._href('/' + name)}?v={version}"


def _feeds(journal: Journal) -> list[dict[str, str]]:
    return [
        {"name": "RSS", "type": rss.TYPE, "url": f"{journal.url}/feed.xml"},
        {"name": "Atom", "type": atom.TYPE, "url": f"{journal.url}/atom.xml"},
        {"name": "JSON Feed", "type": jsonfeed.TYPE, "url": f"{journal.url}/feed.json"},
    ]
