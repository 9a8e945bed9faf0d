"""`check`: everything that can be said about a journal before anybody sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from publisher.build import build, public_articles
from publisher.checks import edition, freshness, inside, overrides, retractions, validity
from publisher.checks.every import every
from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.session import Session
from publisher.domain.finding import Finding
from publisher.domain.issue import Shaping
from publisher.domain.journal import Journal
from publisher.domain.template import TemplateSet
from publisher.errors import BlockedByFindings, NotFound
from publisher.formats import catalogue, email
from publisher.templates import Folders, listing

if TYPE_CHECKING:
    from publisher.cli.outward import Asked
    from publisher.ports import Library
    from publisher.settings import Settings


@cli.command(epilog="Example: publisher check --mint")
def check(
    context: typer.Context,
    mint: Annotated[
        bool,
        typer.Option(
            "--mint", help="First write the missing ids, and the seconds of dates that collide."
        ),
    ] = False,
    external: Annotated[
        bool,
        typer.Option(
            "--external", help="Also ask other sites for the pages that articles link to, slowly."
        ),
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Explain a rule, or all; nothing is checked."),
    ] = None,
) -> None:
    """Look over settings, articles, templates and a digest; say all that is wrong, and where."""
    session: Session = context.obj
    if explain is not None:
        _explain(session, explain)
        return
    settings = session.settings()
    from publisher import connecting  # and all of settings, which --explain does without

    connecting.judge(settings)
    content = session.content(settings)
    minted = content.mint() if mint else ()
    if minted:
        session.say(f"Written into {', '.join(minted)}: what they lacked of id and feed_seconds.")
    library = content.load()
    findings = _findings(session, settings, library)
    asked = _asked(session, settings, library) if external else None
    findings += asked.findings if asked else ()
    blocking = [finding for finding in findings if finding.blocks]
    session.answer(
        {
            "articles": len(library.articles),
            "minted": list(minted),
            "findings": [words.finding(finding) for finding in findings],
            "blocking": len(blocking),
            **({"external": asked.document()} if asked else {}),
        },
        *map(str, findings),
        *(asked.sentences() if asked else ()),
        _verdict(library, findings, blocking),
    )
    if blocking:
        raise typer.Exit(1)


def _asked(session: Session, settings: Settings, library: Library) -> Asked:
    from publisher.cli import outward  # and all that sends, for what stops an asking

    return outward.ask(session, settings, library)


def _findings(session: Session, settings: Settings, library: Library) -> list[Finding]:
    """What the articles have against them, then what stands in the way of building them."""
    findings = list(library.findings)
    data, had = library.register.snapshot, library.register.had
    findings += retractions.data(data, settings.journal.sources, session.started_at, had)
    today = settings.journal.day(session.started_at)
    findings += freshness.articles(library.articles, today)
    if not any(finding.blocks for finding in findings):
        try:
            templates = Folders(settings.templates_dir).load()
            files = build(settings.journal, library, templates, (), session.started_at)
            shown = public_articles(library, session.started_at)
            findings += inside.broken(shown, settings.journal, files)
            shipped = {each.name for each in listing(None)}
            findings += overrides.check(templates, shipped, settings.journal.language)
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
        found |= dict.fromkeys(validity.check(rendered, journal))
    return list(found)


def _explain(session: Session, name: str) -> None:
    """Say what a rule asks for, what it weighs, and who may set it aside."""
    known = every()
    if name != "all" and name not in known:
        raise NotFound(f"there is no rule '{name}'{words.nearest(name, list(known))}")
    chosen = list(known.values()) if name == "all" else [known[name]]
    lines = [f"{rule.id} ({rule.weight}): {rule.words}" for rule in chosen]
    if name != "all":
        lines.append(f"To set it aside: {chosen[0].freedom}.")
    session.answer(
        {
            "rules": [
                {"rule": r.id, "severity": r.weight, "words": r.words, "freedom": r.freedom}
                for r in chosen
            ]
        },
        *lines,
    )


def _verdict(library: Library, findings: Sequence[Finding], blocking: Sequence[Finding]) -> str:
    seen = words.count(len(library.articles), "article")
    if blocking:
        things = words.count(len(blocking), "thing")
        return f"{seen} in order. {things} must be mended before anything is published."
    if findings:
        return f"{seen} in order; {words.count(len(findings), 'remark')}."
    return f"{seen}, all in order."
