"""`correct`: whoever received an article is told what was wrong in it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from publisher.cli import words
from publisher.cli.fallen import unsourced
from publisher.cli.frame import cli
from publisher.cli.session import Session, nonce
from publisher.correct import Trace, on_record
from publisher.domain.article import Article
from publisher.domain.issue import IssueState
from publisher.errors import NotFound
from publisher.evidence import plan_correction, trace_correction
from publisher.ports import Library


@cli.command(epilog="Example: publisher correct vitamin-d --plan")
def correct(
    context: typer.Context,
    article: Annotated[str, typer.Argument(help="The article's slug, id or file.")],
    plan: Annotated[
        bool, typer.Option("--plan", help="Draft the issue that tells them; nobody gets it yet.")
    ] = False,
) -> None:
    """Show who received an article before it was corrected or withdrawn, and can still be told."""
    session: Session = context.obj
    with session.app() as app:
        library = app.content.load()
        found = trace_correction(app, find(library, article))
        made = (
            plan_correction(app, found, session.now(), nonce=nonce, library=library)
            if plan
            else on_record(found, app.journal, app.store)
        )
        lines = _lines(found)
        bare = [p for p in app.store.citations.unsourced() if p[0] == found.article.id]
        lines += unsourced(bare, library)
        for issue in made:
            name = words.name(issue)
            people = words.count(issue.audience, "person", "people")
            lines.append(f"{name} · {issue.state} · {people} · {issue.subject}")
            if issue.state is IssueState.DRAFT:
                lines.append(f"  Look at it: publisher send {name} --test you@example.org")
                lines.append(f"  Let it go: publisher issue approve {name}")
        if not made and found.reach.people:
            lines.append(f"To draft it: publisher correct {found.article.slug} --plan")
        session.answer(
            _document(found)
            | {
                "issues": [words.document(issue) for issue in made],
                "unsourced": [version for _, version in bare],
            },
            *lines,
        )


def find(library: Library, named: str) -> Article:
    """The article with this slug, id or path. Raises NotFound."""
    for each in library.articles:
        if named in (each.slug, each.id, each.path):
            return each
    known = [each.slug for each in library.articles]
    raise NotFound(f"there is no article '{named}'{words.nearest(named, known)}")


def _lines(found: Trace) -> list[str]:
    reach = found.reach
    lines = [
        f"{found.article.title}",
        f"  {_what(found)} {found.correction.date}: {found.correction.right}",
    ]
    if not found.faulty.versions:
        return [*lines, "No issue carried the article before it said so: nobody to tell."]
    versions = words.count(len(found.faulty.versions), "version")
    lines.append(f"  {versions} went out before:")
    lines.append(f"  {words.count(reach.people, 'person', 'people')} can be told, each once")
    lines += [
        f"    {slug}{f' ({language})' if language else ''}: {number:,}"
        for (slug, language), number in reach.reachable.items()
    ]
    lines += [f"  {number:,} left out: {reason}" for reason, number in reach.excluded.items()]
    if reach.waiting:
        lines.append(
            f"  {words.count(reach.waiting, 'mail')} with an old version have not left yet: pause "
            "or cancel their issue, or they arrive after the correction"
        )
    return lines


def _what(found: Trace) -> str:
    return "withdrawn on" if found.article.withdrawn else f"{found.correction.kind} of"


def _document(found: Trace) -> dict[str, Any]:
    reach = found.reach
    return {
        "article": found.article.id,
        "correction": found.id,
        "kind": str(found.correction.kind),
        "date": found.correction.date.isoformat(),
        "withdrawn": found.article.withdrawn is not None,
        "versions": list(found.faulty.versions),
        "people": reach.people,
        "reachable": [
            {"newsletter": slug, "language": language, "people": number}
            for (slug, language), number in reach.reachable.items()
        ],
        "excluded": dict(reach.excluded),
        "waiting": reach.waiting,
    }
