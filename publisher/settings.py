"""config/publisher.toml and the environment, read once into frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from publisher.domain.article import Evidence
from publisher.domain.journal import (
    Approval,
    Category,
    Checks,
    Colours,
    Journal,
    Mailbox,
    Newsletter,
)
from publisher.domain.limits import LimitPolicy
from publisher.domain.retention import Retention
from publisher.domain.route import Route
from publisher.domain.segment import Segment
from publisher.errors import SettingsError
from publisher.formats.dkim import Signers
from publisher.settings_forms import Forms, forms
from publisher.settings_inbound import Bounces, Inbound, bounces, inbound
from publisher.settings_model import CategoryTable, Document, MailboxTable, NewsletterTable
from publisher.settings_people import SegmentTable
from publisher.settings_reading import Reader
from publisher.settings_sources import Lookup, lookup, source_policy
from publisher.settings_traffic import RouteTable, policy, route_of, routes

PLACE = Path("config/publisher.toml")
"""Where the settings stand in a journal's folder."""

APPROVAL_LEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """`kind` names an entry point of the group `publisher.transports`; the rest is its own.

    `places` say where the table ("") and its keys stand, for messages about them.
    """

    name: str
    kind: str
    options: Mapping[str, object] = field(default_factory=dict)
    limits: LimitPolicy = field(default_factory=LimitPolicy)
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publishing:
    """How pages become live: served by us, or taken to a static host by `command`."""

    command: tuple[str, ...] | None = None
    check_timeout: timedelta = timedelta(seconds=10)
    headers: str | None = None  # the web server whose configuration is built with the site


@dataclass(frozen=True, slots=True)
class Dispatching:
    """Bounds of the outbox worker."""

    lease: timedelta = timedelta(seconds=60)
    batch: int = 200
    retry_limit: timedelta = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Serving:
    """The web app's address; `trusted_proxies` may set X-Forwarded-For and -Proto."""

    host: str = "127.0.0.1"
    port: int = 8000
    trusted_proxies: tuple[str, ...] = ()
    cache_control: str = "public, max-age=300"
    metrics_token_file: str | None = None  # below the journal's folder; without it no /metrics


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a journal's operator may decide. Paths are absolute."""

    root: Path
    config: Path
    journal: Journal
    content_dir: Path
    templates_dir: Path
    public_dir: Path
    store_url: str
    transports: Mapping[str, TransportSettings]
    keys: tuple[tuple[str, bytes], ...]  # (key id, secret); the first one signs
    routes: Mapping[str, Route] = field(default_factory=dict)  # every name mail can be sent by
    publishing: Publishing = field(default_factory=Publishing)
    dispatching: Dispatching = field(default_factory=Dispatching)
    serving: Serving = field(default_factory=Serving)
    log: str = "text"
    watermark: Path | None = None  # tells when an older store is put in place
    engine: str = "embedded"
    cutoff: timedelta = timedelta(hours=48)  # how old a missed slot may be to be caught up
    suppression_keys: tuple[tuple[str, bytes], ...] = ()  # hash who was forgotten; see Pepper
    forms: Forms = field(default_factory=Forms)
    retention: Retention = field(default_factory=Retention)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    signers: Signers = field(default_factory=Signers)  # DKIM; none where the relay signs
    bounce_address: str | None = None  # envelope sender; the From address where it is not set
    bounces: Bounces = field(default_factory=Bounces)
    inbound: Inbound = field(default_factory=lambda: Inbound(Path("var/inbound")))
    retractions: str = ""  # where their data come from: an address, a file or a folder
    refresh_every: timedelta | None = None  # how often `run` loads them again; None: never
    style: str = "vancouver"  # of citations: a name, or a .csl file below the root
    lookup: Lookup | None = None  # who is asked about works

    @property
    def correction_window(self) -> timedelta:
        """How long it is kept who received what, so that a correction can reach them."""
        return self.retention.deliveries

    @property
    def notice_route(self) -> str:
        """What mail to staff leaves by: `default`, or what there is."""
        if "default" in self.routes or "default" in self.transports:
            return "default"
        return next(iter(self.transports), "default")

    @property
    def mail_host(self) -> str:
        """The right-hand side of Message-IDs: the domain of the journal's sender."""
        return self.journal.sender.address.rpartition("@")[2]


def find(cwd: Path) -> Path:
    """The settings of the journal that `cwd` is in. Raises SettingsError where there is none."""
    for folder in (cwd, *cwd.parents):
        if (folder / PLACE).is_file():
            return folder / PLACE
    raise SettingsError(
        f"there is no {PLACE} in {cwd} or above it: go to your journal's folder, name the file "
        "with --config, or make a new journal with `publisher init DIR`"
    )


def load(
    config: Path | None,
    environ: Mapping[str, str],
    *,
    cwd: Path,
    keys_needed: bool = True,
    templates_needed: bool = True,
) -> Settings:
    """Read the settings: the file `config` (None: found from `cwd` upwards), then `environ`.

    `keys_needed` False lets a journal be read that has no signing key yet (a build or a check
    signs nothing), `templates_needed` False one whose folder of templates is yet to be made.
    Raises SettingsError whose `problems` hold everything that is wrong, each as
    `config/publisher.toml:12: newsletters.weekly.cadences[0]: what and how to mend it`.
    """
    path = find(cwd) if config is None else (cwd / config).absolute()
    root = path.parent.parent if path.parent.name == PLACE.parent.name else path.parent
    reader = Reader(path, root, environ)
    document = reader.document()
    if document is None:
        raise reader.error()
    keys = reader.keys(document, keys_needed)
    suppression_keys = reader.suppression_keys(document)
    if templates_needed:
        reader.templates(document)
    blocked = reader.blocked_domains(document)
    ways = {
        name: TransportSettings(
            name,
            table.kind,
            reader.options(name, table),
            policy(table.limits),
            reader.places(name, table),
        )
        for name, table in document.transports.items()
    }
    signers = reader.signers(document, keys_needed)
    if reader.problems:
        raise reader.error()
    zone = ZoneInfo(document.journal.time_zone)
    ways = ways or {"default": _outbox(root)}
    return Settings(
        root=root,
        config=path,
        journal=_journal(document, root),
        content_dir=root / document.content,
        templates_dir=root / document.templates,
        public_dir=root / document.public,
        store_url=_store_url(document.store, root),
        watermark=root / document.watermark,
        log=document.log,
        engine=document.engine,
        transports=ways,
        routes=routes(
            tuple(ways), document.routes, [n.transport for n in document.newsletters.values()]
        ),
        keys=keys,
        publishing=Publishing(**document.publishing.values()),
        dispatching=Dispatching(**document.dispatching.values()),
        serving=Serving(**document.serving.values()),
        cutoff=document.cutoff,
        suppression_keys=suppression_keys,
        forms=forms(document.forms, blocked),
        retention=Retention(**document.retention.values(), deliveries=document.correction_window),
        segments={name: _segment(table, zone) for name, table in document.segments.items()},
        signers=signers,
        bounce_address=document.bounce_address,
        bounces=bounces(document.bounces),
        inbound=inbound(document.inbound, root),
        retractions=document.sources.retractions,
        refresh_every=document.sources.refresh,
        style=document.sources.style,
        lookup=lookup(document),
    )


def _outbox(root: Path) -> TransportSettings:
    """Where no transport is set, mails become files: nothing is sent by accident."""
    return TransportSettings("default", "folder", {"path": str(root / "var/outbox")})


def _store_url(url: str, root: Path) -> str:
    """`sqlite:///var/x` is relative to the journal's folder, wherever a command is run."""
    path = url.removeprefix("sqlite:///")
    if path == url or path.startswith("/") or path in ("", ":memory:"):
        return url
    return f"sqlite:///{root / path}"


def _journal(document: Document, root: Path) -> Journal:
    given = document.journal
    host = urlsplit(given.url).hostname or ""
    zone = ZoneInfo(given.time_zone)
    grades = {Evidence(k): v for k, v in given.grades.values().items() if v}
    return Journal(
        title=given.title,
        url=given.url,
        description=given.description,
        language=given.language,
        time_zone=given.time_zone,
        disclaimer=given.disclaimer,
        postal_address=given.postal_address,
        sender=Mailbox(given.sender.address, given.sender.name or given.title),
        categories=tuple(_category(s, table) for s, table in document.categories.items()),
        newsletters=tuple(
            _newsletter(slug, table, host, zone, given.sender, document.routes)
            for slug, table in document.newsletters.items()
        ),
        app_url=given.app_url or given.url,
        reply_to=_mailbox(given.reply_to),
        staff=given.staff,
        unsubscribe_mailbox=given.unsubscribe_mailbox,
        method_url=given.method_url,
        colours=Colours(**given.colours.values()),
        logo=given.logo,
        icon=given.icon,
        grades=grades,
        words_per_minute=given.words_per_minute,
        feed_items=given.feed_items,
        checks=Checks(**document.checks.values()),
        hub=document.feeds.hub,
        sources=source_policy(document, root),
        id=given.id,
    )


def _mailbox(table: MailboxTable | None) -> Mailbox | None:
    return None if table is None else Mailbox(table.address, table.name)


def _category(slug: str, table: CategoryTable) -> Category:
    return Category(slug, table.title, table.description, table.notice)


def _newsletter(
    slug: str,
    table: NewsletterTable,
    host: str,
    zone: ZoneInfo,
    sender: MailboxTable,
    tables: Mapping[str, RouteTable],
) -> Newsletter:
    default = APPROVAL_LEAD if table.approval is Approval.REQUIRED else timedelta()
    return Newsletter(
        slug=slug,
        title=table.title,
        description=table.description,
        list_id=table.list_id or f"{slug}.{host}",
        cadences=table.cadences,
        topics=table.topics,
        minimum=table.minimum,
        maximum=table.maximum,
        since=_instant(table.since, zone),
        approval=table.approval,
        lead=default if table.lead is None else table.lead,
        transport=route_of(table.transport, (table.sender or sender).address, tables),
        sender=_mailbox(table.sender),
        local_time=table.local_time,
        greeting=table.greeting,
        overdue=table.overdue,
        welcome=table.welcome,
    )


def _segment(table: SegmentTable, zone: ZoneInfo) -> Segment:
    def moment(value: datetime | date | timedelta | None) -> datetime | timedelta | None:
        return value if isinstance(value, timedelta) else _instant(value, zone)

    return Segment(
        newsletters=table.newsletters,
        topics=table.topics,
        cadences=tuple(each.value for each in table.cadences),
        languages=table.languages,
        domains=table.domains,
        joined_since=moment(table.joined_since),
        joined_before=moment(table.joined_before),
        accepted_since=moment(table.accepted_since),
        not_accepted_since=moment(table.not_accepted_since),
    )


def _instant(since: datetime | date | None, zone: ZoneInfo) -> datetime | None:
    """A bare date is its midnight in the journal's zone."""
    if since is None:
        return None
    if not isinstance(since, datetime):
        since = datetime.combine(since, time(), zone)
    return since.astimezone(UTC)
