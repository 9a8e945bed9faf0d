"""`send`, `pause`, `resume` and `retry`: everything that mails people, but for `deliveries`."""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType
from typing import Annotated, Any

import typer

from publisher import mailroom, plan
from publisher.app import App, build_site, drain, gate, release_one
from publisher.checks.standing import standing
from publisher.cli import words
from publisher.cli.frame import INTERRUPTED, cli
from publisher.cli.issues import Force, Name, Reason, Yes, forcings
from publisher.cli.session import Session, nonce
from publisher.cli.trial import send_copies
from publisher.cli.watching import watching
from publisher.dispatch import Report
from publisher.domain.delivery import DeliveryState
from publisher.domain.forcing import Forcing
from publisher.domain.issue import Issue, IssueEvent, IssueState
from publisher.domain.journal import Journal
from publisher.domain.route import Route
from publisher.errors import NotAllowed, SiteError, UsageError
from publisher.formats.progress import settled

PAUSE = timedelta(seconds=1)
"""How long `send` waits before it looks again at what a killed worker held."""
SOON = timedelta(seconds=65)
"""Limits that let the next mail go within this time are waited for: a minute, rounded up."""
LATE = timedelta(hours=1)
"""From when on `send` says how long ago the slot was."""


def worker_name() -> str:
    """A name that no other process has, nor this one after a restart."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that what is under way comes to its end."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, on_signal) for each in signals]
    try:
        yield stop
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


# --- send -------------------------------------------------------------------------------------


@cli.command(epilog="Example: publisher send weekly/12 --test you@example.org")
def send(
    context: typer.Context,
    issue: Name,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; send nothing.")
    ] = False,
    test: Annotated[
        list[str] | None,
        typer.Option("--test", metavar="ADDRESS", help="Send one copy, marked [Test], here alone."),
    ] = None,
    yes: Yes = False,
    force: Force = None,
    reason: Reason = "",
) -> None:
    """Send an approved issue now that its slot has come; says first to how many people."""
    session: Session = context.obj
    if dry_run and test:
        raise UsageError("choose one: --dry-run sends nothing, --test sends a copy")
    forced = forcings(session, force, reason)
    with session.app(keys_needed=not dry_run) as app:
        found = words.issue(app.store, app.journal, issue)
        if test:
            send_copies(session, app, found, _transports(app, found), test)
            return
        lines = _announcement(session, app, found)
        if dry_run:
            why = _obstacle(session, app, found)
            end = f"It cannot go yet: {why}" if why else "It can go now. Nothing was sent."
            document = words.document(found, app.content.load()) | {"ready": why is None}
            session.answer(document | {"obstacle": why}, *lines, end)
            return
        if why := _obstacle(session, app, found):
            raise NotAllowed(why)
        passed = _stopped(app, found, forced)
        session.confirm(yes, "Send it?", *lines)
        if passed:
            found = app.store.issues.force(found.id, passed)
        if found.state is IssueState.APPROVED:
            _release(session, app, found)
        _drain(session, app, found)


def _stopped(app: App, issue: Issue, forced: Sequence[Forcing]) -> Sequence[Forcing]:
    """Raise BlockedByFindings where it must not leave now; those of `forced` that it needs."""
    before = {each.rule for each in issue.forced}
    articles = app.content.load().articles
    found = standing(app.store.issues.editions(issue.id), app.journal, articles, issue.slot)
    passed = plan.block(found, words.name(issue), {*before, *(each.rule for each in forced)})
    return [each for each in forced if each.rule in passed - before]


def _announcement(session: Session, app: App, issue: Issue) -> list[str]:
    """How many people, which articles, when, and how long it will take."""
    ways = _transports(app, issue)
    took = words.duration(app.store, issue, app.transports[ways[0]].connections if ways else 1)
    people = words.count(words.left(issue), "person", "people")
    late = session.now() - issue.slot_at
    slot = f"Its slot was {words.when(issue.slot_at, app.journal)}"
    titles = words.titles(issue, app.content.load())
    return [
        f"{words.name(issue)} · {issue.subject}",
        f"To {people} at {words.when(session.now(), app.journal)}; it takes {took}.",
        *([f"{slot}: {words.lasting(late.total_seconds())} ago."] if late > LATE else []),
        f"{words.count(len(titles), 'article')}:",
        *(f"  {title}" for title in titles),
    ]


def _transports(app: App, issue: Issue) -> tuple[str, ...]:
    """Those that its route has and the settings still know, the first choice first."""
    name = words.newsletter(app.journal, issue.newsletter).transport
    route = app.settings.routes.get(name) or Route(name, (name,))
    return tuple(each for each in route.transports if each in app.transports)


def _obstacle(session: Session, app: App, issue: Issue) -> str | None:
    """Why this issue cannot be sent now, and what to do; None when it can."""
    name = words.name(issue)
    if issue.state is IssueState.DRAFT:
        return f"{name} is not approved: publisher issue approve {name}"
    if issue.state is IssueState.PAUSED:
        return f"{name} is paused: publisher resume {name}"
    if issue.state not in (IssueState.APPROVED, IssueState.SENDING):
        return f"{name} is {issue.state}" + (f": {issue.reason}" if issue.reason else "")
    if issue.slot_at > session.now():
        return (
            f"{name} is due {words.when(issue.slot_at, app.journal)}; it goes then, by itself "
            "where `publisher run` runs"
        )
    if why := gate(app, session.now)(issue.id):
        return f"{name} must not be sent: {why}"
    return None


def _release(session: Session, app: App, issue: Issue) -> None:
    """Build the site, so that every page the mail links to is live, and let the issue go."""
    session.say("Building the site, so that every page it links to is there …")
    build_site(app, session.now())
    if missing := release_one(app, issue, session.now()):
        shown = "\n".join(f"  {url}" for url in missing[: words.SHOWN])
        raise SiteError(
            f"{words.count(len(missing), 'page')} that the mail links to cannot be opened, so "
            f"nothing was sent:\n{shown}\nPublish the site, then send again."
        )


def _drain(session: Session, app: App, issue: Issue) -> None:
    """Send what is due of this issue, report it, and leave with 1 where not all is well.

    Mails that a worker held when it was killed are free once its lease has run out: that is
    waited for, as long as nothing else moves.
    """
    reports: list[Report] = []
    with (
        stopping() as stop,
        watching(session, f"Sending {words.name(issue)}", words.left(issue)) as watch,
    ):
        patience = app.settings.dispatching.lease + PAUSE
        until = session.now() + patience
        told = False
        while True:
            report = drain(
                app,
                clock=session.now,
                jitter=random.random,
                worker=worker_name(),
                stop=stop,
                issue_id=issue.id,
                on_progress=watch.note,
            )
            reports.append(report)
            watch.finished(report)
            held = words.held(app.store.issues.get(issue.id))
            if stop.is_set() or _stuck(report) or report.paused:
                break
            if not held and not _soon(session, app, issue, report):
                break
            if settled(report.counts) or not held:
                until = session.now() + patience
            if session.now() >= until:
                break
            if held and not told:
                at = until.astimezone(app.journal.zone).strftime("%H:%M:%S")
                session.say(
                    f"{words.count(held, 'mail')} held by another worker, or by one that was "
                    f"killed: waiting until {at} at the most."
                )
                told = True
            stop.wait(PAUSE.total_seconds())
    mailroom.judge_refusals(app.settings, app.store, session.now(), nonce=nonce)
    after = app.store.issues.get(issue.id)
    _, next_at = app.store.outbox.held(issue.id)
    sent = sum((Counter(each.counts) for each in reports), Counter[str]())
    session.done(
        words.document(after) | {"sent": dict(sent)},
        *_outcome(app.journal, after, reports[-1], next_at),
    )
    if reports[-1].stopped:
        raise typer.Exit(INTERRUPTED)
    if _stuck(reports[-1]) or reports[-1].paused or words.held(after):
        raise typer.Exit(1)


def _soon(session: Session, app: App, issue: Issue, report: Report) -> bool:
    """Whether mails that wait for their time, or for a transport's, go on soon enough to wait."""
    if app.store.issues.get(issue.id).state is not IssueState.SENDING:
        return False
    _, next_at = app.store.outbox.held(issue.id)
    found = [each.until for each in report.limited] + ([next_at] if next_at else [])
    return bool(found) and min(found) - session.now() <= SOON


def _stuck(report: Report) -> bool:
    """Whether something could not be sent for want of a transport."""
    return not all(each.instead for each in report.failed)


def _what(journal: Journal, issue: Issue, report: Report, next_at: datetime | None) -> str:
    """What queued mails wait for: `the limits of 'main', until Tuesday …`."""
    if report.limited:
        until = min(each.until for each in report.limited)
        names = ", ".join(f"'{each.transport}'" for each in report.limited)
        return f"the limits of {names}, until {words.when(until, journal)}"
    by_reader = words.newsletter(journal, issue.newsletter).local_time
    what = "the slot's time where the reader lives" if by_reader else "the limits of its transport"
    return what if next_at is None else f"{what}, the first until {words.when(next_at, journal)}"


def _outcome(journal: Journal, issue: Issue, report: Report, next_at: datetime | None) -> list[str]:
    name = words.name(issue)
    lines = [f"{name} is {issue.state}: {words.counts(issue.counts)}."]
    lines += [
        f"{each.transport}: {each.reason}"
        + (f" (its mail went by {', '.join(each.instead)})" if each.instead else "")
        for each in report.failed
    ]
    lines += [f"Paused: {each.reason}. Then: publisher resume {name}" for each in report.paused]
    if report.stopped:
        lines.append(f"Stopped by you; what is left goes with: publisher send {name}")
    elif held := words.held(issue):
        lines.append(
            f"Another worker still holds {held}; once it has stopped: publisher send {name}"
        )
    elif waiting := issue.counts.get("queued"):
        lines.append(
            f"{words.count(waiting, 'mail')} waiting for {_what(journal, issue, report, next_at)}: "
            "`publisher run` sends them then."
        )
    elif issue.counts.get("deferred"):
        lines.append("Deferred mails are tried again by `publisher run`, or publisher retry.")
    return lines


# --- pause, resume, retry, resolve --------------------------------------------------------------


@cli.command(epilog="Example: publisher pause weekly/12 --reason 'the relay is ill'")
def pause(
    context: typer.Context,
    issue: Name,
    reason: Annotated[str | None, typer.Option(help="Why, for the record.")] = None,
) -> None:
    """Stop sending an issue for now; mails under way come to their end."""
    session: Session = context.obj
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        moved = app.store.issues.move(
            found.id, IssueEvent.PAUSE, session.now(), reason=reason or "paused by staff"
        )
        name = words.name(moved)
        session.done(
            words.document(moved), f"{name} is paused. It goes on with: publisher resume {name}"
        )


@cli.command(epilog="Example: publisher resume weekly/12")
def resume(context: typer.Context, issue: Name, yes: Yes = False) -> None:
    """Go on with a paused issue: `publisher run` sends the rest, or `publisher send` does."""
    session: Session = context.obj
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        if why := gate(app, session.now)(found.id):
            raise NotAllowed(f"{words.name(found)} must not go on: {why}")
        if found.state is IssueState.PAUSED:
            session.confirm(yes, "Go on?", *_announcement(session, app, found))
        moved = app.store.issues.move(found.id, IssueEvent.RESUME, session.now())
        name = words.name(moved)
        session.done(
            words.document(moved),
            f"{name} goes on where `publisher run` runs; at once: publisher send {name}",
        )


@cli.command(epilog="Example: publisher retry weekly/12 --deferred")
def retry(
    context: typer.Context,
    issue: Name,
    deferred: Annotated[
        bool, typer.Option("--deferred", help="Those the server asked us to try later.")
    ] = False,
    refused: Annotated[
        bool, typer.Option("--refused", help="Those the server refused; never the suppressed.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Queue mails again that were deferred or refused; nobody is mailed who left meanwhile."""
    session: Session = context.obj
    if deferred == refused:
        raise UsageError("choose one: --deferred or --refused")
    state = DeliveryState.DEFERRED if deferred else DeliveryState.REFUSED
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        number = found.counts.get(state.value, 0)
        name = words.name(found)
        if number:
            session.confirm(
                yes,
                "Try them again?",
                f"{words.count(number, f'{state} mail')} of {name} will be tried again.",
            )
        moved = app.store.outbox.retry(found.id, state, session.now())
        queued_again(session, app, found, moved)


def queued_again(session: Session, app: App, issue: Issue, moved: int) -> None:
    """Say how many mails go again, and when."""
    name = words.name(issue)
    document: dict[str, Any] = words.document(app.store.issues.get(issue.id)) | {"moved": moved}
    then = f" They go where `publisher run` runs; at once: publisher send {name}" if moved else ""
    session.done(document, f"{words.count(moved, 'mail')} queued again.{then}")
