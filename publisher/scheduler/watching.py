"""How sending goes, in the log of a process that stays: a line now and then, while mails leave."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from publisher.app import App
from publisher.dispatch import Progress
from publisher.domain.speed import Speed
from publisher.formats import progress as text

SELDOM = 10.0
"""Seconds between two lines."""

log = logging.getLogger("publisher.scheduler")


class Watch:
    """One drain. Short ones say nothing: the log tells when an issue is finished anyway."""

    def __init__(self, app: App, now: Callable[[], float] = time.monotonic) -> None:
        """`now`: seconds on a clock that does not go back."""
        self._app = app
        self._now = now
        self._speed = Speed()
        self._told_at = now()
        self._speed.note(self._told_at, 0)

    def note(self, progress: Progress) -> None:
        """How far it is."""
        now = self._now()
        done = text.settled(progress.counts)
        self._speed.note(now, done)
        if now - self._told_at < SELDOM:
            return
        self._told_at = now
        total = done + self._app.store.outbox.pending()
        log.info(
            "sending: %s",
            text.line(done, total, self._speed, progress.counts, progress.domains),
        )
