"""`build`: the site made of the articles. In a file of its own, so that it starts soon."""

from __future__ import annotations

from typing import Annotated

import typer

from publisher.building import build_site, open_works
from publisher.cli.frame import cli
from publisher.cli.session import Session, count, finding, shown


@cli.command(name="build", epilog="Example: publisher build")
def build_command(
    context: typer.Context,
    headers: Annotated[
        str | None,
        typer.Option(
            help="Also write how a static host serves the site alike: nginx, caddy or netlify."
        ),
    ] = None,
) -> None:
    """Make the site and its feeds in public/, all at once; nobody ever sees half of it."""
    session: Session = context.obj
    settings = session.settings()
    session.say("Building …")
    built = build_site(
        open_works(settings, session.started_at), session.started_at, headers=headers
    )
    remarks = count(len(built.findings), "remark")
    changed = "" if built.changed else " Nothing has changed since the last build."
    session.done(
        {
            "public": str(settings.public_dir),
            "files": built.files,
            "changed": built.changed,
            "findings": [finding(each) for each in built.findings],
        },
        *map(str, built.findings),
        f"{count(built.files, 'file')} in {shown(settings.public_dir, settings)}"
        f"/.{changed}" + (f" {remarks}." if built.findings else ""),
    )
