"""`segments list|count`: readers who have something in common."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.session import Session, table
from publisher.domain.segment import Segment
from publisher.people import selection

group = typer.Typer(
    help="Segments of readers, as the settings name them.",
    no_args_is_help=True,
    epilog="Example: publisher segments count german",
)
cli.add_typer(group, name="segments")


@group.command(name="list", epilog="Example: publisher segments list")
def list_segments(context: typer.Context) -> None:
    """List the segments of the settings, each with what its readers have in common."""
    session: Session = context.obj
    found = session.settings().segments
    session.answer(
        {"segments": {name: _rules(each) for name, each in found.items()}},
        table(
            ("segment", "readers"),
            [
                (
                    name,
                    "; ".join(f"{key.replace('_', ' ')}: {v}" for key, v in _rules(each).items()),
                )
                for name, each in found.items()
            ],
        )
        if found
        else "The settings name no segments: write [segments.NAME] (docs/people.md).",
    )


@group.command(epilog="Example: publisher segments count german")
def count(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The segment's name.")],
) -> None:
    """Count the readers of a segment now, newsletter by newsletter."""
    session: Session = context.obj
    with session.app() as app:
        chosen = selection(app, name, session.now())
        counts = app.store.subscribers.count(chosen)
        lines = [f"  {slug}: {number:,}" for slug, number in counts.items()]
        total = sum(counts.values())
        session.answer(
            {"segment": name, "readers": total, "newsletters": dict(counts)},
            f"{words.count(total, 'subscription')} in the segment {name}.",
            *(lines if len(lines) > 1 else []),
        )


def _rules(of: Segment) -> dict[str, str]:
    """What is set, in words."""
    found: dict[str, str] = {}
    for key in Segment.__dataclass_fields__:
        value = getattr(of, key)
        if isinstance(value, timedelta):
            found[key] = f"{value.days} days ago" if value.days else f"{value} ago"
        elif isinstance(value, datetime):
            found[key] = words.stamp(value) or ""
        elif value:
            found[key] = ", ".join(value)
    return found
