"""The threads of one process: ticks, the watch over files, the outbox worker."""

from __future__ import annotations

import logging
import random
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from watchfiles import watch

from publisher import dispatch
from publisher.app import App, awake, drain
from publisher.domain.wakeup import Share, Wakeup
from publisher.errors import Defect, PublisherError
from publisher.scheduler import alerts
from publisher.scheduler.memory import Memory, stamp
from publisher.scheduler.ticking import Report, tick
from publisher.scheduler.watching import Watch

IDLE_SECONDS = 2.0
"""How long the worker waits when there was nothing to send."""
FAILING_SECONDS = 30.0
"""How long it waits when a transport or the store fails."""
WATCH_MILLISECONDS = 400
"""How long files must be quiet before a change counts: editors write in several steps."""

log = logging.getLogger("publisher.scheduler")

Clock = Callable[[], datetime]


def nonce() -> str:
    """Random hexadecimal digits for an issue or a notice."""
    return secrets.token_hex(16)


class Live:
    """The App in use, which a change of the settings replaces, and what it remembers.

    Ticks take turns, whoever asks for them.
    """

    def __init__(self, app: App, clock: Clock, reload: Callable[[], App] | None) -> None:
        self.app = app
        self._clock = clock
        self._reload = reload
        self._memory = Memory()
        self._turn = threading.Lock()
        self._stamp = stamp(app.settings.config)

    def current(self) -> App:
        """The App as it is now."""
        return self.app

    def beat(self) -> Report:
        """One tick at the clock's present instant."""
        with self._turn:
            trouble = self._refresh()
            report = tick(self.app, self._clock(), nonce=nonce, memory=self._memory)
            if trouble is not None:
                report.problems.append(trouble.text)
                self.tell([trouble])
            return report

    def tell(self, found: list[alerts.Alert]) -> None:
        """Tell staff of something that happened outside a tick."""
        alerts.tell(self.app, found, self._clock(), nonce=nonce, told=self._memory.told)

    def _refresh(self) -> alerts.Alert | None:
        """Take over changed settings; with wrong ones everything stays as it was."""
        present = stamp(self.app.settings.config)
        if self._reload is None or present == self._stamp:
            return None
        self._stamp = present
        try:
            fresh = self._reload()
        except PublisherError as error:
            text = f"The settings changed, but are not in use: {error}"
            log.error("%s", text)  # noqa: TRY400 (an operator's error, said in its own words)
            return alerts.Alert(f"settings:{error}", "The new settings are wrong", text)
        # The store stays open: sending and clicks go on while settings change.
        fresh.store.close()
        moved = [
            name
            for name in ("store_url", "engine", "serving")
            if getattr(fresh.settings, name) != getattr(self.app.settings, name)
        ]
        store = self.app.store
        self.app = replace(fresh, store=store, engine=self.app.engine)
        self._memory.signature = None
        self._memory.built = None
        log.info("the settings changed and are in use")
        if moved:
            log.warning("%s: restart to use the new setting", ", ".join(moved))
        return None


def watch_files(live: Live, stop: threading.Event) -> None:
    """Tick as soon as content, templates or settings change, until `stop`."""
    while not stop.is_set():
        folders = _watched(live.app)
        if not folders:
            log.error("there is nothing to watch: no content, templates or settings")
            stop.wait(FAILING_SECONDS)
            continue
        for _ in watch(
            *folders,
            stop_event=stop,
            debounce=WATCH_MILLISECONDS,
            raise_interrupt=False,
            recursive=True,
        ):
            try:
                live.beat()
            except Exception:
                log.exception("a tick failed; the next one tries again")
            if _watched(live.app) != folders:
                break


def _watched(app: App) -> list[Path]:
    """What is there of content, templates and settings.

    The folder of the settings where it is their own (editors replace files), else the file.
    """
    settings = app.settings
    config = settings.config if settings.config.parent == settings.root else settings.config.parent
    return [p for p in (settings.content_dir, settings.templates_dir, config) if p.exists()]


def work(live: Live, clock: Clock, stop: threading.Event, *, drained: bool = False) -> None:
    """Drain the outbox again and again until `stop`; what was begun is finished first.

    With `drained` once: what is due now.
    """
    worker = f"{socket.gethostname()}:{secrets.token_hex(4)}"
    jitter = random.SystemRandom().random
    while not stop.is_set():
        pause = IDLE_SECONDS
        try:
            report = drain(
                live.app,
                clock=clock,
                jitter=jitter,
                worker=worker,
                stop=stop,
                on_progress=Watch(live.app).note,
            )
            _tell(live, clock, report)
            if not all(failure.instead for failure in report.failed):
                pause = FAILING_SECONDS
        except PublisherError as error:
            log.error("%s", error)  # noqa: TRY400 (an operator's error, said in its own words)
            pause = FAILING_SECONDS
        except Exception:
            log.exception("sending failed; it is tried again")
            pause = FAILING_SECONDS
        if drained:
            return
        stop.wait(pause)


class Until(threading.Event):
    """Set when something else says so."""

    def __init__(self, over: Callable[[], bool]) -> None:
        super().__init__()
        self._over = over

    def is_set(self) -> bool:
        """Whether it is over."""
        return super().is_set() or self._over()


def work_queue(
    live: Live,
    clock: Clock,
    stop: threading.Event,
    share: Share,
) -> None:
    """Work off what the engine wakes us for, until `stop`; see `ports.Engine.work`.

    Each wake-up is a worker of its own to the outbox, with leases that nobody else renews.
    """
    engine = live.app.engine
    if engine is None:
        raise Defect("the embedded engine has no queue")
    host = socket.gethostname()
    jitter = random.SystemRandom().random

    def work(wakeup: Wakeup, over: Callable[[], bool]) -> bool:
        worker = f"{host}:{secrets.token_hex(4)}"
        report = drain(
            live.app,
            clock=clock,
            jitter=jitter,
            worker=worker,
            stop=Until(over),
            wakeup=wakeup,
            on_progress=Watch(live.app).note,
        )
        _tell(live, clock, report)
        if report.failed or report.paused:
            return False  # the sweep wakes somebody in a minute
        return any(one.key == wakeup.key for one in live.app.store.outbox.wakeups())

    engine.work(
        work,
        lambda: awake(live.app, clock()),
        share=share,
        stop=stop,
    )


def _tell(live: Live, clock: Clock, report: dispatch.Report) -> None:
    for finished in report.finished:
        _log_finished(live.app, finished)
    if report.failed:
        live.tell(list(alerts.failed(report.failed, clock())))
    if report.paused:
        live.tell(list(alerts.paused(live.app)))


def _log_finished(app: App, issue_id: int) -> None:
    issue = app.store.issues.get(issue_id)
    counts = ", ".join(f"{number} {state}" for state, number in issue.counts.items() if number)
    log.info("%s is finished: %s", issue.name, counts, extra={"issue": issue.id})
