"""Procrastinate: a task queue in the journal's own PostgreSQL, for workers on any machine.

A job is a wake-up and nothing else. It may be lost, or run twice at once: what is sent is decided
by the rows of the outbox. So jobs take no lock, which a dead worker would hold for a while. https://procrastinate.readthedocs.io/
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from sqlalchemy import make_url

from publisher.domain.wakeup import NOTICES, Share, Wakeup
from publisher.engines import tables
from publisher.errors import StoreAway, StoreError
from publisher.ports import Waiting, Work

log = logging.getLogger("publisher.engines")

SLICE_SECONDS = 30.0
"""How long one job works before it gives others their turn: threads can't be interrupted."""
SWEEP = "* * * * *"
HOUSE = "house"
"""The queue of what keeps the house in order."""
NOTICES_QUEUE = "notices"
STALLED_LOCK = 7470085
"""Who looks for dead workers' jobs; an advisory lock, as `stores/database.py` has one."""
STALLED_SECONDS = 30.0
"""A worker that has not been heard of for so long is dead, and its jobs are run again."""
KEPT_HOURS = 24
"""How long jobs that failed stay to be looked at; done ones are deleted at once."""
NOTICES_FIRST = 10
LOOK_SECONDS = 1.0
"""How often it is looked whether a notice waits. One that is seen twice waits for us."""
POLL_SECONDS = 5.0
GRACE_SECONDS = 1.0
REST_SECONDS = 5.0
"""How long to wait before the queue is joined again when the database went away."""


class Queue:
    """`ports.Engine` on Procrastinate. Its own connections are opened when they are needed."""

    def __init__(self, store_url: str) -> None:
        self._url = store_url
        self._conninfo = conninfo(store_url)
        # Deferring happens on the store's connections: this one is never opened.
        self._app = App(connector=PsycopgConnector(conninfo=self._conninfo))
        _tasks(self._app, _idle, tuple, self._put, self._conninfo)

    def migrate(self) -> None:
        """Bring its tables up to date; the store's must be there. Raises StoreError."""
        with self._connected() as connection:
            tables.migrate(connection)

    def wake(self, connection: Any, wakeups: Sequence[Wakeup]) -> None:
        """Pass on in the transaction of the driver's `connection`; what waits already, once."""
        for wakeup in wakeups:
            _defer(self._app, wakeup, connection)

    def work(
        self,
        work: Work,
        sweep: Callable[[], Sequence[Wakeup]],
        *,
        share: Share,
        stop: threading.Event,
    ) -> None:
        """See `ports.Engine.work`. A database that goes away is waited for, unless it drains."""
        while not stop.is_set():
            try:
                asyncio.run(self._worker(work, sweep, share, stop))
            except (psycopg.Error, ConnectorException, OSError) as error:
                if share.drained:
                    raise StoreError(
                        f"the queue in {self._where()} broke off ({_words(error)}): "
                        "see that PostgreSQL runs, and start again; nothing is lost"
                    ) from error
                log.error("the queue broke off (%s); it is joined again", _words(error))  # noqa: TRY400
                stop.wait(REST_SECONDS)
            else:
                if share.drained:
                    return
                if not stop.is_set():
                    log.warning("the queue let go of this worker; it is joined again")
                    stop.wait(REST_SECONDS)

    def waiting(self) -> Waiting:
        """For `status`. Raises StoreError."""
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT queue_name, count(*) FROM procrastinate_jobs "
                "WHERE status = 'todo' AND queue_name <> %s GROUP BY 1 ORDER BY 1",
                [HOUSE],
            ).fetchall()
            row = connection.execute(
                "SELECT count(*) FROM procrastinate_workers "
                "WHERE last_heartbeat > now() - make_interval(secs => %s)",
                [STALLED_SECONDS],
            ).fetchone()
        return Waiting({str(name): int(count) for name, count in rows}, int(row[0]) if row else 0)

    def _put(self, wakeups: Sequence[Wakeup]) -> None:
        """In a transaction of its own, from a task's thread: its event loop is elsewhere."""
        with psycopg.connect(self._conninfo) as connection:
            self.wake(connection, wakeups)

    async def _worker(
        self,
        work: Work,
        sweep: Callable[[], Sequence[Wakeup]],
        share: Share,
        stop: threading.Event,
    ) -> None:
        """One stay in the queue, in an event loop of its own."""
        urgent, under_way = threading.Event(), _UnderWay()
        options: dict[str, Any] = {}
        if share.newsletters:
            options["queues"] = [*share.newsletters, NOTICES_QUEUE, HOUSE]
        app = App(
            connector=PsycopgConnector(
                conninfo=self._conninfo, min_size=1, max_size=share.concurrency + 3
            )
        )

        def one(context: JobContext, wakeup: Wakeup) -> bool:
            until = time.monotonic() + SLICE_SECONDS

            def over() -> bool:
                return (
                    stop.is_set()
                    or context.should_abort()
                    or time.monotonic() >= until
                    or (wakeup != NOTICES and urgent.is_set())
                )

            with under_way:
                return work(wakeup, over)

        _tasks(app, one, sweep, self._put, self._conninfo)
        # At once, for whatever nobody was woken for; it also finds out that there is a database.
        self._put(await asyncio.to_thread(sweep))
        async with app.open_async():
            # Likewise at once: who drains may be gone before the minute's look.
            await _run_again(app, self._conninfo)
            running = asyncio.create_task(
                app.run_worker_async(
                    **options,
                    concurrency=share.concurrency,
                    wait=not share.drained,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    fetch_job_polling_interval=POLL_SECONDS,
                    # Also where it stops by itself, because the database went away: then
                    # `should_abort` tells the slices that are under way to come to their end.
                    shutdown_graceful_timeout=GRACE_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                )
            )
            seen: int | None = None
            look_at = 0.0
            while not running.done():
                await asyncio.wait({running}, timeout=0.2)
                if stop.is_set():
                    running.cancel()  # begins nothing new, and waits for what has begun
                    break
                if under_way.number and time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK_SECONDS
                    seen = await _hurry(app, seen, urgent)
            try:
                await running
            except asyncio.CancelledError:
                if not stop.is_set():
                    raise

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        try:
            with psycopg.connect(self._conninfo, connect_timeout=10) as connection:
                yield connection
        except psycopg.errors.UndefinedTable as error:
            raise StoreError(
                f"the store {self._where()} has no queue yet: run `publisher store migrate`"
            ) from error
        except psycopg.Error as error:
            kind = StoreAway if isinstance(error, psycopg.OperationalError) else StoreError
            raise kind(
                f"the store {self._where()} answered '{_words(error)}': "
                "see that PostgreSQL runs, and that address, user and password are right"
            ) from error

    def _where(self) -> str:
        return make_url(self._url).render_as_string(hide_password=True)


class _UnderWay:
    """How many jobs are."""

    def __init__(self) -> None:
        self.number = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.number += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.number -= 1


async def _hurry(app: App, seen: int | None, urgent: threading.Event) -> int | None:
    """Say so in `urgent` if a notice waits that waited the last time (`seen`) too; which waits.

    Whoever is idle takes one at once: only where all are busy does one wait for so long.
    """
    try:
        row = await app.connector.execute_query_one_async(_NOTICE)
    except ConnectorException as error:
        # The worker beside us has met the same, and says how it goes on.
        log.debug("nobody could say whether a notice waits: %s", _words(error))
        return None
    found: int | None = row["id"]
    if found is not None and found == seen:
        urgent.set()
    else:
        urgent.clear()
    return found


_NOTICE = f"""
SELECT min(id) AS id FROM procrastinate_jobs
WHERE status = 'todo' AND queue_name = '{NOTICES_QUEUE}'
AND (scheduled_at IS NULL OR scheduled_at <= now())
"""  # noqa: S608 - a name of ours


def _idle(_context: JobContext, _wakeup: Wakeup) -> bool:
    return False


def conninfo(store_url: str) -> str:
    """The store's URL as libpq reads it."""
    return make_url(store_url).set(drivername="postgresql").render_as_string(hide_password=False)


def _words(error: BaseException) -> str:
    found = error.__cause__ or error
    return str(found).strip().splitlines()[0] if str(found).strip() else type(found).__name__


def _tasks(
    app: App,
    work: Callable[[JobContext, Wakeup], bool],
    sweep: Callable[[], Sequence[Wakeup]],
    put: Callable[[Sequence[Wakeup]], None],
    dsn: str,
) -> None:
    """The three tasks, under names that outlive a version: jobs of the one before stay good."""

    @app.task(name="publisher.send", pass_context=True)
    def send(context: JobContext, issue_id: int | None, newsletter: str | None, part: int) -> None:
        wakeup = Wakeup(issue_id, newsletter, part)
        if work(context, wakeup):
            put((wakeup,))

    @app.periodic(cron=SWEEP, periodic_id="sweep")
    @app.task(name="publisher.sweep", queue=HOUSE, queueing_lock="sweep", priority=NOTICES_FIRST)
    def look(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate says when it was due
        put(sweep())

    @app.periodic(cron=SWEEP, periodic_id="stalled")
    @app.task(
        name="publisher.stalled", queue=HOUSE, queueing_lock="stalled", priority=NOTICES_FIRST
    )
    async def again(timestamp: int) -> None:  # noqa: ARG001
        await _run_again(app, dsn)
        await app.job_manager.delete_old_jobs(
            nb_hours=KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )


async def _run_again(app: App, dsn: str) -> None:
    """Put the jobs of dead workers back into the queue; of several who would, one after the other.

    Whoever comes second finds none left: he must not put back what somebody has begun again.
    """
    async with await psycopg.AsyncConnection.connect(dsn) as turn, turn.transaction():
        await turn.execute("SELECT pg_advisory_xact_lock(%s)", [STALLED_LOCK])
        manager = app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
            log.warning("a worker died; its job %s is run again", job.call_string)
            await _retry(app, job)


async def _retry(app: App, job: Job) -> None:
    try:
        await app.job_manager.retry_job(job)
    except UniqueViolation:
        # Somebody was woken for the same meanwhile: the dead worker's job is of no more use.
        await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)


def _queue(wakeup: Wakeup) -> str:
    return wakeup.newsletter or NOTICES_QUEUE


def _options(wakeup: Wakeup) -> dict[str, Any]:
    return {
        "queue": _queue(wakeup),
        "queueing_lock": wakeup.key,
        "priority": NOTICES_FIRST if wakeup == NOTICES else 0,
        "schedule_at": wakeup.due_at,
    }


def _arguments(wakeup: Wakeup) -> dict[str, Any]:
    return {
        "issue_id": wakeup.issue_id,
        "newsletter": wakeup.newsletter,
        "part": wakeup.part,
    }


def _defer(app: App, wakeup: Wakeup, connection: psycopg.Connection) -> None:
    """Within the connection's transaction; a job that waits already must not break it."""
    task = app.tasks["publisher.send"]
    try:
        with connection.transaction():
            task.configure(**_options(wakeup), connection=connection).defer(**_arguments(wakeup))
    except AlreadyEnqueued:
        return
