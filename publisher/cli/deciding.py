"""`issue edit|approve|cancel`: what staff decide about an issue."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import Annotated

import typer

from publisher import plan as planning
from publisher.app import gate
from publisher.cli import words
from publisher.cli.issues import Name, Yes, description, group
from publisher.cli.session import Session
from publisher.domain.issue import IssueEvent, IssueState
from publisher.errors import NotAllowed, UsageError


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
        session.done(words.document(changed, library), *description(app, changed, library))


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
        session.done(words.document(moved, library), *description(app, moved, library))


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
