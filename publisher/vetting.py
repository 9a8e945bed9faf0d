"""Articles together with what became of the works they cite: nothing reads them without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from publisher.checks import retractions
from publisher.checks.rules import softened
from publisher.domain.finding import Finding
from publisher.domain.retraction import Register

if TYPE_CHECKING:
    from datetime import date

    from publisher.domain.library import Library
    from publisher.ports import Content, Retractions


class Vetted:
    """Implements `ports.Content`: another one's articles, with a register of their works.

    An article that rests on a retracted work stays in the library with a blocking finding, so
    that building and planning stop at it and say so, instead of going on without it. One that was
    withdrawn rests on nothing any more. `had` tells
    of which day the data were that were ever here; it is asked where there are none.
    """

    def __init__(
        self, content: Content, data: Retractions, had: Callable[[], date | None] = lambda: None
    ) -> None:
        self._content = content
        self._data = data
        self._had = had

    def load(self) -> Library:
        """Read everything once. Raises StoreError where there are data that cannot be read."""
        read = self._content.load()
        wanted = {key for article in read.articles for names in article.works for key in names}
        snapshot = self._data.snapshot()
        had = self._had() if snapshot is None else None
        register = Register(snapshot, self._data.find(wanted), had)
        found: list[Finding] = []
        for article in read.articles:
            if article.withdrawn is not None:
                continue
            wrong = tuple(retractions.article(article, register))
            found += softened(wrong) if article.draft else wrong
        return replace(read, findings=(*read.findings, *found), register=register)

    def mint(self) -> Sequence[str]:
        """Write an id into each article that has none; the paths changed."""
        return self._content.mint()
