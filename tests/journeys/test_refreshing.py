"""The data of retractions come by themselves, over a real web server, and what fell is found."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from publisher.app import App
from publisher.domain.delivery import DeliveryEvent, Settlement
from publisher.domain.issue import IssueEvent
from publisher.scheduler import run
from publisher.scheduler.refreshing import refresh, refresh_until
from publisher.scheduler.running import Live
from tests import retractions
from tests.journeys.running import journal_in, write

WORK = "10.7326/M14-2841"
BEGAN = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)
DUE = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
OTHERS = [retractions.row(number) for number in range(100, 120)]


@dataclass
class Publisher:
    """Whoever publishes the data: what is served now (None: a failure), and what was asked."""

    url: str
    rows: list[dict[str, str]] | None = field(default_factory=lambda: list(OTHERS))
    asked: int = 0


@pytest.fixture
def crossref() -> Iterator[Publisher]:
    """A web server on this machine that tags what it serves."""
    made = Publisher("")

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """The data, or 304, or 503."""
            made.asked += 1
            if made.rows is None:
                self.send_error(503)
                return
            body = retractions.text(made.rows).encode()
            tag = f'"{len(body)}"'
            if self.headers["If-None-Match"] == tag:
                self.send_response(304)
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/data.csv"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def app(tmp_path: Path, crossref: Publisher) -> Iterator[App]:
    """A journal that loads the data every day, with one article."""
    made = journal_in(tmp_path, BEGAN)
    write(tmp_path, "sleep", DUE - timedelta(days=2))
    told = replace(made.settings, retractions=crossref.url, refresh_every=timedelta(days=1))
    yield replace(made, settings=told)
    made.close()


def once(live: Live, now: datetime) -> None:
    """What the thread does at each look."""
    if refresh(live, now) is not None:
        live.beat()


def send(live: Live) -> int:
    """The digest that is due, to everybody; the issue's id."""
    live.beat()
    live.beat()
    store = live.app.store
    (issue,) = store.issues.list()
    if issue.state == "approved":
        store.issues.move(issue.id, IssueEvent.RELEASE, DUE)
    claims = store.outbox.claim("w", 10, timedelta(minutes=1), DUE, issue_id=issue.id)
    store.outbox.advance([], claims, timedelta(minutes=1), DUE)
    settled = [Settlement(claim, DeliveryEvent.ACCEPT, 250, "OK") for claim in claims]
    store.outbox.advance(settled, [], timedelta(minutes=1), DUE)
    store.outbox.finish(DUE)
    assert dict(store.issues.get(issue.id).counts) == {"accepted": 2}
    return issue.id


def notices(app: App) -> list[str]:
    """Subjects of mails to staff."""
    found = []
    for number in range(1, 20):
        try:
            found.append(app.store.notices.get(number).subject)
        except Exception:  # noqa: BLE001 - there are no more
            break
    return found


def test_what_falls_is_found_after_the_daily_refresh(app: App, crossref: Publisher) -> None:
    """Loaded at once, asked politely each day, and a work that fell is told to staff once."""
    now = [DUE]
    live = Live(app, lambda: now[0], None)
    once(live, now[0])
    issue = send(live)
    once(live, now[0])
    assert crossref.asked == 1  # not due again
    now[0] += timedelta(days=1, minutes=1)
    once(live, now[0])
    snapshot = app.retractions.snapshot()
    assert (crossref.asked, snapshot.as_of if snapshot else None) == (2, now[0].date())
    assert not [subject for subject in notices(app) if "retracted" in subject]
    assert crossref.rows is not None
    crossref.rows.append(retractions.row(7, doi=WORK))
    now[0] += timedelta(days=1, minutes=1)
    once(live, now[0])
    once(live, now[0])
    assert [s for s in notices(app) if "retracted" in s] == [
        "[The Sample Journal] A work that we sent was retracted"
    ]
    happened = [entry.happening for entry in app.store.ledger.about((), [issue])]
    assert happened[-1] == "retraction found"
    assert app.store.ledger.had_data() == now[0].date()


def test_a_failure_is_told_once_and_the_old_data_stay(app: App, crossref: Publisher) -> None:
    """In `status`, by mail once as long as it lasts, tried again in an hour, over when it works."""
    now = [DUE]
    live = Live(app, lambda: now[0], None)
    once(live, now[0])
    before = app.retractions.snapshot()
    crossref.rows = None
    now[0] += timedelta(days=1)
    for _ in range(3):
        once(live, now[0])
        now[0] += timedelta(minutes=40)
    assert crossref.asked == 3  # the first; the failure; once more after an hour
    assert app.retractions.snapshot() == before
    last = app.retractions.attempt()
    assert last is not None
    assert (last.failing_since, "answers 503" in last.why) == (DUE + timedelta(days=1), True)
    assert [s for s in notices(app) if "cannot be refreshed" in s] == [
        "[The Sample Journal] The data of retractions cannot be refreshed"
    ]
    from publisher.cli.steps import for_sources

    library = app.content.load()
    assert "answers 503" in " ".join(for_sources(app, library, now[0]))
    crossref.rows = list(OTHERS)
    now[0] += timedelta(hours=1)
    once(live, now[0])
    assert for_sources(app, app.content.load(), now[0]) == []


def test_a_thread_of_run_does_it(app: App, crossref: Publisher) -> None:
    """As long as the process lives, without holding up anything; not at all without the setting."""
    stop = threading.Event()
    live: Any = Live(app, lambda: DUE, None)
    thread = threading.Thread(target=refresh_until, args=(live, lambda: DUE, stop, False))
    thread.start()
    until = time.monotonic() + 60
    while app.retractions.snapshot() is None and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    thread.join(60)
    assert app.retractions.snapshot() is not None
    assert not (app.settings.public_dir / "index.html").exists()  # a worker builds nothing
    live.app = replace(app, settings=replace(app.settings, refresh_every=None))
    once(live, DUE + timedelta(days=30))
    assert crossref.asked == 1


def test_who_stops_the_program_waits_for_no_download(app: App) -> None:
    """A server that says nothing more holds nobody up, and the thread ends with the process."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/data.csv"
        slow = replace(app, settings=replace(app.settings, retractions=url))
        stop = threading.Event()

        def end() -> None:
            taken, _ = silent.accept()
            stop.set()
            until.wait(120)
            taken.close()

        until = threading.Event()
        ending = threading.Thread(target=end)
        ending.start()
        run(slow, clock=lambda: DUE, stop=stop, serve=False, work=False, schedule=True)
        until.set()  # `run` came back while the server was still silent
        ending.join(60)
    assert app.retractions.snapshot() is None
