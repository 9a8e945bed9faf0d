"""One process that runs the journal: `run` beats, watches, sends and serves until stopped.

APScheduler only wakes it: every half minute, and at the next instant at which something is
known to fall due. What is owed is computed at each tick; the issues' unique keys decide.
What a worker does without (the web app, the scheduler) is read where it is used.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from publisher.app import App
from publisher.domain.wakeup import ALL, Share
from publisher.errors import PublisherError
from publisher.scheduler.memory import Memory
from publisher.scheduler.refreshing import refresh_until
from publisher.scheduler.running import (
    Clock,
    Live,
    watch_files,
    work_queue,
)
from publisher.scheduler.running import (
    work as work_until,
)
from publisher.scheduler.ticking import Report, tick

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

__all__ = ["Memory", "Report", "run", "tick"]

REFRESH_SECONDS = 5.0
"""How long a refresh of the data of retractions may go on once the program is to stop."""
TICK_SECONDS = 30
"""How often everything is looked at though nothing seems to have changed."""

log = logging.getLogger("publisher.scheduler")


def run(
    app: App,
    *,
    clock: Clock,
    stop: threading.Event,
    serve: bool,
    work: bool,
    schedule: bool,
    share: Share = ALL,
    reload: Callable[[], App] | None = None,
    on_listening: Callable[[str, int], None] | None = None,
) -> None:
    """Run the journal until `stop` is set (SIGTERM and SIGINT set it too).

    `schedule`: plan, build, release and watch files; `work`: send, as `share` says; `serve`:
    answer HTTP.
    `reload` reads the settings again when their file changes. `on_listening` is called with
    host and port once requests are answered. The store must be migrated. Raises OperatorError
    where the address is taken.
    """
    live = Live(app, clock, reload)
    with _signals(stop):
        if not serve:
            with _threads(live, clock, stop, share if work else None, schedule=schedule):
                stop.wait()
            return
        from publisher.scheduler.serving import listening, serve_until

        with listening(app) as bound:
            host, port = bound.getsockname()[:2]
            with _threads(live, clock, stop, share if work else None, schedule=schedule):
                log.info("serving http://%s:%d", host, port)
                if on_listening is not None:
                    on_listening(host, port)
                serve_until(live, clock, stop, bound)


def _work(live: Live, clock: Clock, stop: threading.Event, share: Share) -> None:
    """Send until `stop`, which is set when there is nothing left to do or to hope for."""
    try:
        if live.app.engine is None:
            work_until(live, clock, stop, drained=share.drained)
        else:
            work_queue(live, clock, stop, share)
    except PublisherError as error:
        log.error("%s", error)  # noqa: TRY400 (an operator's error, said in its own words)
    finally:
        if share.drained:
            stop.set()


@contextmanager
def _threads(
    live: Live, clock: Clock, stop: threading.Event, share: Share | None, *, schedule: bool
) -> Iterator[None]:
    """Everything beside the main thread; on the way out `stop` is set and all is waited for."""
    threads: list[threading.Thread] = []
    scheduler: BackgroundScheduler | None = None
    # Nobody who stops the program waits for a download; one that is broken off leaves the old data.
    refreshing = threading.Thread(
        target=refresh_until, args=(live, clock, stop, schedule), name="refresh", daemon=True
    )
    try:
        if schedule:
            from publisher.scheduler.receiving import expected, receive_until

            scheduler = _scheduler(live, clock)
            threads.append(threading.Thread(target=watch_files, args=(live, stop), name="watch"))
            if expected(live.app):
                threads.append(
                    threading.Thread(target=receive_until, args=(live, clock, stop), name="receive")
                )
        # Each machine that sends needs the data, so workers that stay fetch them as well.
        if schedule or (share is not None and not share.drained):
            refreshing.start()
        if share is not None:
            threads.append(
                threading.Thread(target=_work, args=(live, clock, stop, share), name="work")
            )
        for thread in threads:
            thread.start()
        yield
    finally:
        stop.set()
        if scheduler is not None:
            scheduler.shutdown(wait=True)
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        if refreshing.ident is not None:
            refreshing.join(REFRESH_SECONDS)


def _scheduler(live: Live, clock: Clock) -> BackgroundScheduler:
    """Ticks from now on: one at once, so that the site is there before it is asked for."""
    from apscheduler.schedulers.background import BackgroundScheduler

    # Two lines every half minute would hide what happened.
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    scheduler = BackgroundScheduler(
        timezone=UTC,
        job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
    )

    def beat() -> None:
        wake_at: datetime | None = None
        try:
            wake_at = live.beat().wake_at
        except Exception:
            log.exception("a tick failed; the next one tries again")
        if wake_at is not None:
            # The rehearsal's clock may differ from the wall's, on which APScheduler wakes.
            delay = max(wake_at - clock(), timedelta(0))
            scheduler.add_job(
                beat,
                "date",
                run_date=datetime.now(UTC) + delay,
                id="wake",
                replace_existing=True,
            )

    beat()
    scheduler.add_job(beat, "interval", seconds=TICK_SECONDS, id="tick")
    scheduler.start()
    return scheduler


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT mean: finish what is under way, then end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
