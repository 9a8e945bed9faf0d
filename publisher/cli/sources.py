"""`sources refresh|list|show|check`: the works that articles cite, and how they stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import typer

from publisher.building import open_retractions
from publisher.checks import retractions
from publisher.checks import works as work_checks
from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.session import Session, table
from publisher.domain.article import Source
from publisher.domain.bibliography import Entry
from publisher.domain.retraction import Snapshot, Standing, age
from publisher.errors import NotFound, UsageError
from publisher.evidence import origin as configured
from publisher.evidence import put_down_sources
from publisher.formats import reference, works
from publisher.formats.works import Work
from publisher.ports import Library

LIST_LIMIT = 100
OLD_DATA = 60
"""Days: data whose newest notice is older than this at the day they are of are doubted aloud."""

group = typer.Typer(
    help="Look after the works that articles cite.",
    no_args_is_help=True,
    epilog="Example: publisher sources check",
)
cli.add_typer(group, name="sources")


@group.command(epilog="Example: publisher sources refresh --from retraction_watch.csv")
def refresh(
    context: typer.Context,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE|DIR|URL",
            help="Retraction Watch's CSV, its folder or its address. Default: the settings'.",
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="DAY", help="The day the data are of. Default: the file's own."
        ),
    ] = None,
) -> None:
    """Load the data of retractions; a file that is cut off or another leaves the old ones."""
    session: Session = context.obj
    settings = session.settings()
    place = origin or configured(settings)
    session.say(f"Loading {place} …")
    made = open_retractions(settings).refresh(place, session.started_at, _day(as_of))
    with session.app() as app:
        library = app.content.load()
        put_down_sources(app, library, session.now())
    found = [f for f in library.findings if f.rule == "retracted-source"]
    session.done(
        {**document(made), "findings": [words.finding(finding) for finding in found]},
        f"Retraction Watch of {made.as_of}: {made.rows:,} notices about {made.works:,} "
        "identifiers.",
        f"  SHA-256 {made.sha256}",
        *_doubt(made),
        *map(str, found),
        *([] if found else ["No article rests on a work that these data call retracted."]),
    )
    if any(finding.blocks for finding in found):
        raise typer.Exit(1)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"'{text}' is no day: write it as 2026-11-24") from None


def _doubt(made: Snapshot) -> list[str]:
    if made.newest is None or (made.as_of - made.newest).days <= OLD_DATA:
        return []
    return [f"  The newest notice in it is of {made.newest}: is it an old file? Then say --as-of."]


def document(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as JSON."""
    return {
        "as_of": snapshot.as_of.isoformat(),
        "sha256": snapshot.sha256,
        "rows": snapshot.rows,
        "identifiers": snapshot.works,
        "from": snapshot.origin,
        "loaded_at": words.stamp(snapshot.loaded_at),
        "newest": snapshot.newest.isoformat() if snapshot.newest else None,
    }


@group.command(name="list", epilog="Example: publisher sources list --standing retracted")
def list_sources(
    context: typer.Context,
    standing: Annotated[
        Standing | None, typer.Option(help="Only works that stand so.", case_sensitive=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = LIST_LIMIT,
) -> None:
    """List the works that are cited, how each stands, and in how many articles it is cited."""
    session: Session = context.obj
    library = session.content(session.settings()).load()
    every = [
        work
        for work in works.of(library.articles, library.register)
        if standing is None or work.status.standing is standing
    ]
    shown = every[:limit]
    rows = [
        (stands(work, library), name_of(work.source), len(work.articles), work.source.title)
        for work in shown
    ]
    lines: list[Any] = [table(("stands", "work", "articles", "title"), rows)] if rows else []
    more = f", the first {limit:,} of them here" if len(every) > limit else ""
    unused = uncited(library)
    session.answer(
        {
            "works": [work_document(work) for work in shown],
            "number": len(every),
            "uncited": [entry_document(entry) for entry in unused],
        },
        *lines,
        f"{words.count(len(every), 'work')}{more}.",
        *_unused(unused),
    )


def uncited(library: Library) -> tuple[Entry, ...]:
    """The works of the bibliography that no article draws or describes."""
    cited = {
        name
        for article in library.articles
        for source in article.sources
        for name in (f"key:{source.key}", *works.names_of(source))
    }
    return tuple(
        entry
        for entry in library.works.entries.values()
        if entry.source is not None
        and not cited & {f"key:{entry.key}", *works.names_of(entry.source)}
    )


def _unused(entries: Sequence[Entry]) -> list[str]:
    number = words.count(len(entries), "work")
    are = "is" if len(entries) == 1 else "are"
    return [f"{number} in the bibliography {are} cited nowhere."] if entries else []


def entry_document(entry: Entry) -> dict[str, Any]:
    """A work of the bibliography as JSON."""
    title = entry.source.title if entry.source else None
    return {"key": entry.key, "title": title, "at": str(entry.place)}


@group.command(epilog="Example: publisher sources show 10.1056/NEJMoa1200303")
def show(
    context: typer.Context,
    work: Annotated[str, typer.Argument(help="A DOI, a PMID, or a source's key.")],
) -> None:
    """Show one work: how it stands, where it is cited, which issues carried it to how many."""
    session: Session = context.obj
    with session.app() as app:
        library = app.content.load()
        if (only := _only_listed(library, work)) is not None:
            return session.answer(
                entry_document(only) | {"articles": [], "issues": []},
                f"{only.key} at {only.place}: {reference.text(only.source) if only.source else ''}",
                "  no article cites it",
            )
        found = find(library, work)
        carriers = app.store.citations.carriers(found.keys)
        issues = {one.issue_id: app.store.issues.get(one.issue_id) for one in carriers}
        event = found.status.event
        lines = [
            reference.text(found.source),
            *(f"  {href}" for _, href in found.source.links),
            f"  {stands(found, library)}" + (f": {found.status.why}" if found.status.why else ""),
        ]
        if event is not None:
            notice = f", notice doi:{event.notice}" if event.notice else ""
            lines.append(f"  notice {event.record} of {event.on or 'an unknown day'}{notice}")
            lines += [f"    {reason}" for reason in event.reasons]
            if event.replacement:
                lines.append(f"  replaced by doi:{event.replacement}: cite that")
            elif event.replaced:
                lines.append("  retracted and replaced: the notice says by what")
        lines += [f"  cited in {article.path}: {article.title}" for article in found.articles]
        lines += [f"  carried by {_carried(issue)}" for issue in issues.values()]
        listed = library.works.entries.get(found.source.key)
        lines += [f"  listed at {listed.place}"] if listed else []
        session.answer(
            work_document(found) | {"issues": [words.document(one) for one in issues.values()]},
            *lines,
        )
    return None


def _only_listed(library: Library, named: str) -> Entry | None:
    """The work of the bibliography with this key, DOI or PMID, if no article cites it."""
    wanted = set(works.names(named))
    for entry in uncited(library):
        names = set(works.names_of(entry.source)) if entry.source else set()
        if entry.key == named or wanted & names:
            return entry
    return None


def _carried(issue: Any) -> str:
    return (
        f"{words.name(issue)} ({issue.state}) to {words.count(issue.audience, 'person', 'people')}"
    )


@group.command(epilog="Example: publisher sources check")
def check(context: typer.Context) -> None:
    """Look over the sources alone: retracted, spoken of, unknown, or spelt in two ways."""
    session: Session = context.obj
    settings = session.settings()
    library = session.content(settings).load()
    rules = ("retracted-source", "source-notice", "acknowledged-not-retracted", "unknown-work")
    lists = {entry.place.path for entry in library.works.entries.values()}
    data, had = library.register.snapshot, library.register.had
    findings = [
        *retractions.data(data, settings.journal.sources, session.started_at, had),
        *(f for f in library.findings if f.rule in rules or f.place.path in lists),
        *work_checks.doubled(works.of(library.articles, library.register)),
        *work_checks.listed_twice(library.works.entries.values(), works.names_of),
    ]
    every = works.of(library.articles, library.register)
    counts = {
        str(standing): number
        for standing in Standing
        if (number := sum(work.status.standing is standing for work in every))
    }
    session.answer(
        {
            "data": document(library.register.snapshot) if library.register.snapshot else None,
            "standing": counts,
            "findings": [words.finding(finding) for finding in findings],
            "uncited": [entry_document(entry) for entry in uncited(library)],
        },
        *map(str, findings),
        *_unused(uncited(library)),
        f"{words.count(len(every), 'work')}: {words.counts(counts) or 'none'}"
        f"{_as_of(library, session.started_at)}.",
    )
    if any(finding.blocks for finding in findings):
        raise typer.Exit(1)


def _as_of(library: Library, now: datetime) -> str:
    snapshot = library.register.snapshot
    if snapshot is None:
        return ""
    return f", as of {snapshot.as_of} ({words.count(age(snapshot, now).days, 'day')} old)"


def find(library: Library, named: str) -> Work:
    """The work with this DOI, PMID or source key. Raises NotFound."""
    every = works.of(library.articles, library.register)
    wanted = set(works.names(named))
    for work in every:
        if wanted & set(work.keys):
            return work
    for work in every:
        if any(source.key == named for source, _ in work.cited):
            return work
    known = [work.source.key for work in every]
    raise NotFound(f"no article cites '{named}'{words.nearest(named, known)}")


def name_of(source: Source) -> str:
    """The work's first identifier, or its address."""
    return source.links[0][0] if source.links else source.key


def stands(work: Work, library: Library) -> str:
    """`clear as of 2026-11-20`, `retracted, acknowledged`, `unknown`."""
    standing = work.status.standing
    snapshot = library.register.snapshot
    if standing is Standing.CLEAR and snapshot is not None:
        return f"clear as of {snapshot.as_of}"
    return f"{standing}, acknowledged" if work.source.acknowledged else str(standing)


def work_document(work: Work) -> dict[str, Any]:
    """A work as JSON."""
    event = work.status.event
    return {
        "key": work.source.key,
        "title": work.source.title,
        "citation": reference.text(work.source),
        "year": work.source.year,
        "identifiers": list(work.keys),
        "url": work.source.href if work.source.links else None,
        "standing": str(work.status.standing),
        "why": work.status.why,
        "acknowledged": work.source.acknowledged,
        "on": event.on.isoformat() if event and event.on else None,
        "notice": event.notice if event else None,
        "reasons": list(event.reasons) if event else [],
        "replacement": event.replacement if event else None,
        "articles": [
            {"id": article.id, "path": article.path, "title": article.title}
            for article in work.articles
        ],
    }
