"""One feed as a value: what RSS, Atom and JSON Feed all say, so that they cannot disagree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from publisher.checks.text import is_sound, sound
from publisher.domain.article import Article, Source
from publisher.domain.journal import Journal
from publisher.formats import reference
from publisher.formats.picture import Picture

IDENTIFIERS = ("doi", "pmid", "pmcid", "isbn", "nct", "isrctn")

NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""When an empty feed was updated: a fixed instant that is no implausible one, never the clock's."""

_NOT_ALLOWED = "[^\t\n\r\x20-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]"


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that goes with an item: absolute URL, bytes, media type."""

    url: str
    length: int
    type: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A work that an item rests on. `citation` is it in the journal's style, plain; `identifiers`
    are (`doi`, its value) and so on; `note` says how it stands, where that is not clear.
    """

    url: str
    title: str
    year: int
    kind: str
    citation: str
    identifiers: tuple[tuple[str, str], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry. `content_html` is sanitised and holds absolute URLs only; the rest is plain.

    `categories` are what readers see: the category's title, then the tags. `language` is set
    where it differs from the feed's. `references` are its sources, in order; `about` is where
    people read what a program finds under that name.
    """

    id: str
    url: str
    title: str
    summary: str
    content_html: str
    published_at: datetime
    updated_at: datetime
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    language: str | None = None
    image: Enclosure | None = None
    references: tuple[Reference, ...] = ()
    about: str = ""

    @property
    def reference_urls(self) -> str:
        """The addresses of its sources, between spaces, which no address holds.

        RSS has them in one element: a second `dc:source` is an error to validators.
        """
        return " ".join(cited.url for cited in self.references)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the three formats of one document are served."""

    rss: str
    atom: str
    json: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A whole feed, items newest first. `home_url` is the page that it follows.

    `rss_url`, `atom_url` and `json_url` are where each format is served. `icon` and `logo`
    are absolute URLs. `author` stands for items that name none. `hub` is a WebSub hub.
    RFC 5005 §4: `archived` documents never change, `current` is the one that people subscribe
    to, `previous` the archived one before this and `following` the one after it.
    `changed_at` stands for the items' dates where the items themselves are elsewhere.
    """

    id: str
    title: str
    description: str
    home_url: str
    rss_url: str
    atom_url: str
    json_url: str
    language: str
    author: str
    items: tuple[Item, ...]
    icon: str | None = None
    logo: str | None = None
    hub: str | None = None
    current: Addresses | None = None
    previous: Addresses | None = None
    following: Addresses | None = None
    archived: bool = False
    changed_at: datetime | None = None

    @property
    def updated_at(self) -> datetime:
        """When its newest item was updated; `changed_at` where the items are not here."""
        return max((item.updated_at for item in self.items), default=self.changed_at or NEVER)


@cache
def _forbidden() -> re.Pattern[str]:
    # Compiled where it is wanted, because that takes milliseconds.
    return re.compile(_NOT_ALLOWED)


def clean(text: str) -> str:
    """Without the characters that XML 1.0 (§2.2) forbids or advises against: controls, lone
    surrogates, U+FFFE, the noncharacters U+FDD0 to U+FDEF.
    """
    return text if is_sound(text) else _forbidden().sub("", text)


def cleaned(text: str) -> bytes:
    """The same in UTF-8."""
    raw = sound(text)
    return _forbidden().sub("", text).encode() if raw is None else raw


def item(
    journal: Journal,
    article: Article,
    content_html: str,
    picture: Picture | None,
    notes: Sequence[str] = (),
) -> Item:
    """An article as a feed's entry. `content_html` is what `page.feed_content` rendered, `notes`
    what stands beside each of its sources.
    """
    category = journal.category(article.category).title
    language = article.language if article.language != journal.language else None
    return Item(
        id=article.id,
        url=article.canonical_url or journal.article_url(article),
        title=clean(article.title),
        summary=clean(article.summary),
        content_html=clean(content_html),
        published_at=article.published_at,
        updated_at=article.updated_at,
        authors=tuple(map(clean, article.authors)),
        categories=tuple(dict.fromkeys(map(clean, (category, *article.tags)))),
        language=language,
        image=Enclosure(journal.url + picture.path, picture.length, picture.type)
        if picture
        else None,
        references=tuple(
            _reference(source, notes[number] if notes else "")
            for number, source in enumerate(article.sources)
        ),
        about=f"{journal.url}/feeds/#sources",
    )


def _reference(source: Source, note: str) -> Reference:
    return Reference(
        url=clean(source.href),
        title=clean(source.title),
        year=source.year,
        kind=clean(source.kind),
        citation=clean(reference.text(source)),
        identifiers=tuple(
            (name, value) for name in IDENTIFIERS if (value := getattr(source, name)) is not None
        ),
        note=clean(note),
    )


def withdrawn(
    journal: Journal, article: Article, content_html: str, title: str, reason: str
) -> Item:
    """The notice that takes the place of an article: the same id, dated by the withdrawal."""
    return replace(
        item(journal, article, content_html, None),
        title=clean(title),
        summary=clean(reason),
        references=(),
    )
