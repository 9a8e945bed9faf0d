"""The whole history of an article, a work or an issue, as a value to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from publisher.domain.article import Correction
from publisher.domain.issue import Issue
from publisher.domain.ledger import Entry
from publisher.domain.retraction import Cited, Status


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an article.

    `seen_at`: when readers could first read it, None where the ledger did not exist yet.
    `issues` are the ids of those that carry it; `sourced`: its sources are on record, or it is
    the file's present version.
    """

    article_id: str
    title: str
    version: str
    seen_at: datetime | None
    present: bool
    issues: tuple[int, ...]
    sourced: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A source that versions cite: as one of them says it, and how its work stands now.

    `acknowledged`: all versions that are told of say that it was retracted.
    """

    cited: Cited
    status: Status
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class History:
    """`kind` is `article`, `source` or `issue`; `name` is what it is asked for by.

    `versions` stand in the order in which they were seen, `issues` by id, `entries` as they
    stand in the ledger. `corrections` are those in the articles' present files, by article id.
    `began_at` is when the ledger began: what was before it is told from the store's rows.
    """

    kind: str
    name: str
    title: str
    versions: tuple[Version, ...]
    held: tuple[Held, ...]
    issues: tuple[Issue, ...]
    corrections: tuple[tuple[str, Correction], ...]
    entries: tuple[Entry, ...]
    began_at: datetime | None

    @property
    def names(self) -> Mapping[int, str]:
        """What people call each issue."""
        return {issue.id: issue.name for issue in self.issues}

    @property
    def unsourced(self) -> tuple[Version, ...]:
        """Versions that went out and of which nobody knows what they cite."""
        return tuple(each for each in self.versions if each.issues and not each.sourced)
