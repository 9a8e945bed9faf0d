"""The thread that takes in mail: reads the mailboxes again and again, and listens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from publisher import mailroom
from publisher.app import App
from publisher.errors import PublisherError
from publisher.mailboxes import Listener
from publisher.ports import Accept, Inbox
from publisher.scheduler import alerts
from publisher.scheduler.running import Clock, Live, nonce

log = logging.getLogger("publisher.scheduler")


@dataclass(frozen=True, slots=True)
class Counted:
    """What one look into all mailboxes came to: mails handed over, and what went wrong."""

    mails: int
    problems: tuple[str, ...]


def expected(app: App) -> bool:
    """Whether the settings name any place where mail comes in."""
    given = app.settings.inbound
    return given.listen is not None or bool(mailroom.inboxes(app.settings))


def receive_until(live: Live, clock: Clock, stop: threading.Event) -> None:
    """Until `stop`. Trouble is logged, told to staff once a day, and tried again."""

    def trouble(problem: str) -> None:
        key = f"inbound:{clock().date().isoformat()}"
        live.tell([alerts.Alert(key, "Received mail cannot be read", problem)])

    stay(live.current, clock, stop, trouble)


def stay(
    current: Callable[[], App],
    clock: Callable[[], datetime],
    stop: threading.Event,
    trouble: Callable[[str], None],
) -> None:
    """Listen, and look into the mailboxes every so often, until `stop`; `trouble` hears of both."""
    listener: Listener | None = None
    try:
        while not stop.is_set():
            app = current()
            try:
                if listener is None:
                    listener = _listening(app, clock)
                for problem in look(app, clock).problems:
                    trouble(problem)
            except PublisherError as error:
                log.error("%s", error)  # noqa: TRY400 (an operator's error, said in its own words)
                trouble(str(error))
            except Exception:
                log.exception("receiving failed; it is tried again")
            stop.wait(app.settings.inbound.every.total_seconds())
    finally:
        if listener is not None:
            listener.stop()


def look(app: App, clock: Callable[[], datetime]) -> Counted:
    """Look once into each mailbox; one that fails keeps nobody from the others."""
    accept = accepting(app, clock)
    mails, problems = 0, []
    for inbox in mailroom.inboxes(app.settings):
        try:
            mails += _read(inbox, accept)
        except PublisherError as error:
            log.error("%s", error)  # noqa: TRY400 (an operator's error, said in its own words)
            problems.append(str(error))
    return Counted(mails, tuple(problems))


def accepting(app: App, clock: Callable[[], datetime]) -> Accept:
    """What takes each mail in."""
    return mailroom.accepting(app.settings, app.store, clock, nonce)


def _read(inbox: Inbox, accept: Accept) -> int:
    found = inbox.read(accept)
    if found:
        log.info("%s: %d new", inbox.name, found)
    return found


def _listening(app: App, clock: Callable[[], datetime]) -> Listener | None:
    listener = mailroom.listener(app.settings, accepting(app, clock))
    if listener is not None:
        listener.start()
    return listener
