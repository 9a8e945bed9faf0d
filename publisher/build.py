"""The verb `build`: articles and stored issues in, the whole site and its feeds out.

A pure step: the same journal, library, templates, issues and `now` give the same bytes.
Each file is a leaf whose key holds all that it depends on, so that whoever remembers the keys
of the last build makes only what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher.checks import aliases, dates, retractions
from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place, Severity
from publisher.domain.journal import Journal
from publisher.domain.leaf import Leaf, Leaves, fingerprint, ready
from publisher.domain.library import Library
from publisher.domain.retraction import Register
from publisher.domain.template import TemplateSet
from publisher.errors import BlockedByFindings, SettingsError
from publisher.formats import (
    archive,
    channel,
    colours,
    entries,
    feeds,
    moves,
    opml,
    sitemap,
    works,
)
from publisher.formats.page import FRONT, Listed, Pages
from publisher.formats.picture import Picture, measure

if TYPE_CHECKING:
    from publisher.domain.issue import ArchivedIssue

ASSETS = "site/assets/"
COLOURS = "assets/colours.css"


def build(
    journal: Journal,
    library: Library,
    templates: TemplateSet,
    issues: Sequence[ArchivedIssue],
    now: datetime,
) -> dict[str, bytes]:
    """Every file of the site by its path (`articles/SLUG/index.html`), in order of path.

    All at once and in memory; see `prepare` for what it raises, and for a large journal.
    """
    return dict(prepare(journal, library, templates, issues, now))


def prepare(
    journal: Journal,
    library: Library,
    templates: TemplateSet,
    issues: Sequence[ArchivedIssue],
    now: datetime,
) -> Leaves:
    """The same files as leaves: each page is made when it is asked for, and may be made anywhere.

    Articles that are drafts or scheduled at `now` are nowhere in it. Raises BlockedByFindings
    with every blocking finding and SettingsError for an icon or logo that is not there; making
    a leaf raises TemplateError.
    """
    public = public_articles(library, now)
    withdrawn = withdrawn_articles(library, now)
    stale = retractions.data(library.register.snapshot, journal.sources, now, library.register.had)
    _stop_at(
        [f for f in (*library.findings, *stale) if f.blocks]
        + _broken(journal, library, [*public, *withdrawn])
    )
    shown = [entry for entry in issues if entry.issue.archived() and entry.issue.number is not None]
    shown.sort(key=lambda entry: (entry.issue.newsletter, -(entry.issue.number or 0)))
    assets = _assets(journal, templates)
    icon = _emblem(journal, library, "icon", journal.icon)
    logo = _emblem(journal, library, "logo", journal.logo)
    pictures = _pictures(journal, library, public)
    pages = Pages(
        journal,
        templates,
        pictures=pictures,
        assets=assets,
        icon=icon,
        logo=logo,
        register=library.register,
    )
    # Whatever a page of this build depends on, beside what it shows.
    ground = pages.ground = fingerprint(journal, templates, icon, logo)
    leaves = {path: ready(content) for path, content in assets.items()}
    for path, image in library.images.items():
        leaves[journal.image_path(path).lstrip("/")] = ready(image)
    overdue = frozenset(a.id for a in public if a.is_overdue(journal.day(now)))
    leaves |= _pages(journal, pages, public, pictures, shown, ground, overdue)
    leaves["sources/index.html"] = _sources(pages, public, library.register, ground)
    leaves |= _taken_back(journal, pages, withdrawn, ground)
    leaves |= _feeds(journal, pages, [*public, *withdrawn], pictures, shown, (icon, logo), ground)
    made = dict(sitemap.render(_addresses(journal, public, withdrawn, shown), journal.url))
    made["robots.txt"] = sitemap.robots(journal.url)
    leaves |= {path: ready(content) for path, content in made.items()}
    listed = partial(opml.render, journal, channel.every(journal))
    leaves[opml.PATH] = Leaf(fingerprint(ground, "opml"), listed)
    leaves |= archive.leaves(
        journal, pages, shown, {article.id: article for article in (*public, *withdrawn)}
    )
    return Leaves(leaves | _moved(journal, pages, public, withdrawn, leaves, ground))


def public_articles(library: Library, now: datetime) -> list[Article]:
    """What readers may see at `now`, newest first; those of one instant by id."""
    public = [article for article in library.articles if article.is_public(now)]
    return sorted(public, key=lambda article: (-article.published_at.timestamp(), article.id))


def withdrawn_articles(library: Library, now: datetime) -> list[Article]:
    """What readers could see and was taken back, newest first."""
    gone = [a for a in library.articles if a.has_appeared(now) and a.withdrawn is not None]
    return sorted(gone, key=lambda article: (-article.published_at.timestamp(), article.id))


def next_change(library: Library, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the site must be built again: an article falls due, or its review is overdue."""
    kept = [article for article in library.articles if not article.draft]
    moments = [article.published_at for article in kept]
    moments += [overdue_at(article.review_by, zone) for article in kept if article.review_by]
    return min((moment for moment in moments if moment > now), default=None)


def overdue_at(review_by: date, zone: ZoneInfo) -> datetime:
    """The midnight in `zone` from which a review that was due by this day is overdue."""
    return dates.midnight(review_by + timedelta(days=1), zone)


def _stop_at(blocking: Sequence[Finding]) -> None:
    if blocking:
        raise BlockedByFindings(
            f"{_in_the_way(len(blocking))}:\n" + "\n".join(map(str, blocking)),
            blocking,
        )


def _in_the_way(number: int) -> str:
    return "1 thing stands in the way" if number == 1 else f"{number:,} things stand in the way"


def _broken(journal: Journal, library: Library, articles: Iterable[Article]) -> list[Finding]:
    """What would leave a page with a hole: an unknown category, a picture that is not there."""
    known = {category.slug for category in journal.categories}
    found = []
    for article in articles:
        place = Place(article.path)
        if article.category not in known:
            message = f"there is no category '{article.category}'"
            remedy = f"use one of {', '.join(sorted(known))}, or add it to the settings"
            found.append(Finding("category-unknown", Severity.ERROR, place, message, remedy))
        if article.image and article.image.path not in library.images:
            message = f"the picture {article.image.path} is not there"
            remedy = "add the file, or mend `image.path`"
            found.append(Finding("image-missing", Severity.ERROR, place, message, remedy))
    return found


def _assets(journal: Journal, templates: TemplateSet) -> dict[str, bytes]:
    files = {
        "assets/" + name.removeprefix(ASSETS): content for name, content in templates.assets.items()
    }
    files[COLOURS] = colours.stylesheet(journal.colours).encode()
    return files


def _emblem(journal: Journal, library: Library, key: str, path: str | None) -> Picture | None:
    if path is None:
        return None
    if path not in library.images:
        raise SettingsError(
            f'{key} = "{path}": there is no such picture in the content folder; add it or '
            f"remove `{key}` from the settings"
        )
    return measure(journal.image_path(path), "", library.images[path])


def _pictures(
    journal: Journal, library: Library, articles: Iterable[Article]
) -> dict[str, Picture | None]:
    return {
        a.id: measure(journal.image_path(a.image.path), a.image.alt, library.images[a.image.path])
        if a.image
        else None
        for a in articles
    }


def _pages(
    journal: Journal,
    pages: Pages,
    public: Sequence[Article],
    pictures: Mapping[str, Picture | None],
    shown: Sequence[ArchivedIssue],
    ground: str,
    overdue: Collection[str],
) -> dict[str, Leaf]:
    def leaf(make: Callable[[], bytes], *parts: object) -> Leaf:
        return Leaf(fingerprint(ground, *parts), make)

    known = {a.id: entries.known(a, pictures[a.id], pages.notes(a)) for a in public}
    alone, waiting = (fingerprint(ground, "article", late) for late in (False, True))
    filed: dict[str, list[Article]] = {category.slug: [] for category in journal.categories}
    leaves: dict[str, Leaf] = {}
    for article in public:
        filed[article.category].append(article)
        path = _file(journal.article_path(article))
        late = article.id in overdue
        key = f"{waiting if late else alone} {known[article.id]}"
        near = article.published_at.isoformat()
        leaves[path] = Leaf(key, partial(pages.article, article, overdue=late), near)
    for category in journal.categories:
        held = filed[category.slug]
        make = partial(pages.category, category, held)
        path = _file(journal.category_path(category.slug))
        leaves[path] = leaf(make, "category", category, [known[article.id] for article in held])
    listed = [
        (newsletter, [_listed(journal, e) for e in shown if e.issue.newsletter == newsletter.slug])
        for newsletter in journal.newsletters
    ]
    front = [known[article.id] for article in public[: FRONT + 1]]
    leaves["index.html"] = leaf(partial(pages.index, public), "index", front)
    leaves["issues/index.html"] = leaf(partial(pages.issues, listed), "issues", listed)
    for newsletter, sent in listed:
        path = _file(journal.newsletter_path(newsletter.slug))
        make = partial(pages.newsletter, newsletter, sent)
        leaves[path] = leaf(make, "newsletter", newsletter, sent)
    leaves["feeds/index.html"] = leaf(partial(pages.feeds, channel.every(journal)), "feeds")
    leaves["404.html"] = leaf(pages.missing, "404")
    return leaves


def _sources(pages: Pages, public: Sequence[Article], register: Register, ground: str) -> Leaf:
    """The one page that bears the day of the data, so that no other changes with them."""

    def make() -> bytes:
        found = works.of((a for a in public if register.concerns(a)), register)
        noted = ((work, pages.note(work.source)) for work in found)
        listed = tuple((work, note) for work, note in noted if note)
        sources = [names for article in public for names in article.works]
        unknown = sum(not names for names in sources)
        return pages.sources(works.Summary(len(public), len(sources), unknown, listed))

    held = [(article.id, article.version) for article in public]
    return Leaf(fingerprint(ground, "sources", register, held), make)


def _taken_back(
    journal: Journal, pages: Pages, withdrawn: Iterable[Article], ground: str
) -> dict[str, Leaf]:
    """A page for each article that was withdrawn, which says why."""
    return {
        _file(journal.article_path(article)): Leaf(
            fingerprint(ground, "withdrawn", article.version, article.path),
            partial(pages.withdrawn, article, article.withdrawn),
        )
        for article in withdrawn
        if article.withdrawn is not None
    }


def _moved(
    journal: Journal,
    pages: Pages,
    public: Iterable[Article],
    withdrawn: Sequence[Article],
    leaves: Mapping[str, Leaf],
    ground: str,
) -> dict[str, Leaf]:
    """What stands at former addresses, and the list of them for whoever serves the tree.

    Raises BlockedByFindings where an alias is the address of something else.
    """
    articles = [*public, *withdrawn]
    _stop_at(list(aliases.clashes(articles, (*leaves, moves.PATH))))
    found: dict[str, Leaf] = {}
    redirects: dict[str, str] = {}
    for article in articles:
        for alias in article.aliases:
            key = fingerprint(ground, "moved", article.version, article.path)
            redirects[alias.path] = journal.article_path(article)
            if aliases.is_page(alias.path):
                found[aliases.file(alias.path)] = Leaf(key, partial(pages.moved, article))
    gone = (journal.article_path(article) for article in withdrawn)
    found[moves.PATH] = ready(moves.render(redirects, gone))
    return found


def _feeds(
    journal: Journal,
    pages: Pages,
    articles: Sequence[Article],
    pictures: Mapping[str, Picture | None],
    shown: Sequence[ArchivedIssue],
    emblems: tuple[Picture | None, Picture | None],
    ground: str,
) -> dict[str, Leaf]:
    """The feeds of the journal, of each category and of each newsletter, with their archives.

    `articles` are those that readers can see and those that were withdrawn.
    """
    icon, logo = (journal.url + each.path if each else None for each in emblems)
    made = entries.of_articles(journal, pages, articles, pictures, ground)
    groups = [(channel.of_journal(journal), list(made.values()))]
    for category in journal.categories:
        filed = [made[a.id] for a in articles if a.category == category.slug]
        groups.append((channel.of_category(journal, category), filed))
    for newsletter in journal.newsletters:
        sent = [e for e in shown if e.issue.newsletter == newsletter.slug and e.issue.has_left()]
        issued = [entries.of_issue(journal, pages, each) for each in sent]
        groups.append((channel.of_newsletter(journal, newsletter), issued))
    leaves: dict[str, Leaf] = {}
    for followed, gathered in groups:
        head = followed.feed(journal, icon=icon, logo=logo)
        leaves |= feeds.leaves(head, gathered, journal.feed_items, journal.url)
    return leaves


def _addresses(
    journal: Journal,
    public: Sequence[Article],
    withdrawn: Sequence[Article],
    shown: Sequence[ArchivedIssue],
) -> list[sitemap.Page]:
    """Every page that is canonical here, and when it truly changed last.

    A withdrawn article is not among them, but it has changed the lists that it left.
    """
    articles = [*public, *withdrawn]
    newest = max((article.updated_at for article in articles), default=None)
    changed: dict[str, datetime] = {}
    for article in articles:
        before = changed.get(article.category, article.updated_at)
        changed[article.category] = max(before, article.updated_at)
    found: list[sitemap.Page] = [(f"{journal.url}/", newest)]
    found += [
        (journal.url + journal.category_path(category.slug), changed.get(category.slug))
        for category in journal.categories
    ]
    found += [(journal.article_url(a), a.updated_at) for a in public if not a.canonical_url]
    found += [(f"{journal.url}/{name}/", None) for name in ("feeds", "sources")]
    planned = [entry.issue.planned_at for entry in shown]
    found.append((f"{journal.url}/issues/", max(planned, default=None)))
    for newsletter in journal.newsletters:
        own = [e.issue.planned_at for e in shown if e.issue.newsletter == newsletter.slug]
        path = journal.newsletter_path(newsletter.slug)
        found.append((journal.url + path, max(own, default=None)))
    found += [
        (journal.url + _issue_path(journal, entry), entry.issue.planned_at) for entry in shown
    ]
    return found


def _listed(journal: Journal, entry: ArchivedIssue) -> Listed:
    issue = entry.issue
    return Listed(
        _issue_path(journal, entry), issue.number or 0, entry.edition.subject, issue.slot_at
    )


def _issue_path(journal: Journal, entry: ArchivedIssue) -> str:
    return journal.issue_path(entry.issue.newsletter, entry.issue.number or 0)


def _file(path: str) -> str:
    """`/articles/x/` → `articles/x/index.html`."""
    return path.lstrip("/") + "index.html"
