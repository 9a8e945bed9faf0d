"""`issue plan|list|show|diff`: what will be sent. `deciding` has what staff decide about it."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Annotated, Any

import typer

from publisher import plan as planning
from publisher.app import App, plan_slot
from publisher.checks import edition as edition_checks
from publisher.checks import withdrawals
from publisher.cli import changes, troubles, words
from publisher.cli.frame import cli
from publisher.cli.session import Session, nonce, table
from publisher.domain.article import by_id
from publisher.domain.cadence import Cadence, Slot
from publisher.domain.finding import Finding
from publisher.domain.forcing import Forcing
from publisher.domain.issue import Issue, IssueState
from publisher.domain.journal import Newsletter
from publisher.formats import catalogue
from publisher.formats.approval import SHORT
from publisher.ports import Library

LIST_LIMIT = 50
SHOWN = 50
"""Mails that did not arrive which are shown one by one."""

group = typer.Typer(
    help="Plan, look at, shape, approve and cancel issues.",
    no_args_is_help=True,
    epilog="Example: publisher issue plan weekly",
)
cli.add_typer(group, name="issue")

Name = Annotated[str, typer.Argument(metavar="ISSUE", help="For instance weekly/12, or an id.")]
Force = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RULE", help="Let it pass this rule all the same; may be repeated. Needs --reason."
    ),
]
Reason = Annotated[str, typer.Option(help="Why a rule is set aside; kept with the issue.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@group.command(epilog="Example: publisher issue plan weekly --slot 2026-11-24")
def plan(
    context: typer.Context,
    newsletter: Annotated[str, typer.Argument(help="The newsletter's slug, for instance weekly.")],
    slot: Annotated[
        str | None,
        typer.Option(
            help="A day or local time that has a slot (2026-11-24T09:00), or an article's slug. "
            "Default: the one that is due, else the next."
        ),
    ] = None,
    cadence: Annotated[
        str | None, typer.Option(help="weekly, monthly or each. Default: the first that fits.")
    ] = None,
    force: Force = None,
    reason: Reason = "",
) -> None:
    """Choose the articles and the readers of a slot, and freeze both; again shows the same."""
    session: Session = context.obj
    forced = forcings(session, force, reason)
    with session.app() as app:
        chosen = words.newsletter(app.journal, newsletter)
        library = app.content.load()
        offered = replace(chosen, cadences=(words.cadence(chosen, cadence),)) if cadence else chosen
        way, moment = planning.pick(
            app.journal, offered, library.articles, session.started_at, app.settings.cutoff, slot
        )
        known = app.store.issues.find(planning.slot_id(chosen, way, moment))
        left_out = [] if known else _left_out(app, session, chosen, way, moment, library)
        made = plan_slot(
            app,
            chosen,
            way,
            moment,
            session.started_at,
            nonce=nonce,
            library=library,
            forced=forced,
        )
        remarks = tuple(dict.fromkeys(_remarks(app, made, library)))
        session.answer(
            words.document(made, library)
            | {
                "new": known is None or known.id != made.id,
                "left_out": [{"article": title, "why": why} for title, why in left_out],
                "findings": [words.finding(each) for each in remarks],
            },
            *description(app, made, library),
            *(f"  not in it: {title}: {why}" for title, why in left_out),
            *(f"  {finding}" for finding in remarks),
            *(f"  --force {each} was not needed" for each in _unneeded(made, forced)),
        )


def forcings(session: Session, force: list[str] | None, reason: str) -> Sequence[Forcing]:
    """What `--force` and `--reason` ask for, by whom, and when. Raises UsageError."""
    return planning.forcings(force or (), reason, getpass.getuser(), session.now())


def _unneeded(issue: Issue, forced: Sequence[Forcing]) -> list[str]:
    known = {each.rule for each in issue.forced}
    return [each.rule for each in forced if each.rule not in known]


def _remarks(app: App, issue: Issue, library: Library) -> Iterator[Finding]:
    """What its editions have against them; what blocks was forced past, or it were not here."""
    known = by_id(library.articles)
    editions, templates = app.store.issues.editions(issue.id), app.templates.load()
    yield from withdrawals.number(len(editions))
    for each in editions:
        if articles := tuple(known[a] for a, _ in each.articles if a in known):
            yield from edition_checks.check(
                each,
                app.journal,
                articles,
                library.register,
                catalogue.of(templates, each.language),
            )


def _left_out(
    app: App,
    session: Session,
    newsletter: Newsletter,
    cadence: Cadence,
    slot: Slot,
    library: Library,
) -> list[tuple[str, str]]:
    """(title, reason) of each article that this slot does not take."""
    seen = planning.preview(
        newsletter,
        cadence,
        slot,
        journal=app.journal,
        articles=library.articles,
        seen=planning.sight(app.store.sightings, library.articles, session.started_at),
        templates=app.templates.load(),
        issues=app.store.issues,
        now=session.started_at,
    )
    titles = {article.id: article.title for article in library.articles}
    return [
        (titles.get(article_id, article_id), why.value) for article_id, why in seen.digest.left_out
    ]


@group.command(name="list", epilog="Example: publisher issue list --newsletter weekly")
def list_issues(
    context: typer.Context,
    newsletter: Annotated[str | None, typer.Option(help="Only this newsletter's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = (
        LIST_LIMIT
    ),
) -> None:
    """List issues, newest first, with what became of their mails."""
    session: Session = context.obj
    with session.app() as app:
        if newsletter is not None:
            words.newsletter(app.journal, newsletter)
        issues = app.store.issues.list(newsletter, limit=limit)
        rows = [
            (
                words.name(issue),
                issue.id,
                issue.state.value,
                f"{issue.slot.cadence} {issue.slot.key}",
                f"{issue.audience:,}",
                words.counts(issue.counts),
                issue.reason or issue.subject,
            )
            for issue in issues
        ]
        headers = ("issue", "id", "state", "slot", "people", "mails", "subject or reason")
        session.answer(
            {"issues": [words.document(issue) for issue in issues]},
            table(headers, rows)
            if rows
            else "There are no issues yet: publisher issue plan weekly",
        )


@group.command(epilog="Example: publisher issue show weekly/12")
def show(context: typer.Context, issue: Name) -> None:
    """Show one issue: its articles, its readers, and each mail that did not arrive."""
    session: Session = context.obj
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        library = app.content.load()
        trouble = list(islice(troubles.walk(app.store, found), SHOWN))
        lines: list[Any] = description(app, found, library)
        if trouble:
            lines += ["", "Mails that were not accepted", *troubles.block(trouble)]
            lines += troubles.more(found, troubles.total(found) - len(trouble))
            lines += _trouble_steps(found)
        planned = changes.find(app, found, library, session.now(), rendered=False)
        lines += changes.summary(found, planned)
        session.answer(
            words.document(found, library)
            | {
                "since_planned": changes.document(planned, library),
                "trouble": [troubles.document(each) for each in trouble],
                "more_trouble": troubles.total(found) - len(trouble),
            },
            *lines,
        )


@group.command(epilog="Example: publisher issue diff weekly/12")
def diff(context: typer.Context, issue: Name) -> None:
    """Show what changed since an issue was planned, and against the issue before it."""
    session: Session = context.obj
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        library = app.content.load()
        planned = changes.find(app, found, library, session.now())
        last = planning.since_last(found, journal=app.journal, library=library, store=app.store)
        session.answer(
            {
                "name": words.name(found),
                "state": found.state.value,
                "since_planned": changes.document(planned, library),
                "since_last": changes.document(last, library),
            },
            *changes.since_planned(found, planned, library),
            "",
            *changes.since_last(last, library),
        )


def _trouble_steps(issue: Issue) -> list[str]:
    name = words.name(issue)
    steps = []
    if issue.counts.get("unknown"):
        steps.append(
            "Unknown: look in the relay's log for each Message-ID that publisher deliveries list "
            f"{name} shows, then publisher deliveries resolve {name} --accepted, or --resend"
        )
    if issue.counts.get("deferred"):
        steps.append(f"Deferred: tried again by itself; at once: publisher retry {name} --deferred")
    if issue.counts.get("refused"):
        steps.append(f"Refused: mend the cause, then publisher retry {name} --refused")
    return steps


def description(app: App, issue: Issue, library: Library) -> list[Any]:
    """An issue in plain sentences."""
    journal = app.journal
    if issue.state is IssueState.SKIPPED:
        return [
            f"No issue of '{issue.newsletter}' for the slot {issue.slot.key}: {issue.reason}.",
        ]
    lines = [
        f"{words.name(issue)} · {issue.state.value} · {issue.subject}",
        f"  due {words.when(issue.slot_at, journal)} ({issue.slot.cadence})",
        f"  {words.count(issue.audience, 'person', 'people')}, fixed when it was planned",
    ]
    if issue.excluded and any(issue.excluded.values()):
        lines.append(f"  not among them: {words.counts(issue.excluded)}")
    if issue.counts:
        lines.append(f"  mails: {words.counts(issue.counts)}")
    lines += [f"  {place}. {title}" for place, title in enumerate(words.titles(issue, library), 1)]
    if issue.state is IssueState.DRAFT:
        lines.append(f"  hash {issue.hash[:SHORT]}")
    if issue.waiting:
        lines.append(f"  {words.count(len(issue.waiting), 'article')} wait for the next issue")
    if issue.approved_by:
        lines.append(f"  approved by {issue.approved_by}")
    if issue.reason:
        lines.append(f"  {issue.reason}")
    lines += [
        f"  {each.rule} was set aside by {each.by}, {words.when(each.at, journal)}: {each.reason}"
        for each in issue.forced
    ]
    lines.append(f"  {_outlook(issue)}")
    return lines


def _outlook(issue: Issue) -> str:
    name = words.name(issue)
    return {
        IssueState.DRAFT: f"It waits for an approval: publisher issue approve {name}",
        IssueState.APPROVED: "It goes at its slot while `publisher run` runs, "
        f"or by hand: publisher send {name}",
        IssueState.SENDING: "It is being sent.",
        IssueState.PAUSED: f"It is paused: publisher resume {name}",
        IssueState.FINISHED: "It has been sent.",
        IssueState.CANCELLED: "It was cancelled.",
        IssueState.SKIPPED: "It made no issue.",
    }[issue.state]
