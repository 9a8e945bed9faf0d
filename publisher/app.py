"""The one place where everything is assembled: settings in, an App out.

Beside it stand the sequences of several verbs that the CLI, the scheduler and the web app
share, so that none of them does it in its own way. Each verb is read where it is used: what only
looks at the store starts without all that makes mails and sends them.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from publisher import building, engines, release, websub
from publisher.announcements import AnnouncementFile
from publisher.building import (
    EVERY,
    Built,
    Works,
    anchor,
    archived,
    open_content,
    open_retractions,
    open_site,
    open_templates,
    put_down,
)
from publisher.connecting import connected
from publisher.domain.announcement import Announcement
from publisher.domain.cadence import Cadence, Slot
from publisher.domain.forcing import Forcing
from publisher.domain.issue import Issue, IssueEvent, IssueState
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.wakeup import Wakeup
from publisher.errors import NotAllowed
from publisher.formats import websub as hub_words
from publisher.formats.pepper import Pepper
from publisher.gate import Gate
from publisher.ports import (
    Content,
    Engine,
    Library,
    Limiter,
    Retractions,
    Site,
    Store,
    Templates,
    Transport,
)
from publisher.settings import Settings
from publisher.stores import open_store
from publisher.watermark import WatermarkFile

if TYPE_CHECKING:
    from publisher import dispatch

log = logging.getLogger(__name__)

ANNOUNCEMENTS = "var/websub.json"
"""Below the journal's folder: what the hub was told."""


@dataclass(frozen=True, slots=True)
class App:
    """Settings and adapters, ready for the entry points. Close it when done."""

    settings: Settings
    content: Content
    templates: Templates
    site: Site
    store: Store
    transports: Mapping[str, Transport]
    retractions: Retractions
    engine: Engine | None = None

    @property
    def journal(self) -> Journal:
        """The journal that the settings describe."""
        return self.settings.journal

    def migrate(self, now: datetime) -> None:
        """Bring the store, and the engine's tables in it, up to date. Raises StoreError."""
        self.store.migrate(now)
        if self.engine is not None:
            self.engine.migrate()

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()


def open_app(
    settings: Settings, *, mint_id: Callable[[], str] | None = None, only_read: bool = False
) -> App:
    """Assemble everything that `settings` name. Nothing is connected to, nothing is sent.

    The store's schema is left as it is: call `app.migrate(now)` before using it.
    `mint_id` makes a new article's id (a `tag:` URI); without it, minting is a Defect.
    `only_read`: for looking alone; the store must be there and cannot be changed.
    Raises SettingsError (also for a transport's options) and StoreError.
    """
    ways = connected(settings)
    engine = engines.connect(settings.engine, settings.store_url)
    store = open_store(
        settings.store_url,
        host=settings.mail_host,
        pepper=Pepper(settings.suppression_keys),
        only_read=only_read,
        wake=None if engine is None else engine.wake,
        watermark=None if only_read else _watermark(settings),
        anchor=anchor(settings),
    )
    return App(
        settings,
        open_content(settings, mint_id),
        open_templates(settings),
        open_site(settings),
        store,
        ways,
        open_retractions(settings),
        engine,
    )


def limiter(app: App, transport: str, worker: str = "") -> Limiter:
    """What keeps a transport's limits together with all other workers, for the one of this name."""
    # Only here: asyncio comes with it, which most commands do without.
    from publisher.limiting import SharedLimiter

    limits = app.settings.transports[transport].limits
    return SharedLimiter(transport, limits, app.journal.zone, app.store.traffic, worker)


def _watermark(settings: Settings) -> WatermarkFile | None:
    """Outside the store. Without keys nobody can be mailed, and nobody's address be hashed."""
    derived = tuple(
        (f"w{key_id}", hmac.digest(secret, b"publisher watermark", "sha256"))
        for key_id, secret in settings.keys
    )
    keys = (*settings.suppression_keys, *derived)
    if not keys or settings.watermark is None:
        return None
    return WatermarkFile(settings.watermark, Pepper(keys))


def gate(app: App, clock: Callable[[], datetime]) -> Gate:
    """Whether an issue's sources let it go: asked by its id, gives the reason against it."""
    store = app.store
    return Gate(store.citations, app.retractions, app.journal.sources, clock, store.ledger.had_data)


# --- building ---------------------------------------------------------------------------------


def build_site(
    app: App, now: datetime, library: Library | None = None, *, headers: str | None = None
) -> Built:
    """Build from an open App; see `building.build_site`."""
    issues = partial(archived, app.store)
    told = partial(_put_down, app, now)
    works = Works(app.settings, app.content, app.templates, app.site, issues, told)
    return building.build_site(works, now, library, headers=headers)


def _put_down(app: App, now: datetime, library: Library) -> None:
    put_down(app.store, library, now)


# --- telling the hub --------------------------------------------------------------------------


def ping_hub(app: App, now: datetime) -> websub.Report | None:
    """Tell the journal's hub which feeds of the live site have changed; None without a hub.

    For after a build, after an issue was released and at every tick: it asks nobody unless a
    feed has changed or a failed attempt is due again. Raises SiteError, StoreError.
    """
    journal = app.journal
    if journal.hub is None:
        return None
    feeds = {}
    for name in hub_words.feeds(journal):
        content = app.site.read(name)
        if content is not None:
            feeds[hub_words.topic(journal, name)] = hashlib.sha256(content).hexdigest()
    from publisher.hub import HttpHub

    return websub.ping(HttpHub(journal.hub), _announcements(app), feeds, now)


def untold(app: App) -> tuple[Announcement, ...]:
    """Feeds of whose present version the hub does not know yet, for people; see `websub`."""
    hub = app.journal.hub
    return websub.pending(_announcements(app), hub) if hub else ()


def _announcements(app: App) -> AnnouncementFile:
    return AnnouncementFile(app.settings.root / ANNOUNCEMENTS)


# --- planning and sending ---------------------------------------------------------------------


def plan_slot(
    app: App,
    newsletter: Newsletter,
    cadence: Cadence,
    slot: Slot,
    now: datetime,
    *,
    nonce: Callable[[], str],
    library: Library | None = None,
    retry_skipped: bool = True,
    forced: Sequence[Forcing] = (),
) -> Issue:
    """The issue of this slot: the one on record, or a new one. See `plan.plan` for what it raises.

    `nonce` makes random hexadecimal digits; `library` is what was read already, if it was.
    """
    from publisher import plan

    library = app.content.load() if library is None else library
    put_down(app.store, library, now)
    return plan.plan(
        newsletter,
        cadence,
        slot,
        journal=app.journal,
        library=library,
        templates=app.templates.load(),
        store=app.store,
        now=now,
        nonce=nonce,
        retry_skipped=retry_skipped,
        forced=forced,
    )


def release_due(app: App, now: datetime, library: Library | None = None) -> release.Report:
    """Let approved issues go whose slot has come and whose pages are live; see `release`.

    `library` is what was read already; without it nothing is said about articles.
    """
    articles = library.articles if library else ()
    return release.release(app.store, app.site, app.journal, now, gate(app, lambda: now), articles)


def overdue(app: App, now: datetime) -> tuple[tuple[Issue, str | None], ...]:
    """Approved issues whose slot has come, each with a page it waits for, if it waits for one.

    Changes nothing: for showing to people.
    """
    return tuple(
        (issue, release.first_not_live(app.store, app.site, app.journal, issue))
        for issue in app.store.issues.list(states=(IssueState.APPROVED,), limit=EVERY)
        if release.opens_at(app.journal, issue) <= now
    )


def release_one(app: App, issue: Issue, now: datetime) -> tuple[str, ...]:
    """Let this approved issue go now; or, where pages it links to are not live, say which.

    Raises NotAllowed for an issue in another state, and for one whose sources forbid it.
    """
    if why := gate(app, lambda: now)(issue.id):
        raise NotAllowed(f"{issue.name} must not be sent: {why}")
    if missing := release.not_live(app.store, app.site, app.journal, issue):
        return missing
    app.store.issues.move(issue.id, IssueEvent.RELEASE, now)
    return ()


def drain(
    app: App,
    *,
    clock: Callable[[], datetime],
    jitter: Callable[[], float],
    worker: str,
    stop: threading.Event,
    issue_id: int | None = None,
    wakeup: Wakeup | None = None,
    on_progress: Callable[[dispatch.Progress], None] | None = None,
) -> dispatch.Report:
    """Send what may be sent now. See `dispatch.Dispatcher`.

    `issue_id`: of that issue alone; `wakeup`: only what it is about.
    """
    from publisher import mailroom
    from publisher.dispatch import Bounds, Dispatcher, Travel
    from publisher.domain.retry import RetryPolicy

    if wakeup is not None:
        issue_id = wakeup.issue_id
    caught = app.store.guard.catch_up(clock())
    if caught.left or caught.suppressed:
        log.warning(
            "%d subscriptions and %d addresses had left before a process was killed",
            caught.left,
            caught.suppressed,
        )
    bounds = app.settings.dispatching
    return Dispatcher(
        journal=app.journal,
        keys=app.settings.keys,
        outbox=app.store.outbox if wakeup is None else app.store.outbox.part(wakeup),
        issues=app.store.issues,
        notices=app.store.notices,
        transports=app.transports,
        clock=clock,
        jitter=jitter,
        worker=worker,
        bounds=Bounds(
            lease=bounds.lease, batch=bounds.batch, retry=RetryPolicy(limit=bounds.retry_limit)
        ),
        bounce_address=app.settings.bounce_address,
        signers=app.settings.signers,
        verp=mailroom.verp(app.settings),
        gate=gate(app, clock),
        travel=Travel(
            app.settings.routes,
            {name: each.limits for name, each in app.settings.transports.items()},
            partial(limiter, app),
            app.store.traffic,
            app.journal.zone,
        ),
        leaving=lambda: app.store.guard.pass_on(clock()),
    ).drain(stop, issue_id, on_progress)


def awake(app: App, now: datetime) -> Sequence[Wakeup]:
    """What nobody may have been woken for: retries that fell due, what dead workers held."""
    outbox = app.store.outbox
    outbox.lapse(now)
    outbox.wake(now, app.settings.dispatching.retry_limit)
    outbox.finish(now)
    return outbox.wakeups()
