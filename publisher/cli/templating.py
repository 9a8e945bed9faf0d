"""`templates list|eject`: where each template comes from, and making it the journal's own."""

from __future__ import annotations

from typing import Annotated

import typer

from publisher.checks import overrides
from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.session import Session, table
from publisher.templates import LOCALE, Folders, Listed, eject, listing, shipped_dir

group = typer.Typer(
    help="See where templates come from, and make one your own.",
    no_args_is_help=True,
    epilog="Example: publisher templates list",
)
cli.add_typer(group, name="templates")


@group.command(name="list", epilog="Example: publisher templates list")
def list_templates(context: typer.Context) -> None:
    """List templates, styles and catalogues, each with whose file counts."""
    session: Session = context.obj
    settings = session.settings()
    own_dir = settings.templates_dir
    ours = own_dir.resolve() == shipped_dir().resolve()
    found = listing(None if ours else own_dir)
    own = [each for each in found if each.own]
    shipped = {each.name for each in listing(None)}
    loaded = Folders(None if ours else own_dir).load()
    remarks = list(overrides.check(loaded, shipped, settings.journal.language))
    session.answer(
        {
            "folder": str(own_dir),
            "templates": [
                {"name": t.name, "origin": _origin(t), "path": str(t.path)} for t in found
            ],
            "findings": [words.finding(each) for each in remarks],
        },
        table(
            ("template", "comes from", "file"),
            [(t.name, _origin(t), str(t.path) if t.own else "") for t in found],
        ),
        f"{words.count(len(found), 'file')}, {len(own)} of them the journal's own. To change one: "
        "publisher templates eject NAME",
        *map(str, remarks),
    )


@group.command(name="eject", epilog="Example: publisher templates eject email/_foot.mjml")
def eject_template(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="As `templates list` names it; or locale/LANGUAGE.po.")
    ],
) -> None:
    """Copy a shipped file into the journal's templates, where it can be changed."""
    session: Session = context.obj
    settings = session.settings(templates_needed=False)
    path = eject(settings.templates_dir, name)
    shown = path.relative_to(settings.root) if path.is_relative_to(settings.root) else path
    session.done(
        {"name": name, "path": str(path)},
        f"{shown} is yours now and stands over the shipped one.",
        "Translate what is empty in it; what stays empty stays as shipped."
        if name.startswith(LOCALE)
        else "What the shipped one gains in later versions does not come to it by itself.",
    )


def _origin(of: Listed) -> str:
    if not of.own:
        return "shipped"
    if of.shipped:
        return "journal, added to the shipped one" if of.name.startswith(LOCALE) else "journal"
    return "journal alone"
