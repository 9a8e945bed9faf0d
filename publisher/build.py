"""The verb `build`: articles and stored issues in, the whole site and its feeds out.

A pure step: the same journal, library, templates, issues and `now` give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place, Severity
from publisher.domain.issue import ArchivedIssue
from publisher.domain.journal import Journal
from publisher.domain.template import TemplateSet
from publisher.errors import BlockedByFindings, SettingsError
from publisher.formats import atom, colours, feed, jsonfeed, rss, sitemap
from publisher.formats.email import archive_html
from publisher.formats.feed import clean
from publisher.formats.markdown import absolute
from publisher.formats.page import Listed, Pages
from publisher.formats.picture import Picture, measure
from publisher.ports import Library

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

    Articles that are drafts or scheduled at `now` are nowhere in it. Raises BlockedByFindings
    with every blocking finding, SettingsError for an icon or logo that is not there, and
    TemplateError.
    """
    public = public_articles(library, now)
    blocking = [f for f in library.findings if f.blocks] + _broken(journal, library, public)
    if blocking:
        raise BlockedByFindings(
            f"{len(blocking)} finding(s) stand in the way:\n" + "\n".join(map(str, blocking)),
            blocking,
        )
    shown = [entry for entry in issues if entry.issue.archived() and entry.issue.number is not None]
    shown.sort(key=lambda entry: (entry.issue.newsletter, -(entry.issue.number or 0)))
    files = _assets(journal, templates)
    files |= {journal.image_path(path).lstrip("/"): library.images[path] for path in library.images}
    icon = _emblem(journal, library, "icon", journal.icon)
    logo = _emblem(journal, library, "logo", journal.logo)
    pictures = _pictures(journal, library, public)
    pages = Pages(journal, templates, pictures=pictures, assets=files, icon=icon, logo=logo)
    files |= _pages(journal, pages, public, shown)
    files |= _feeds(journal, pages, public, pictures, icon, logo)
    files |= _archive(journal, shown)
    files |= sitemap.render(_addresses(journal, public, shown), journal.url)
    files["robots.txt"] = sitemap.robots(journal.url)
    return dict(sorted(files.items()))


def public_articles(library: Library, now: datetime) -> list[Article]:
    """What readers may see at `now`, newest first; those of one instant by id."""
    public = [article for article in library.articles if article.is_public(now)]
    return sorted(public, key=lambda article: (-article.published_at.timestamp(), article.id))


def next_change(library: Library, now: datetime) -> datetime | None:
    """When the next scheduled article falls due, so that the site must be built again."""
    scheduled = (a.published_at for a in library.articles if not a.draft and a.published_at > now)
    return min(scheduled, default=None)


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
    journal: Journal, pages: Pages, public: Sequence[Article], shown: Sequence[ArchivedIssue]
) -> dict[str, bytes]:
    filed: dict[str, list[Article]] = {category.slug: [] for category in journal.categories}
    for article in public:
        filed[article.category].append(article)
    files = {_file(journal.article_path(article)): pages.article(article) for article in public}
    for category in journal.categories:
        path = _file(journal.category_path(category.slug))
        files[path] = pages.category(category, filed[category.slug])
    listed = [
        (newsletter, [_listed(journal, e) for e in shown if e.issue.newsletter == newsletter.slug])
        for newsletter in journal.newsletters
    ]
    files["index.html"] = pages.index(public)
    files["issues/index.html"] = pages.issues(listed)
    files["404.html"] = pages.missing()
    return files


def _feeds(
    journal: Journal,
    pages: Pages,
    public: Sequence[Article],
    pictures: Mapping[str, Picture | None],
    icon: Picture | None,
    logo: Picture | None,
) -> dict[str, bytes]:
    items = (
        feed.item(journal, article, pages.feed_content(article, absolute), pictures[article.id])
        for article in public[: journal.feed_items]
    )
    value = feed.journal_feed(
        journal,
        items,
        icon=journal.url + icon.path if icon else None,
        logo=journal.url + logo.path if logo else None,
    )
    return {
        "feed.xml": rss.render(value),
        "atom.xml": atom.render(value),
        "feed.json": jsonfeed.render(value),
    }


def _archive(journal: Journal, shown: Iterable[ArchivedIssue]) -> dict[str, bytes]:
    """The mail's own HTML, without anything personal, at an address of its own."""
    files = {}
    for entry in shown:
        path = _issue_path(journal, entry)
        html = clean(archive_html(entry.edition, journal))
        if 'rel="canonical"' not in html:
            link = f'<link rel="canonical" href="{journal.url}{path}">'
            html = html.replace("</head>", f"{link}</head>", 1)
        files[_file(path)] = html.encode()
    return files


def _addresses(
    journal: Journal, public: Sequence[Article], shown: Iterable[ArchivedIssue]
) -> list[sitemap.Page]:
    """Every page that is canonical here, and when it truly changed last."""
    newest = max((article.updated_at for article in public), default=None)
    changed: dict[str, datetime] = {}
    for article in public:
        before = changed.get(article.category, article.updated_at)
        changed[article.category] = max(before, article.updated_at)
    found: list[sitemap.Page] = [(f"{journal.url}/", newest)]
    found += [
        (journal.url + journal.category_path(category.slug), changed.get(category.slug))
        for category in journal.categories
    ]
    found += [(journal.article_url(a), a.updated_at) for a in public if not a.canonical_url]
    found.append((f"{journal.url}/issues/", None))
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
