"""Pages of the site, and what feeds carry of an article, through the templates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from markupsafe import Markup, escape

from publisher.domain.article import Article, Correction, Source, Withdrawal
from publisher.domain.journal import Category, Journal, Newsletter
from publisher.domain.retraction import Register
from publisher.domain.template import TemplateSet
from publisher.errors import PublisherError
from publisher.formats import catalogue, channel, colours, jsonld, metatags, opml, standing
from publisher.formats.channel import Channel
from publisher.formats.copies import IN_YOUR_COPY
from publisher.formats.feed import cleaned
from publisher.formats.picture import Picture
from publisher.formats.templating import environment, render
from publisher.formats.works import Summary

if TYPE_CHECKING:
    from publisher.formats.translating import SpokenEnvironment

FRONT = 25
"""How many articles the front page shows: one large, the others in a grid."""
CARDS = 24
"""How many articles a category page shows with their summaries; the others by title."""

SOURCES = "/sources/"
OFTEN = (
    *("base", "article", "feed-content"),
    *("_parts", "_links", "_masthead", "_foot", "_source", "_backlinks"),
)
"""Templates that every article needs."""

Absolute = Callable[[str, str], str]
"""`(html, base_url) → html`: every relative URL made absolute."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the page of past issues."""

    path: str
    number: int
    subject: str
    slot_at: datetime


def ready(journal: Journal, templates: TemplateSet) -> None:
    """Compile what every article needs. What cannot be compiled is left to who needs it."""
    from jinja2 import TemplateError as JinjaError

    with suppress(PublisherError, JinjaError):
        spoken = catalogue.spoken(templates, None, journal.language)
        env = environment(templates, language=spoken, zone=journal.zone)
        for name in OFTEN:
            env.get_template(f"site/{name}.html")


class Pages:
    """Renders every page of one build. Templates are compiled once, at their first use.

    `pictures` holds the picture of each article by id (None: it has none); `assets` are the
    files that pages refer to by a name with a version; `register` knows how works stand.
    `ground` is the hash of what every page depends on, for those who keep what they made.
    Every method raises TemplateError.
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
        register: Register | None = None,
    ) -> None:
        self._register = register or Register()
        self.ground = ""
        self._journal = journal
        self._templates = templates
        self._pictures = pictures
        self._assets = assets
        self._base = urlsplit(journal.url).path
        self._logo = journal.url + quote(logo.path) if logo else None
        self._shown: dict[str, object] = {
            "journal": journal,
            "href": lru_cache(maxsize=1024)(self._href),
            "asset": self._asset,
            "pictures": pictures,
            "icon": icon,
            "logo": logo,
            "feeds": channel.of_journal(journal).links(journal),
            "links": self._links,
            "opml": f"/{opml.PATH}",
            "opml_type": opml.TYPE,
            "light": colours.light(journal.colours),
            "dark": colours.dark(journal.colours),
        }
        self._instead: dict[str, str] = {}
        self._environments: dict[str | None, SpokenEnvironment] = {}

    def issue_notice(
        self, noticed: Sequence[tuple[Article, Sequence[Correction]]], language: str
    ) -> str:
        """What stands above an issue's page: its articles that were corrected since."""
        return render(
            self._in(language), self._templates, "site/_issue-notice.html", noticed=noticed
        )

    def article(self, article: Article, *, overdue: bool = False) -> bytes:
        """An article's own page; `overdue` says that a review was due before today."""
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
            notes=self.notes(article),
            overdue=overdue,
            category=journal.category(article.category),
            schemas=metatags.SCHEMAS,
            metatags=metatags.of(journal, article),
            image=picture,
            follow=self._links(channel.of_category(journal, journal.category(article.category))),
        )

    def notes(self, article: Article) -> tuple[str, ...]:
        """What stands beside each of its sources; empty where all of them are clear."""
        if not self._register.concerns(article):
            return ()
        return standing.notes(article, self._register, self._in(article.language).catalogue)

    def note(self, source: Source) -> str:
        """The same for one source, in the journal's language."""
        return standing.note(source, self._register, self._in().catalogue)

    def sources(self, works: Summary) -> bytes:
        """The page that says how sources are checked, when that was done, and what it found."""
        words = self._in().catalogue
        return self._page(
            "sources",
            path=SOURCES,
            here=SOURCES,
            title=words.gettext("How sources are checked"),
            description=words.gettext(
                "Which works %(journal)s cites, and how they stand.", journal=self._journal.title
            ),
            works=works,
            snapshot=self._register.snapshot,
        )

    def withdrawn(self, article: Article, withdrawal: Withdrawal) -> bytes:
        """The page of an article that was taken back: what it was, when and why."""
        return self._page(
            "withdrawn",
            path=None,
            title=self.withdrawn_title(article),
            language=article.language,
            article=article,
            withdrawal=withdrawal,
        )

    def withdrawn_title(self, article: Article) -> str:
        """What a withdrawn article is called, in pages and feeds, in its own language."""
        words = self._in(article.language).catalogue
        return words.gettext("Withdrawn: %(title)s", title=article.title)

    def in_your_copy(self, language: str) -> str:
        """What an issue's page says in the place of the unsubscribe link."""
        if (said := self._instead.get(language)) is None:
            spoken = catalogue.spoken(self._templates, language, self._journal.language)
            said = catalogue.of(self._templates, spoken).gettext(IN_YOUR_COPY)
            self._instead[language] = said
        return said

    def moved(self, article: Article) -> bytes:
        """The page at a former address of the article, for hosts that cannot redirect."""
        path = self._journal.article_path(article)
        return self._page(
            "moved",
            path=path,
            title=article.title,
            description=article.summary,
            article=article,
            target=self._journal.url + path,
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
            follow=self._links(channel.of_category(self._journal, category)),
        )

    def issues(self, newsletters: Sequence[tuple[Newsletter, Sequence[Listed]]]) -> bytes:
        """The page of past issues, newest first under each newsletter."""
        words = self._in().catalogue
        return self._page(
            "issues",
            path="/issues/",
            here="/issues/",
            title=words.gettext("Past issues"),
            description=words.gettext(
                "Every issue of %(journal)s, as it was sent.", journal=self._journal.title
            ),
            newsletters=newsletters,
            follow=tuple(
                link
                for newsletter, _ in newsletters
                for link in self._links(channel.of_newsletter(self._journal, newsletter))
            ),
        )

    def newsletter(self, newsletter: Newsletter, listed: Sequence[Listed]) -> bytes:
        """The page of one newsletter's past issues, newest first."""
        path = self._journal.newsletter_path(newsletter.slug)
        return self._page(
            "newsletter",
            path=path,
            here=path,
            title=newsletter.title,
            description=newsletter.description,
            newsletter=newsletter,
            listed=listed,
            follow=self._links(channel.of_newsletter(self._journal, newsletter)),
        )

    def feeds(self, channels: Sequence[Channel]) -> bytes:
        """The page that says in plain words how to follow the journal."""
        words = self._in().catalogue
        return self._page(
            "feeds",
            path="/feeds/",
            here="/feeds/",
            title=words.gettext("How to follow"),
            description=words.gettext(
                "How to hear of new articles in %(journal)s.", journal=self._journal.title
            ),
            channels=channels,
        )

    def missing(self) -> bytes:
        """The page for an address that leads nowhere; it has no address of its own."""
        return self._page("404", path=None, title=self._in().catalogue.gettext("Page not found"))

    def feed_content(self, article: Article, absolute: Absolute, *, whole: bool = True) -> str:
        """What feeds carry: body, questions, takeaway, sources, corrections, disclaimer.

        Sanitised HTML in which every URL is absolute; marks of citations lead to the page. An
        article too long for feeds is not carried `whole`: its summary stands for the body.
        """
        url = self._journal.article_url(article)
        questions = article.questions if whole else ()
        return render(
            self._in(article.language),
            self._templates,
            "site/feed-content.html",
            article=article,
            notes=self.notes(article),
            whole=whole,
            url=url,
            image=self._pictures[article.id],
            body_html=absolute(article.body_html, url) if whole else "",
            questions=[(q.question, absolute(q.answer_html, url)) for q in questions],
        )

    def feed_notice(self, article: Article, withdrawal: Withdrawal) -> str:
        """What feeds carry in the place of an article that was taken back."""
        return render(
            self._in(article.language),
            self._templates,
            "site/feed-withdrawn.html",
            article=article,
            withdrawal=withdrawal,
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
        follow: Sequence[channel.Link] = (),
        **context: object,
    ) -> bytes:
        env = self._in(language)
        spoken = language or self._journal.language
        own = self._journal.url + path if path is not None else None
        text = render(
            env,
            self._templates,
            f"site/{name}.html",
            here=here,
            title=title,
            description=description,
            canonical=canonical or own,
            attributes=catalogue.attributes(spoken, env.language),
            og_locale=spoken.replace("-", "_") if "-" in spoken else None,
            jsonld=jsonld.render(graph) if graph else None,
            follow=follow,
            **context,
        )
        return cleaned(text)

    def _links(self, followed: Channel) -> tuple[channel.Link, ...]:
        return followed.links(self._journal)

    def _in(self, language: str | None = None) -> SpokenEnvironment:
        """What renders in `language`, or in the journal's where there is no catalogue for it."""
        if (found := self._environments.get(language)) is not None:
            return found
        spoken = catalogue.spoken(self._templates, language, self._journal.language)
        if (found := self._environments.get(spoken)) is None:
            found = environment(self._templates, language=spoken, zone=self._journal.zone)
            found.globals.update(
                self._shown,
                once=lru_cache(maxsize=1024)(partial(self._once, found)),
                cited=lru_cache(maxsize=1024)(partial(self._cited, found)),
                backlinks=lru_cache(maxsize=1024)(partial(self._backlinks, found)),
            )
            self._environments[spoken] = found
        self._environments[language] = found
        return found

    def _once(self, env: SpokenEnvironment, name: str, here: str | None = None) -> Markup:
        """A part that many pages share; `here` is the page that its links lead to, if any."""
        # The templates have escaped what is in it already.
        return Markup(render(env, self._templates, name, here=here))  # noqa: S704 - as said above

    def _cited(self, env: SpokenEnvironment, source: Source, note: str = "") -> Markup:
        """A source as page and feeds name it; `note` says how it stands now."""
        made = render(env, self._templates, "site/_source.html", source=source, note=note)
        return Markup(made)  # noqa: S704 - the template has escaped what is in it

    def _backlinks(self, env: SpokenEnvironment, number: int, uses: int) -> Markup:
        """What leads from source `number` back to where it is mentioned, `uses` times."""
        made = render(env, self._templates, "site/_backlinks.html", number=number, uses=uses)
        return Markup(made)  # noqa: S704 - the template has escaped what is in it

    def _href(self, path: str) -> Markup:
        """A path of the site as pages link to it, below the journal's URL."""
        return escape(self._base + quote(path, safe="/?=&#%"))

    def _asset(self, name: str) -> str:
        """A file's address with its version, so that caches may keep it for good."""
        version = hashlib.sha256(self._assets.get(name, b"")).hexdigest()[:10]
        return f"{self._href('/' + name)}?v={version}"
