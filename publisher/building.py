"""What makes the site, put together: settings in, the built tree out.

For the command that does nothing else, too: it must start as soon as can be, so nothing that
sends mail is read here, and the store only where it holds an issue.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from publisher.cache import Shelf, edition
from publisher.content import Folder
from publisher.errors import Defect, PublisherError
from publisher.forks import Forks
from publisher.site import Tree
from publisher.stores import glance
from publisher.templates import Folders, shipped_dir

if TYPE_CHECKING:
    from publisher.csl import Style
    from publisher.domain.article import Source
    from publisher.domain.finding import Finding
    from publisher.domain.issue import ArchivedIssue
    from publisher.domain.leaf import Leaves
    from publisher.ports import (
        Anchor,
        Content,
        Library,
        Retractions,
        Site,
        Store,
        Templates,
    )
    from publisher.settings import Settings

CACHE = "var/cache"
_ISSUES = "issues"
VANCOUVER = "vancouver"
RETRACTIONS = "var/retractions.sqlite3"
"""Below the journal's folder: what was worked out before, and what is known of retractions."""
EVERY = 1_000_000
"""More issues than any journal has: "all of them", for calls that take a limit."""


@dataclass(frozen=True, slots=True)
class Works:
    """What a build needs. `issues` gives those that have an archive page."""

    settings: Settings
    content: Content
    templates: Templates
    site: Site
    issues: Callable[[], tuple[ArchivedIssue, ...]]
    published: Callable[[Library], None]  # hears of what readers can read now


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: how many files the site has, and whether any of them changed.

    `findings` are the warnings; a blocking finding is an exception.
    """

    files: int
    changed: bool
    findings: tuple[Finding, ...]


def open_works(settings: Settings, now: datetime) -> Works:
    """What builds the site of these settings; nothing is read yet.

    A store that holds issues is brought up to date when they are asked for, as of `now`.
    """
    cache = _cache(settings)  # one, which finds out once what program this is
    ready = functools.cache(partial(_read_on, settings))
    return Works(
        settings,
        open_content(settings, cache=cache, ready=ready),
        open_templates(settings),
        open_site(settings, cache, ready),
        partial(_stored, settings, now, cache),
        partial(_put_down, settings, now),
    )


def open_content(
    settings: Settings,
    mint_id: Callable[[], str] | None = None,
    cache: Shelf | None = None,
    ready: Callable[[], None] | None = None,
) -> Content:
    """The articles alone, for whoever needs no store. `mint_id` makes a new `tag:` URI."""
    from publisher.vetting import Vetted

    folder = Folder(
        settings.root,
        settings.content_dir,
        zone=settings.journal.zone,
        categories=[category.slug for category in settings.journal.categories],
        words_per_minute=settings.journal.words_per_minute,
        mint_id=mint_id or _cannot_mint,
        language=settings.journal.language,
        style=settings.journal.sources.style,
        cite=_style(settings),
        cache=cache or _cache(settings),
        workers=Forks(meanwhile=ready or partial(_read_on, settings)),
    )
    data = open_retractions(settings)
    return Vetted(folder, data, lambda: data.had() or glance.had_data(settings.store_url))


def _style(settings: Settings) -> Callable[[Source, str], str] | None:
    """What writes citations; none for Vancouver, which needs no processor."""
    if settings.style == VANCOUVER:
        return None
    styles: list[Style] = []

    def cite(source: Source, language: str) -> str:
        if not styles:  # only where an article is read anew
            from publisher.csl import load

            styles.append(load(settings.style, settings.root))
        return styles[0].cite(source, language)

    return cite


def open_retractions(settings: Settings) -> Retractions:
    """The data of retractions on this machine."""
    from publisher.retractions import RetractionFile

    return RetractionFile(settings.root / RETRACTIONS)


def anchor(settings: Settings) -> Anchor | None:
    """Where the head of the ledger is noted: beside the watermark."""
    from publisher.anchor import ENDING, AnchorFile

    mark = settings.watermark
    return None if mark is None else AnchorFile(mark.with_name(mark.name + ENDING))


def open_templates(settings: Settings) -> Templates:
    """The journal's own over the shipped ones; in a checkout of ours both are one folder."""
    own = settings.templates_dir
    return Folders(None if own.resolve() == shipped_dir().resolve() else own)


def open_site(
    settings: Settings, cache: Shelf | None = None, ready: Callable[[], None] | None = None
) -> Site:
    """The built tree."""
    return Tree(
        settings.public_dir,
        url=settings.journal.url,
        command=settings.publishing.command,
        check_timeout=settings.publishing.check_timeout,
        cache=cache or _cache(settings),
        workers=Forks(before=ready or partial(_read_on, settings)),
    )


def _cache(settings: Settings) -> Shelf:
    """What earlier commands worked out; whoever deletes the folder loses time only."""
    return Shelf(settings.root / CACHE, partial(edition, settings.journal.time_zone))


def _read_on(settings: Settings) -> None:
    """What comes after the articles, read while others parse these, once for all copies."""
    import publisher.build
    import publisher.formats.feedgen  # with lxml
    import publisher.formats.markdown
    import publisher.formats.translating  # noqa: F401 - with Jinja2
    from publisher.formats import page

    with suppress(PublisherError):  # what cannot be read is said where it is needed
        page.ready(settings.journal, open_templates(settings).load())


def _cannot_mint() -> str:
    raise Defect("this command was given nothing to make ids with")


def build_site(
    works: Works, now: datetime, library: Library | None = None, *, headers: str | None = None
) -> Built:
    """Read everything, render the site as readers may see it at `now`, swap it in, publish it.

    `library` is what was read already, if it was; `headers` names the web server (a key of
    `hosting.KINDS`) whose configuration goes with the site, where the settings name none.
    Raises BlockedByFindings with every blocking finding (the live site stays as it is),
    TemplateError, SiteError, UsageError.
    """
    from publisher.build import prepare

    with _collecting_nothing():
        journal = works.settings.journal
        read = works.content.load() if library is None else library
        files = prepare(journal, read, works.templates.load(), works.issues(), now)
        if kind := headers or works.settings.publishing.headers:
            files = _hosted(works, files, kind)
        changed = works.site.write(files)
    # Not only when it changed: the last publish may have failed, and repeating one is harmless.
    works.site.publish()
    works.published(read)
    return Built(len(files), changed, tuple(f for f in read.findings if not f.blocks))


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """A build makes a great many values and few cycles: to look for these takes a sixth of it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _hosted(works: Works, files: Leaves, kind: str) -> Leaves:
    from publisher.domain.leaf import Leaf, Leaves, ready
    from publisher.formats import hosting

    settings = works.settings
    made = hosting.render(kind, settings.journal, files, settings.serving.cache_control)
    site = {
        path: Leaf(files.key(path), partial(files.__getitem__, path), files.near(path)[0])
        for path in files
    }
    return Leaves({**site, **{path: ready(content) for path, content in made.items()}})


def _stored(settings: Settings, now: datetime, cache: Shelf) -> tuple[ArchivedIssue, ...]:
    """From the cache where no issue has changed since: to open the store takes longer than all
    the rest of a build that has nothing to do.
    """
    if not glance.may_hold_issues(settings.store_url):
        return ()
    from publisher.formats.archived import decode, encode

    seen = glance.issues(settings.store_url)
    for _, raw in cache.find(_ISSUES, () if seen is None else (seen,)):
        with suppress(ValueError):  # not what we wrote
            return decode(raw)
    with _store(settings, now) as store:
        found = archived(store)
    # As they were before the store was read, so that what changed meanwhile is read again.
    if seen is not None and seen == glance.issues(settings.store_url):
        cache.keep(_ISSUES, {seen: encode(found)}, ())
    return found


def _put_down(settings: Settings, now: datetime, library: Library) -> None:
    """Tell the ledger which versions are to be read now, where a store is there.

    It is opened only where they are others than the last time. A journal without a store needs
    none to be built: the first issue that is planned tells of them.
    """
    if not glance.is_there(settings.store_url):
        return
    from publisher.domain.ledger import mark

    public = ((each.id, each.version) for each in library.articles if each.is_public(now))
    if glance.versions(settings.store_url) != mark(public):
        with _store(settings, now) as store:
            put_down(store, library, now)


def put_down(store: Store, library: Library, now: datetime) -> None:
    """Tell the ledger which versions of articles readers may read now."""
    from publisher.domain.ledger import seen

    store.ledger.saw(seen(library.articles, now), now)


@contextmanager
def _store(settings: Settings, now: datetime) -> Iterator[Store]:
    from publisher.formats.pepper import Pepper
    from publisher.stores import open_store

    store = open_store(
        settings.store_url,
        host=settings.mail_host,
        pepper=Pepper(settings.suppression_keys),
        anchor=anchor(settings),
    )
    try:
        store.migrate(now)
        yield store
    finally:
        store.close()


def archived(store: Store) -> tuple[ArchivedIssue, ...]:
    """Every issue that has an archive page, with the edition that shows all its articles."""
    from publisher.domain.issue import ArchivedIssue, IssueState

    shown = tuple(s for s in IssueState if s not in (IssueState.DRAFT, IssueState.SKIPPED))
    # Without counts, which change with every mail and stand on no page.
    return tuple(
        ArchivedIssue(replace(issue, counts={}), store.issues.editions(issue.id)[0])
        for issue in store.issues.list(states=shown, limit=EVERY)
        if issue.archived()
    )
