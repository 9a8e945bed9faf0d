"""`inbound`: bounces, complaints and requests to leave, from wherever mail comes in."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from publisher import mailroom
from publisher.app import App
from publisher.cli.frame import cli
from publisher.cli.sending import stopping
from publisher.cli.session import Session, nonce
from publisher.domain.bounce import Disposition
from publisher.errors import PublisherError, UsageError
from publisher.formats.mime import READ

TEMPORARY = 75
"""EX_TEMPFAIL of sysexits.h: the mail server keeps the mail and tries again."""


@cli.command(epilog="Example: publisher inbound --recipient bounces@example.org < message")
def inbound(
    context: typer.Context,
    recipient: Annotated[
        str | None,
        typer.Option("--recipient", metavar="ADDRESS", help="Whom the mail on stdin came to."),
    ] = None,
    mailboxes: Annotated[
        bool, typer.Option("--mailboxes", help="Look once into the mailboxes of the settings.")
    ] = False,
    stay: Annotated[
        bool,
        typer.Option("--stay", help="Look again and again, and listen; `run` does this too."),
    ] = False,
) -> None:
    """Take in one mail from standard input, or all that wait in the mailboxes."""
    session: Session = context.obj
    if stay:
        _stay(session)
    elif mailboxes:
        _look(session)
    else:
        _take(session, recipient)


def _take(session: Session, recipient: str | None) -> None:
    """One mail, as a mail server hands it to a pipe; when in trouble, it must hand it in again."""
    if sys.stdin.isatty():
        raise UsageError(
            "there is no mail on standard input: use `publisher inbound < message`, or "
            "--mailboxes to look into the mailboxes of the settings"
        )
    raw = sys.stdin.buffer.read(READ)
    while sys.stdin.buffer.read(1 << 20):
        pass  # a pipe that is not read to its end looks like a failure to the mail server
    try:
        with session.app(keys_needed=True) as app:
            settings, given = app.settings, [recipient] if recipient else []
            found = mailroom.receive(settings, app.store, raw, given, session.now(), nonce=nonce)
            if found.disposition is Disposition.FOR_PEOPLE:
                mailroom.kept(settings).keep(raw)
    except PublisherError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(TEMPORARY) from error
    session.done(
        {"disposition": found.disposition, "detail": found.detail, "kind": found.kind},
        f"{found.disposition}: {found.detail}"
        + (f" ({found.kind})" if found.disposition is Disposition.BOUNCE else ""),
    )


def _look(session: Session) -> None:
    from publisher.scheduler import receiving  # much to load for one mail from a pipe

    with session.app(keys_needed=True) as app:
        _named(app)
        found = receiving.look(app, session.now)
        said = f"{found.mails} new mails." if found.mails else "No new mail."
        document = {"mails": found.mails, "problems": list(found.problems)}
        session.done(document, said, *found.problems)
    if found.problems:
        raise typer.Exit(1)


def _stay(session: Session) -> None:
    from publisher.scheduler import receiving

    with session.app(keys_needed=True) as app, stopping() as stop:
        if not receiving.expected(app):
            _named(app)
        session.say("Taking in mail. Stop with Ctrl-C.")
        receiving.stay(lambda: app, session.now, stop, lambda text: typer.echo(text, err=True))
        session.done({"stopped": True}, "Stopped.")


def _named(app: App) -> None:
    if not mailroom.inboxes(app.settings):
        raise UsageError(
            "the settings name no mailbox: set inbound.maildir or inbound.imap, or hand mails to "
            "`publisher inbound` on standard input"
        )
