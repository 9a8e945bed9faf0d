"""`demo`: the whole journey on this machine, with a store and a mail server of its own."""

from __future__ import annotations

import os
import random
import shutil
import sys
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import typer

from publisher import settings as settings_file
from publisher.app import App, build_site, drain, open_app, plan_slot, release_one
from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.inbox import receiving
from publisher.cli.init import make_key
from publisher.cli.sending import worker_name
from publisher.cli.session import Session, nonce
from publisher.cli.subscribers import token_id
from publisher.domain.cadence import Cadence, CadenceKind, Slot
from publisher.domain.issue import Issue, IssueEvent, IssueState
from publisher.domain.journal import Newsletter
from publisher.errors import SettingsError, SiteError, TransportError, UsageError
from publisher.ports import Library
from publisher.settings import Publishing, Settings, TransportSettings
from publisher.subscribe import add

PEOPLE = (("ada@example.org", "Ada"), ("brook@example.org", "Brook"), ("chen@example.org", "Chen"))
FOLDER = Path("var/demo")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the demo acts out: the first digest after the newest article that is public now."""

    newsletter: Newsletter
    cadence: Cadence
    slot: Slot


@cli.command(epilog="Example: publisher demo")
def demo(context: typer.Context) -> None:
    """Build the journal here and send its digest to a mail server on this machine alone.

    It has its own store and site in var/demo, made anew each time. Nothing of yours is touched:
    not your readers, not your store, not your site, not your relay. Nothing leaves this machine.
    """
    session: Session = context.obj
    real = _settings(session)
    folder = real.root / FOLDER
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    with receiving(folder / "inbox") as (inbox, port):
        rehearsed = _own(real, port)
        app = open_app(rehearsed)
        try:
            issue, instant = _act(session, app)
        finally:
            app.close()
    if len(inbox.files) != len(PEOPLE):
        raise TransportError(
            f"{len(inbox.files)} of {len(PEOPLE)} mails arrived; `publisher --json demo` and "
            "var/demo/demo.sqlite3 hold what is known"
        )
    _tell(session, rehearsed, issue, instant, sorted(inbox.files))


def _settings(session: Session) -> Settings:
    """The journal's settings, with a signing key: the one that is there, or a new one."""
    real = session.settings()
    if not real.keys:
        make_key(real.root / "var/secret.key")
        real = settings_file.load(real.config, os.environ, cwd=Path.cwd())
    return real


def staged(real: Settings) -> Settings:
    """The same journal with the demo's store and site: it acts out an instant to come, and what
    is scheduled until then must not appear on the real one.
    """
    folder = real.root / FOLDER
    return replace(
        real,
        public_dir=folder / "public",
        store_url=f"sqlite:///{folder / 'demo.sqlite3'}",
        watermark=None,
    )


def _own(real: Settings, port: int) -> Settings:
    """The same journal with a store, a relay and readers that are only the demo's."""
    relay = {"host": "127.0.0.1", "port": port, "security": "none", "connections": 1}
    names = {"default", *(newsletter.transport for newsletter in real.journal.newsletters)}
    return replace(
        staged(real),
        transports={name: TransportSettings(name, "smtp", relay) for name in names},
        routes={},
        publishing=Publishing(),
        bounce_address=None,
    )


def _act(session: Session, app: App) -> tuple[Issue, datetime]:
    """Readers, issue, site, sending: the issue as it ended, and the instant it was acted at."""
    library = app.content.load()
    play = rehearsal(app, library, session.started_at)
    instant = play.slot.at
    session.say(f"Rehearsing {words.when(instant, app.journal)}.")
    # The store begins a little earlier: as far as it knows, this is its first digest.
    app.store.migrate(instant - timedelta(hours=1))
    for address, name in PEOPLE:
        add(
            app.store.subscribers,
            app.journal,
            play.newsletter,
            address,
            consent="A sample reader of publisher demo",
            origin="publisher demo",
            now=instant,
            token_id=token_id,
            name=name,
            cadence=play.cadence.kind.value,
        )
    session.say(f"Added {words.count(len(PEOPLE), 'sample reader')}.")
    # Whatever the newsletter's minimum, one article is enough to show.
    newsletter = replace(play.newsletter, minimum=1)
    issue = plan_slot(app, newsletter, play.cadence, play.slot, instant, nonce=nonce)
    if issue.state is IssueState.SKIPPED:
        raise UsageError(
            f"there is nothing to send: {issue.reason}; `publisher issue plan "
            f"{play.newsletter.slug}` says which articles are left out and why"
        )
    if issue.state is IssueState.DRAFT:
        app.store.issues.move(issue.id, IssueEvent.APPROVE, instant, by="publisher demo")
    session.say(f"Planned {words.name(issue)}: {issue.subject}")
    return _send(session, app, issue, instant), instant


def _send(session: Session, app: App, issue: Issue, instant: datetime) -> Issue:
    built = build_site(app, instant)
    session.say(f"Built {words.count(built.files, 'file')} in {app.settings.public_dir}.")
    if missing := release_one(app, app.store.issues.get(issue.id), instant):
        raise SiteError(f"the mail links to pages that are not there: {', '.join(missing)}")
    ahead = instant - session.started_at
    report = drain(
        app,
        clock=lambda: session.now() + ahead,
        jitter=random.random,
        worker=worker_name(),
        stop=threading.Event(),
        issue_id=issue.id,
    )
    for failed in report.failed:
        raise TransportError(f"{failed.transport}: {failed.reason}")
    return app.store.issues.get(issue.id)


def rehearsal(app: App, library: Library, now: datetime) -> Rehearsal:
    """The first slot after the newest article that is public at `now`. Raises UsageError."""
    public = [article for article in library.articles if article.is_public(now)]
    if not public:
        raise UsageError(
            "there is no article that readers may see now: `publisher check` says what is wrong "
            "with those there are, and `publisher new` starts one"
        )
    for wanted in (CadenceKind.WEEKLY, CadenceKind.MONTHLY):
        for newsletter in app.journal.newsletters:
            for cadence in newsletter.cadences:
                if cadence.kind is wanted:
                    return _first(app, newsletter, cadence, library, now)
    raise SettingsError(
        "the settings offer no weekly or monthly digest: give a newsletter the cadence "
        "'weekly on Tuesday at 09:00'"
    )


def _first(
    app: App, newsletter: Newsletter, cadence: Cadence, library: Library, now: datetime
) -> Rehearsal:
    offered = [
        article.published_at
        for article in library.articles
        if article.is_public(now)
        and (not newsletter.topics or article.category in newsletter.topics)
    ]
    if not offered:
        raise UsageError(f"no public article has a topic that '{newsletter.slug}' offers")
    just_before = max(offered) - timedelta.resolution
    return Rehearsal(newsletter, cadence, cadence.next(just_before, app.journal.zone))


def _tell(
    session: Session, settings: Settings, issue: Issue, instant: datetime, mails: list[Path]
) -> None:
    """Where to look, in plain words."""
    public = settings.public_dir
    archive = public / settings.journal.issue_path(issue.newsletter, issue.number or 0).lstrip("/")
    feeds = [public / name for name in ("feed.xml", "atom.xml", "feed.json")]
    document: dict[str, Any] = {
        "rehearsed_at": words.stamp(instant),
        "issue": words.document(issue),
        "pages": str(public / "index.html"),
        "archive": str(archive / "index.html"),
        "feeds": [str(path) for path in feeds],
        "mails": [str(path) for path in mails],
        "views": [str(path.with_suffix(".html")) for path in mails],
    }
    session.done(
        document,
        "",
        f"{words.count(len(mails), 'mail')} arrived over SMTP: {words.counts(issue.counts)}.",
        f"It was acted out as on {words.when(instant, settings.journal)}, the first digest after",
        "the newest article. Nothing left this machine; your own store and site were not touched.",
        "",
        "Look at",
        *(f"  a mail           {path}" for path in mails),
        *(f"  as a page        {path.with_suffix('.html')}" for path in mails[:1]),
        *(f"  a feed           {path}" for path in feeds),
        "",
        f"To walk through the pages: {_command()} web --demo",
        f"and then open               http://{settings.serving.host}:{settings.serving.port}/",
        "Opened as files they have neither style nor pictures:",
        f"  the pages        {public / 'index.html'}",
        f"  this issue       {archive / 'index.html'}",
    )


def _command() -> str:
    """The program as it was called: `.venv/bin/publisher` where it is not on the PATH."""
    called = Path(sys.argv[0])
    if called.name != "publisher" or shutil.which("publisher") == str(called):
        return "publisher"
    here = Path.cwd()
    return str(called.relative_to(here) if called.is_relative_to(here) else called)
