"""One tick: everything that is owed at an instant, each part standing for itself.

A part that fails is reported, and the others go on: a broken article keeps the old site up
and does not stop what was planned already.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from publisher import mailroom, plan, release
from publisher.app import App, build_site, ping_hub, plan_slot, release_due
from publisher.build import next_change
from publisher.building import Built
from publisher.domain.cadence import AHEAD, Cadence, CadenceKind
from publisher.domain.issue import Issue, IssueState
from publisher.domain.journal import Newsletter
from publisher.domain.retention import SHELVED_AFTER, Erased
from publisher.errors import (
    AuthorError,
    BlockedByFindings,
    Defect,
    PublisherError,
    SettingsError,
    TemplateError,
)
from publisher.evidence import put_down_sources
from publisher.people import retain
from publisher.ports import Library
from publisher.scheduler import alerts, approvals
from publisher.scheduler.alerts import Alert
from publisher.scheduler.memory import Memory

log = logging.getLogger("publisher.scheduler")

PAGES_NAMED = 5
"""How many of the pages that an issue waits for are named in the log."""

SHELVED_AT_ONCE = 1000
"""Deliveries that one transaction moves to the shelf: some hundredths of a second."""
SHELVED_BATCHES = 20
"""Such transactions in one tick."""

FAILING = {
    "content": "The articles cannot be read",
    "plan": "Issues cannot be planned",
    "approval": "Drafts that nobody approved cannot be looked after",
    "build": "The site cannot be built or published",
    "hub": "The hub cannot be told of the feeds",
    "release": "Issues that are due cannot be let go",
    "sources": "Sources cannot be looked up",
    "bounces": "What was refused cannot be judged",
    "retention": "People who should be erased cannot be",
    "shelf": "Deliveries of old issues cannot be moved out of the way",
    "alerts": "Staff cannot be told of what happened",
}
"""Each part of the tick, as the subject of a mail to staff says that it failed."""


@dataclass(slots=True)
class Report:
    """What a tick did. `problems` are sentences for the operator; `told` keys of new notices.

    `wake_at` is the next instant at which something is known to fall due.
    """

    planned: list[Issue] = field(default_factory=list)
    skipped: list[Issue] = field(default_factory=list)
    overdue: tuple[Issue, ...] = ()
    built: Built | None = None
    released: tuple[Issue, ...] = ()
    held: tuple[release.Held, ...] = ()
    erased: Erased = field(default_factory=Erased)
    shelved: int = 0
    problems: list[str] = field(default_factory=list)
    told: tuple[str, ...] = ()
    wake_at: datetime | None = None


def tick(
    app: App, now: datetime, *, nonce: Callable[[], str], memory: Memory | None = None
) -> Report:
    """Plan or skip what is due, build and publish if anything changed, release, tell staff.

    Doing it twice, or in two processes at once, does nothing twice. `memory` is kept by the
    caller from tick to tick; without it everything is read and built anew.
    """
    kept = memory or Memory()
    report = Report()
    found: list[Alert] = []
    library: Library | None = None
    with _standing_alone("content", report, found):
        library = kept.read(app)
    if library is not None:
        with _standing_alone("plan", report, found):
            _plan(app, library, now, nonce, kept, report, found)
    with _standing_alone("approval", report, found):
        late = plan.lapse(app.store.issues, now, app.settings.cutoff)
        report.skipped.extend(late.skipped)
        report.overdue = late.overdue
        found.extend(alerts.overdue(late.overdue, app.settings.cutoff))
        if library is not None:
            found.extend(approvals.requests(app, library, app.settings.cutoff, kept.told))
    if library is not None:
        with _standing_alone("build", report, found):
            _build(app, library, now, kept, report)
            with _standing_alone("hub", report, found):
                ping_hub(app, now)  # only what is built and published; `status` shows the rest
    with _standing_alone("release", report, found):
        done = release_due(app, now, library)
        report.released, report.held = done.released, done.held
        found.extend(alerts.held(done.held, now))
    if library is not None:
        with _standing_alone("sources", report, found):
            stamp = app.retractions.stamp()
            if stamp != kept.watched:
                today = now.astimezone(app.journal.zone).date()
                found.extend(alerts.fallen(put_down_sources(app, library, now), today))
                kept.watched = stamp
    with _standing_alone("bounces", report, found):
        mailroom.judge_refusals(app.settings, app.store, now, nonce=nonce)
    with _standing_alone("retention", report, found):
        if kept.must_retain(now):
            kept.retained(now, more=False)  # what fails is tried again in an hour
            report.erased = retain(app, now)
            app.store.requests.sweep(now)  # forms whose link can be followed no more
            kept.retained(now, more=report.erased.more)
    with _standing_alone("shelf", report, found):
        if kept.must_shelve(now):
            kept.shelved(now, more=False)
            report.shelved, more = _shelve(app, now)
            kept.shelved(now, more=more)
    with _standing_alone("alerts", report, found):
        found.extend(alerts.skipped(app, now))
        found.extend(alerts.paused(app))
    report.told = alerts.tell(app, found, now, nonce=nonce, told=kept.told)
    report.wake_at = wake_at(app, library, now)
    _log(report, now)
    return report


def wake_at(app: App, library: Library | None, now: datetime) -> datetime | None:
    """The next instant at which a slot is planned or goes, or a scheduled article appears."""
    found: list[datetime] = []
    for newsletter in app.journal.newsletters:
        for cadence in newsletter.cadences:
            if cadence.kind is not CadenceKind.EACH:
                found.extend(_moments(newsletter, cadence, app.journal.zone, now))
    if (
        library is not None
        and (scheduled := next_change(library, now, app.journal.zone)) is not None
    ):
        found.append(scheduled)
    return min((at for at in found if at > now), default=None)


def _moments(
    newsletter: Newsletter, cadence: Cadence, zone: ZoneInfo, now: datetime
) -> Iterator[datetime]:
    """When slots to come are planned and go; some may have passed."""
    ahead = AHEAD if newsletter.local_time else timedelta(0)
    for step in (timedelta(0), newsletter.lead):
        for wait in (step, step + ahead):
            yield newsletter.opens_at(cadence.next(now + wait, zone)) - step


def _plan(
    app: App,
    library: Library,
    now: datetime,
    nonce: Callable[[], str],
    memory: Memory,
    report: Report,
    found: list[Alert],
) -> None:
    store = app.store
    steps = plan.due(
        app.journal,
        store.issues,
        library.articles,
        store.started_at(),
        now,
        app.settings.cutoff,
        seen=plan.sight(store.sightings, library.articles, now),
    )
    for step in steps:
        name = plan.slot_id(step.newsletter, step.cadence, step.slot)
        if isinstance(step, plan.Skip):
            report.skipped.append(store.issues.skip(name, step.slot.at, step.reason, now))
            continue
        if memory.blocked.get(name) == memory.signature and memory.signature is not None:
            continue  # nothing has changed since it was refused
        try:
            issue = plan_slot(
                app,
                step.newsletter,
                step.cadence,
                step.slot,
                now,
                nonce=nonce,
                library=library,
                retry_skipped=False,
            )
        except (AuthorError, TemplateError) as error:
            memory.blocked[name] = memory.signature or ""
            report.problems.append(str(error))
            found.append(_blocked(step, error))
        else:
            memory.blocked.pop(name, None)
            made = report.skipped if issue.state is IssueState.SKIPPED else report.planned
            made.append(issue)


def _build(app: App, library: Library, now: datetime, memory: Memory, report: Report) -> None:
    mark = memory.mark(app, library, now)
    if mark == memory.built:
        return
    try:
        report.built = build_site(app, now, library)
    except (BlockedByFindings, SettingsError, TemplateError):
        memory.built = mark  # the same input would be refused again: wait until it changes
        raise
    memory.built = mark


def _shelve(app: App, now: datetime) -> tuple[int, bool]:
    """Move deliveries of old issues to the shelf; how many, and whether there are more.

    Nobody else writes to the store while a batch is moved, so it is a small one.
    """
    moved = 0
    for _ in range(SHELVED_BATCHES):
        done = app.store.outbox.shelve(now - SHELVED_AFTER, SHELVED_AT_ONCE)
        moved += done
        if done < SHELVED_AT_ONCE:
            return moved, False
    return moved, True


def _blocked(step: plan.Plan, error: PublisherError) -> Alert:
    newsletter = step.newsletter.slug
    return Alert(
        f"blocked:{newsletter}:{step.cadence.kind.value}:{step.slot.key}",
        f"An issue of {newsletter} cannot be planned",
        f"The slot {step.slot.key} of {newsletter} is due, but its issue must not leave:\n\n"
        f"{error}\n\nIt is planned by itself once that is mended.",
    )


def _failed(part: str, error: PublisherError) -> str:
    """`The site cannot be built or published: 1 thing in content/x.md stands in the way`."""
    if not isinstance(error, BlockedByFindings):
        return FAILING[part]
    number = len(error.findings)
    where = list(dict.fromkeys(each.place.path for each in error.findings))
    files = f"in {where[0]}" if len(where) == 1 else f"in {len(where)} files"
    things = "1 thing" if number == 1 else f"{number:,} things"
    return f"{FAILING[part]}: {things} {files} {'stands' if number == 1 else 'stand'} in the way"


@contextmanager
def _standing_alone(part: str, report: Report, found: list[Alert]) -> Iterator[None]:
    """Let a part of the tick fail by itself: reported, and told to staff once for each cause."""
    try:
        yield
    except Defect:
        raise
    except PublisherError as error:
        report.problems.append(str(error))
        # The words name the cause; the same cause is told of once.
        cause = hashlib.sha256(str(error).encode()).hexdigest()[:16]
        found.append(Alert(f"{part}:{cause}", _failed(part, error), str(error)))


def _log(report: Report, now: datetime) -> None:
    for issue in report.planned:
        if issue.planned_at == now:  # else another process planned it in this moment
            log.info("planned %s, slot %s", issue.name, issue.slot.key, extra={"issue": issue.id})
    for issue in report.skipped:
        log.info("no issue for %s, slot %s: %s", issue.newsletter, issue.slot.key, issue.reason)
    for issue in report.released:
        people = "person" if issue.audience == 1 else "people"
        log.info("%s goes to %d %s", issue.name, issue.audience, people, extra={"issue": issue.id})
    if report.built is not None and report.built.changed:
        log.info("built the site: %d files", report.built.files)
    for one in report.held:
        if one.why:
            log.error("%s must not be sent: %s", one.issue.name, one.why)
            continue
        shown = ", ".join(one.urls[:PAGES_NAMED])
        more = len(one.urls) - PAGES_NAMED
        log.warning(
            "%s waits for its pages: %s%s",
            one.issue.name,
            shown,
            f" and {more} more" if more > 0 else "",
        )
    if report.erased:
        log.info("retention erased %s", report.erased)
    if report.shelved:
        log.info("%d deliveries of old issues were moved to the shelf", report.shelved)
    for problem in report.problems:
        log.error("%s", problem)
