"""`suppressions list|add|remove|import`: who is never mailed."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from publisher.cli import words
from publisher.cli.files import opened
from publisher.cli.frame import cli
from publisher.cli.session import Session, table
from publisher.cli.subscribers import Address, Rehearse, Yes, suppression_line
from publisher.domain.subscription import Suppression, SuppressionReason, address_key
from publisher.errors import NotFound, UsageError
from publisher.subscribe import normalise, suppress_rows

LONGEST_REASON = 500
PAGE = 1000

group = typer.Typer(
    help="Who is never mailed, and why.",
    no_args_is_help=True,
    epilog='Example: publisher suppressions add ada@example.org --reason "Asked us by phone"',
)
cli.add_typer(group, name="suppressions")

Why = Annotated[str, typer.Option("--reason", help="Why, in words, for the record.")]


def _reason(text: str, example: str) -> str:
    said = " ".join(text.split())
    if not said:
        raise UsageError(f"say why, e.g. --reason '{example}'")
    if len(said) > LONGEST_REASON:
        raise UsageError(f"the reason is longer than {LONGEST_REASON} characters")
    return said


@group.command(name="list", epilog="Example: publisher suppressions list --reason complaint")
def list_suppressions(
    context: typer.Context,
    reason: Annotated[SuppressionReason | None, typer.Option(help="Only these.")] = None,
    after: Annotated[str, typer.Option(help="Go on after this address or hash.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 100,
) -> None:
    """List who is never mailed; of those who were forgotten, a keyed hash."""
    session: Session = context.obj
    with session.app() as app:
        found: list[tuple[str, Suppression]] = []
        last = after
        while len(found) < limit and (page := app.store.suppressions.list(last, PAGE)):
            last = page[-1][0]
            found += [each for each in page if reason in (None, each[1].reason)]
        found = found[:limit]
        counts = app.store.suppressions.counts()
        lines: list[Any] = [
            table(
                ("address", "reason", "since", "note"),
                [
                    (
                        each.address or f"{form[:16]}…",
                        each.reason.value,
                        words.when(each.since, app.journal),
                        each.note,
                    )
                    for form, each in found
                ],
            )
            if found
            else "Nobody is suppressed for this."
            if reason or after
            else "Nobody is suppressed.",
        ]
        if len(found) == limit:
            lines.append(f"More: publisher suppressions list --after '{found[-1][0]}'")
        lines.append(f"In all: {words.counts(counts)}.")
        session.answer(
            {
                "suppressions": [
                    {
                        "key": form,
                        "address": each.address or None,
                        "reason": each.reason.value,
                        "since": words.stamp(each.since),
                        "note": each.note,
                    }
                    for form, each in found
                ],
                "counts": dict(counts),
            },
            *lines,
        )


@group.command(
    epilog='Example: publisher suppressions add ada@example.org --reason "Asked us by phone"'
)
def add(context: typer.Context, address: Address, reason: Why = "") -> None:
    """Never mail an address again, whatever it subscribes to."""
    session: Session = context.obj
    note = _reason(reason, "Asked us by phone")
    with session.app() as app:
        written, key = normalise(address)
        new = app.store.suppressions.add(
            Suppression(written, SuppressionReason.STAFF, session.now(), note)
        )
        found = app.store.suppressions.find(key)
        session.done(
            {"address": written, "new": new},
            f"{written} is never mailed from now on."
            if new or found is None
            else f"{written} was suppressed already. {suppression_line(app, found)}.",
        )


@group.command(
    epilog="Example: publisher suppressions remove ada@example.org "
    '--reason "She wrote to us and wants it again"'
)
def remove(
    context: typer.Context,
    address: Address,
    reason: Why = "",
    by: Annotated[str | None, typer.Option(help="Who decides. Default: you.")] = None,
    yes: Yes = False,
) -> None:
    """Let an address be mailed again. Your reason stays on record with your name.

    A bounce needs no help: it is lifted when they opt in anew.
    """
    session: Session = context.obj
    why = _reason(reason, "She wrote to us and wants it again")
    with session.app() as app:
        key = address_key(address)
        found = app.store.suppressions.find(key)
        if found is None:
            raise NotFound(f"{address} is not suppressed")
        there = app.store.subscribers.by_address(key)
        after = (
            "Their subscriptions go on where they are confirmed."
            if there
            else "They get nothing until they subscribe again."
        )
        session.confirm(yes, "Lift it?", f"{suppression_line(app, found)}.", after)
        lifted = app.store.suppressions.lift(key, session.now(), by or getpass.getuser(), why)
        session.done(
            {"address": address, "lifted": None if lifted is None else lifted.reason.value},
            f"{address} may be mailed again. {after}",
        )


@group.command(
    name="import",
    epilog='Example: publisher suppressions import cleaned.csv --reason "Dead at Mailchimp"',
)
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file, UTF-8, with a column 'email'.")],
    reason: Why = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the good rows even if others are wrong.")
    ] = False,
    dry_run: Rehearse = False,
) -> None:
    """Never mail anybody in a file; where it names states, only who is not confirmed in it."""
    session: Session = context.obj
    with session.app() as app, opened(file) as content:
        report = suppress_rows(
            app.store.suppressions,
            content,
            " ".join(reason.split())[:LONGEST_REASON] or f"import of {file.name}",
            session.now(),
            name=file.name,
            partial=partial,
            dry_run=dry_run,
        )
        would = "would be suppressed" if dry_run else "suppressed"
        lines = [f"  {file.name} row {row}: {why}" for row, why in report.bad[:20]]
        if report.confirmed:
            people = words.count(report.confirmed, "person", "people")
            lines.append(f"  left alone, because the file says confirmed: {people}")
        already = f"; {report.known:,} were already" if report.known else ""
        session.done(
            {
                "dry_run": dry_run,
                "new": report.new,
                "known": report.known,
                "confirmed": report.confirmed,
                "wrong": report.wrong,
                "bad": [{"row": row, "reason": why} for row, why in report.bad],
            },
            *lines,
            f"{words.count(report.new, 'address', 'addresses')} {would}{already}.",
        )
        if report.wrong:
            raise typer.Exit(1)
