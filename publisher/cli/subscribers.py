"""`subscribers add|import|export|list|show`: who gets what, and what they agreed to."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from publisher.app import App
from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.session import Session, table
from publisher.domain.journal import Newsletter
from publisher.domain.subscription import (
    Admission,
    Subscription,
    SubscriptionState,
    address_key,
)
from publisher.errors import NotFound, UsageError
from publisher.subscribe import ImportReport, add, export_lines, import_rows, parse_csv

PAGE = 1000

group = typer.Typer(
    help="Add, import, export and look at subscribers.",
    no_args_is_help=True,
    epilog='Example: publisher subscribers import list.csv --consent "Signed at the clinic, 2026"',
)
cli.add_typer(group, name="subscribers")

Which = Annotated[
    str | None, typer.Option("--newsletter", help="Its slug. Default: the only one there is.")
]
Consent = Annotated[
    str, typer.Option("--consent", help="How they agreed to be mailed, in words, for the record.")
]


def _newsletter(app: App, slug: str | None) -> Newsletter:
    known = [each.slug for each in app.journal.newsletters]
    if slug is not None:
        return words.newsletter(app.journal, slug)
    if len(known) != 1:
        raise UsageError(f"say which with --newsletter (there is: {', '.join(known) or 'none'})")
    return app.journal.newsletter(known[0])


def token_id() -> str:
    """The random name of a subscription in links."""
    return secrets.token_urlsafe(16)


@group.command(
    name="add",
    epilog='Example: publisher subscribers add ada@example.org --consent "By phone, 3 May 2026"',
)
def add_one(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="The email address.")],
    consent: Consent = "",
    newsletter: Which = None,
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    topic: Annotated[
        list[str] | None, typer.Option(help="Only this category; may be repeated. Default: all.")
    ] = None,
    cadence: Annotated[str, typer.Option(help="weekly, monthly or each.")] = "",
    language: Annotated[str, typer.Option(help="A language tag, for instance en-GB.")] = "",
) -> None:
    """Add one person who has agreed. Whoever left before, or is suppressed, stays out."""
    session: Session = context.obj
    with session.app() as app:
        chosen = _newsletter(app, newsletter)
        answer = add(
            app.store.subscribers,
            app.journal,
            chosen,
            address,
            consent=consent,
            origin="publisher subscribers add",
            now=session.now(),
            token_id=token_id,
            name=name,
            topics=topic or (),
            cadence=cadence,
            language=language,
        )
        session.done(
            {"address": address, "newsletter": chosen.slug, "result": answer.value},
            f"{address}: {answer.value} ({chosen.title}).",
        )
        if answer in (Admission.LEFT, Admission.SUPPRESSED):
            raise typer.Exit(1)


@group.command(
    name="import",
    epilog='Example: publisher subscribers import list.csv --consent "Signed at the clinic, 2026"',
)
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file, UTF-8; its first row names columns.")],
    consent: Consent = "",
    newsletter: Which = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the good rows even if others are wrong.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
    ] = False,
) -> None:
    """Add everybody in a file, or nobody if a row is wrong. Nobody who left comes back.

    Columns: email (required), name, topics, cadence, language. At most 200,000 rows, 32 MiB.
    """
    session: Session = context.obj
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    with session.app() as app:
        chosen = _newsletter(app, newsletter)
        report = import_rows(
            app.store.subscribers,
            chosen,
            parse_csv(raw, journal=app.journal, newsletter=chosen),
            consent=consent,
            origin=f"import of {file.name}",
            now=session.now(),
            token_id=token_id,
            partial=partial,
            dry_run=dry_run,
        )
        session.done(_import_document(chosen, report), *_import_lines(chosen, report))
        if report.bad:
            raise typer.Exit(1)


def _import_document(newsletter: Newsletter, report: ImportReport) -> dict[str, Any]:
    return {
        "newsletter": newsletter.slug,
        "dry_run": report.dry_run,
        "counts": {admission.value: number for admission, number in report.counts.items()},
        "bad": [{"row": row, "reason": reason} for row, reason in report.bad],
        "declined": [{"row": row, "reason": reason} for row, reason in report.declined],
        "ignored_columns": list(report.ignored),
    }


def _import_lines(newsletter: Newsletter, report: ImportReport) -> list[str]:
    lines = [f"  row {row}: {reason}" for row, reason in sorted((*report.bad, *report.declined))]
    if report.ignored:
        lines.append(f"  columns that were left alone: {', '.join(report.ignored)}")
    added = words.count(report.added, "person", "people")
    already = report.counts.get(Admission.ALREADY, 0)
    tail = f"; {already:,} already there" if already else ""
    if report.dry_run:
        lines.append(f"{added} would be added to {newsletter.title}{tail}. Nothing was changed.")
    else:
        lines.append(f"{added} added to {newsletter.title}{tail}.")
    return lines


@group.command(epilog="Example: publisher subscribers export --output readers.csv")
def export(
    context: typer.Context,
    newsletter: Which = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file. Default: standard output.")
    ] = None,
) -> None:
    """Write subscriptions and their consent as CSV that opens safely in a spreadsheet."""
    session: Session = context.obj
    if session.as_json and output is None:
        raise UsageError("an export is CSV: name a file with --output, or leave out --json")
    with session.app() as app:
        if newsletter is not None:
            words.newsletter(app.journal, newsletter)
        lines = export_lines(_all(app, newsletter))
        if output is None:
            for line in lines:
                sys.stdout.write(line)
            return
        number = _write(output, lines)
        session.done(
            {"path": str(output), "subscriptions": number},
            f"{words.count(number, 'subscription')} in {output}. It holds addresses: keep it safe.",
        )


def _write(path: Path, lines: Iterator[str]) -> int:
    """Write the file whole, readable by its owner alone; how many subscriptions it holds."""
    number = -1  # the header is no subscription
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=path.parent, delete=False
        ) as file:
            for line in lines:
                file.write(line)
                number += 1
        os.replace(file.name, path)  # noqa: PTH105 - the name is a string here
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    return number


def _all(
    app: App, newsletter: str | None, state: SubscriptionState | None = None
) -> Iterator[Subscription]:
    after = 0
    while page := app.store.subscribers.list(newsletter, state, after=after, limit=PAGE):
        yield from page
        after = page[-1].id


@group.command(name="list", epilog="Example: publisher subscribers list --state confirmed")
def list_subscribers(
    context: typer.Context,
    newsletter: Which = None,
    state: Annotated[SubscriptionState | None, typer.Option(help="Only these.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Go on after this id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 100,
) -> None:
    """List subscriptions in the order they came."""
    session: Session = context.obj
    with session.app() as app:
        if newsletter is not None:
            words.newsletter(app.journal, newsletter)
        found = app.store.subscribers.list(newsletter, state, after=after, limit=limit)
        lines: list[Any] = [
            table(
                ("id", "address", "newsletter", "state", "cadence", "topics"),
                [
                    (
                        one.id,
                        one.address,
                        one.newsletter,
                        one.state.value,
                        one.cadence or "usual",
                        "all" if one.topics is None else ", ".join(one.topics),
                    )
                    for one in found
                ],
            )
            if found
            else "There is nobody here yet: publisher subscribers add ADDRESS --consent …"
        ]
        if len(found) == limit:
            lines.append(f"More: publisher subscribers list --after {found[-1].id}")
        session.answer({"subscribers": [_document(one) for one in found]}, *lines)


@group.command(epilog="Example: publisher subscribers show ada@example.org")
def show(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="The email address.")],
) -> None:
    """Show one person: what they get, what they agreed to, whether they may be mailed."""
    session: Session = context.obj
    with session.app() as app:
        key = address_key(address)
        found = app.store.subscribers.by_address(key)
        suppressed = [s] if (s := app.store.suppressions.find(key)) else []
        if not found and not suppressed:
            raise NotFound(f"nobody is known under {address}")
        lines = [line for one in found for line in _description(app, one)]
        lines += [
            f"Never mailed since {words.when(s.since, app.journal)}: {s.reason} {s.note}".rstrip()
            for s in suppressed
        ]
        session.answer(
            {
                "subscriptions": [_document(one) for one in found],
                "suppressions": [
                    {"reason": s.reason.value, "since": words.stamp(s.since), "note": s.note}
                    for s in suppressed
                ],
            },
            *lines,
        )


def _description(app: App, one: Subscription) -> list[str]:
    since = one.unsubscribed_at or one.confirmed_at or one.created_at
    topics = "all" if one.topics is None else ", ".join(one.topics)
    agreed = f"  agreed {words.when(one.consent.at, app.journal)}, {one.consent.origin}: "
    return [
        f"{one.address} · {one.newsletter} · {one.state} since {words.when(since, app.journal)}",
        f"  cadence {one.cadence or 'usual'}, topics {topics}",
        agreed + one.consent.wording,
    ]


def _document(one: Subscription) -> dict[str, Any]:
    return {
        "id": one.id,
        "address": one.address,
        "name": one.name,
        "newsletter": one.newsletter,
        "state": one.state.value,
        "cadence": one.cadence,
        "topics": None if one.topics is None else list(one.topics),
        "language": one.language,
        "consent": {
            "at": words.stamp(one.consent.at),
            "origin": one.consent.origin,
            "wording": one.consent.wording,
        },
        "created_at": words.stamp(one.created_at),
        "confirmed_at": words.stamp(one.confirmed_at),
        "unsubscribed_at": words.stamp(one.unsubscribed_at),
    }
