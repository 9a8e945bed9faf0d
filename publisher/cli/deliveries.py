"""`deliveries list|resolve`: mails that did not arrive, one by one, and what staff say of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer

from publisher.cli import troubles, words
from publisher.cli.files import write
from publisher.cli.frame import cli
from publisher.cli.issues import Name, Yes
from publisher.cli.sending import queued_again
from publisher.cli.session import Session
from publisher.domain.delivery import DeliveryState
from publisher.errors import UsageError
from publisher.ports import TROUBLE

SHOWN = 50

deliveries = typer.Typer(
    help="Look at mails that did not arrive, and settle those that nobody answered.",
    no_args_is_help=True,
    epilog="Example: publisher deliveries resolve weekly/12 --accepted",
)
cli.add_typer(deliveries, name="deliveries")


@deliveries.command(name="list", epilog="Example: publisher deliveries list weekly/12 -o mails.csv")
def list_deliveries(
    context: typer.Context,
    issue: Name,
    state: Annotated[
        list[str] | None,
        typer.Option(help=f"Only these: {', '.join(TROUBLE)}. May be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many are shown.")] = SHOWN,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A CSV file for all of them, however many."),
    ] = None,
) -> None:
    """List the mails of an issue that were not accepted, with what the server said of each.

    No address is shown: a mail is known by its number, and in the relay's log by its Message-ID.
    """
    session: Session = context.obj
    chosen = _states(state)
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        every = troubles.walk(app.store, found, chosen)
        if output is not None:
            number = write(output, troubles.lines(every)) - 1  # the header is no mail
            session.done(
                {"path": str(output), "mails": number},
                f"{words.count(number, 'mail')} of {words.name(found)} in {output}.",
            )
            return
        shown = list(islice(every, limit))
        rest = troubles.total(found, chosen) - len(shown)
        session.answer(
            {
                "name": words.name(found),
                "mails": [troubles.document(each) for each in shown],
                "more": rest,
            },
            *(troubles.block(shown, ids=True) or [f"{words.name(found)} has no such mails."]),
            *troubles.more(found, rest),
        )


def _states(names: Sequence[str] | None) -> tuple[DeliveryState, ...]:
    known = {str(state): state for state in TROUBLE}
    for name in names or ():
        if name not in known:
            raise UsageError(f"--state is one of {', '.join(known)}, not '{name}'")
    return tuple(state for name, state in known.items() if not names or name in names)


@deliveries.command(epilog="Example: publisher deliveries resolve weekly/12 --accepted")
def resolve(
    context: typer.Context,
    issue: Name,
    accepted: Annotated[bool, typer.Option("--accepted", help="They did arrive.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="They did not: send them again, the same Message-ID.")
    ] = False,
    mail: Annotated[
        list[int] | None,
        typer.Option(help="Only this one, by its number; may be repeated. Default: all unknown."),
    ] = None,
    yes: Yes = False,
) -> None:
    """Say what became of mails that left whole and were never answered (unknown)."""
    session: Session = context.obj
    if accepted == resend:
        raise UsageError("choose one: --accepted or --resend; the relay's log tells which")
    to: Literal["accepted", "resend"] = "resend" if resend else "accepted"
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        number = len(set(mail)) if mail else found.counts.get("unknown", 0)
        if resend and number:
            session.confirm(
                yes,
                "Send them again?",
                f"{words.count(number, 'mail')} of {words.name(found)} will be sent again; "
                "whoever did get it gets it twice.",
            )
        moved = app.store.outbox.resolve(found.id, to, session.now(), only=mail or ())
        if resend:
            queued_again(session, app, found, moved)
        else:
            answer = words.document(app.store.issues.get(found.id)) | {"moved": moved}
            session.done(answer, f"{words.count(moved, 'mail')} set down as accepted.")
