"""`new` and `check`: articles, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from publisher.build import build, public_articles
from publisher.checks import edition, retractions
from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.session import Session, mint_id, shown
from publisher.domain.finding import Finding
from publisher.domain.issue import Shaping
from publisher.domain.journal import Journal
from publisher.domain.template import TemplateSet
from publisher.errors import BlockedByFindings, NotFound, UsageError
from publisher.formats import catalogue, email
from publisher.formats.frontmatter import skeleton, slugify
from publisher.ports import Library
from publisher.settings import Settings
from publisher.templates import Folders

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


@cli.command(epilog="Example: publisher check --mint")
def check(
    context: typer.Context,
    mint: Annotated[
        bool,
        typer.Option(
            "--mint", help="First write the missing ids, and the seconds of dates that collide."
        ),
    ] = False,
) -> None:
    """Look over settings, articles, templates and a digest; say all that is wrong, and where."""
    session: Session = context.obj
    settings = session.settings()
    content = session.content(settings)
    minted = content.mint() if mint else ()
    if minted:
        session.say(f"Written into {', '.join(minted)}: what they lacked of id and feed_seconds.")
    library = content.load()
    findings = _findings(session, settings, library)
    blocking = [finding for finding in findings if finding.blocks]
    session.answer(
        {
            "articles": len(library.articles),
            "minted": list(minted),
            "findings": [words.finding(finding) for finding in findings],
            "blocking": len(blocking),
        },
        *map(str, findings),
        _verdict(library, findings, blocking),
    )
    if blocking:
        raise typer.Exit(1)


def _findings(session: Session, settings: Settings, library: Library) -> list[Finding]:
    """What the articles have against them, then what stands in the way of building them."""
    findings = list(library.findings)
    data = library.register.snapshot
    findings += retractions.data(data, settings.journal.sources, session.started_at)
    if not any(finding.blocks for finding in findings):
        try:
            templates = Folders(settings.templates_dir).load()
            build(settings.journal, library, templates, (), session.started_at)
            findings += _of_digests(settings.journal, library, templates, session.started_at)
        except BlockedByFindings as error:
            findings += [finding for finding in error.findings if finding not in findings]
    return findings


def _of_digests(
    journal: Journal, library: Library, templates: TemplateSet, now: datetime
) -> list[Finding]:
    """What a digest of each newsletter would have against it, were it made of the newest now."""
    found: dict[Finding, None] = {}
    for newsletter in journal.newsletters:
        offered = (
            article
            for article in public_articles(library, now)
            if not newsletter.topics or article.category in newsletter.topics
        )
        newest = sorted(offered, key=lambda article: article.published_at, reverse=True)
        articles = newest[: newsletter.maximum]
        if not articles:
            continue
        rendered = email.render(
            journal,
            newsletter,
            number=1,
            slot_at=now,
            articles=articles,
            language=journal.language,
            shaping=Shaping(),
            templates=templates,
            register=library.register,
        )
        found |= dict.fromkeys(
            edition.check(
                rendered,
                journal,
                articles,
                library.register,
                catalogue.of(templates, journal.language),
            )
        )
    return list(found)


def _verdict(library: Library, findings: Sequence[Finding], blocking: Sequence[Finding]) -> str:
    seen = words.count(len(library.articles), "article")
    if blocking:
        things = words.count(len(blocking), "thing")
        return f"{seen} in order. {things} must be mended before anything is published."
    if findings:
        return f"{seen} in order; {words.count(len(findings), 'remark')}."
    return f"{seen}, all in order."
