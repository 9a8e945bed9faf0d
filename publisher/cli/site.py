"""`new`: an article to be filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.session import Session, mint_id, shown
from publisher.domain.journal import Journal
from publisher.errors import NotFound, UsageError
from publisher.formats.frontmatter import skeleton, slugify

LONGEST_TITLE = 300


@cli.command(epilog='Example: publisher new "What the first trial found" --category cancer')
def new(
    context: typer.Context,
    title: Annotated[str, typer.Argument(help="The article's title, in quotation marks.")],
    category: Annotated[
        str | None, typer.Option(help="The category's slug. Default: the journal's first one.")
    ] = None,
    author: Annotated[str | None, typer.Option(help="Who wrote it.")] = None,
) -> None:
    """Start an article: a draft with everything to be filled in, and its permanent id."""
    session: Session = context.obj
    settings = session.settings()
    title = " ".join(title.split())
    if not title or len(title) > LONGEST_TITLE:
        raise UsageError(f"write a title of 1 to {LONGEST_TITLE} characters")
    slug = slugify(title)
    path = settings.content_dir / f"{slug}.md"
    text = skeleton(
        title,
        article_id=mint_id(settings.journal, session.started_at),
        slug=slug,
        category=_category(settings.journal, category),
        published=session.started_at.astimezone(settings.journal.zone).replace(
            second=0, microsecond=0
        ),
        author=author,
    )
    _write(path, text)
    place = shown(path, settings)
    session.done(
        {"path": place, "slug": slug},
        f"{place} is there, as a draft.",
        "Fill it in; `publisher check` says what is missing. Nobody sees a draft.",
    )


def _category(journal: Journal, slug: str | None) -> str:
    known = [each.slug for each in journal.categories]
    if slug is None:
        return known[0]
    if slug not in known:
        raise NotFound(f"there is no category '{slug}'{words.nearest(slug, known)}")
    return slug


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already: choose another title, or edit it") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
