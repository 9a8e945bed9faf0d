"""Telling a real hub, over HTTP, which feeds have changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.announcements import AnnouncementFile
from publisher.domain.announcement import POLICY, Announcement, follow
from publisher.errors import StoreError
from publisher.formats import websub as words
from publisher.hub import HttpHub
from publisher.websub import Report, pending, ping
from tests.factories import journal
from tests.hubs import LocalHub, listening, nobody

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
RSS = "https://journal.example.org/feed.xml"
ATOM = "https://journal.example.org/atom.xml"
FEEDS = {RSS: "1", ATOM: "1"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """A hub that accepts everything."""
    with listening() as found:
        yield found


@pytest.fixture
def kept(tmp_path: Path) -> AnnouncementFile:
    """Where it is remembered; its folder is not there yet."""
    return AnnouncementFile(tmp_path / "var" / "websub.json")


def tell(
    hub: LocalHub | str,
    kept: AnnouncementFile,
    feeds: dict[str, str] = FEEDS,
    now: datetime = NOW,
    timeout: float = 5,
) -> Report:
    url = hub if isinstance(hub, str) else hub.url
    return ping(HttpHub(url, timeout=timeout), kept, feeds, now)


def test_each_changed_feed_is_told_once(hub: LocalHub, kept: AnnouncementFile) -> None:
    """A POST with the form of the Recommendation for each feed, and none for what is known."""
    assert tell(hub, kept) == Report(told=(ATOM, RSS))
    assert [(h.type, h.form) for h in hub.heard] == [
        ("application/x-www-form-urlencoded", {"hub.mode": ["publish"], "hub.url": [topic]})
        for topic in (ATOM, RSS)
    ]
    hub.heard.clear()
    assert tell(hub, kept) == Report()
    assert tell(hub, kept, {**FEEDS, RSS: "2"}) == Report(told=(RSS,))
    assert hub.topics() == [RSS]
    assert pending(kept, hub.url) == ()


def test_a_restart_tells_nothing_twice(
    hub: LocalHub, kept: AnnouncementFile, tmp_path: Path
) -> None:
    """What was told is known to the next process."""
    tell(hub, kept)
    hub.heard.clear()
    again = AnnouncementFile(tmp_path / "var" / "websub.json")
    assert tell(hub, again, now=NOW + timedelta(days=300)) == Report()
    assert hub.topics() == []


def test_another_hub_is_told_everything(hub: LocalHub, kept: AnnouncementFile) -> None:
    """What one hub knows says nothing of another."""
    tell(hub, kept)
    with listening() as other:
        assert tell(other, kept).told == (ATOM, RSS)
    assert tell(hub, kept).told == (ATOM, RSS)


def test_a_feed_that_is_no_more_is_forgotten(hub: LocalHub, kept: AnnouncementFile) -> None:
    """When it comes back it is new."""
    tell(hub, kept)
    assert tell(hub, kept, {RSS: "1"}) == Report()
    assert set(kept.load(hub.url)) == {RSS}
    assert tell(hub, kept).told == (ATOM,)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (500, "the hub answers 500"),
        (404, "there is no hub at this address (it answers 404)"),
        (410, "there is no hub at this address (it answers 410)"),
        (307, "the hub has moved (it answers 307): set its new address"),
    ],
)
def test_a_refusal_concerns_one_feed(
    hub: LocalHub, kept: AnnouncementFile, status: int, reason: str
) -> None:
    """The others are told all the same; this one is tried again later, and shown until then."""
    hub.answers[ATOM] = status
    assert tell(hub, kept) == Report(told=(RSS,), failed=((ATOM, reason),), waiting=(ATOM,))
    assert hub.topics() == [ATOM, RSS]
    (shown,) = pending(kept, hub.url)
    assert (shown.topic, shown.reason, shown.attempts) == (ATOM, reason, 1)
    assert shown.due_at == NOW + 5 * MINUTE
    assert tell(hub, kept, now=NOW + 4 * MINUTE) == Report(waiting=(ATOM,))
    hub.answers.clear()
    assert tell(hub, kept, now=NOW + 5 * MINUTE) == Report(told=(ATOM,))
    assert hub.topics() == [ATOM]
    assert pending(kept, hub.url) == ()


def test_a_hanging_hub_costs_one_timeout(hub: LocalHub, kept: AnnouncementFile) -> None:
    """The second feed is not even tried, and waits with the first."""
    hub.usual = 0
    reason = "the hub did not answer within 0.1 s"
    report = tell(hub, kept, timeout=0.1)
    assert report == Report(failed=((ATOM, reason), (RSS, reason)), waiting=(ATOM, RSS))
    assert hub.topics() == [ATOM]


def test_a_hub_that_is_not_there(kept: AnnouncementFile) -> None:
    """Nobody listens: said, remembered and tried again."""
    url = nobody()
    report = tell(url, kept)
    assert [topic for topic, _ in report.failed] == [ATOM, RSS]
    assert all("cannot be reached" in reason for _, reason in report.failed)
    assert len(pending(kept, url)) == 2


def test_a_change_does_not_hurry_a_failing_hub(hub: LocalHub, kept: AnnouncementFile) -> None:
    """The new version waits for the time that was set, and is told then."""
    hub.usual = 500
    tell(hub, kept, {RSS: "1"})
    hub.heard.clear()
    assert tell(hub, kept, {RSS: "2"}, NOW + MINUTE) == Report(waiting=(RSS,))
    assert hub.topics() == []
    hub.usual = 204
    assert tell(hub, kept, {RSS: "2"}, NOW + 5 * MINUTE) == Report(told=(RSS,))
    assert kept.load(hub.url)[RSS].version == "2"


def test_it_is_given_up_and_begun_anew(hub: LocalHub, kept: AnnouncementFile) -> None:
    """After 72 hours only a change of the feed starts it again; it stays on show meanwhile."""
    hub.usual = 500
    now = NOW
    while (report := tell(hub, kept, {RSS: "1"}, now)).waiting:
        (shown,) = pending(kept, hub.url)
        assert shown.due_at is not None
        assert shown.due_at > now
        now = shown.due_at
    assert report.failed
    assert now - NOW >= POLICY.limit
    assert len(hub.topics()) < 45
    assert pending(kept, hub.url)[0].is_given_up
    assert tell(hub, kept, {RSS: "1"}, now + timedelta(days=9)) == Report()
    hub.usual = 202
    assert tell(hub, kept, {RSS: "2"}, now + timedelta(days=9)) == Report(told=(RSS,))


def test_one_process_at_a_time(hub: LocalHub, kept: AnnouncementFile, tmp_path: Path) -> None:
    """Who comes second leaves it to the first."""
    other = AnnouncementFile(tmp_path / "var" / "websub.json")
    seen = []
    with kept.turn(hub.url) as mine:
        thread = threading.Thread(target=lambda: seen.append(tell(hub, other)))
        thread.start()
        thread.join()
    assert mine
    assert seen == [Report(busy=True)]
    assert hub.topics() == []
    assert tell(hub, other).told == (ATOM, RSS)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"hub": "HUB", "feeds": [{}]}', b"\xff"]
)
def test_a_broken_file_counts_as_empty(
    hub: LocalHub, kept: AnnouncementFile, tmp_path: Path, content: bytes
) -> None:
    """Everything is told once more, which is harmless."""
    tell(hub, kept)
    (tmp_path / "var" / "websub.json").write_bytes(content.replace(b"HUB", hub.url.encode()))
    assert tell(hub, kept).told == (ATOM, RSS)


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_file_that_cannot_be_used(hub: LocalHub, tmp_path: Path, what: str) -> None:
    """The error says which; the hub is told nothing that could not be remembered."""
    if what == "folder":
        (tmp_path / "var").write_text("in the way")
        kept = AnnouncementFile(tmp_path / "var" / "websub.json")
    else:
        (tmp_path / "websub.json").mkdir()
        kept = AnnouncementFile(tmp_path / "websub.json")
    with pytest.raises(StoreError, match=r"websub\.json"):
        tell(hub, kept)
    assert hub.topics() == []


def test_what_cannot_be_saved_is_an_error(
    hub: LocalHub, kept: AnnouncementFile, tmp_path: Path
) -> None:
    """A full disk does not pass for success."""
    tell(hub, kept)
    (tmp_path / "var" / "websub.new").mkdir()
    with pytest.raises(StoreError, match=r"websub\.json"):
        tell(hub, kept, {RSS: "2"})


def test_topics_are_what_the_feeds_call_themselves() -> None:
    """Every format of the journal, of each category and of each newsletter."""
    shown = journal()
    names = words.feeds(shown)
    assert words.topic(shown, names[0]) == RSS
    assert f"categories/{shown.categories[0].slug}/atom.xml" in names
    assert f"issues/{shown.newsletters[0].slug}/feed.json" in names
    assert len(set(names)) == 3 * (1 + len(shown.categories) + len(shown.newsletters))


instants = st.integers(0, 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds))


@given(
    version=st.text(),
    told_at=st.none() | instants,
    attempts=st.integers(0, 9),
    first=st.none() | instants,
    due=st.none() | instants,
    reason=st.text(),
)
def test_announcements_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory,
    version: str,
    told_at: datetime | None,
    attempts: int,
    first: datetime | None,
    due: datetime | None,
    reason: str,
) -> None:
    """The file keeps every field."""
    kept = AnnouncementFile(tmp_path_factory.mktemp("kept") / "websub.json")
    one = Announcement(RSS, version, told_at, attempts, first, due, reason)
    kept.save("https://hub.example.org", {RSS: one})
    assert kept.load("https://hub.example.org") == {RSS: one}


@given(
    steps=st.lists(st.tuples(st.sampled_from(["change", "fail", "accept"]), st.integers(0, 900)))
)
def test_every_version_is_told_or_waits(steps: list[tuple[str, int]]) -> None:
    """Whatever happens: told, due at an instant, due at once, or given up with a reason."""
    now, version = NOW, 0
    one = follow(None, RSS, "0")
    for step, minutes in steps:
        now += minutes * MINUTE
        if step == "change":
            version += 1
            one = follow(one, RSS, str(version))
        elif one.is_due(now):
            one = one.accepted(now) if step == "accept" else one.failed(now, "no")
        assert one.version == str(version)
        assert follow(one, RSS, str(version)) is one
        if one.told_at is not None:
            assert not one.is_due(now + timedelta(days=999))
        elif one.is_given_up:
            assert one.reason
            assert not one.is_due(now + timedelta(days=999))
        else:
            assert one.is_due(one.due_at or now)
