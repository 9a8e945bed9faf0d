"""`cite`: a work looked up where it is registered, as a source to paste or to keep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import typer

from publisher import __version__
from publisher.building import CACHE
from publisher.checks.links import is_web_address
from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.session import Session, shown
from publisher.content.files import replace_file
from publisher.domain.article import Source
from publisher.domain.bibliography import Entry
from publisher.domain.finding import Finding
from publisher.errors import AuthorError, NotFound, OperatorError, PublisherError, UsageError
from publisher.formats import (
    identifiers,
    reference,
    sources,
    sourceyaml,
    workfiles,
    yamltree,
)
from publisher.formats import works as known_works
from publisher.formats.fields import Fields
from publisher.formats.works import KINDS
from publisher.lookup import Registries
from publisher.ports import Library
from publisher.settings import Settings

_DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)*/[^\s?#]+")
_PASTED = "pasted"


@dataclass(frozen=True, slots=True)
class Found:
    """One work that was asked for. `already` is where it stands, `wrong` what it lacks, `remarks`
    what to look at.
    """

    asked: str
    entry: str
    source: Source | None
    already: str = ""
    wrong: tuple[Finding, ...] = ()
    added: bool = False
    remarks: tuple[str, ...] = ()


@cli.command(epilog="Example: publisher cite 10.1056/NEJMoa1910607 --add")
def cite(
    context: typer.Context,
    works: Annotated[
        list[str],
        typer.Argument(metavar="WORK…", help="A DOI, PMID, ISBN, number of a trial, or URL."),
    ],
    add: Annotated[
        bool, typer.Option("--add", help="Put it into content/sources.yaml, unless it is there.")
    ] = False,
    key: Annotated[
        str | None, typer.Option(help="The key it is cited by. Default: such as liu-2020.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="What readers are told it is: randomised trial.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask again what was asked in the last 30 days.")
    ] = False,
) -> None:
    """Look a work up where it is registered, and show it as a source in YAML."""
    session: Session = context.obj
    settings = session.settings()
    if key is not None and len(works) > 1:
        raise UsageError("--key names one work, and you named several: ask for them one by one")
    library = session.content(settings).load()
    found: list[Found] = []
    failed: list[str] = []
    chosen = {name: value for name, value in (("key", key), ("kind", kind)) if value}
    with closing(_registries(session, settings, fresh=fresh)) as registries:
        for asked in works:
            try:
                one = _found(registries, library, asked, chosen, [each.entry for each in found])
                found.append(_added(settings, one) if add else one)
            except PublisherError as wrong:
                if len(works) == 1:
                    raise
                failed.append(f"{asked}: {wrong}")
    session.answer(
        {"works": [_document(each) for each in found], "failed": failed},
        *(line for each in found for line in _lines(each, add=add)),
        *failed,
    )
    if failed or (add and any(each.wrong for each in found)):
        raise typer.Exit(1)


def _registries(session: Session, settings: Settings, *, fresh: bool) -> Registries:
    asked = settings.lookup
    if asked is None:
        raise UsageError("these settings name nobody to ask")
    return Registries(
        asked.addresses,
        f"journal-publisher/{__version__} (+{settings.journal.url}/; mailto:{asked.contact})",
        asked.contact,
        timeout=asked.timeout.total_seconds(),
        pause=asked.pause.total_seconds(),
        cache=settings.root / CACHE / "works",
        now=session.started_at,
        fresh=fresh,
    )


def _found(
    registries: Registries,
    library: Library,
    asked: str,
    chosen: dict[str, str],
    before: Sequence[str],
) -> Found:
    # What is there already need not be asked for, and is found without a network.
    if entry := _listed(library, set(known_works.names(asked))):
        return Found(asked, "", entry.source, f"{entry.key} at {entry.place}")
    remarks: list[str] = []
    values = _values(registries, asked, remarks) | chosen
    taken = {*library.works.entries, *(_key_in(entry) for entry in before)}
    names = _names(values)
    inline = next(
        (s for a in library.articles for s in a.sources if names & set(known_works.names_of(s))),
        None,
    )
    if "key" not in values:
        own = inline.key if inline is not None and inline.key not in taken else None
        values["key"] = own or sourceyaml.key(values, taken)
    if entry := _listed(library, names):
        return Found(asked, "", entry.source, f"{entry.key} at {entry.place}")
    if values["key"] in taken:
        raise UsageError(f"another work has the key {values['key']}: choose one with --key")
    entry_text = sourceyaml.render(values)
    source, wrong = _judged(entry_text)
    return Found(asked, entry_text, source, wrong=wrong, remarks=tuple(remarks))


def _listed(library: Library, names: set[str]) -> Entry | None:
    """The work of the bibliography that has one of these names."""
    for entry in library.works.entries.values():
        if entry.source and names & set(known_works.names_of(entry.source)):
            return entry
    return None


def _names(values: dict[str, Any]) -> set[str]:
    ids: dict[str, Any] = {
        name: read(str(values.get(name, ""))) for name, read in sources.FORMS.items()
    }
    bare = Source(key="", title="", kind="", year=0, url=values.get("url"))
    return set(known_works.names_of(replace(bare, **ids)))


def _key_in(entry: str) -> str:
    return entry.partition("\n")[0].removeprefix("- key: ").strip('"')


def _judged(entry: str) -> tuple[Source | None, tuple[Finding, ...]]:
    """The entry as it will be read, and what is wrong with it."""
    fields = Fields(_PASTED)
    tree = yamltree.parse(entry)
    if not isinstance(tree, yamltree.Sequence):
        raise AuthorError("what was found cannot be written as YAML; describe the work by hand")
    made = sources.entry(fields, tree.items[0])
    return made.source if made else None, tuple(fields.findings)


def _values(registries: Registries, asked: str, remarks: list[str]) -> dict[str, Any]:
    """What is known of it. Raises UsageError for what is neither an identifier nor a URL."""
    if number := identifiers.isrctn(asked):  # before the DOI that each of them has
        return registries.isrctn(number)
    if number := identifiers.nct(asked):
        return registries.nct(number)
    if doi := identifiers.doi(asked):
        return _of_doi(registries, doi, remarks)
    if number := identifiers.pmid(asked):
        return registries.pmid(number)
    if pmcid := identifiers.pmcid(asked):
        return registries.pmcid(pmcid)
    if isbn := identifiers.isbn(asked):
        remarks.append(
            "Open Library does not tell family names: write those of persons as Family, Given"
        )
        return registries.isbn(isbn)
    if is_web_address(asked):
        return _at(registries, asked, remarks)
    raise UsageError(
        f"'{asked}' is no DOI (10.1056/NEJMoa1910607), no PMID (32023374), no ISBN, no number of a "
        "trial (NCT04245722, ISRCTN83971151) and no URL (https://…): look at it again"
    )


def _of_doi(registries: Registries, doi: str, remarks: list[str]) -> dict[str, Any]:
    """By its DOI; of an article in a journal PubMed says its numbers and what study it was."""
    values = registries.doi(doi)
    if values.get("type") != "article-journal":
        return values
    try:
        known = registries.in_pubmed(doi)
    except OperatorError as wrong:
        remarks.append(f"PubMed was not asked for its PMID and kind: {wrong}")
        return values
    if known.get("kind") == KINDS["article-journal"]:
        del known["kind"]  # no more than is known already
    return values | known


def _at(registries: Registries, url: str, remarks: list[str]) -> dict[str, Any]:
    """The work that an address leads to: by the DOI in it, else by what its page says."""
    for doi in _dois(url):
        try:
            return _of_doi(registries, doi, remarks)
        except NotFound:
            continue  # what follows the DOI may be the site's
    values = registries.page(url)
    if named := identifiers.doi(values.get("doi", "")):
        return _of_doi(registries, named, remarks)
    if number := identifiers.pmid(values.get("pmid", "")):
        return registries.pmid(number)
    return values


def _dois(url: str) -> Iterator[str]:
    """Each DOI that may be in the path, the longest first: `/10.1000/x/full` has two, and the
    beginning of an article's may be its journal's.
    """
    found = _DOI.search(unquote(urlsplit(url).path))
    if found:
        parts = found[0].rstrip("/").split("/")
        for stop in range(min(len(parts), 4), 1, -1):
            if doi := identifiers.doi("/".join(parts[:stop])):
                yield doi


def _added(settings: Settings, one: Found) -> Found:
    if one.already or one.wrong:
        return one
    path = _file(settings)
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        made = sourceyaml.append(text, one.entry, shown(path, settings))
        replace_file(path, made.encode())
    except (OSError, UnicodeError) as wrong:
        raise AuthorError(f"{shown(path, settings)} cannot be written: {wrong}") from wrong
    return replace(one, added=True)


def _file(settings: Settings) -> Path:
    names = (settings.content_dir / name for name in workfiles.YAML)
    return next((path for path in names if path.exists()), settings.content_dir / "sources.yaml")


def _document(one: Found) -> dict[str, Any]:
    return {
        "asked": one.asked,
        "key": one.source.key if one.already and one.source else _key_in(one.entry),
        "yaml": one.entry or None,
        "citation": reference.text(one.source) if one.source else None,
        "added": one.added,
        "already": one.already or None,
        "remarks": list(one.remarks),
        "findings": [words.finding(finding) for finding in one.wrong],
    }


def _lines(one: Found, *, add: bool) -> Iterator[str]:
    if one.already:
        yield f"{one.asked} is there already: {one.already}. Cite it as [@{_key(one)}]."
        return
    if not one.added:
        yield one.entry.rstrip("\n")
    for finding in one.wrong:
        yield f"  {finding.message} ({finding.remedy})"
    yield from (f"  {remark}" for remark in one.remarks)
    if one.added and one.source:
        yield f"Added to content/sources.yaml: {reference.text(one.source)}"
        yield f"  List it in an article as `- {_key(one)}` and cite it as [@{_key(one)}]."
    elif add:
        yield "Not added: mend that, and paste it into content/sources.yaml."


def _key(one: Found) -> str:
    return one.source.key if one.source else _key_in(one.entry)
