"""The thread that loads the data of retractions again, as often as the settings say."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import datetime

from publisher.app import App
from publisher.domain.refreshing import Attempt
from publisher.domain.retraction import Snapshot
from publisher.errors import PublisherError
from publisher.evidence import refresh_sources
from publisher.scheduler import alerts
from publisher.scheduler.running import Clock, Live

LOOK = 30.0
"""Seconds between two looks at whether it is time."""

log = logging.getLogger("publisher.scheduler")


def refresh_until(live: Live, clock: Clock, stop: threading.Event, schedules: bool = True) -> None:
    """Until `stop`. A download takes minutes, so it holds up no tick.

    A process that `schedules` looks through what was sent at once; one that only sends has its
    gate, which sees other data by itself.
    """
    while not stop.is_set():
        try:
            made = refresh(live, clock())
            if made is not None and schedules and not stop.is_set():
                live.beat()
        except PublisherError as error:
            log.error("%s", error)  # noqa: TRY400 (an operator's error, said in its own words)
        except Exception:
            log.exception("the data of retractions could not be refreshed; it is tried again")
        stop.wait(LOOK)


def refresh(live: Live, now: datetime) -> Snapshot | None:
    """Refresh if it is time; what there is now. Staff hear of a failure, once."""
    made = refresh_sources(live.app, now)
    if isinstance(made, Attempt):
        log.error("the data of retractions: %s", made.why)
        live.tell(list(failing(live.app, made)))
        return None
    if made is not None:
        log.info("data of retractions of %s: %d notices", made.as_of, made.rows)
    return made


def failing(app: App, attempt: Attempt) -> Iterator[alerts.Alert]:
    """Told once, as long as it lasts."""
    if attempt.failing_since is None:
        return
    snapshot = app.retractions.snapshot()
    here = f"Those of {snapshot.as_of} stay in use" if snapshot else "There are none at all"
    yield alerts.Alert(
        f"refresh:{attempt.failing_since.isoformat()}",
        "The data of retractions cannot be refreshed",
        f"{attempt.why}\n\n{here}; it is tried again every hour.\n\n"
        "Look: publisher status. Try by hand: publisher sources refresh",
    )
