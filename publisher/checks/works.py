"""Works that several articles cite: the same one is described in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from publisher.checks.rules import warning
from publisher.domain.article import Article, Source
from publisher.domain.bibliography import Entry
from publisher.domain.finding import Finding, Place


class _Work(Protocol):
    @property
    def source(self) -> Source: ...

    @property
    def articles(self) -> tuple[Article, ...]: ...

    @property
    def cited(self) -> tuple[tuple[Source, Article], ...]: ...


def listed_twice(
    entries: Iterable[Entry], names_of: Callable[[Source], Iterable[str]]
) -> Iterator[Finding]:
    """One work under two keys of the bibliography; `names_of` tells works apart."""
    known: dict[str, Entry] = {}
    for entry in entries:
        if entry.source is None:
            continue
        names = tuple(names_of(entry.source))
        if before := next((known[name] for name in names if name in known), None):
            message = f"{entry.key} is the same work as {before.key} at {before.place}"
            remedy = "keep one, and its key in the articles"
            yield warning("doubled-source", entry.place, message, remedy)
        for name in names:
            known.setdefault(name, entry)


def doubled(works: Iterable[_Work]) -> Iterator[Finding]:
    """One work under several titles or years, and one article that lists a work twice."""
    for work in works:
        seen: dict[str, str] = {}
        first = (" ".join(work.source.title.casefold().split()), work.source.year)
        for source, article in work.cited:
            place = Place(article.path)
            if article.id in seen:
                message = f"{seen[article.id]} and {source.key} are the same work"
                yield warning("doubled-source", place, message, "keep one and cite it twice")
            seen[article.id] = source.key
            if (" ".join(source.title.casefold().split()), source.year) != first:
                message = (
                    f"{source.key} has the identifiers of “{work.source.title}” "
                    f"({work.source.year}), and another title or year"
                )
                yield warning("doubled-source", place, message, "look up which one is right")
