"""What may stand in config/publisher.toml and in the environment, key by key.

Every key is also an environment variable: `PUBLISHER_` and the path in capitals, joined by
two underscores (`PUBLISHER_JOURNAL__TITLE`). A hyphen in a name is an underscore there.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    model_validator,
)

from publisher.domain import cadence
from publisher.domain.journal import Approval, Checks, Colours, Welcome
from publisher.formats import colours
from publisher.settings_forms import FormsTable
from publisher.settings_people import RetentionTable, SegmentTable
from publisher.settings_traffic import RouteTable, TransportTable
from publisher.settings_values import (
    Address,
    Colour,
    Domain,
    Duration,
    Line,
    Lines,
    Name,
    Rule,
    Selector,
    Slug,
    Table,
    Url,
    Words,
    a_cadence,
    dated,
    duration_or_never,
    language,
    listed,
    network,
    one_line,
    permanent,
    quoted,
    zone,
)

_CHECKS = Checks()
_COLOURS = Colours()
_USES = {
    "text": "the text",
    "muted": "small print",
    "accent": "a link or button",
    "warning": "a warning",
    "on_accent": "the words",
    "paper": "the page",
    "tint": "the tint",
}


class MailboxTable(Table):
    """A name and an address, as in From."""

    address: Address
    name: Annotated[str, Field(max_length=200), AfterValidator(one_line)] = ""


class ColoursTable(Table):
    """`#rrggbb`; legible where they are used (WCAG 2.2 AA: 4.5 to 1)."""

    accent: Colour = _COLOURS.accent
    accent_dark: Colour = _COLOURS.accent_dark
    text: Colour = _COLOURS.text
    paper: Colour = _COLOURS.paper
    tint: Colour = _COLOURS.tint

    @model_validator(mode="after")
    def _are_legible(self) -> ColoursTable:
        chosen = Colours(**self.model_dump())
        night = colours.dark(chosen)
        uses = [
            (name, getattr(self, name), ground, getattr(self, ground))
            for name in ("text", "accent")
            for ground in ("paper", "tint")
        ]
        uses += [
            ("accent_dark", self.accent_dark, "the dark page", night.paper),
            ("accent_dark", self.accent_dark, "the dark tint", night.tint),
        ]
        faint = [
            f"{name} on {ground} has a contrast of {ratio:.1f}"
            for name, colour, ground, behind in uses
            if (ratio := colours.contrast(colour, behind)) < colours.LEGIBLE
        ]
        # What is made of them: small print, warnings, the words of buttons, and all of the dark.
        faint = faint or [
            f"{_USES[name]} on {_USES[ground]} ({scheme}) has a contrast of {ratio:.1f}"
            for scheme, made in (("light", colours.light(chosen)), ("dark", night))
            for name, ground, ratio in colours.faint(made)
        ]
        if faint:
            raise ValueError(
                f"{'; '.join(faint)}: text needs {colours.LEGIBLE} or more to be read, "
                "so choose a darker or lighter colour"
            )
        return self


class GradesTable(Table):
    """What each grade of evidence means, in the journal's own words."""

    laboratory: Words | None = None
    early: Words | None = None
    moderate: Words | None = None
    strong: Words | None = None
    mixed: Words | None = None


class JournalTable(Table):
    """Who publishes."""

    title: Line
    url: Url
    description: Line
    language: Annotated[str, AfterValidator(language)]
    time_zone: Annotated[str, AfterValidator(zone)]
    disclaimer: Words
    postal_address: Words
    sender: MailboxTable
    app_url: Url | None = None
    reply_to: MailboxTable | None = None
    staff: Address | None = None
    unsubscribe_mailbox: Address | None = None
    method_url: Url | None = None
    logo: Line | None = None
    icon: Line | None = None
    words_per_minute: Annotated[int, Field(ge=50, le=1000)] = 220
    feed_items: Annotated[int, Field(ge=1, le=1000)] = 50
    id: Annotated[str, AfterValidator(permanent)] | None = None
    colours: ColoursTable = Field(default_factory=ColoursTable)
    grades: GradesTable = Field(default_factory=GradesTable)


class CategoryTable(Table):
    """What an article is filed under; its slug is the table's name."""

    title: Line
    description: Annotated[str, Field(max_length=1000)] = ""
    notice: Annotated[str, Field(max_length=1000)] = ""


class NewsletterTable(Table):
    """What people subscribe to; its slug is the table's name."""

    title: Line
    description: Line
    cadences: Annotated[
        tuple[Annotated[cadence.Cadence, BeforeValidator(a_cadence)], ...],
        BeforeValidator(listed),
        Field(min_length=1),
    ]
    list_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")] | None = None
    topics: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()
    minimum: Annotated[int, Field(ge=1, le=50)] = 1
    maximum: Annotated[int, Field(ge=1, le=50)] = 8
    since: Annotated[datetime | date, BeforeValidator(dated)] | None = None
    approval: Approval = Approval.AUTOMATIC
    lead: Duration | None = None
    transport: Annotated[tuple[Name, ...], BeforeValidator(listed)] = ()
    sender: MailboxTable | None = None
    local_time: bool = False
    greeting: bool = False
    overdue: bool = True
    welcome: Welcome = Welcome.NONE

    @model_validator(mode="after")
    def _holds_together(self) -> NewsletterTable:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is more than maximum {self.maximum}")
        kinds = [each.kind for each in self.cadences]
        if len(set(kinds)) < len(kinds):
            raise ValueError("cadences: offer each of weekly, monthly and each article once")
        return self


class DkimTable(Table):
    """The keys that sign the mails of one sender domain, the table's name."""

    selector: Selector
    rsa_key_file: Line | None = None
    ed25519_key_file: Line | None = None
    ed25519_selector: Selector | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> DkimTable:
        if not (self.rsa_key_file or self.ed25519_key_file):
            raise ValueError("name a key: rsa_key_file, ed25519_key_file or, better, both")
        both = self.rsa_key_file and self.ed25519_key_file
        if both and self.ed25519_selector in (None, self.selector):
            raise ValueError(
                "ed25519_selector: each key needs a selector of its own, for instance "
                f"{self.selector}-ed"
            )
        return self


class ChecksTable(Table):
    """What the checks of mails look for."""

    words: Lines = _CHECKS.words
    off: Annotated[tuple[Rule, ...], BeforeValidator(listed)] = ()
    link_delay: Annotated[Duration, Field(ge=timedelta(0))] = _CHECKS.link_delay
    link_timeout: Annotated[Duration, Field(ge=timedelta(seconds=1))] = _CHECKS.link_timeout


Refresh = Annotated[
    Annotated[timedelta, Field(ge=timedelta(hours=1))] | None, BeforeValidator(duration_or_never)
]


class SourcesTable(Table):
    """What holds for sources: where the data of retractions come from, when they are old, how
    works are cited, and who is asked about them.
    """

    retractions: Line = (
        "https://gitlab.com/crossref/retraction-watch-data/-/raw/main/retraction_watch.csv"
    )
    stale_after: Annotated[Duration, Field(ge=timedelta(days=1))] = timedelta(days=14)
    stale: Literal["warn", "block"] = "warn"
    refresh: Refresh = None
    style: Line = "vancouver"
    crossref: Url = "https://api.crossref.org"
    datacite: Url = "https://api.datacite.org"
    pubmed: Url = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
    contact: Address | None = None
    lookup_timeout: Annotated[Duration, Field(ge=timedelta(seconds=1))] = timedelta(seconds=20)
    lookup_delay: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(seconds=1)


class FeedsTable(Table):
    """What holds for every feed."""

    hub: Url | None = None


class PublishingTable(Table):
    """How pages become live."""

    command: Lines | None = None
    headers: Literal["nginx", "caddy", "netlify"] | None = None
    check_timeout: Duration = timedelta(seconds=10)


class DispatchingTable(Table):
    """Bounds of the outbox worker."""

    lease: Annotated[Duration, Field(ge=timedelta(seconds=5), le=timedelta(hours=1))] = timedelta(
        seconds=60
    )
    batch: Annotated[int, Field(ge=1, le=10_000)] = 200
    retry_limit: Duration = timedelta(hours=72)


class BouncesTable(Table):
    """When bounces end in a suppression, and how envelope senders are signed."""

    signed: bool = True
    delimiter: Literal["+", "-", "="] = "+"
    soft_sends: Annotated[int, Field(ge=1, le=100)] = 3
    soft_span: Duration = timedelta(days=14)
    block_limit: Annotated[int, Field(ge=1, le=10_000)] = 3


class ImapTable(Table):
    """A mailbox that is read over IMAP."""

    host: Line
    port: Annotated[int, Field(ge=1, le=65535)] = 993
    security: Literal["implicit", "starttls", "none"] = "implicit"
    username: Line
    password_file: Line
    folder: Line = "INBOX"
    ca_file: Line | None = None


class ListenTable(Table):
    """An SMTP or LMTP server for bounces alone."""

    protocol: Literal["smtp", "lmtp"] = "smtp"
    host: Line = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 2525


class InboundTable(Table):
    """Where mail comes in; each way is optional."""

    maildir: Line | None = None
    imap: ImapTable | None = None
    listen: ListenTable | None = None
    addresses: Annotated[tuple[Address, ...], BeforeValidator(listed)] = ()
    every: Annotated[Duration, Field(ge=timedelta(seconds=1))] = timedelta(minutes=1)
    delete: bool = False
    keep: Line = "var/inbound"


class ServingTable(Table):
    """The web app's address."""

    host: Line = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    trusted_proxies: Annotated[
        tuple[Annotated[str, AfterValidator(network)], ...], BeforeValidator(listed)
    ] = ()
    cache_control: Line = "public, max-age=300"
    metrics_token_file: Line | None = None


class Document(Table):
    """The whole file. Paths are relative to the journal's folder."""

    journal: JournalTable
    categories: Annotated[dict[Slug, CategoryTable], Field(min_length=1)]
    newsletters: dict[Slug, NewsletterTable] = Field(default_factory=dict)
    transports: dict[Name, TransportTable] = Field(default_factory=dict)
    routes: dict[Name, RouteTable] = Field(default_factory=dict)
    content: Line = "content"
    templates: Line = "templates"
    public: Line = "public"
    store: Line = "sqlite:///var/store.sqlite3"
    watermark: Line = "var/watermark"
    log: Literal["text", "json"] = "text"
    engine: Literal["embedded", "procrastinate"] = "embedded"
    secret_key_file: Lines = ("var/secret.key",)
    secret_key: SecretStr | None = None
    suppression_key_file: Lines = ("var/suppression.key",)
    suppression_key: SecretStr | None = None
    bounce_address: Address | None = None
    cutoff: Duration = timedelta(hours=48)
    correction_window: Annotated[Duration, Field(ge=timedelta(days=1))] = timedelta(days=1825)
    dkim: Annotated[dict[Domain, DkimTable], BeforeValidator(quoted)] = Field(default_factory=dict)
    checks: ChecksTable = Field(default_factory=ChecksTable)
    feeds: FeedsTable = Field(default_factory=FeedsTable)
    sources: SourcesTable = Field(default_factory=SourcesTable)
    publishing: PublishingTable = Field(default_factory=PublishingTable)
    dispatching: DispatchingTable = Field(default_factory=DispatchingTable)
    serving: ServingTable = Field(default_factory=ServingTable)
    bounces: BouncesTable = Field(default_factory=BouncesTable)
    inbound: InboundTable = Field(default_factory=InboundTable)
    forms: FormsTable = Field(default_factory=FormsTable)
    retention: RetentionTable = Field(default_factory=RetentionTable)
    segments: dict[Slug, SegmentTable] = Field(default_factory=dict)
