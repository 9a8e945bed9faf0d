"""One title per page; the body's headings come below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from publisher.checks.rules import warning
from publisher.domain.finding import Finding, Place


def levels(headings: Iterable[tuple[int, int]], path: str) -> Iterator[Finding]:
    """The first heading of level 1: it is shown, one level lower, and so are the others."""
    for line, level in headings:
        if level == 1:
            yield warning(
                "heading-level",
                Place(path, line),
                "`#` is the title's level, so this body's headings are all shown one level lower",
                "start at `##`",
            )
            return
