"""`subscribers import|export`: people from files and to files."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from publisher.app import App
from publisher.cli import words
from publisher.cli.frame import INTERRUPTED
from publisher.cli.session import Session
from publisher.cli.subscribers import (
    Consent,
    Rehearse,
    Segment,
    Which,
    chosen_newsletter,
    group,
    refuse_without_keys,
    token_id,
    walk,
)
from publisher.domain.journal import Newsletter
from publisher.domain.subscription import Admission, address_key
from publisher.domain.subscription import Consent as Consented
from publisher.errors import NotFound, UsageError
from publisher.people import selection, staging
from publisher.ports import Staging
from publisher.subscribe import ImportReport, export_lines, import_rows, read

SHOWN = 20
"""Rows that are shown; `--json` names more."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file that somebody named. Raises UsageError."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


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
    dry_run: Rehearse = False,
) -> None:
    """Add everybody in a file, or nobody if a row is wrong. Nobody who left comes back.

    Columns: email (required), name, topics, cadence, language, time zone. Exports from listmonk,
    Mailchimp, Ghost and publisher itself are known by their columns; who is not confirmed there is
    passed over.
    """
    session: Session = context.obj
    done = 0

    def progress(number: int, total: int) -> None:
        nonlocal done
        done = number
        if total > number or total > 50_000:
            session.say(f"{number:,} of {total:,} rows")

    with session.app() as app, opened(file) as content, staging() as kept:
        refuse_without_keys(app)
        chosen = chosen_newsletter(app, newsletter)
        now = session.now()
        try:
            report = _import(
                app, chosen, content, kept, file.name, consent, now, partial, dry_run, progress
            )
        except KeyboardInterrupt:
            session.say(f"Stopped after {done:,} rows, which are in; run it again for the others.")
            raise typer.Exit(INTERRUPTED) from None
        session.done(_document(chosen, report), *_lines(chosen, report, file.name))
        if report.wrong:
            raise typer.Exit(1)


def _import(
    app: App,
    newsletter: Newsletter,
    content: BinaryIO,
    kept: Staging,
    name: str,
    consent: str,
    now: datetime,
    partial: bool,
    dry_run: bool,
    progress: Any,
) -> ImportReport:
    agreed = Consented(now, f"import of {name}", consent.strip())
    reading = read(content, journal=app.journal, newsletter=newsletter, agreed=agreed, now=now)
    return import_rows(
        app.store.subscribers,
        kept,
        newsletter,
        reading,
        agreed,
        now=now,
        token_id=token_id,
        file=name,
        partial=partial,
        dry_run=dry_run,
        on_progress=progress,
    )


def _document(newsletter: Newsletter, report: ImportReport) -> dict[str, Any]:
    return {
        "newsletter": newsletter.slug,
        "source": report.source or None,
        "dry_run": report.dry_run,
        "counts": {admission.value: number for admission, number in report.counts.items()},
        "wrong": report.wrong,
        "passed": dict(report.passed),
        "bad": [{"row": row, "reason": reason} for row, reason in report.bad],
        "declined": [{"row": row, "reason": reason} for row, reason in report.declined],
        "ignored_columns": list(report.ignored),
    }


def _lines(newsletter: Newsletter, report: ImportReport, name: str) -> list[str]:
    rows = sorted((*report.bad, *report.declined))
    lines = [f"  {name} row {row}: {reason}" for row, reason in rows[:SHOWN]]
    counts = report.counts
    declined = counts.get(Admission.LEFT, 0) + counts.get(Admission.SUPPRESSED, 0)
    if (more := report.wrong + declined - len(lines)) > 0:
        lines.append(f"  and {words.count(more, 'row')} more; --json names them")
    if report.source:
        lines.insert(0, f"This is an export from {report.source}.")
    if report.passed:
        lines.append(f"  passed over, as the file says itself: {words.counts(report.passed)}")
        lines.append(f"  never to mail them, too: publisher suppressions import {name}")
    if report.ignored and not report.source:
        lines.append(f"  columns that were left alone: {', '.join(report.ignored[:SHOWN])}")
    added = words.count(report.added, "person", "people")
    already = counts.get(Admission.ALREADY, 0)
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
    segment: Segment = None,
    person: Annotated[
        str | None,
        typer.Option(
            "--person",
            metavar="ADDRESS",
            help="Everything that is known about one person, as JSON, for them to have.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file. Default: standard output.")
    ] = None,
) -> None:
    """Write subscriptions and their consent as CSV that opens safely in a spreadsheet."""
    session: Session = context.obj
    if person is not None and (newsletter or segment):
        raise UsageError("--person writes all there is about somebody: leave out the others")
    if session.as_json and output is None and person is None:
        raise UsageError("an export is CSV: name a file with --output, or leave out --json")
    with session.app() as app:
        if person is not None:
            return _export_person(app, session, person, output)
        if newsletter is not None:
            words.newsletter(app.journal, newsletter)
        chosen = None if segment is None else selection(app, segment, session.now())
        lines = export_lines(walk(app, newsletter, segment=chosen))
        if output is None:
            for line in lines:
                sys.stdout.write(line)
            return None
        number = write(output, lines) - 1  # the header is no subscription
        return session.done(
            {"path": str(output), "subscriptions": number},
            f"{words.count(number, 'subscription')} in {output}. It holds addresses: keep it safe.",
        )


def _export_person(app: App, session: Session, person: str, output: Path | None) -> None:
    record = app.store.subscribers.record(address_key(person))
    if record is None:
        raise NotFound(f"nothing is known about {person}")
    text = json.dumps(
        {"journal": app.journal.title, "written_at": session.now(), **record},
        indent=2,
        ensure_ascii=False,
        default=lambda at: at.isoformat(),
    )
    if output is None:
        sys.stdout.write(f"{text}\n")
        return
    write(output, iter((text, "\n")))
    session.done(
        {"path": str(output)}, f"All that is known about {person} is in {output}: keep it safe."
    )


def write(path: Path, lines: Iterator[str]) -> int:
    """Write the file whole, readable by its owner alone; how many pieces it has."""
    number = 0
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=path.parent, delete=False
        ) as file:
            try:
                for line in lines:
                    file.write(line)
                    number += 1
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        os.replace(file.name, path)  # noqa: PTH105 - the name is a string here
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    return number
