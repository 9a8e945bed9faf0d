"""What may stand in config/publisher.toml and in the environment, key by key.

Every key is also an environment variable: `PUBLISHER_` and the path in capitals, joined by
two underscores (`PUBLISHER_JOURNAL__TITLE`). A hyphen in a name is an underscore there.
"""

from __future__ import annotations

from datetime import timedelta

from publisher.domain.journal import Approval, Checks, Colours, Welcome
from publisher.formats import colours, kinds
from publisher.formats.tables import (
    Table,
    default_table,
    key,
    named_tables,
    optional,
    optional_table,
    required_table,
    several,
)
from publisher.settings_forms import FormsTable
from publisher.settings_people import RetentionTable, SegmentTable
from publisher.settings_traffic import RouteTable, TransportTable

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_LIST_ID = "letters, digits, hyphens and dots, for instance weekly.journal.example.org"
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

    address = key(kinds.address)
    name = key(kinds.on_one_line(0, 200), "")


class ColoursTable(Table):
    """`#rrggbb`; legible where they are used (WCAG 2.2 AA: 4.5 to 1)."""

    accent = key(kinds.colour, _COLOURS.accent)
    accent_dark = key(kinds.colour, _COLOURS.accent_dark)
    text = key(kinds.colour, _COLOURS.text)
    paper = key(kinds.colour, _COLOURS.paper)
    tint = key(kinds.colour, _COLOURS.tint)

    def check(self) -> None:
        """What its keys promise together. Raises ValueError."""
        chosen = Colours(**self.values())
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


class GradesTable(Table):
    """What each grade of evidence means, in the journal's own words."""

    laboratory = optional(kinds.words)
    early = optional(kinds.words)
    moderate = optional(kinds.words)
    strong = optional(kinds.words)
    mixed = optional(kinds.words)


class JournalTable(Table):
    """Who publishes."""

    title = key(kinds.line)
    url = key(kinds.url)
    description = key(kinds.line)
    language = key(kinds.language)
    time_zone = key(kinds.zone)
    disclaimer = key(kinds.words)
    postal_address = key(kinds.words)
    sender = required_table(MailboxTable)
    app_url = optional(kinds.url)
    reply_to = optional_table(MailboxTable)
    staff = optional(kinds.address)
    unsubscribe_mailbox = optional(kinds.address)
    method_url = optional(kinds.url)
    logo = optional(kinds.line)
    icon = optional(kinds.line)
    words_per_minute = key(kinds.whole(50, 1000), 220)
    feed_items = key(kinds.whole(1, 1000), 50)
    id = optional(kinds.permanent)
    colours = default_table(ColoursTable)
    grades = default_table(GradesTable)


class CategoryTable(Table):
    """What an article is filed under; its slug is the table's name."""

    title = key(kinds.line)
    description = key(kinds.bounded(0, 1000), "")
    notice = key(kinds.bounded(0, 1000), "")


class NewsletterTable(Table):
    """What people subscribe to; its slug is the table's name."""

    title = key(kinds.line)
    description = key(kinds.line)
    cadences = key(several(kinds.a_cadence, low=1))
    list_id = optional(kinds.written(r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", _LIST_ID))
    topics = key(several(kinds.text), ())
    minimum = key(kinds.whole(1, 50), 1)
    maximum = key(kinds.whole(1, 50), 8)
    since = optional(kinds.dated)
    approval = key(kinds.member(Approval), Approval.AUTOMATIC)
    lead = optional(kinds.duration)
    transport = key(several(kinds.name), ())
    sender = optional_table(MailboxTable)
    local_time = key(kinds.truth, False)
    greeting = key(kinds.truth, False)
    overdue = key(kinds.truth, True)
    welcome = key(kinds.member(Welcome), Welcome.NONE)

    def check(self) -> None:
        """What its keys promise together. Raises ValueError."""
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is more than maximum {self.maximum}")
        kinds = [each.kind for each in self.cadences]
        if len(set(kinds)) < len(kinds):
            raise ValueError("cadences: offer each of weekly, monthly and each article once")


class DkimTable(Table):
    """The keys that sign the mails of one sender domain, the table's name."""

    selector = key(kinds.selector)
    rsa_key_file = optional(kinds.line)
    ed25519_key_file = optional(kinds.line)
    ed25519_selector = optional(kinds.selector)

    def check(self) -> None:
        """What its keys promise together. Raises ValueError."""
        if not (self.rsa_key_file or self.ed25519_key_file):
            raise ValueError("name a key: rsa_key_file, ed25519_key_file or, better, both")
        both = self.rsa_key_file and self.ed25519_key_file
        if both and self.ed25519_selector in (None, self.selector):
            raise ValueError(
                "ed25519_selector: each key needs a selector of its own, for instance "
                f"{self.selector}-ed"
            )


class ChecksTable(Table):
    """What the checks of mails look for."""

    words = key(kinds.lines, _CHECKS.words)
    off = key(several(kinds.rule), ())
    link_delay = key(kinds.duration, _CHECKS.link_delay)
    link_timeout = key(kinds.span(_SECOND), _CHECKS.link_timeout)


class SourcesTable(Table):
    """What holds for sources: where the data of retractions come from, when they are old, how
    works are cited, and who is asked about them.
    """

    retractions = key(
        kinds.line,
        "https://gitlab.com/crossref/retraction-watch-data/-/raw/main/retraction_watch.csv",
    )
    stale_after = key(kinds.span(_DAY), timedelta(days=14))
    stale = key(kinds.choice("warn", "block"), "warn")
    refresh = key(kinds.span_or_never(timedelta(hours=1)), None)
    style = key(kinds.line, "vancouver")
    crossref = key(kinds.url, "https://api.crossref.org")
    datacite = key(kinds.url, "https://api.datacite.org")
    pubmed = key(kinds.url, "https://eutils.ncbi.nlm.nih.gov/entrez/eutils")
    openlibrary = key(kinds.url, "https://openlibrary.org")
    clinicaltrials = key(kinds.url, "https://clinicaltrials.gov/api/v2")
    isrctn = key(kinds.url, "https://www.isrctn.com/api")
    contact = optional(kinds.address)
    lookup_timeout = key(kinds.span(_SECOND), timedelta(seconds=20))
    lookup_delay = key(kinds.duration, timedelta(seconds=1))


class FeedsTable(Table):
    """What holds for every feed."""

    hub = optional(kinds.url)


class PublishingTable(Table):
    """How pages become live."""

    command = optional(kinds.lines)
    headers = optional(kinds.choice("nginx", "caddy", "netlify"))
    check_timeout = key(kinds.duration, timedelta(seconds=10))


class DispatchingTable(Table):
    """Bounds of the outbox worker."""

    lease = key(kinds.span(timedelta(seconds=5), timedelta(hours=1)), timedelta(seconds=60))
    batch = key(kinds.whole(1, 10_000), 200)
    retry_limit = key(kinds.duration, timedelta(hours=72))


class BouncesTable(Table):
    """When bounces end in a suppression, and how envelope senders are signed."""

    signed = key(kinds.truth, True)
    delimiter = key(kinds.choice("+", "-", "="), "+")
    soft_sends = key(kinds.whole(1, 100), 3)
    soft_span = key(kinds.duration, timedelta(days=14))
    block_limit = key(kinds.whole(1, 10_000), 3)


class ImapTable(Table):
    """A mailbox that is read over IMAP."""

    host = key(kinds.line)
    port = key(kinds.port, 993)
    security = key(kinds.choice("implicit", "starttls", "none"), "implicit")
    username = key(kinds.line)
    password_file = key(kinds.line)
    folder = key(kinds.line, "INBOX")
    ca_file = optional(kinds.line)


class ListenTable(Table):
    """An SMTP or LMTP server for bounces alone."""

    protocol = key(kinds.choice("smtp", "lmtp"), "smtp")
    host = key(kinds.line, "127.0.0.1")
    port = key(kinds.port, 2525)


class InboundTable(Table):
    """Where mail comes in; each way is optional."""

    maildir = optional(kinds.line)
    imap = optional_table(ImapTable)
    listen = optional_table(ListenTable)
    addresses = key(several(kinds.address), ())
    every = key(kinds.span(_SECOND), timedelta(minutes=1))
    delete = key(kinds.truth, False)
    keep = key(kinds.line, "var/inbound")


class ServingTable(Table):
    """The web app's address."""

    host = key(kinds.line, "127.0.0.1")
    port = key(kinds.port, 8000)
    trusted_proxies = key(several(kinds.network), ())
    cache_control = key(kinds.line, "public, max-age=300")
    metrics_token_file = optional(kinds.line)


class Document(Table):
    """The whole file. Paths are relative to the journal's folder."""

    unnamed = frozenset({"secret_key", "suppression_key"})

    journal = required_table(JournalTable)
    categories = named_tables(kinds.slug, CategoryTable, low=1)
    newsletters = named_tables(kinds.slug, NewsletterTable)
    transports = named_tables(kinds.name, TransportTable)
    routes = named_tables(kinds.name, RouteTable)
    content = key(kinds.line, "content")
    templates = key(kinds.line, "templates")
    public = key(kinds.line, "public")
    store = key(kinds.line, "sqlite:///var/store.sqlite3")
    watermark = key(kinds.line, "var/watermark")
    log = key(kinds.choice("text", "json"), "text")
    engine = key(kinds.choice("embedded", "procrastinate"), "embedded")
    secret_key_file = key(kinds.lines, ("var/secret.key",))
    secret_key = optional(kinds.text)
    suppression_key_file = key(kinds.lines, ("var/suppression.key",))
    suppression_key = optional(kinds.text)
    bounce_address = optional(kinds.address)
    cutoff = key(kinds.duration, timedelta(hours=48))
    correction_window = key(kinds.span(_DAY), timedelta(days=1825))
    dkim = named_tables(kinds.domain, DkimTable, first=kinds.quoted)
    checks = default_table(ChecksTable)
    feeds = default_table(FeedsTable)
    sources = default_table(SourcesTable)
    publishing = default_table(PublishingTable)
    dispatching = default_table(DispatchingTable)
    serving = default_table(ServingTable)
    bounces = default_table(BouncesTable)
    inbound = default_table(InboundTable)
    forms = default_table(FormsTable)
    retention = default_table(RetentionTable)
    segments = named_tables(kinds.slug, SegmentTable)
