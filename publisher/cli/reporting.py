"""`report`: what became of an issue, as a page to look at and a table to reckon with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.issues import Name
from publisher.cli.session import Session
from publisher.errors import UsageError
from publisher.formats import report as pages

FOLDER = "var/reports"


@cli.command(epilog="Example: publisher report weekly/12")
def report(
    context: typer.Context,
    issue: Name,
    to: Annotated[
        Path | None,
        typer.Option("--to", help=f"The folder to write to. Default: {FOLDER}.", file_okay=False),
    ] = None,
) -> None:
    """Write what became of an issue: a page with charts, and a CSV file; no address is in them."""
    session: Session = context.obj
    with session.app() as app:
        found = words.issue(app.store, app.journal, issue)
        if found.number is None:
            raise UsageError(f"the slot {found.slot.key} made no issue: {found.reason}")
        figures = app.store.figures.of(found.id)
        made = {
            "html": pages.page(app.journal, app.templates.load(), found, figures, session.now()),
            "csv": pages.table(found, figures),
        }
        folder = to or app.settings.root / FOLDER
        name = words.name(found).replace("/", "-")
        written = {kind: folder / f"{name}.{kind}" for kind in made}
        _write({written[kind]: content for kind, content in made.items()})
        session.done(
            {"issue": words.document(found), **{kind: str(at) for kind, at in written.items()}},
            f"{words.name(found)}: {words.counts(found.counts)}.",
            f"  {written['html']}",
            f"  {written['csv']}",
        )


def _write(files: dict[Path, bytes]) -> None:
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None
