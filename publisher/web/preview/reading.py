"""The journal as it lies in its folder now; what is wrong with it is told, not raised."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from publisher import plan
from publisher.app import App, open_app
from publisher.domain.finding import Finding
from publisher.domain.template import TemplateSet
from publisher.errors import PublisherError, StoreError
from publisher.plan import Upcoming
from publisher.ports import Library
from publisher.scheduler.memory import signature_of, stamp
from publisher.settings import Settings

Read = TypeVar("Read")
Clock = Callable[[], datetime]
RECENT = 20
"""How many of the last issues are looked at to see whether the store has changed."""

log = logging.getLogger("publisher.preview")


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything a page is made of. `problems` are sentences: what, where, how to mend it.

    `store_there`: False for a journal that has no readers and no issues yet.
    """

    app: App
    now: datetime
    library: Library
    templates: TemplateSet | None
    upcoming: tuple[Upcoming, ...]
    problems: tuple[str, ...]
    store_there: bool = True
    by_path: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)

    @property
    def unread(self) -> tuple[str, ...]:
        """Files that findings name and that no article comes from."""
        read = {article.path for article in self.library.articles}
        return tuple(sorted(path for path in self.by_path if path not in read))


class Desk:
    """Reads the journal again whenever its files, settings or store have changed.

    Only looks: the store is opened so that nothing can be written through it. Broken settings
    leave the last good ones in use, with the problem told. Safe to share between threads.
    """

    def __init__(self, load: Callable[[], Settings], clock: Clock) -> None:
        """Raises SettingsError where there is nothing good to begin with."""
        self._load = load
        self._clock = clock
        self._turn = threading.RLock()
        self._empty: tempfile.TemporaryDirectory[str] | None = None
        self._trouble = ""
        self._wanted = load()
        self._stamp = stamp(self._wanted.config)
        self._app, self._store_there = self._open(self._wanted)
        self._known: tuple[str, Reading] | None = None

    @property
    def settings(self) -> Settings:
        """The settings in use."""
        return self._app.settings

    def close(self) -> None:
        """Let go of the store."""
        with self._turn:
            self._app.close()
            if self._empty is not None:
                self._empty.cleanup()

    def mark(self) -> str:
        """What changes when a page would: cheap enough to be asked every second."""
        with self._turn:
            self._refresh()
            digest = hashlib.sha256(f"{signature_of(self._app)}\0{self._trouble}\0".encode())
            try:
                for issue in self._app.store.issues.list(limit=RECENT):
                    digest.update(f"{issue.id} {issue.hash} {issue.state} {issue.counts}".encode())
                digest.update(repr(self._app.store.subscribers.counts()).encode())
            except StoreError as error:
                digest.update(str(error).encode())
            # A slot that passes, or an article that falls due, changes the page by itself.
            digest.update(f"{self._clock():%Y-%m-%dT%H}".encode())
            return digest.hexdigest()

    def read(self) -> tuple[str, Reading]:
        """The mark and the journal as it is now."""
        with self._turn:
            mark = self.mark()
            if self._known is None or self._known[0] != mark:
                self._known = (mark, self._read())
            return self._known

    def _refresh(self) -> None:
        config = self._app.settings.config
        present = stamp(config)
        store_came = not self._store_there and _has_store(self._wanted)
        if present == self._stamp and not store_came:
            return
        self._stamp = present
        try:
            settings = self._load()
            fresh, there = self._open(settings)
        except PublisherError as error:
            self._trouble = str(error)
            return
        self._trouble = ""
        self._app.close()
        self._wanted = settings
        self._app, self._store_there = fresh, there

    def _open(self, settings: Settings) -> tuple[App, bool]:
        if _has_store(settings):
            return open_app(settings, only_read=True), True
        return self._without_store(settings), False

    def _without_store(self, settings: Settings) -> App:
        """A journal that nobody has subscribed to yet: an empty store, out of its folder."""
        if self._empty is None:
            self._empty = tempfile.TemporaryDirectory(prefix="publisher-preview-")
        url = f"sqlite:///{self._empty.name}/empty.sqlite3"
        app = open_app(replace(settings, store_url=url, watermark=None))
        app.store.migrate(self._clock())
        return app

    def _read(self) -> Reading:
        app, now = self._app, self._clock()
        problems = [self._trouble] if self._trouble else []
        library = _told(problems, app.content.load) or Library((), ())
        templates = _told(problems, app.templates.load)
        coming = _told(problems, lambda: tuple(_coming(app, library, templates, now))) or ()
        found: dict[str, list[Finding]] = {}
        for finding in library.findings:
            found.setdefault(finding.place.path, []).append(finding)
        return Reading(
            app,
            now,
            library,
            templates,
            coming,
            tuple(problems),
            self._store_there,
            {path: tuple(each) for path, each in found.items()},
        )


def _coming(
    app: App, library: Library, templates: TemplateSet | None, now: datetime
) -> Iterator[Upcoming]:
    seen = plan.first_seen(app.store.sightings.known(), library.articles, now)
    issues, cutoff = app.store.issues, app.settings.cutoff
    shown = templates or TemplateSet({}, {})
    return plan.upcoming(app.journal, issues, library.articles, seen, shown, now, cutoff)


def _told(problems: list[str], read: Callable[[], Read]) -> Read | None:
    """What `read` gives; None, and its sentence among the `problems`, where it fails."""
    try:
        return read()
    except PublisherError as error:
        problems.append(str(error))
        return None


def _has_store(settings: Settings) -> bool:
    """Whether the store is there; one that is no file is asked, and says so itself."""
    path = settings.store_url.removeprefix("sqlite:///")
    return path == settings.store_url or Path(path).is_file()
