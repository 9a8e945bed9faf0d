"""One tick at a time: what is owed happens once, and a part that fails stands alone."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.app import App, drain, open_app
from publisher.dispatch import Failed, Progress
from publisher.domain.delivery import DeliveryEvent, Settlement
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.journal import Approval
from publisher.domain.notice import NoticeKind
from publisher.plan import approve
from publisher.scheduler import Memory, Report, alerts, tick
from publisher.scheduler.watching import Watch
from publisher.settings import Publishing
from publisher.site import Tree
from tests.journeys.running import journal_in, settings, write
from tests.transports.relay import Act, Relay

TUESDAY = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # 09:00 in Berlin
MONDAY = TUESDAY - timedelta(days=1)
NUMBERS = itertools.count()


def beat(app: App, now: datetime, memory: Memory | None = None) -> Report:
    """One tick."""
    return tick(app, now, nonce=lambda: f"{next(NUMBERS):032x}", memory=memory)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """A journal that began on the Friday before, with one article and two readers."""
    opened = journal_in(tmp_path, TUESDAY - timedelta(days=4))
    write(tmp_path, "sleep", MONDAY)
    yield opened
    opened.close()


def notices(app: App) -> int:
    """How many notices there are."""
    return sum(app.store.notices.counts().values())


def test_slot_is_planned_built_and_released_in_one_tick(app: App) -> None:
    """At the slot: the issue, its archive page, and the release, in that order."""
    report = beat(app, TUESDAY)
    assert [issue.number for issue in report.planned] == [1]
    assert report.built is not None
    assert app.site.read("issues/weekly/1/index.html") is not None
    assert [issue.state for issue in report.released] == [IssueState.SENDING]
    assert report.problems == []
    assert app.store.outbox.pending() == 2


def test_before_the_slot_only_the_site_is_built(app: App) -> None:
    """Nothing is planned early; the wake-up is the slot itself."""
    report = beat(app, MONDAY)
    assert (report.planned, report.released) == ([], ())
    assert app.site.read("articles/sleep/index.html") is not None
    assert report.wake_at == TUESDAY


def test_ticks_double_nothing(app: App) -> None:
    """Twice in a row, from several threads, after a restart: one issue, one release."""
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: beat(app, TUESDAY), range(3)))
    beat(app, TUESDAY + timedelta(seconds=30))
    assert len(app.store.issues.list()) == 1
    assert sum(len(report.released) for report in reports) == 1
    assert app.store.outbox.pending() == 2
    other = open_app(app.settings)
    try:
        again = beat(other, TUESDAY + timedelta(minutes=1))
    finally:
        other.close()
    assert (again.planned, again.released) == ([], ())


class _Killed(Tree):
    """A site whose process is killed as the new tree is to be written."""

    def write(self, files: Mapping[str, bytes]) -> bool:
        """Never comes to it."""
        raise SystemExit


def test_tick_that_died_half_way_is_finished_by_the_next(app: App, tmp_path: Path) -> None:
    """Killed between planning and building: the next process builds and releases."""
    site = _Killed(
        tmp_path / "public", url=app.journal.url, command=None, check_timeout=timedelta(seconds=1)
    )
    with pytest.raises(SystemExit):
        beat(replace(app, site=site), TUESDAY)
    assert [issue.state for issue in app.store.issues.list()] == [IssueState.APPROVED]
    report = beat(app, TUESDAY + timedelta(minutes=5))
    assert report.planned == []
    assert len(report.released) == 1


def test_nothing_is_built_when_nothing_changed(app: App, tmp_path: Path) -> None:
    """With its memory a tick builds for content, templates, issues and due articles only."""
    memory = Memory()
    write(tmp_path, "later", MONDAY + timedelta(hours=3))
    assert beat(app, MONDAY, memory).built is not None
    assert beat(app, MONDAY + timedelta(hours=1), memory).built is None
    report = beat(app, MONDAY + timedelta(hours=3), memory)
    assert report.built is not None  # a scheduled article fell due
    assert app.site.read("articles/later/index.html") is not None
    write(tmp_path, "sleep", MONDAY, "Another title")
    assert beat(app, MONDAY + timedelta(hours=4), memory).built is not None
    own = tmp_path / "templates/site/404.html"
    own.parent.mkdir(parents=True)
    own.write_text("gone")
    assert beat(app, MONDAY + timedelta(hours=5), memory).built is not None
    assert beat(app, TUESDAY, memory).built is not None  # the issue's page
    # Released, it enters its newsletter's feed.
    assert beat(app, TUESDAY + timedelta(minutes=1), memory).built is not None
    assert beat(app, TUESDAY + timedelta(minutes=2), memory).built is None


def test_scheduled_article_wakes(app: App, tmp_path: Path) -> None:
    """The next wake-up is the earliest of slots and scheduled articles."""
    write(tmp_path, "later", MONDAY + timedelta(hours=3))
    assert beat(app, MONDAY).wake_at == MONDAY + timedelta(hours=3)


def test_broken_article_keeps_the_old_site_and_tells_staff_once(app: App, tmp_path: Path) -> None:
    """The site stays, planned issues go, staff get one notice; mending it builds again."""
    memory = Memory()
    beat(app, TUESDAY, memory)
    broken = tmp_path / "content/broken.md"
    broken.write_text("---\ntitle: x\n---\n")
    for minute in (1, 2):
        report = beat(app, TUESDAY + timedelta(minutes=minute), memory)
        assert app.site.read("articles/sleep/index.html") is not None
    assert notices(app) == 1
    beat(app, TUESDAY + timedelta(minutes=3))  # another process says nothing new
    assert notices(app) == 1
    broken.unlink()
    report = beat(app, TUESDAY + timedelta(minutes=4), memory)
    assert report.problems == []
    assert report.built is not None


def test_broken_template_stands_alone(app: App, tmp_path: Path) -> None:
    """A template of the mail that fails blocks the issue, not the site; mended, it goes."""
    memory = Memory()
    own = tmp_path / "templates/email/digest.mjml"
    own.parent.mkdir(parents=True)
    own.write_text("{{ nothing.there }}")
    for minute in range(2):
        report = beat(app, TUESDAY + timedelta(minutes=minute), memory)
        assert report.planned == []
    assert app.site.read("articles/sleep/index.html") is not None
    assert notices(app) == 1
    own.unlink()
    assert len(beat(app, TUESDAY + timedelta(minutes=3), memory).released) == 1


def test_missed_slots_are_caught_up_once_and_told(app: App) -> None:
    """Two weeks away: the newest slot goes, the other is skipped, with one notice."""
    beat(app, TUESDAY)
    late = beat(app, TUESDAY + timedelta(days=15))
    assert [issue.slot.key for issue in late.skipped] == ["2026-12-01T09:00", "2026-12-08T09:00"]
    assert len(late.told) == 2
    assert notices(app) == 2
    again = beat(app, TUESDAY + timedelta(days=15, minutes=1))
    assert (again.skipped, again.told) == ([], ())


def test_no_readers_are_told_of_once(tmp_path: Path) -> None:
    """A cadence that nobody chose does not mail staff each week."""
    app = journal_in(tmp_path, TUESDAY - timedelta(days=1), readers=0)
    try:
        write(tmp_path, "sleep", MONDAY)
        assert [i.reason for i in beat(app, TUESDAY).skipped] == ["no readers"]
        write(tmp_path, "more", TUESDAY + timedelta(days=1))
        assert [i.reason for i in beat(app, TUESDAY + timedelta(days=7)).skipped] == ["no readers"]
        assert notices(app) == 1
    finally:
        app.close()


def test_approval_overdue_late_and_too_late(tmp_path: Path) -> None:
    """Planned a day ahead; overdue is told once; approved late it goes at once."""
    day = timedelta(hours=24)
    app = journal_in(tmp_path, MONDAY - timedelta(days=3), approval=Approval.REQUIRED, lead=day)
    try:
        write(tmp_path, "sleep", MONDAY - timedelta(days=1))
        first = beat(app, TUESDAY - day)
        assert [issue.state for issue in first.planned] == [IssueState.DRAFT]
        assert first.released == ()
        for minute in (0, 1):
            report = beat(app, TUESDAY + timedelta(minutes=minute))
            assert len(report.overdue) == 1
        assert notices(app) == 2  # that it waits, and that its slot has come
        now = TUESDAY + timedelta(hours=5)
        approve(app.store, first.planned[0].id, by="Dr Lind", now=now, cutoff=app.settings.cutoff)
        assert len(beat(app, now).released) == 1
        write(tmp_path, "more", TUESDAY + timedelta(days=1))
        second = beat(app, TUESDAY + timedelta(days=6)).planned[0]
        late = beat(app, TUESDAY + timedelta(days=9, seconds=1))
        assert [issue.id for issue in late.skipped] == [second.id]
        assert notices(app) == 4  # that the second waits, and that nobody approved it
    finally:
        app.close()


def test_pages_that_are_not_live_hold_the_issue(tmp_path: Path) -> None:
    """On a static host that does not answer the issue waits, and staff hear after an hour."""
    app = journal_in(tmp_path, MONDAY)
    write(tmp_path, "sleep", MONDAY)
    away = replace(
        settings(tmp_path),
        publishing=Publishing(command=("true",), check_timeout=timedelta(seconds=1)),
    )
    away = replace(
        away, journal=replace(away.journal, url="http://127.0.0.1:9", app_url="http://127.0.0.1:9")
    )
    static = open_app(away)
    try:
        report = beat(static, TUESDAY)
        assert (report.released, len(report.held)) == ((), 1)
        assert notices(app) == 0
        beat(static, TUESDAY + timedelta(hours=1))
        assert notices(app) == 1
    finally:
        static.close()
        app.close()


def test_failing_publish_is_tried_again(tmp_path: Path) -> None:
    """A publish command that fails is a problem each tick until it works."""
    app = journal_in(tmp_path, MONDAY)
    write(tmp_path, "sleep", MONDAY)
    app.close()
    failing = open_app(replace(settings(tmp_path), publishing=Publishing(command=("false",))))
    memory = Memory()
    try:
        for minute in (0, 1):
            report = beat(failing, MONDAY + timedelta(minutes=minute), memory)
            assert "publish command" in report.problems[0]
        assert notices(failing) == 1
    finally:
        failing.close()


def test_paused_issue_is_told_once(app: App) -> None:
    """A paused issue gives one notice."""
    issue = beat(app, TUESDAY).released[0]
    app.store.issues.move(issue.id, IssueEvent.PAUSE, TUESDAY)
    for minute in (1, 2):
        beat(app, TUESDAY + timedelta(minutes=minute))
    assert notices(app) == 1


def test_staff_hear_of_a_relay_that_drops_every_dot(tmp_path: Path) -> None:
    """The issue stands after a few in doubt, and a mail says so and what to do."""
    with Relay(always={"BODY": Act.DROP}) as relay:
        app = journal_in(tmp_path, TUESDAY - timedelta(days=4), readers=40, smtp_port=relay.port)
        write(tmp_path, "sleep", MONDAY)
        (issue,) = beat(app, TUESDAY).released
        report = drain(
            app,
            clock=lambda: TUESDAY,
            jitter=lambda: 0.0,
            worker="worker",
            stop=threading.Event(),
        )
        doubtful = len(relay.received)
        assert 3 <= doubtful <= app.transports["default"].connections + 3
        assert report.counts == {"unknown": doubtful}
        beat(app, TUESDAY + timedelta(minutes=1))
        found = app.store.issues.get(issue.id)
        assert found.state is IssueState.PAUSED
        assert (found.counts["unknown"], found.counts["queued"]) == (doubtful, 40 - doubtful)
        notice = app.store.notices.get(1)
        assert (notice.kind, notice.address) == (NoticeKind.STAFF, "staff@example.org")
        assert f"{doubtful} of its 40 messages were never answered" in notice.text
        assert f"publisher resume {issue.name}" in notice.text
        app.close()


def test_the_log_tells_how_sending_goes(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """A line now and then: how many of how many, how fast, by outcome; short drains say nothing."""
    caplog.set_level("INFO", "publisher.scheduler")
    beat(app, TUESDAY)
    caplog.clear()
    seconds = iter([0.0, 1.0, 9.9, 12.0, 13.0, 23.0])
    watch = Watch(app, now=lambda: next(seconds))
    for done in (1, 1_000, 1_198, 1_300, 2_000):
        domains = {"mail.test": {"accepted": done}}
        watch.note(Progress({"accepted": done, "returned": 7}, 1, domains))
    first, second = (record.getMessage() for record in caplog.records)
    assert first == (
        "sending: 1,198 of 1,200 (100 a second, less than a minute left): 1,198 accepted; "
        "mail.test 1,198"
    )
    assert second.startswith("sending: 2,000 of 2,002 (91 a second, less than a minute left)")


def test_the_log_and_staff_read_one_name(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """What is planned, goes and pauses is called `weekly/1` everywhere."""
    caplog.set_level("INFO")
    issue = beat(app, TUESDAY).released[0]
    assert f"planned {issue.name}, slot" in caplog.text
    assert f"{issue.name} goes to" in caplog.text
    app.store.issues.move(issue.id, IssueEvent.PAUSE, TUESDAY)
    beat(app, TUESDAY + timedelta(minutes=1))
    assert f"publisher resume {issue.name}" in app.store.notices.get(1).text
    assert issue.name.endswith("/1")


def test_failing_transport_is_told_once_a_day(app: App) -> None:
    """The same failure on the same day is one notice, to staff, with what to do."""
    failures = [Failed("default", "no route to host")]
    for now in (TUESDAY, TUESDAY + timedelta(hours=1), TUESDAY + timedelta(days=1)):
        alerts.tell(app, alerts.failed(failures, now), now, nonce=lambda: "00", told=set())
    assert notices(app) == 2
    notice = app.store.notices.get(1)
    assert (notice.kind, notice.address) == (NoticeKind.STAFF, "staff@example.org")
    assert "no route to host" in notice.text


def test_without_staff_there_is_the_log(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """No address to tell: one line in the log, no notice."""
    alone = replace(app, settings=replace(app.settings, journal=replace(app.journal, staff=None)))
    told: set[str] = set()
    for _ in range(2):
        failures = alerts.failed([Failed("default", "x")], TUESDAY)
        alerts.tell(alone, failures, TUESDAY, nonce=lambda: "00", told=told)
    assert notices(app) == 0
    assert caplog.text.count("The transport 'default' fails") == 1


def test_deliveries_of_old_issues_go_to_the_shelf_bit_by_bit(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month after the issue, once an hour, and at the next tick where there were more."""
    (issue,) = beat(app, TUESDAY).released
    outbox, lease = app.store.outbox, timedelta(minutes=1)
    claims = outbox.claim("w", 10, lease, TUESDAY, issue_id=issue.id)
    outbox.advance([], claims, lease, TUESDAY)
    outbox.advance([Settlement(each, DeliveryEvent.ACCEPT) for each in claims], [], lease, TUESDAY)
    assert outbox.finish(TUESDAY) == [issue.id]
    monkeypatch.setattr("publisher.scheduler.ticking.SHELVED_AT_ONCE", 1)
    monkeypatch.setattr("publisher.scheduler.ticking.SHELVED_BATCHES", 1)
    memory, month = Memory(), TUESDAY + timedelta(days=31)
    assert beat(app, TUESDAY + timedelta(days=29), memory).shelved == 0
    moved = [beat(app, month + n * timedelta(minutes=1), memory).shelved for n in range(4)]
    assert moved == [1, 1, 0, 0]
    assert app.store.rows()["shelved"] == 2
    assert app.store.issues.get(issue.id).counts == {"accepted": 2}
