"""`status`: what is due, what is open, what needs somebody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import typer

from publisher.app import App, overdue, untold
from publisher.checks import freshness
from publisher.cli import steps as advice
from publisher.cli import traffic, words
from publisher.cli.fallen import describe
from publisher.cli.frame import cli
from publisher.cli.session import Session, table
from publisher.domain.announcement import Announcement
from publisher.domain.cadence import CadenceKind
from publisher.domain.finding import Finding
from publisher.domain.issue import Issue, IssueState
from publisher.domain.journal import Newsletter
from publisher.domain.retention import Erased
from publisher.evidence import watch_sources
from publisher.ports import Waiting
from publisher.watch import Fallen

OPEN = (IssueState.DRAFT, IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED)
SKIPPED_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that `status` shows, read once."""

    slots: tuple[tuple[Newsletter, str, str, datetime], ...]
    issues: tuple[Issue, ...]
    skipped: tuple[Issue, ...]
    readers: Mapping[str, Mapping[str, int]]
    notices: Mapping[str, int]
    articles: int
    reviews: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    untold: tuple[Announcement, ...]
    overdue: tuple[tuple[Issue, str | None], ...]
    stuck: tuple[tuple[Issue, str], ...]
    traffic: traffic.Traffic
    fallen: tuple[Fallen, ...]
    data: tuple[str, ...]
    waiting: Waiting | None
    erased: tuple[datetime, Erased] | None
    missing_keys: frozenset[str]
    restored: str | None


@cli.command(epilog="Example: publisher status")
def status(context: typer.Context) -> None:
    """Show what is due next, what is under way, and what needs you."""
    show_status(context.obj)


def show_status(session: Session) -> None:
    """What `publisher` alone shows, too."""
    with session.app() as app:
        seen = _look(app, session.started_at)
        steps = _next_steps(seen)
        session.answer(_document(app, session, seen, steps), *_lines(app, session, seen, steps))


def _look(app: App, now: datetime) -> Overview:
    library = app.content.load()
    zone = app.journal.zone
    slots = [
        (newsletter, cadence.kind.value, slot.key, slot.at)
        for newsletter in app.journal.newsletters
        for cadence in newsletter.cadences
        if cadence.kind is not CadenceKind.EACH
        for slot in [cadence.next(now, zone)]
    ]
    finished = app.store.issues.list(states=(IssueState.FINISHED,), limit=20)
    in_doubt = [issue for issue in finished if issue.counts.get("unknown")]
    return Overview(
        slots=tuple(sorted(slots, key=lambda slot: slot[3])),
        issues=(*app.store.issues.list(states=OPEN), *in_doubt),
        skipped=tuple(app.store.issues.list(states=(IssueState.SKIPPED,), limit=SKIPPED_SHOWN)),
        readers=app.store.subscribers.counts(),
        notices=app.store.notices.counts(),
        articles=sum(article.is_public(now) for article in library.articles),
        reviews=tuple(freshness.articles(library.articles, app.journal.day(now))),
        findings=tuple(finding for finding in library.findings if finding.blocks),
        untold=untold(app),
        overdue=overdue(app, now),
        stuck=advice.stuck(app.store),
        traffic=traffic.look(app, now),
        fallen=tuple(each for each in watch_sources(app, library) if each.open),
        data=tuple(advice.for_sources(app, library, now)),
        waiting=None if app.engine is None else app.engine.waiting(),
        erased=app.store.subscribers.erased(),
        missing_keys=app.store.suppressions.missing_keys(),
        restored=advice.restored(app.store),
    )


def _next_steps(seen: Overview) -> list[str]:
    steps: list[str] = [seen.restored] if seen.restored else []
    if seen.findings:
        steps.append("Mend what is wrong in the articles: publisher check")
    for issue in seen.issues:
        name = words.name(issue)
        if issue.state is IssueState.DRAFT:
            steps.append(f"Look at {name} and let it go: publisher issue approve {name}")
        if issue.state is IssueState.PAUSED:
            steps.append(f"Find out why {name} paused, then: publisher resume {name}")
        if issue.counts.get("unknown"):
            steps.append(
                f"Settle the mails of {name} that nobody answered: publisher issue show {name}"
            )
    steps += seen.data
    if seen.fallen:
        steps.append("Tell those who received what was retracted since: publisher watch")
    if seen.reviews:
        steps.append("Review what is overdue: the articles are named by publisher check")
    steps += advice.for_overdue(seen.overdue)
    steps += advice.for_stuck(
        seen.stuck, {name: number for name, (number, _) in seen.traffic.held.items()}
    )
    steps += advice.for_notices(seen.notices)
    if seen.missing_keys:
        steps.append(
            "Bring back the key that hashed who was forgotten, or they could come in again: name "
            "its file in suppression_key_file (publisher doctor tells its id)"
        )
    if not any(states.get("confirmed") for states in seen.readers.values()):
        steps.append('Bring in readers: publisher subscribers import FILE --consent "…"')
    return steps


def _document(app: App, session: Session, seen: Overview, steps: Sequence[str]) -> dict[str, Any]:
    return {
        "journal": app.journal.title,
        "url": app.journal.url,
        "now": words.stamp(session.started_at),
        "slots": [
            {"newsletter": n.slug, "cadence": cadence, "slot": key, "at": words.stamp(at)}
            for n, cadence, key, at in seen.slots
        ],
        "issues": [words.document(issue) for issue in seen.issues],
        "skipped": [words.document(issue) for issue in seen.skipped],
        "subscribers": {slug: dict(states) for slug, states in seen.readers.items()},
        "notices": dict(seen.notices),
        "erased": seen.erased
        and {
            "at": words.stamp(seen.erased[0]),
            "unconfirmed": seen.erased[1].unconfirmed,
            "left": seen.erased[1].left,
            "deliveries": seen.erased[1].deliveries,
        },
        "articles": seen.articles,
        "findings": [words.finding(finding) for finding in seen.findings],
        "reviews": [words.finding(finding) for finding in seen.reviews],
        "fallen": [
            {"work": each.name, "title": each.title, "articles": [a.slug for a in each.open]}
            for each in seen.fallen
        ],
        "data": list(seen.data),
        "untold": [
            {
                "feed": each.topic,
                "reason": each.reason,
                "again_at": words.stamp(each.due_at) if each.due_at else None,
            }
            for each in seen.untold
        ],
        "queue": None
        if seen.waiting is None
        else {"waiting": dict(seen.waiting.jobs), "workers": seen.waiting.workers},
        "traffic": traffic.document(seen.traffic),
        "next": list(steps),
    }


def _lines(app: App, session: Session, seen: Overview, steps: Sequence[str]) -> list[Any]:
    journal = app.journal
    lines: list[Any] = [
        f"{journal.title} · {journal.url}",
        words.when(session.started_at, journal),
        f"{words.count(seen.articles, 'article')} public.",
        "",
        "Next slots",
        *(
            f"  {n.title} ({cadence}): {words.when(at, journal)}"
            for n, cadence, _, at in seen.slots
        ),
    ]
    if not seen.slots:
        lines.append("  none: the settings offer no weekly or monthly digest")
    lines += ["", "Open issues"]
    lines += [_issue_table(app, seen.issues)] if seen.issues else ["  none"]
    for issue in seen.skipped:
        lines.append(f"  skipped: {issue.newsletter} {issue.slot.key}: {issue.reason}")
    lines += ["", "Subscribers"]
    lines += [f"  {slug}: {words.counts(states)}" for slug, states in seen.readers.items()] or [
        "  none yet"
    ]
    if seen.erased is not None:
        at, erased = seen.erased
        lines.append(f"  erased so far by retention: {erased}; last {words.when(at, journal)}")
    if any(seen.notices.values()):
        lines += ["", f"Notices: {words.counts(seen.notices)}"]
    if seen.waiting is not None:
        lines += ["", "Queue", *_queue(seen.waiting)]
    lines += traffic.lines(seen.traffic, journal)
    if seen.untold:
        lines += ["", "The hub does not know yet of", *(_untold(app, each) for each in seen.untold)]
    if seen.findings:
        lines += ["", "Wrong in the articles", *(f"  {finding}" for finding in seen.findings)]
    if seen.reviews:
        lines += ["", "Reviews", *(f"  {finding}" for finding in seen.reviews)]
    for each in seen.fallen:
        lines += ["", *describe(each)]
    lines += ["", "What to do next", *(f"  {step}" for step in steps or ["Nothing needs you."])]
    return lines


def _queue(waiting: Waiting) -> list[str]:
    jobs = [
        f"  {name}: {words.count(number, 'part')} waiting" for name, number in waiting.jobs.items()
    ]
    return [*jobs, f"  {words.count(waiting.workers, 'worker')} at work or ready"]


def _untold(app: App, each: Announcement) -> str:
    if not each.attempts:
        return f"  {each.topic}: it is told after the next build"
    again = (
        f"again {words.when(each.due_at, app.journal)}"
        if each.due_at
        else "given up until it changes"
    )
    return f"  {each.topic}: {each.reason}; {again}"


def _issue_table(app: App, issues: Sequence[Issue]) -> Any:
    return table(
        ("issue", "state", "slot", "people", "mails"),
        [
            (
                words.name(issue),
                issue.state.value,
                words.when(issue.slot_at, app.journal),
                f"{issue.audience:,}",
                words.counts(issue.counts),
            )
            for issue in issues
        ],
    )
