"""Former addresses that lead to an article, and to nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from publisher.checks.rules import error
from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place

LENGTH = 200
# Unreserved characters (RFC 3986 §2.3): the same in a file's name, in a URL and in every server's
# configuration. No part starts with a dot, so there is no `..` and nothing hidden.
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?", re.ASCII)
_PAGE = re.compile(r"[^.]*|.*\.html?", re.ASCII | re.DOTALL)


def path(written: str, place: Place) -> Iterator[Finding]:
    """An alias that is no path of the journal's own."""
    if len(written) > LENGTH or not _PATH.fullmatch(written):
        yield error(
            "bad-alias",
            place,
            f"{written!r} cannot be an alias",
            "write the path alone, from the journal's root, such as /old/address/ "
            "(letters, digits and - _ . ~)",
        )


def file(alias: str) -> str:
    """Where in the tree a page for this alias stands: `/old/` and `/old` → `old/index.html`."""
    inner = alias.strip("/")
    return inner if is_page(alias) and "." in inner.rpartition("/")[2] else f"{inner}/index.html"


def is_page(alias: str) -> bool:
    """Whether a static host would serve a file of this name as a page."""
    return bool(_PAGE.fullmatch(alias.rpartition("/")[2]))


def clashes(articles: Iterable[Article], paths: Collection[str]) -> Iterator[Finding]:
    """Aliases that two articles claim, or that are a file or a folder of the site already.

    `paths` are the files of the site without its aliases (`articles/x/index.html`).
    """
    moved = [article for article in articles if article.aliases]
    if not moved:
        return
    files = {found.casefold() for found in paths}
    folders = {folder for found in files for folder in _folders(found)}
    claimed: dict[str, str] = {}
    claimed_folders: dict[str, str] = {}
    for article in sorted(moved, key=lambda a: a.path):
        for alias in article.aliases:
            at = file(alias.path).casefold()
            above = tuple(_folders(at))
            other = claimed.get(at) or claimed_folders.get(at)
            other = other or next((claimed[each] for each in above if each in claimed), None)
            if other is not None:
                message = f"{alias.path} is an alias in {other} already"
            elif at in files or at in folders or any(each in files for each in above):
                message = f"{alias.path} is a page or a file of the journal"
            else:
                claimed[at] = article.path
                claimed_folders |= dict.fromkeys(above, article.path)
                continue
            yield error("alias-clash", Place(article.path, alias.line), message, "remove it")


def _folders(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        yield "/".join(parts[:end])
