"""The data of retractions on this machine: replaced whole, or left as they are."""

from __future__ import annotations

import hashlib
import os
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from publisher.domain.refreshing import Attempt, due_at
from publisher.domain.retraction import Register, Snapshot, Standing
from publisher.errors import StoreError, UsageError
from publisher.retractions import RetractionFile, fetching
from publisher.retractions.memory import Known, RefreshMemory
from tests.factories import source
from tests.retractions import SAMPLE, many, row, text, write

NOW = datetime.now(UTC).replace(hour=12)  # of today, as files are; an hour later is no other day
DAY = date(2026, 11, 20)


@pytest.fixture
def file(tmp_path: Path) -> RetractionFile:
    """Where there are no data yet."""
    return RetractionFile(tmp_path / "var" / "retractions.sqlite3")


def test_a_file_becomes_a_snapshot(file: RetractionFile) -> None:
    """Its day, its hash, and what it says of each work."""
    assert (file.snapshot(), file.stamp(), file.find(["pmid:1"])) == (None, None, {})
    made = file.refresh(str(SAMPLE), NOW, DAY)
    assert made == file.snapshot()
    assert (made.as_of, made.rows, made.newest) == (DAY, 17, date(2021, 7, 7))
    assert made.sha256 == hashlib.sha256(SAMPLE.read_bytes()).hexdigest()
    found = file.find(["doi:10.5555/twice.1", "doi:10.5555/other", "pmid:9500320"])
    assert {key: len(events) for key, events in found.items()} == {
        "doi:10.5555/twice.1": 3,
        "pmid:9500320": 1,
    }
    wakefield = source(doi="10.1016/S0140-6736(97)11096-0", pmid=None)
    assert Register(made, found).status(wakefield).standing is Standing.CLEAR
    found = file.find(["doi:10.1016/s0140-6736(97)11096-0"])
    assert Register(made, found).status(wakefield).standing is Standing.RETRACTED


def test_sixty_thousand_rows_fit_into_little_memory(file: RetractionFile, tmp_path: Path) -> None:
    """Four times the rows take no more of it; of all of them every work is found again."""

    def peak(number: int) -> int:
        path = write(tmp_path / f"{number}.csv", many(number))
        tracemalloc.start()
        try:
            file.refresh(str(path), NOW)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, more = peak(2_500), peak(10_000)
    assert more < 1.3 * few + 500_000
    snapshot = file.refresh(str(write(tmp_path / "whole.csv", many(60_000))), NOW)
    assert snapshot.rows == 60_000
    wanted = [f"doi:10.5555/work.{number}" for number in range(1, 60_000, 7)]
    assert len(file.find(wanted)) == len([n for n in range(1, 60_000, 7) if n % 10])


def test_what_is_wrong_leaves_the_old_data(file: RetractionFile, tmp_path: Path) -> None:
    """Cut off, another file, far fewer rows, older, empty, not there: each says so."""
    whole = text(many(100))
    good = tmp_path / "good.csv"
    good.write_text(whole, newline="")
    before = file.refresh(str(good), NOW, DAY)
    stamp = file.stamp()
    bad = tmp_path / "bad.csv"
    for content, said in (
        (whole[:-2], "line break"),
        (whole[: len(whole) // 2] + "\n", "cut off"),
        (text(many(80)), "looks cut off"),
        (text([]), "no rows"),
        ("<html>\n", "no column"),
        ("", "no column"),
    ):
        bad.write_text(content, newline="")
        with pytest.raises(UsageError, match=said):
            file.refresh(str(bad), NOW, DAY)
    with pytest.raises(UsageError, match="older than the data"):
        file.refresh(str(good), NOW, DAY - timedelta(days=1))
    with pytest.raises(UsageError, match="cannot be read"):
        file.refresh(str(tmp_path / "none.csv"), NOW)
    assert file.snapshot() == before
    assert file.stamp() == stamp
    names = {each.name for each in (tmp_path / "var").iterdir()}
    assert names == {"retractions.sqlite3", "retractions.json"}


def test_a_folder_gives_its_newest_csv(file: RetractionFile, tmp_path: Path) -> None:
    """By the time of the last change, which is also the day of the data."""
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(UsageError, match=r"no \.csv"):
        file.refresh(str(folder), NOW)
    for name, days in (("old.csv", 9), ("new.CSV", 3)):
        path = write(folder / name, [row(days)])
        at = (NOW - timedelta(days=days)).timestamp()
        os.utime(path, (at, at))
    assert file.refresh(str(folder), NOW).as_of == (NOW - timedelta(days=3)).astimezone().date()
    assert set(file.find(["doi:10.5555/work.3", "doi:10.5555/work.9"])) == {"doi:10.5555/work.3"}


@pytest.mark.parametrize("content", [b"", b"not a database" * 300])
def test_spoilt_data_stop_everything(file: RetractionFile, tmp_path: Path, content: bytes) -> None:
    """What cannot be read is not clear: an operator must look."""
    file.refresh(str(SAMPLE), NOW, DAY)
    (tmp_path / "var/retractions.sqlite3").write_bytes(content)
    with pytest.raises(StoreError, match="sources refresh"):
        file.snapshot()
    with pytest.raises(StoreError, match="sources refresh"):
        file.find(["pmid:1"])


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """`/whole`, `/cut` (less than it announces), and anything else is 404."""
        whole = SAMPLE.read_bytes()
        self.server.agents.append(self.headers["User-Agent"])  # type: ignore[attr-defined]
        if self.path == "/none":
            self.send_error(404)
            return
        asked = (self.headers["If-None-Match"], self.headers["If-Modified-Since"])
        self.server.asked.append(asked)  # type: ignore[attr-defined]
        if self.path == "/tagged" and asked[0] == '"v1"':
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/tagged":
            self.send_header("ETag", '"v1"')
            self.send_header("Last-Modified", "Fri, 20 Nov 2026 09:00:00 GMT")
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole[:900] if self.path == "/cut" else whole)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A real web server on this machine."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    made.agents = []  # type: ignore[attr-defined]
    made.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def test_data_come_over_http(file: RetractionFile, server: ThreadingHTTPServer) -> None:
    """With a name of ours; a download that breaks off, or is none, leaves the old data."""
    base = f"http://127.0.0.1:{server.server_address[1]}"
    made = file.refresh(f"{base}/whole", NOW)
    assert (made.rows, made.as_of) == (17, NOW.date())
    assert server.agents[0].startswith("journal-publisher/")  # type: ignore[attr-defined]
    for path, said in (("/cut", "cannot be fetched"), ("/none", "404")):
        with pytest.raises(UsageError, match=said):
            file.refresh(base + path, NOW)
    server.shutdown()
    server.server_close()
    with pytest.raises(UsageError, match="cannot be fetched"):
        file.refresh(f"{base}/whole", NOW)
    assert file.snapshot() == made


def test_a_server_is_asked_only_for_what_changed(
    file: RetractionFile, server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    """Unchanged data are of the day on which the server says so; others are asked for whole."""
    url = f"http://127.0.0.1:{server.server_address[1]}/tagged"
    first = file.refresh(url, NOW)
    again = file.refresh(url, NOW + timedelta(days=2))
    assert server.asked == [  # type: ignore[attr-defined]
        (None, None),
        ('"v1"', "Fri, 20 Nov 2026 09:00:00 GMT"),
    ]
    assert again == replace(first, as_of=(NOW + timedelta(days=2)).date())
    assert file.snapshot() == again
    stamp = file.stamp()
    assert file.refresh(url, NOW + timedelta(days=2, hours=1)) == again
    assert file.stamp() == stamp  # a day that is the same changes nothing
    file.refresh(str(SAMPLE), NOW, (NOW + timedelta(days=2)).date())
    file.refresh(url, NOW + timedelta(days=3))
    assert server.asked[-1] == (None, None)  # type: ignore[attr-defined]  # another origin was here
    (tmp_path / "var/retractions.sqlite3").unlink()
    file.refresh(url, NOW + timedelta(days=3))
    assert server.asked[-1] == (None, None)  # type: ignore[attr-defined]


def test_attempts_are_kept_in_mind(file: RetractionFile, tmp_path: Path) -> None:
    """Since when it fails, and that a success ends it; a spoilt memory costs a download."""
    assert file.attempt() is None
    file.failed("no", NOW)
    last = file.failed("still no", NOW + timedelta(hours=1))
    assert (last.failing_since, last.why) == (NOW, "still no")
    assert file.attempt() == last
    file.refresh(str(SAMPLE), NOW, DAY)
    assert file.attempt() == Attempt(NOW)
    memory = tmp_path / "var/retractions.json"
    memory.write_text("[]")
    assert file.attempt() is None
    memory.unlink()
    memory.mkdir()
    with pytest.raises(StoreError, match="cannot be used"):
        file.attempt()
    with pytest.raises(StoreError, match="cannot be used"):
        RefreshMemory(memory).keep(Known())


def test_one_process_at_a_time_asks(file: RetractionFile) -> None:
    """The other leaves it alone."""
    with file.turn() as ours, file.turn() as others:
        assert (ours, others) == (True, False)


def test_spoilt_data_are_replaced(file: RetractionFile, tmp_path: Path) -> None:
    """What the words say: a refresh mends it."""
    file.refresh(str(SAMPLE), NOW, DAY)
    (tmp_path / "var/retractions.sqlite3").write_bytes(b"x" * 5000)
    assert file.refresh(str(SAMPLE), NOW, DAY) == file.snapshot()


@pytest.mark.parametrize(
    ("last", "here", "expected"),
    [
        (None, False, None),
        (None, True, NOW + timedelta(days=1)),
        (Attempt(NOW), True, NOW + timedelta(days=1)),
        (Attempt(NOW), False, None),  # somebody deleted them
        (Attempt(NOW, NOW, "no"), True, NOW + timedelta(hours=1)),
    ],
)
def test_when_it_is_time(last: Attempt | None, here: bool, expected: datetime | None) -> None:
    """After each span; an hour after a failure; at once where there are none."""
    snapshot = Snapshot(NOW.date(), "a", 1, 1, "x", NOW) if here else None
    assert due_at(last, snapshot, timedelta(days=1)) == expected


def test_a_download_is_bounded(
    file: RetractionFile, server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bytes, and in time however slowly it drips."""
    url = f"http://127.0.0.1:{server.server_address[1]}/whole"
    monkeypatch.setattr(fetching, "LARGEST", 100)
    with pytest.raises(UsageError, match="more than 100 bytes; nothing was changed"):
        file.refresh(url, NOW)
    monkeypatch.undo()
    monkeypatch.setattr(fetching, "WHOLE", -1.0)
    with pytest.raises(UsageError, match="was not whole after"):
        file.refresh(url, NOW)
    assert file.snapshot() is None
