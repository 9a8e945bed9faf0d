"""`store accept-restore`: go on with a store that was restored from a backup."""

from __future__ import annotations

import typer

from publisher import people
from publisher.cli import words
from publisher.cli.issues import Yes
from publisher.cli.session import Session
from publisher.cli.storing import group
from publisher.domain.subscription import Suppression, SuppressionReason
from publisher.errors import Restored


@group.command(name="accept-restore", epilog="Example: publisher store accept-restore")
def accept_restore(context: typer.Context, yes: Yes = False) -> None:
    """Send again from a store that was restored; who left meanwhile leaves it first."""
    session: Session = context.obj
    with session.app() as app:
        guard = app.store.guard
        try:
            guard.check()
        except Restored as why:
            session.confirm(
                yes,
                "Did you pause or cancel what had left since the backup, and shall sending go on?",
                str(why),
            )
        else:
            session.done({"accepted": False}, "Nothing to accept: mail leaves from this store.")
            return
        done = guard.accept(session.now())
        for address, reason in done.forgotten:
            note = "replayed after an older store was restored"
            gone = Suppression(address, SuppressionReason(reason), session.now(), note)
            people.forget(app, address, gone, session.now())
        session.done(
            {
                "accepted": True,
                "left": done.left,
                "suppressed": done.suppressed,
                "forgotten": len(done.forgotten),
            },
            f"Accepted. {words.count(done.left, 'subscription')} ended and "
            f"{words.count(done.suppressed, 'address', 'addresses')} suppressed again, of people "
            f"who had left since; {len(done.forgotten):,} of them forgotten again.",
            "What is still queued goes with `publisher run` or `publisher send`.",
        )
