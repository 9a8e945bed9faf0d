"""`ledger`: the whole history of an article, a work or an issue; `ledger verify` proves it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from publisher import history as histories
from publisher.app import App
from publisher.cli import sources, words
from publisher.cli.frame import cli
from publisher.cli.session import Session, table
from publisher.domain.history import History
from publisher.domain.ledger import Entry, Verdict
from publisher.errors import NotFound, UsageError
from publisher.formats import history as shown
from publisher.formats import works
from publisher.ports import Library

SHORTEST = 12
"""Digits of a hash that are taken for one: fewer could be met by chance."""


class Subjects(TyperGroup):
    """`ledger WHAT` means `ledger show WHAT`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command's name before what is no command."""
        if args and args[0] not in (*self.commands, "--help"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


group = typer.Typer(
    cls=Subjects,
    help="Show what happened to an article, a work or an issue, and prove that it is all there.",
    no_args_is_help=True,
    epilog="Example: publisher ledger vitamin-d",
)
cli.add_typer(group, name="ledger")


@group.command(epilog="Example: publisher ledger weekly/12 --html history.html")
def show(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="ARTICLE|SOURCE|ISSUE",
            help="A slug, id or file; a DOI, PMID or source key; or an issue as weekly/12.",
        ),
    ],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page, too.")
    ] = None,
) -> None:
    """Show the whole history: versions, approvals, sends, corrections and retractions."""
    session: Session = context.obj
    with session.app() as app:
        found = find(app, app.content.load(), what)
        data = app.retractions.snapshot()
        as_of = str(data.as_of) if data else "unknown"
        if html is not None:
            page = shown.page(app.journal, app.templates.load(), found, as_of, session.now())
            _write(html, page)
        session.answer(
            _document(found, as_of) | ({"html": str(html)} if html else {}),
            *_lines(app, found, as_of),
            *([f"Written to {html}."] if html else []),
        )


def find(app: App, library: Library, named: str) -> History:
    """The history of what is named so. Raises NotFound, UsageError."""
    for article in library.articles:
        if named in (article.slug, article.id, article.path):
            return histories.of_article(article.id, library, app.store, app.retractions)
    slug, slash, number = named.partition("/")
    newsletters = [each.slug for each in app.journal.newsletters]
    if slash and number.isdecimal() and (slug in newsletters or app.store.issues.list(slug)):
        issue = words.issue(app.store, app.journal, named)
        return histories.of_issue(issue, library, app.store, app.retractions)
    try:
        work = sources.find(library, named)
    except NotFound as unknown:
        return _gone(app, library, named, unknown)
    return histories.of_work(
        named, work.source.title, work.keys, library, app.store, app.retractions
    )


def _gone(app: App, library: Library, named: str, unknown: NotFound) -> History:
    """Of what no file tells any more: a work or an article that issues carried, an issue's id."""
    keys = works.names(named)
    if keys and (app.store.citations.carriers(keys) or app.store.ledger.about(keys)):
        title = next(
            (each.title for each in app.store.citations.resting_on(keys)), "(no article cites it)"
        )
        return histories.of_work(named, title, keys, library, app.store, app.retractions)
    if app.store.ledger.first_seen(named) or app.store.citations.carrying(named):
        return histories.of_article(named, library, app.store, app.retractions)
    if named.isdecimal():
        issue = app.store.issues.get(int(named))
        return histories.of_issue(issue, library, app.store, app.retractions)
    known = [each.slug for each in library.articles]
    raise NotFound(
        f"'{named}' is no article, no work and no issue on record{words.nearest(named, known)}"
    ) from unknown


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _lines(app: App, found: History, as_of: str) -> list[Any]:
    journal = app.journal
    lines: list[Any] = [found.title, f"  {found.kind} {found.name}"]
    lines += [f"  {remark}" for remark in shown.remarks(found)]
    if found.versions:
        rows = [
            (
                *((each.title,) if found.kind != "article" else ()),
                each.version[: shown.SHORT] + (" (now)" if each.present else ""),
                words.when(each.seen_at, journal) if each.seen_at else "not on record",
                shown.carried(found, each),
            )
            for each in found.versions
        ]
        head = ("version", "first seen", "carried by")
        lines += ["", table(head if found.kind == "article" else ("article", *head), rows)]
    if found.held:
        rows = [
            (
                shown.stands(each, as_of),
                ", ".join(each.cited.names) or each.cited.key,
                each.cited.title,
            )
            for each in found.held
        ]
        lines += ["", table(("stands", "source", "title"), rows)]
    for issue in found.issues:
        lines += ["", f"{issue.name} ({issue.slot.kind}, {issue.state}): {issue.subject}"]
        lines += [
            f"  {what} {words.when(at, journal)}{f' by {by}' if by else ''}"
            for what, at, by in shown.steps(issue)
        ]
        lines.append(f"  {issue.audience:,} in the audience: {words.counts(issue.counts)}")
    if found.corrections:
        lines.append("")
        lines += [f"{one.kind} of {one.date}: {one.right}" for _, one in found.corrections]
    lines += ["", "In the ledger"]
    rows = [
        (
            each.number,
            words.when(each.at, journal),
            shown.said(each, found),
            each.hash[: shown.SHORT],
        )
        for each in found.entries
    ]
    lines += [table(("entry", "when", "what", "hash"), rows)] if rows else ["  nothing yet"]
    return lines


def _document(found: History, as_of: str) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "name": found.name,
        "title": found.title,
        "remarks": list(shown.remarks(found)),
        "versions": [
            {
                "article": each.article_id,
                "version": each.version,
                "first_seen": words.stamp(each.seen_at),
                "present": each.present,
                "issues": [found.names.get(i, str(i)) for i in each.issues],
                "sources_on_record": each.sourced,
            }
            for each in found.versions
        ],
        "sources": [
            {
                "key": each.cited.key,
                "title": each.cited.title,
                "identifiers": list(each.cited.names),
                "standing": str(each.status.standing),
                "stands": shown.stands(each, as_of),
                "acknowledged": each.acknowledged,
            }
            for each in found.held
        ],
        "issues": [words.document(issue) for issue in found.issues],
        "corrections": [
            {
                "article": article_id,
                "date": one.date.isoformat(),
                "kind": str(one.kind),
                "wrong": one.wrong,
                "right": one.right,
            }
            for article_id, one in found.corrections
        ],
        "began_at": words.stamp(found.began_at),
        "entries": [_entry(each) | {"said": shown.said(each, found)} for each in found.entries],
    }


def _entry(each: Entry) -> dict[str, Any]:
    return {
        "number": each.number,
        "at": words.stamp(each.at),
        "happening": str(each.happening),
        "details": dict(each.details),
        "hash": each.hash,
    }


@group.command(epilog="Example: publisher ledger verify --head 4f2c8a90d1b3")
def verify(
    context: typer.Context,
    head: Annotated[
        str,
        typer.Option(
            "--head", metavar="HASH", help="A hash that was noted; its first 12 digits will do."
        ),
    ] = "",
) -> None:
    """Prove that nothing in the ledger was changed, taken out or cut off; ends with 1 otherwise."""
    session: Session = context.obj
    noted = head.strip().lower()
    if head and (len(noted) < SHORTEST or not set(noted) <= set("0123456789abcdef")):
        raise UsageError(f"'{head}' is no hash: give at least {SHORTEST} of its hexadecimal digits")
    with session.app() as app:
        found = app.store.ledger.verify(noted)
    session.answer(
        {
            "whole": found.whole,
            "entries": found.entries,
            "head": found.head.hash if found.head else None,
            "noted": found.noted.number if found.noted else None,
            "breaks_at": found.at,
            "wrong": found.wrong or None,
            "differing": list(found.differing),
        },
        *_verdict(found),
    )
    if not found.whole:
        raise typer.Exit(1)


def _verdict(found: Verdict) -> list[str]:
    if found.wrong:
        where = f"breaks at entry {found.at}" if found.at else "is not whole"
        before = f" The {found.at - 1:,} before it are sound." if found.at and found.at > 1 else ""
        return [f"The ledger {where}: {found.wrong}.{before}", *found.differing]
    if found.head is None:
        return ["The ledger is empty: nothing has happened yet."]
    lines = [f"{words.count(found.entries, 'entry', 'entries')}, each bound to the one before."]
    lines.append(f"Head: {found.head.hash}")
    if found.noted is not None:
        since = f"{found.entries - found.noted.number:,}" if found.noted != found.head else "none"
        lines.append(f"Entry {found.noted.number:,} is the one noted outside; {since} came since.")
    else:
        lines.append("No head was noted outside, so a cut-off end would not show: note this one.")
    if found.differing:
        return [*lines, "Rows of the store are not as the ledger tells:", *found.differing]
    return [*lines, "Issues are as the ledger tells."]


@group.command(epilog="Example: publisher ledger export ledger.txt")
def export(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Default: standard output.")
    ] = None,
) -> None:
    """Write every entry as a line, its hash and its text, for others to prove."""
    session: Session = context.obj
    number = 0
    with session.app() as app:
        if file is None and not session.as_json:
            for row in app.store.ledger.rows():
                sys.stdout.write(f"{row.hash} {row.body}\n")
            return
        if file is None:
            raise UsageError("with --json, name the file that the entries are written to")
        try:
            with file.open("w", encoding="utf-8", newline="\n") as out:
                for row in app.store.ledger.rows():
                    out.write(f"{row.hash} {row.body}\n")
                    number += 1
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    session.done(
        {"file": str(file), "entries": number},
        f"{words.count(number, 'entry', 'entries')} in {file}.",
    )
