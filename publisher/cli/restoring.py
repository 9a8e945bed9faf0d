"""`store accept-restore`: go on with a store that was restored from a backup."""

from __future__ import annotations

import typer

from publisher import people
from publisher.app import App
from publisher.cli import words
from publisher.cli.issues import Yes
from publisher.cli.session import Session
from publisher.cli.storing import group
from publisher.domain.subscription import Suppression, SuppressionReason
from publisher.errors import NotAllowed, Restored


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
            _accept_ledger(app, session, yes)
            return
        done = guard.accept(session.now())
        app.store.ledger.accept(session.now())
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


def _accept_ledger(app: App, session: Session, yes: bool) -> None:
    """Mail may leave; the ledger may still lack an end that was noted outside."""
    wrong = app.store.ledger.verify().wrong
    if not wrong:
        session.done({"accepted": False}, "Nothing to accept: mail leaves from this store.")
        return
    session.confirm(yes, "Go on with this ledger?", f"Mail leaves from this store, but {wrong}.")
    lost = app.store.ledger.accept(session.now())
    if lost is None:
        raise NotAllowed(
            f"{wrong}: that is no older store put in place, so there is nothing to accept; put "
            "back a backup whose ledger is whole"
        )
    session.done(
        {"accepted": True, "lost": lost.number},
        f"Accepted. The ledger says from now on that entry {lost.number:,} is lost.",
    )
