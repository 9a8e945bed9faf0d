"""The whole journal in one process: files in, pages out, mail over SMTP, until told to stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import pytest

from publisher.app import App, open_app
from publisher.errors import OperatorError, SettingsError
from publisher.scheduler import run
from publisher.settings import Serving
from tests.journeys.running import journal_in, settings, write
from tests.transports.relay import Relay
from tests.waiting import until

TUESDAY = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


class Clock:
    """Starts where a test says and runs as the wall's does."""

    def __init__(self, start: datetime) -> None:
        self._ahead = start - datetime.now(UTC)

    def __call__(self) -> datetime:
        """The present instant of the rehearsal."""
        return datetime.now(UTC) + self._ahead


@contextmanager
def running(app: App, clock: Clock, **options: Any) -> Iterator[str]:
    """`run` in a thread, stopped and waited for at the end; the address it serves."""
    stop, ready = threading.Event(), threading.Event()
    address: list[str] = []
    failures: list[BaseException] = []

    def listening(host: str, port: int) -> None:
        address.append(f"http://{host}:{port}")
        ready.set()

    def target() -> None:
        try:
            run(
                app,
                clock=clock,
                stop=stop,
                serve=True,
                work=True,
                schedule=True,
                on_listening=listening,
                **options,
            )
        except BaseException as error:  # noqa: BLE001 (whatever it is, the test shows it)
            failures.append(error)
            ready.set()

    thread = threading.Thread(target=target)
    thread.start()
    try:
        assert ready.wait(60)
        assert not failures, failures
        yield address[0]
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    assert not failures, failures


def test_a_slot_comes_and_the_digest_is_sent(tmp_path: Path) -> None:
    """Started seconds before the slot: the wake-up plans, builds, releases and sends.

    One message a reader, whose every link on the journal is served, and whose unsubscribe
    link works.
    """
    with Relay() as relay:
        app = journal_in(tmp_path, TUESDAY - timedelta(days=3), smtp_port=relay.port)
        write(tmp_path, "sleep", TUESDAY - timedelta(days=1))
        try:
            with running(app, Clock(TUESDAY - timedelta(seconds=2))) as url:
                assert httpx.get(f"{url}/articles/sleep/").status_code == 200
                until(lambda: len(relay.received) == 2)
                until(lambda: app.store.issues.get(1).state == "finished")
                assert httpx.get(f"{url}/issues/weekly/1/").status_code == 200
                message = message_from_bytes(relay.received[0].content, policy=policy.default)
                link = message["List-Unsubscribe"].strip("<>").replace(app.journal.app_url, url)
                assert httpx.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        finally:
            app.close()
    assert sorted(r.recipient for r in relay.received) == ["r0@example.org", "r1@example.org"]
    left = open_app(app.settings)
    try:
        assert left.store.subscribers.counts() == {"weekly": {"confirmed": 1, "unsubscribed": 1}}
        assert left.store.issues.get(1).counts == {"accepted": 2}
    finally:
        left.close()


def test_changed_files_are_built_at_once(tmp_path: Path) -> None:
    """A new article, and changed settings, are served without a restart; wrong ones are not."""
    app = journal_in(tmp_path, TUESDAY)
    write(tmp_path, "sleep", TUESDAY - timedelta(days=1))
    titles = iter(["Renamed", None])

    def reload() -> App:
        title = next(titles)
        if title is None:
            raise SettingsError("config/publisher.toml:1: nonsense")
        found = settings(tmp_path)
        return open_app(replace(found, journal=replace(found.journal, title=title)))

    try:
        with running(app, Clock(TUESDAY + timedelta(hours=1)), reload=reload) as url:
            write(tmp_path, "fresh", TUESDAY)
            until(lambda: httpx.get(f"{url}/articles/fresh/").status_code == 200)
            app.settings.config.write_text("title")
            until(lambda: "Renamed" in httpx.get(f"{url}/").text)
            app.settings.config.write_text("nonsense")
            # The first one tells of the slot without news.
            key = "The new settings are wrong"
            until(lambda: any(key in app.store.notices.get(n).subject for n in _ids(app)))
            assert "Renamed" in httpx.get(f"{url}/").text
    finally:
        app.close()


def _ids(app: App) -> range:
    return range(1, 1 + sum(app.store.notices.counts().values()))


def test_a_relay_that_is_away_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """Nobody listens: the messages stay queued and staff get one notice."""
    with Relay() as relay:
        port = relay.port
    app = journal_in(tmp_path, TUESDAY - timedelta(days=3), smtp_port=port)
    write(tmp_path, "sleep", TUESDAY - timedelta(days=1))
    try:
        with running(app, Clock(TUESDAY)):
            until(lambda: len(_ids(app)) == 1)
        assert app.store.issues.get(1).counts == {"queued": 2}
        assert "The transport 'default' fails" in app.store.notices.get(1).subject
    finally:
        app.close()


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    """The operator reads which address, and what to do."""
    with Relay() as relay:
        app = journal_in(tmp_path, TUESDAY)
        taken = replace(app, settings=replace(app.settings, serving=Serving(port=relay.port)))
        try:
            with pytest.raises(OperatorError, match=rf"127\.0\.0\.1:{relay.port}"):
                run(
                    taken,
                    clock=Clock(TUESDAY),
                    stop=threading.Event(),
                    serve=True,
                    work=False,
                    schedule=False,
                )
        finally:
            app.close()


def test_worker_alone_stops_when_told(tmp_path: Path) -> None:
    """Without web and schedule `run` ends as soon as `stop` is set."""
    app = journal_in(tmp_path, TUESDAY)
    stop = threading.Event()
    stop.set()
    try:
        run(app, clock=Clock(TUESDAY), stop=stop, serve=False, work=True, schedule=False)
    finally:
        app.close()
    assert not [t for t in threading.enumerate() if t.name in ("work", "watch", "web-end")]
