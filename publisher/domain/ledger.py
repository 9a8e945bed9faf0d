"""The ledger: what happened to versions, issues and sources, and what proves the order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from publisher.domain.article import Article
from publisher.domain.retraction import keys


class Happening(StrEnum):
    """What an entry tells of."""

    VERSIONS = "versions seen"
    PLANNED = "issue planned"
    EDITED = "issue edited"
    FORCED = "rule set aside"
    APPROVED = "issue approved"
    STARTED = "issue started"
    PAUSED = "issue paused"
    RESUMED = "issue resumed"
    FINISHED = "issue finished"
    REOPENED = "issue reopened"
    CANCELLED = "issue cancelled"
    LAPSED = "issue lapsed"
    SNAPSHOT = "snapshot loaded"
    FALLEN = "retraction found"
    RESTORED = "older store accepted"


@dataclass(frozen=True, slots=True)
class Head:
    """An entry by its number (from 1) and its hash (64 hexadecimal digits)."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `details` are plain JSON values and name nobody: see `docs/sources.md`."""

    number: int
    at: datetime
    happening: Happening
    details: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A version of an article that readers may read.

    `acknowledged` are keys of retracted works that it cites on purpose, `corrections` the ids of
    those that stand in it.
    """

    article_id: str
    version: str
    acknowledged: tuple[str, ...] = ()
    corrections: tuple[str, ...] = ()


def mark(versions: Iterable[tuple[str, str]]) -> str:
    """One hash for a set of (article id, version): the same for the same set, in any order."""
    pairs = sorted(f"{article_id}\0{version}" for article_id, version in versions)
    return hashlib.sha256("\n".join(pairs).encode("utf-8", "surrogatepass")).hexdigest()


def seen(articles: Iterable[Article], now: datetime) -> tuple[Seen, ...]:
    """The versions of those that readers may read at `now`."""
    from publisher.domain.reach import correction_id  # and issues, which a look need not read

    return tuple(
        Seen(
            each.id,
            each.version,
            _acknowledged(each) if each.acknowledges else (),
            tuple(correction_id(each, one) for one in each.corrections),
        )
        for each in articles
        if each.is_public(now)
    )


def _acknowledged(article: Article) -> tuple[str, ...]:
    return tuple(
        (*keys(source), source.key)[0]
        for source in article.sources
        if source.acknowledged is not None
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of looking through the ledger.

    `wrong` says at which entry (`at`, None: not at one) the chain breaks and what that means; it
    is empty where the ledger is whole. `differing` are sentences about rows of the store that
    are not as the ledger says. `noted` is the entry that was noted outside, where one was.
    """

    entries: int
    head: Head | None
    wrong: str = ""
    at: int | None = None
    differing: Sequence[str] = field(default=())
    noted: Head | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong and not self.differing
