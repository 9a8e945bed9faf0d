"""What one process keeps in mind between ticks. Losing it costs only work."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from publisher.app import App
from publisher.domain.issue import SlotId
from publisher.ports import Library

RETAINED_EVERY = timedelta(hours=1)
"""Looking through everybody takes a second for a million."""
NEWEST = 20
"""How many issues are compared to see whether the archive pages are still right."""


@dataclass(slots=True)
class Memory:
    """The library as last read, what the live site was built from, and what is known to fail.

    `told` holds keys of alerts that were queued, `watched` the stamp of the data of retractions
    that issues were last looked through with.
    """

    signature: str | None = None
    library: Library | None = None
    built: str | None = None
    blocked: dict[SlotId, str] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    watched: object = None
    retained_at: datetime | None = None
    shelved_at: datetime | None = None

    def must_retain(self, now: datetime) -> bool:
        """Whether it is time to look for people who are to be erased."""
        return self.retained_at is None or abs(now - self.retained_at) >= RETAINED_EVERY

    def retained(self, now: datetime, *, more: bool) -> None:
        """It was done at `now`; at the next tick again where there is more."""
        self.retained_at = None if more else now

    def must_shelve(self, now: datetime) -> bool:
        """Whether it is time to move deliveries of old issues to the shelf."""
        return self.shelved_at is None or abs(now - self.shelved_at) >= RETAINED_EVERY

    def shelved(self, now: datetime, *, more: bool) -> None:
        """It was done at `now`; at the next tick again where there is more."""
        self.shelved_at = None if more else now

    def read(self, app: App) -> Library:
        """The library: read again only when a file below content/ or templates/ changed."""
        signature = signature_of(app)
        if self.library is None or signature != self.signature:
            self.library = app.content.load()
            self.signature = signature
        return self.library

    def mark(self, app: App, library: Library, now: datetime) -> str:
        """What the site at `now` depends on, as a hash: the same mark needs no new build."""
        digest = hashlib.sha256((self.signature or "").encode())
        for issue in app.store.issues.list(limit=NEWEST):
            digest.update(
                f"{issue.id}:{issue.hash}:{issue.archived()}:{issue.has_left()}\n".encode()
            )
        public = sum(1 for article in library.articles if article.is_public(now))
        today = app.journal.day(now)
        overdue = sum(1 for article in library.articles if article.is_overdue(today))
        digest.update(f"{public} {overdue}".encode())
        return digest.hexdigest()


def signature_of(app: App) -> str:
    """Names, sizes and times of everything the site is made of: cheap enough for each tick."""
    digest = hashlib.sha256()
    for folder in (app.settings.content_dir, app.settings.templates_dir):
        for line in _entries(folder):
            digest.update(line)
    digest.update(f"{app.settings.journal!r}{app.retractions.stamp()}".encode())
    return digest.hexdigest()


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _entries(folder: Path) -> Iterator[bytes]:
    """One line a file, in order. What vanishes meanwhile is not there."""
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(root) / name
            yield f"{path}\0{stamp(path)}\n".encode("utf-8", "surrogatepass")
