"""`watch`: what was sent and has fallen since, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.session import Session
from publisher.evidence import put_down_sources
from publisher.formats.history import SHORT
from publisher.ports import Library
from publisher.watch import Fallen, Spread, draft


@cli.command(epilog="Example: publisher sources refresh; publisher watch")
def watch(context: typer.Context) -> None:
    """Show retracted works that issues carried, who received them, and how to correct it."""
    session: Session = context.obj
    with session.app() as app:
        library = app.content.load()
        found = put_down_sources(app, library, session.now())
        bare = app.store.citations.unsourced()
        today = session.started_at.astimezone(app.journal.zone).date()
        lines: list[str] = []
        for each in found:
            lines += describe(each)
            if each.open:
                lines += ["", *draft(each, today).splitlines(), ""]
        session.answer(
            {
                "fallen": [_document(each) | {"draft": draft(each, today)} for each in found],
                "unsourced": [{"article": a, "version": version} for a, version in bare],
            },
            *lines,
            *unsourced(bare, library),
            *([] if found else ["No issue carried a work that the data call retracted."]),
        )
    if any(each.open for each in found):
        raise typer.Exit(1)


def unsourced(bare: Sequence[tuple[str, str]], library: Library) -> list[str]:
    """Versions that issues carry and of which nobody knows what they cite."""
    if not bare:
        return []
    titles = {article.id: article.title for article in library.articles}
    return [
        (
            "Unknown whether it rests on a retracted work (planned before sources were put down): "
            f"{words.count(len(bare), 'version')}"
        ),
        *(f"  {titles.get(a, a)}, version {version[:SHORT]}" for a, version in bare),
    ]


def describe(fallen: Fallen) -> list[str]:
    """A fallen work in plain sentences: what, where, whom it reached, what to do."""
    event = fallen.status.event
    when = f" on {event.on}" if event and event.on else ""
    lines = [f"{fallen.title} ({fallen.name}) was retracted{when}."]
    for spread in fallen.spread:
        issues = ", ".join(words.name(issue) for issue in spread.issues)
        people = words.count(spread.reach.people, "person", "people")
        lines.append(f"  {spread.title or spread.article_id}, in {issues}: {people} can be told")
        lines += [f"    {number:,} {why}" for why, number in spread.reach.excluded.items()]
        lines.append(f"    {_step(spread)}")
    return lines


def _step(spread: Spread) -> str:
    if spread.told:
        return "A correction issue is on record."
    if not spread.slug:
        return "The article is gone: put its file back with a correction, to tell its readers."
    return (
        "Mend the article, put a correction into its front matter (a start stands below), then: "
        f"publisher correct {spread.slug} --plan"
    )


def _document(fallen: Fallen) -> dict[str, Any]:
    event = fallen.status.event
    return {
        "work": fallen.name,
        "title": fallen.title,
        "retracted_on": event.on.isoformat() if event and event.on else None,
        "articles": [
            {
                "id": spread.article_id,
                "slug": spread.slug or None,
                "versions": list(spread.faulty.versions),
                "issues": [words.name(issue) for issue in spread.issues],
                "people": spread.reach.people,
                "excluded": dict(spread.reach.excluded),
                "told": spread.told,
            }
            for spread in fallen.spread
        ],
    }
