"""What has become of published works: retractions and other notices, and how a work stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from publisher.domain.article import Article, Source

_DOI_IN_PATH = re.compile(r"10\.\d{4,9}(?:\.\d+)*/[^\s?#]+")
_PUBMED = re.compile(r"/(?:pubmed/)?([1-9]\d{0,8})/?")


class Nature(StrEnum):
    """What a notice does to the work, in Retraction Watch's terms."""

    RETRACTION = "retraction"
    CONCERN = "expression of concern"
    CORRECTION = "correction"
    REINSTATEMENT = "reinstatement"
    OTHER = "other"  # a word that we do not know yet: no promise is made about such a work


class Standing(StrEnum):
    """How a work stands. There is no "not retracted": only what the data of a day say."""

    CLEAR = "clear"
    RETRACTED = "retracted"
    CONCERN = "expression of concern"
    CORRECTED = "corrected"
    REINSTATED = "reinstated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the data: a notice about a work.

    `doi` and `pmid` are the work's, as compared (None: the data do not say); `notice` is the
    notice's own DOI. `replaced`: the work was retracted and replaced; `replacement` is the DOI
    of what took its place, where the data say so.
    """

    record: int
    nature: Nature
    on: date | None
    doi: str | None = None
    pmid: str | None = None
    notice: str | None = None
    reasons: tuple[str, ...] = ()
    replaced: bool = False
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A local copy of the data. `as_of` is the day that they are of, `sha256` (hex) of the file.

    `newest` is the date of the newest notice in it; `origin` says where it came from.
    """

    as_of: date
    sha256: str
    rows: int
    works: int
    origin: str
    loaded_at: datetime
    newest: date | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How one work stands. `event` decided it; `why` says why a status is unknown."""

    standing: Standing
    event: Event | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """What a journal decides about its sources.

    After `stale_after` a snapshot is old; `stale_blocks`: then nothing is sent. `style` is that of
    citations, with what tells this version of it from others.
    """

    stale_after: timedelta = timedelta(days=14)
    stale_blocks: bool = False
    style: str = "vancouver"


@dataclass(frozen=True, slots=True)
class Register:
    """The notices about the works of one library. `events` by key, as `keys` makes them.

    `had`: without a snapshot, the day of the data that were here once.
    """

    snapshot: Snapshot | None = None
    events: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)
    had: date | None = None

    def concerns(self, article: Article) -> bool:
        """Whether a source of the article may be anything but clear. Unpacks no source."""
        if article.acknowledges or not article.works:
            return True
        if not self.events:
            return False
        return any(key in self.events for names in article.works for key in names)

    def status(self, source: Source) -> Status:
        """How the source's work stands: the worst that any of its identifiers says."""
        return self.of_keys(keys(source))

    def of_keys(self, names: Iterable[str]) -> Status:
        """The same, for a work known by these keys."""
        known = tuple(names)
        if not known:
            return Status(Standing.UNKNOWN, why="it has no DOI and no PMID to be looked up by")
        if self.snapshot is None:
            return Status(Standing.UNKNOWN, why="there are no data of retractions")
        found = [judge(self.events[key]) for key in known if key in self.events]
        return max(found, key=lambda each: _WEIGHT[each.standing], default=Status(Standing.CLEAR))


@dataclass(frozen=True, slots=True)
class Cited:
    """A source as one version of an article cites it. `names` are its keys, as `keys` makes them.

    `acknowledged`: that version says that the work was retracted, and why it is cited; or it is
    withdrawn, so that nothing rests on the work any more.
    """

    article_id: str
    version: str
    key: str
    title: str
    names: tuple[str, ...]
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class Carrier:
    """An issue that carried a version of an article which cites the work."""

    issue_id: int
    article_id: str
    version: str
    acknowledged: bool


def cited(articles: Iterable[Article]) -> tuple[Cited, ...]:
    """The sources of these articles, so that they are known when the files have long changed."""
    return tuple(
        Cited(
            article.id,
            article.version,
            source.key,
            source.title,
            keys(source),
            source.acknowledged is not None or article.withdrawn is not None,
        )
        for article in articles
        for source in article.sources
    )


_WEIGHT = {
    Standing.CLEAR: 0,
    Standing.REINSTATED: 1,
    Standing.CORRECTED: 2,
    Standing.CONCERN: 3,
    Standing.UNKNOWN: 4,
    Standing.RETRACTED: 5,
}
_STANDING = {
    Nature.CORRECTION: Standing.CORRECTED,
    Nature.CONCERN: Standing.CONCERN,
    Nature.RETRACTION: Standing.RETRACTED,
}


def judge(events: Iterable[Event]) -> Status:
    """How a work stands after these notices, in whatever order they come.

    The gravest notice counts, and only a reinstatement lifts what came before it: neither a
    correction nor a concern makes a retraction undone. A notice without a date counts as the
    last one, because nothing shows that it was lifted.
    """
    now = Status(Standing.CLEAR)
    for event in sorted(events, key=_order):
        if event.nature is Nature.REINSTATEMENT:
            now = Status(Standing.REINSTATED, event)
        elif event.nature is Nature.OTHER:
            if now.standing is not Standing.RETRACTED:
                why = "the data hold a notice of a kind that this program does not know"
                now = Status(Standing.UNKNOWN, event, why)
        elif _WEIGHT[_STANDING[event.nature]] >= _WEIGHT[now.standing]:
            now = Status(_STANDING[event.nature], event)
    return now


def _order(event: Event) -> tuple[date, int, int]:
    """By day, then as the data number them, the gravest of equals last."""
    graver = (Nature.REINSTATEMENT, Nature.CORRECTION, Nature.CONCERN, Nature.OTHER)
    weight = len(graver) if event.nature is Nature.RETRACTION else graver.index(event.nature)
    return event.on or date.max, event.record, weight


def keys(source: Source) -> tuple[str, ...]:
    """What a source's work is looked up by: `doi:10.1000/x` in lower case, `pmid:123`.

    Addresses at doi.org, at PubMed and at publishers (`…/doi/full/10.1056/NEJMoa1`) count too,
    so that no spelling hides a work.
    """
    found: dict[str, None] = {}
    if source.doi:
        found[doi_key(source.doi)] = None
    if source.pmid:
        found[f"pmid:{source.pmid}"] = None
    if source.url:
        found.update(dict.fromkeys(_in_address(source.url)))
    return tuple(found)


def doi_key(doi: str) -> str:
    """A bare DOI as compared: without regard to case (DOI Handbook §2.4)."""
    return f"doi:{doi.lower()}"


def _in_address(url: str) -> Iterable[str]:
    parts = urlsplit(url)
    path = unquote(parts.path)
    at_pubmed = (parts.hostname or "").endswith("ncbi.nlm.nih.gov")
    if at_pubmed and (number := _PUBMED.fullmatch(path)):
        yield f"pmid:{number[1]}"
    if found := _DOI_IN_PATH.search(path):
        doi = found[0].rstrip("/")
        yield doi_key(doi)
        # `…/10.1056/NEJMoa1/full`: what follows may be a part of the DOI or of the site.
        while doi.count("/") > 1:
            doi = doi.rpartition("/")[0]
            yield doi_key(doi)


def age(snapshot: Snapshot, now: datetime) -> timedelta:
    """How old the data are at `now`, in whole days."""
    return timedelta(days=max(0, (now.date() - snapshot.as_of).days))
