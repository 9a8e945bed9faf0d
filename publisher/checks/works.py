"""Works that several articles cite: the same one is described in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from publisher.checks.rules import warning
from publisher.domain.article import Article, Source
from publisher.domain.finding import Finding, Place


class _Work(Protocol):
    @property
    def source(self) -> Source: ...

    @property
    def articles(self) -> tuple[Article, ...]: ...

    @property
    def cited(self) -> tuple[tuple[Source, Article], ...]: ...


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
