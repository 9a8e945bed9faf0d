"""`issue plan|list|show|diff|edit|approve|cancel`: what will be sent, and whether."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from publisher import plan as planning
from publisher.app import App, gate, plan_slot
from publisher.checks import edition as edition_checks
from publisher.checks import withdrawals
from publisher.cli import changes, words
from publisher.cli.frame import cli
from publisher.cli.session import Session, nonce, table
from publisher.domain.article import by_id
from publisher.domain.cadence import Cadence, Slot
from publisher.domain.explaining import explain
from publisher.domain.finding import Finding
from publisher.domain.forcing import Forcing
from publisher.domain.issue import Issue, IssueEvent, IssueState
from publisher.domain.journal import Newsletter
from publisher.errors import NotAllowed, UsageError
from publisher.formats import catalogue
from publisher.formats.approval import SHORT
from publisher.ports import Library

LIST_LIMIT = 50

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
            *_description(app, made, library),
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
        trouble = app.store.issues.trouble(found.id) if found.number is not None else ()
        lines: list[Any] = _description(app, found, library)
        if trouble:
            lines += ["", "Mails that were not accepted"]
            lines.append(
                table(
                    ("mail", "subscription", "state", "tries", "what it means", "answer"),
                    [
                        (
                            t.id,
                            t.subscription_id,
                            t.state.value,
                            t.attempts,
                            explain(t.state, t.code, t.reply),
                            f"{t.code or ''} {t.reply}".strip(),
                        )
                        for t in trouble
                    ],
                )
            )
            lines += _trouble_steps(found)
        planned = changes.find(app, found, library, session.now(), rendered=False)
        lines += changes.summary(found, planned)
        session.answer(
            words.document(found, library)
            | {
                "since_planned": changes.document(planned, library),
                "trouble": [
                    {
                        "id": t.id,
                        "subscription": t.subscription_id,
                        "state": t.state.value,
                        "attempts": t.attempts,
                        "code": t.code,
                        "reply": t.reply,
                        "meaning": explain(t.state, t.code, t.reply),
                        "due_at": words.stamp(t.due_at),
                    }
                    for t in trouble
                ],
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
            f"Unknown: look in the relay's log, then publisher deliveries resolve {name} "
            "--accepted, or --resend"
        )
    if issue.counts.get("deferred"):
        steps.append(f"Deferred: tried again by itself; at once: publisher retry {name} --deferred")
    if issue.counts.get("refused"):
        steps.append(f"Refused: mend the cause, then publisher retry {name} --refused")
    return steps


def _description(app: App, issue: Issue, library: Library) -> list[Any]:
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


@group.command(epilog='Example: publisher issue edit weekly/12 --subject "Sleep and the heart"')
def edit(
    context: typer.Context,
    issue: Name,
    subject: Annotated[str | None, typer.Option(help='The subject; "" is the usual one.')] = None,
    preheader: Annotated[
        str | None, typer.Option(help='What inboxes show after the subject; "" is the usual.')
    ] = None,
    intro: Annotated[
        str | None, typer.Option(help='A few words before the articles; "" for none.')
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(help="Articles that come first: slugs with commas between them."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Leave this article out (a slug); may be repeated.")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Change nothing but take the articles as they are now.")
    ] = False,
) -> None:
    """Change an issue's words, order or articles. It then needs a new approval."""
    session: Session = context.obj
    if subject is preheader is intro is order is None and not drop and not anew:
        raise UsageError(
            "say what to change: --subject, --preheader, --intro, --order or --drop; or --anew"
        )
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        library = app.content.load()
        changed = planning.reshape(
            found.id,
            journal=app.journal,
            library=library,
            templates=app.templates.load(),
            store=app.store,
            now=session.now(),
            subject=subject,
            preheader=preheader,
            intro=intro,
            order=None if order is None else _slugs(order),
            drop=[slug for each in drop or () for slug in _slugs(each)],
        )
        session.done(words.document(changed, library), *_description(app, changed, library))


def _slugs(text: str) -> Sequence[str]:
    return [slug.strip() for slug in text.split(",") if slug.strip()]


@group.command(epilog="Example: publisher issue approve weekly/12 --by 'Dr Raman'")
def approve(
    context: typer.Context,
    issue: Name,
    by: Annotated[str | None, typer.Option(help="Who approves. Default: your login name.")] = None,
    hash_: Annotated[
        str,
        typer.Option("--hash", help="The hash of what you looked at; nothing else is approved."),
    ] = "",
    yes: Yes = False,
) -> None:
    """Let a draft go out at its slot; says first to how many people."""
    session: Session = context.obj
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        library = app.content.load()
        if found.state is IssueState.DRAFT:
            session.confirm(
                yes,
                "Approve it?",
                f"{words.name(found)} goes to {words.count(found.audience, 'person', 'people')} "
                f"on {words.when(found.slot_at, app.journal)}, once `publisher run` runs:",
                *(f"  {title}" for title in words.titles(found, library)),
            )
        moved = planning.approve(
            app.store,
            found.id,
            by=by or getpass.getuser(),
            now=session.now(),
            cutoff=app.settings.cutoff,
            gate=gate(app, session.now),
            # What was said above is what goes, though somebody edits it in this moment.
            seen=hash_.strip().lower() or found.hash,
        )
        if moved.state is IssueState.SKIPPED:
            raise NotAllowed(f"{issue} is too late: {moved.reason}")
        session.done(words.document(moved, library), *_description(app, moved, library))


@group.command(epilog="Example: publisher issue cancel weekly/12 --reason 'wrong picture'")
def cancel(
    context: typer.Context,
    issue: Name,
    reason: Annotated[str | None, typer.Option(help="Why, for the record.")] = None,
) -> None:
    """Stop an issue for good; its articles may go with another. What has left has left."""
    session: Session = context.obj
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        moved = app.store.issues.move(
            found.id, IssueEvent.CANCEL, session.now(), by=getpass.getuser(), reason=reason
        )
        session.done(words.document(moved), f"{words.name(moved)} is cancelled.")
