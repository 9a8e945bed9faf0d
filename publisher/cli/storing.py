"""`store …`: where everything is remembered, and bringing it elsewhere."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from publisher.app import open_app
from publisher.cli.frame import cli
from publisher.cli.session import Session, table
from publisher.cli.subscribers import Yes
from publisher.domain.retention import SHELVED_AFTER
from publisher.errors import UsageError
from publisher.stores.backing import backup
from publisher.stores.sql import copy_store

AT_ONCE = 1000
"""Deliveries that one transaction moves to the shelf: others wait meanwhile."""

group = typer.Typer(
    help="Look after the store.",
    no_args_is_help=True,
    epilog="Example: publisher store status",
)
cli.add_typer(group, name="store")


@group.command(name="status", epilog="Example: publisher store status")
def store_status(context: typer.Context) -> None:
    """Show where the store is, whether it is sound, and how much it holds."""
    session: Session = context.obj
    with session.app() as app:
        health = app.store.check()
        rows = app.store.rows()
        session.answer(
            {"store": app.store.where, "health": health, "rows": dict(rows)},
            f"{health[:1].upper()}{health[1:]}.",
            table(("table", "rows"), [(name, f"{number:,}") for name, number in rows.items()]),
        )


@group.command(name="migrate", epilog="Example: publisher store migrate")
def store_migrate(context: typer.Context) -> None:
    """Bring the store up to date. Every other command does so by itself."""
    session: Session = context.obj
    with session.app() as app:
        session.done({"store": app.store.where}, f"The store {app.store.where} is up to date.")


@group.command(name="backup", epilog="Example: publisher store backup ../backup/store.sqlite3")
def store_backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; none is overwritten.")],
) -> None:
    """Copy the store to a new file, while everything runs. For SQLite."""
    session: Session = context.obj
    settings = session.settings()
    path = file.absolute()
    if not settings.store_url.startswith("sqlite:"):
        raise UsageError(
            "a store in PostgreSQL is backed up by its own program: "
            f"pg_dump --format=custom --file {file} DATABASE (docs/operations.md, Backups)"
        )
    if path.exists():
        raise UsageError(f"{file} is there already: name a new file, so that nothing is lost")
    # Not brought up to date first: a backup from before an upgrade is of the version before it.
    app = open_app(settings)
    try:
        size = backup(app.store, path)
        where = app.store.where
    finally:
        app.close()
    session.done(
        {"store": where, "file": str(path), "bytes": size},
        f"The store {where} is in {file} ({size:,} bytes), and was read back.",
        "Keep it with the keys, config/, content/ and templates/; never with the watermark.",
    )


@group.command(name="shelve", epilog="Example: publisher store shelve")
def store_shelve(
    context: typer.Context,
    days: Annotated[
        int, typer.Option("--days", min=1, help="Issues that were over so many days ago.")
    ] = SHELVED_AFTER.days,
) -> None:
    """Move the deliveries of old issues out of the way, now and not within the next hours.

    Everything may run meanwhile, and every command still finds them. Run it again if it breaks
    off: it goes on where it was.
    """
    session: Session = context.obj
    with session.app() as app:
        before = session.now() - timedelta(days=days)
        shown = Console(stderr=True, quiet=session.quiet or session.as_json)
        moved = 0
        with shown.status("Moving …") as status:
            while done := app.store.outbox.shelve(before, AT_ONCE):
                moved += done
                status.update(f"Moved: {moved:,}")
        session.done(
            {"store": app.store.where, "moved": moved},
            f"Deliveries that were moved to the shelf, of issues over for {days} days: {moved:,}.",
        )


@group.command(
    name="copy",
    epilog="Example: publisher store copy --to postgresql+psycopg://publisher@db.example.org/journal",
)
def store_copy(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", help="The URL of an empty database of PostgreSQL.")],
    yes: Yes = False,
) -> None:
    """Move the journal to PostgreSQL while it runs, and close the store that it leaves.

    Run it again if it breaks off: it goes on where it was.
    """
    session: Session = context.obj
    settings = session.settings(keys_needed=True)
    if not settings.store_url.startswith("sqlite:") or not to.startswith("postgresql"):
        raise UsageError(
            "a journal is moved from SQLite to PostgreSQL: --to postgresql+psycopg://user@host/name"
        )
    with ExitStack() as stack:
        source = stack.enter_context(session.app())
        target = open_app(replace(settings, store_url=to))
        stack.callback(target.close)
        session.confirm(
            yes,
            "Move the journal now?",
            f"From {source.store.where} to {target.store.where}.",
            "Programs that run may go on meanwhile. At the end the old store is closed for good:",
            "stop them then, set the new one as `store`, and start them again.",
        )
        target.migrate(source.store.started_at())
        shown = Console(stderr=True, quiet=session.quiet or session.as_json)
        with shown.status("Copying …") as status:
            done = copy_store(
                source.store,
                target.store,
                session.now(),
                lambda name, rows: status.update(f"Copying {name}: {rows:,}"),
            )
        session.done(
            {
                "store": target.store.where,
                "tables": [
                    {"table": each.table, "rows": each.rows, "sha256": each.sha256} for each in done
                ],
            },
            table(
                ("table", "rows", "SHA-256"),
                [(each.table, f"{each.rows:,}", each.sha256[:16]) for each in done],
            ),
            "Moved, and both are the same row for row. Now:",
            f'  1. set store = "{target.store.where}" in the settings,',
            "  2. start again whatever was running.",
            f"The old store {source.store.where} is closed; keep it as a backup.",
        )
