"""What one may follow: the journal, a category or a newsletter, each in three formats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from publisher.domain.journal import Category, Journal, Newsletter
from publisher.formats import atom, jsonfeed, rss
from publisher.formats.feed import Addresses, Feed, Item, clean

FORMATS = (
    ("RSS", "feed.xml", rss.TYPE),
    ("Atom", "atom.xml", atom.TYPE),
    ("JSON Feed", "feed.json", jsonfeed.TYPE),
)
"""Name, file and media type of each format."""


@dataclass(frozen=True, slots=True)
class Link:
    """A feed as pages link to it."""

    name: str
    type: str
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Channel:
    """One thing to follow. `path` (`/categories/SLUG/`) is its page's and that of its feeds.

    `id` is what feed readers know it by, whatever address it has.
    """

    id: str
    path: str
    title: str
    description: str

    def addresses(self, journal: Journal) -> Addresses:
        """Where its feeds are."""
        base = f"{journal.url}{self.path}"
        return Addresses(*(base + file for _, file, _ in FORMATS))

    def links(self, journal: Journal) -> tuple[Link, ...]:
        """Its feeds, for autodiscovery and for people."""
        base = f"{journal.url}{self.path}"
        return tuple(
            Link(name, kind, base + file, f"{self.title} ({name})") for name, file, kind in FORMATS
        )

    def feed(
        self,
        journal: Journal,
        items: Iterable[Item] = (),
        *,
        icon: str | None = None,
        logo: str | None = None,
    ) -> Feed:
        """Its feed with these items, newest first. `icon` and `logo` are absolute URLs."""
        own = self.addresses(journal)
        return Feed(
            id=self.id,
            title=clean(self.title),
            description=clean(self.description),
            home_url=f"{journal.url}{self.path}",
            rss_url=own.rss,
            atom_url=own.atom,
            json_url=own.json,
            language=journal.language,
            author=clean(journal.title),
            items=tuple(items),
            icon=icon,
            logo=logo,
            hub=journal.hub,
        )


def of_journal(journal: Journal) -> Channel:
    """Every article."""
    return Channel(journal.permanent_id, "/", journal.title, journal.description)


def of_category(journal: Journal, category: Category) -> Channel:
    """The articles of one category."""
    title = f"{journal.title}: {category.title}"
    path = journal.category_path(category.slug)
    return Channel(_below(journal, path), path, title, category.description or title)


def of_newsletter(journal: Journal, newsletter: Newsletter) -> Channel:
    """The issues of one newsletter."""
    title = f"{journal.title}: {newsletter.title}"
    path = journal.newsletter_path(newsletter.slug)
    return Channel(_below(journal, path), path, title, newsletter.description)


def issue_id(journal: Journal, newsletter: str, number: int) -> str:
    """What feed readers know an issue by."""
    return _below(journal, journal.issue_path(newsletter, number))


def every(journal: Journal) -> tuple[Channel, ...]:
    """All there is to follow: the journal first, then categories and newsletters in order."""
    return (
        of_journal(journal),
        *(of_category(journal, category) for category in journal.categories),
        *(of_newsletter(journal, newsletter) for newsletter in journal.newsletters),
    )


def _below(journal: Journal, path: str) -> str:
    return journal.permanent_id.rstrip("/") + path.rstrip("/")
