"""Links from one page of the journal to another: the other page is there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from urllib.parse import unquote, urljoin, urlsplit

from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place, Severity
from publisher.domain.journal import Journal
from publisher.formats import outline

RULES: Mapping[str, str] = {
    "broken-link": "A link within the journal leads to a page or file that is there.",
}


def broken(
    articles: Iterable[Article], journal: Journal, files: Collection[str]
) -> Iterator[Finding]:
    """Warnings for the links of `articles`; `files` are the site's (`articles/x/index.html`).

    An article that is scheduled, or a draft, is not there yet for those who follow a link today.
    """
    for article in articles:
        texts = (article.body_html, *(q.answer_html for q in article.questions))
        links = dict.fromkeys(url for text in texts for url, _ in outline.parse(text).links)
        for url in links:
            path = _within(url, article, journal)
            if path is not None and not _is_there(path, files):
                yield Finding(
                    "broken-link",
                    Severity.WARNING,
                    Place(article.path),
                    f"'{path}' is no page of the journal",
                    "correct the address; a page that is not public yet is not there yet",
                )


def _within(url: str, article: Article, journal: Journal) -> str | None:
    """The path below the journal's address; None for links that lead elsewhere."""
    root = urlsplit(journal.url)
    try:
        found = urlsplit(urljoin(journal.article_url(article), url))
    except ValueError:
        return None  # no address at all: said by other rules
    if (found.scheme, found.netloc) != (root.scheme, root.netloc):
        return None
    path = unquote(found.path)
    return path.removeprefix(root.path) if path.startswith(root.path) else None


def _is_there(path: str, files: Collection[str]) -> bool:
    name = path.lstrip("/")
    return any(each in files for each in (name, f"{name.rstrip('/')}/index.html".lstrip("/")))
