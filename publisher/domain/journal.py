"""The publication itself and the newsletters it offers, as the settings describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from publisher.domain.article import Article, Evidence
from publisher.domain.cadence import Cadence, Slot, opens_at
from publisher.domain.retraction import SourcePolicy


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and an address, as in From."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Category:
    """What an article is filed under; the slug is used in files and URLs."""

    slug: str
    title: str
    description: str = ""
    notice: str = ""  # what stands in every rendering of its articles


@dataclass(frozen=True, slots=True)
class Colours:
    """The journal's colours as `#rrggbb`, light and dark."""

    accent: str = "#0b5c6b"
    accent_dark: str = "#7fd0de"
    text: str = "#1c2a30"
    paper: str = "#ffffff"
    tint: str = "#eaf3f4"


class Approval(StrEnum):
    """Whether an issue goes by itself or waits for a person."""

    AUTOMATIC = "automatic"
    REQUIRED = "required"


class Welcome(StrEnum):
    """What a new reader is sent after confirming."""

    NONE = "none"
    MAIL = "mail"
    ISSUE = "issue"  # with a link to the latest issue


@dataclass(frozen=True, slots=True)
class Newsletter:
    """What people subscribe to. `topics` are category slugs; empty offers all of them.

    `cadences` are offered in this order, the first is the default. `transport` names a route, or
    a transport alone. `lead` is how long before
    its slot an issue is planned. `since` bounds the first issue (default: one cadence before
    its slot).
    """

    slug: str
    title: str
    description: str
    list_id: str
    cadences: tuple[Cadence, ...]
    topics: tuple[str, ...] = ()
    minimum: int = 1
    maximum: int = 8
    since: datetime | None = None
    approval: Approval = Approval.AUTOMATIC
    lead: timedelta = timedelta(0)
    transport: str = "default"
    sender: Mailbox | None = None
    welcome: Welcome = Welcome.NONE
    local_time: bool = False  # each reader gets it at the slot's time where they live
    greeting: bool = False  # its mails begin with the reader's name
    overdue: bool = True  # whether its digests take articles whose review is overdue

    def opens_at(self, slot: Slot) -> datetime:
        """When the first reader may get what this slot makes."""
        return opens_at(slot, local_time=self.local_time)


@dataclass(frozen=True, slots=True)
class Checks:
    """What a journal decides about the checks of its mails.

    `words` are those of advertising (`cur*`: every word that begins so); `off` are ids of rules;
    the rest is how `check --external` asks other sites.
    """

    words: tuple[str, ...] = (
        *("breakthrough*", "game-changer*", "game-changing", "guaranteed", "miracle*"),
        *("miraculous*", "cure", "cures", "cured", "curing", "revolutionary", "wonder drug*"),
        *("magic bullet*", "risk-free", "100% safe", "completely safe", "no side effects"),
    )
    off: tuple[str, ...] = ()
    link_delay: timedelta = timedelta(seconds=1)  # between two requests to one host
    link_timeout: timedelta = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Journal:
    """Identity of the publication. `url` and `app_url` have no trailing slash.

    `url` is where pages and feeds live; `app_url` where forms and tokens are answered
    (the same, unless the site is on a static host).
    """

    title: str
    url: str
    description: str
    language: str
    time_zone: str
    disclaimer: str
    postal_address: str
    sender: Mailbox
    categories: tuple[Category, ...]
    newsletters: tuple[Newsletter, ...]
    app_url: str
    reply_to: Mailbox | None = None
    staff: str | None = None
    unsubscribe_mailbox: str | None = None
    method_url: str | None = None  # the page that says how sources are chosen and graded
    colours: Colours = field(default_factory=Colours)
    logo: str | None = None
    icon: str | None = None
    grades: Mapping[Evidence, str] = field(default_factory=dict)
    words_per_minute: int = 220
    feed_items: int = 50
    checks: Checks = field(default_factory=Checks)
    hub: str | None = None  # WebSub: announced in the feeds, told when one of them changes
    sources: SourcePolicy = field(default_factory=SourcePolicy)
    id: str | None = None  # what feed readers know the journal by, wherever it lives

    @property
    def zone(self) -> ZoneInfo:
        """The journal's time zone."""
        return ZoneInfo(self.time_zone)

    def day(self, now: datetime) -> date:
        """The civil date at `now` where the journal is."""
        return now.astimezone(self.zone).date()

    @property
    def permanent_id(self) -> str:
        """The id of the journal's feed. Without one in the settings, the address has to do."""
        return self.id or f"{self.url}/"

    def category(self, slug: str) -> Category:
        """The category with this slug; KeyError when there is none."""
        for category in self.categories:
            if category.slug == slug:
                return category
        raise KeyError(slug)

    def newsletter(self, slug: str) -> Newsletter:
        """The newsletter with this slug; KeyError when there is none."""
        for newsletter in self.newsletters:
            if newsletter.slug == slug:
                return newsletter
        raise KeyError(slug)

    # Paths are decided here once, so that pages, feeds and mails cannot disagree.

    def article_path(self, article: Article) -> str:
        """`/articles/SLUG/`."""
        return f"/articles/{article.slug}/"

    def article_url(self, article: Article) -> str:
        """Absolute URL of the article's page."""
        return self.url + self.article_path(article)

    def category_path(self, slug: str) -> str:
        """`/categories/SLUG/`."""
        return f"/categories/{slug}/"

    def newsletter_path(self, slug: str) -> str:
        """`/issues/NEWSLETTER/`: the past issues of one newsletter, and its feeds."""
        return f"/issues/{slug}/"

    def issue_path(self, newsletter: str, number: int) -> str:
        """`/issues/NEWSLETTER/NUMBER/`: the archive page of a sent issue."""
        return f"/issues/{newsletter}/{number}/"

    def image_path(self, path: str) -> str:
        """`/images/…`: where a picture from content/ is served."""
        return "/" + path if path.startswith("images/") else f"/images/{path}"
