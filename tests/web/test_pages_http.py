"""The site from memory, over real sockets: encodings, dates, redirects, swaps under load."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import logging
import os
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import brotli
import httpx
import pytest

from publisher.app import App
from publisher.formats import answers
from publisher.web.pages import CHUNK
from tests.web.conftest import Clock
from tests.web.serving import serving

HUB = "https://hub.example.org"
FEED = b"<rss>" + b"<item>one more finding</item>" * 500 + b"</rss>"
STYLE = b"body { color: black }\n" * 100
CONTROL = {
    "redirects": {"/old/": "/articles/a b/", "/out/": "https://else.example.org/x"},
    "gone": ["/articles/x/", "/articles/y/"],
}
FILES = {
    "_site.json": json.dumps(CONTROL).encode(),
    "_headers": b"/*\n",
    "index.html": b"<!doctype html><title>Front</title>",
    "404.html": b"<!doctype html><title>Not here</title>" + b"Sorry. " * 400,
    "articles/a b/index.html": b"<!doctype html><title>A</title>",
    "articles/x/index.html": b"<!doctype html><title>Withdrawn</title>" + b"Because. " * 400,
    "feed.xml": FEED,
    "archive/1/feed.xml": b"<rss/>",
    "assets/style.css": STYLE,
    "images/a.png": b"\x89PNG" * 1000,
    "big.bin": bytes(range(256)) * (CHUNK // 256 * 2 + 3),
}


@pytest.fixture
def whole(app: App) -> App:
    """The App over FILES, with a hub."""
    app.site.write(FILES)
    journal = replace(app.journal, hub=HUB)
    return replace(app, settings=replace(app.settings, journal=journal))


@pytest.fixture
def client(whole: App, clock: Clock) -> Iterator[httpx.Client]:
    """A client over a real socket."""
    with (
        serving(whole, clock) as url,
        httpx.Client(base_url=url, headers={"Accept-Encoding": ""}) as opened,
    ):
        yield opened


def twice(client: httpx.Client, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """The answer, which is the same from the disk and from memory."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    first, second = (client.request(method, path, headers=named) for _ in range(2))
    for answer in (first, second):
        answer.headers.pop("date")
    assert (first.status_code, first.headers, first.content) == (
        second.status_code,
        second.headers,
        second.content,
    )
    return second


@pytest.mark.parametrize("encoding", ["br", "gzip", ""])
def test_each_encoding_is_a_representation_of_its_own(client: httpx.Client, encoding: str) -> None:
    """Its own strong tag and length, the same date; 304 for that tag and for no other's."""
    answer = twice(client, "/feed.xml", Accept_Encoding=encoding)
    assert answer.headers.get("content-encoding", "") == encoding
    assert answer.content == FEED
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["accept-ranges"] == "none"
    assert "set-cookie" not in answer.headers
    tag = answer.headers["etag"]
    assert tag.startswith('"')
    others = {
        twice(client, "/feed.xml", Accept_Encoding=other).headers["etag"]
        for other in {"br", "gzip", ""} - {encoding}
    }
    assert len(others | {tag}) == 3
    for known in (tag, *others):
        again = twice(client, "/feed.xml", Accept_Encoding=encoding, If_None_Match=known)
        assert again.status_code == (304 if known == tag else 200)
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "public, max-age=300"
        assert again.headers["vary"] == "Accept-Encoding"
        if known == tag:
            assert again.content == b""
            assert "content-length" not in again.headers


def test_compressed_bytes_are_what_they_say(client: httpx.Client) -> None:
    """The body on the wire is the length announced, and decompresses to the file."""
    for encoding, undo in (("br", brotli.decompress), ("gzip", gzip.decompress)):
        with client.stream("GET", "/feed.xml", headers={"Accept-Encoding": encoding}) as answer:
            raw = b"".join(answer.iter_raw())
        assert len(raw) == int(answer.headers["content-length"]) < len(FEED) / 5
        assert undo(raw) == FEED


@pytest.mark.parametrize("path", ["/", "/images/a.png", "/big.bin"])
def test_what_does_not_shrink_is_sent_as_it_is(client: httpx.Client, path: str) -> None:
    """Small texts, pictures and unknown files; also larger than one piece."""
    answer = twice(client, path, Accept_Encoding="br, gzip, identity;q=0")
    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers
    assert answer.content == FILES[path.strip("/") or "index.html"]


@pytest.mark.parametrize("path", ["/", "/feed.xml", "/articles/x/", "/nothing", "/old/"])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_head_is_get_without_a_body(client: httpx.Client, path: str, encoding: str) -> None:
    """Every header is the same, from the disk and from memory."""
    get = twice(client, path, Accept_Encoding=encoding)
    head = twice(client, path, "HEAD", Accept_Encoding=encoding)
    assert head.content == b""
    assert (head.status_code, head.headers) == (get.status_code, get.headers)


def test_dates_are_those_of_the_bytes(client: httpx.Client, whole: App) -> None:
    """A rebuild moves the date of what it changed, and of nothing else."""
    for name in ("feed.xml", "index.html"):
        os.utime(whole.settings.public_dir / name, (1_000_000_000, 1_000_000_000))
    before = twice(client, "/feed.xml").headers
    assert before["last-modified"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    whole.site.write({**FILES, "index.html": b"changed"})
    after = twice(client, "/feed.xml").headers
    assert (after["last-modified"], after["etag"]) == (before["last-modified"], before["etag"])
    since = before["last-modified"]
    assert twice(client, "/feed.xml", If_Modified_Since=since).status_code == 304
    changed = twice(client, "/", If_Modified_Since=since)
    assert (changed.status_code, changed.content) == (200, b"changed")


def test_a_date_is_never_in_the_future(whole: App, clock: Clock) -> None:
    """A file from a machine whose clock is ahead was modified now at the latest."""
    path = whole.settings.public_dir / "feed.xml"
    os.utime(path, (4_000_000_000, 4_000_000_000))
    with serving(whole, clock) as url:
        answer = httpx.get(f"{url}/feed.xml")
    assert answer.headers["last-modified"] == "Tue, 24 Nov 2026 09:00:00 GMT"


def test_preconditions(client: httpx.Client) -> None:
    """If-Match fails with 412 and the tag there is."""
    answer = twice(client, "/feed.xml", If_Match='"x"')
    assert (answer.status_code, answer.content) == (412, b"")
    assert answer.headers["etag"] == twice(client, "/feed.xml").headers["etag"]


def test_versioned_assets_are_kept_for_good(client: httpx.Client) -> None:
    """Only under the version that these bytes have."""
    version = answers.version(STYLE)
    right = twice(client, f"/assets/style.css?v={version}")
    assert right.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = twice(client, f"/assets/style.css?v={version}", If_None_Match=right.headers["etag"])
    assert again.status_code == 304
    assert again.headers["cache-control"] == right.headers["cache-control"]
    for query in ("", "?v=", "?v=0000000000", f"?v={version[:4]}", f"?w={version}", "?v=%e9"):
        answer = twice(client, f"/assets/style.css{query}")
        assert answer.headers["cache-control"] == "public, max-age=300", query


def test_feeds_name_themselves_and_the_hub(client: httpx.Client) -> None:
    """Link says what the feed says (WebSub §4); an archived page has no hub; pages say neither."""
    link = twice(client, "/feed.xml").headers["link"]
    assert link == f'<https://journal.example.org/feed.xml>; rel="self", <{HUB}>; rel="hub"'
    archived = twice(client, "/archive/1/feed.xml").headers["link"]
    assert archived == '<https://journal.example.org/archive/1/feed.xml>; rel="self"'
    assert "link" not in twice(client, "/").headers


def test_what_moved(client: httpx.Client) -> None:
    """308 with and without the last slash, to a path or to another site."""
    for path in ("/old", "/old/", "/articles/a%20b"):
        answer = twice(client, path)
        assert (answer.status_code, answer.headers["location"]) == (308, "/articles/a%20b/")
    assert twice(client, "/out/").headers["location"] == "https://else.example.org/x"


def test_what_was_withdrawn(client: httpx.Client) -> None:
    """410 with the page that says why, whatever the client has; without one a sentence."""
    for path in ("/articles/x/", "/articles/x/index.html"):
        answer = twice(client, path, If_None_Match="*", Accept_Encoding="gzip")
        assert answer.status_code == 410
        assert "Because." in answer.text
        assert "etag" not in answer.headers
    bare = twice(client, "/articles/y/")
    assert (bare.status_code, bare.text) == (410, "This page was withdrawn.\n")


@pytest.mark.parametrize(
    "path",
    [
        "/_site.json",
        "/_headers",
        "/_nothing",
        "//evil.example.org/%2f..",
        "//evil.example.org/..%2f",
        "/%2fevil.example.org/",
        "/%5cevil.example.org/",
        "/\\evil.example.org",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/articles/%2e%2e%2f%2e%2e%2f.public/.lock",
        "/.public/.lock",
        "/%00",
        "/feed.xml%00.html",
        "/feed.xml/",
        "/feed.xml/more",
        "/articles/",
        "/" + "a" * 5000,
        "/%ff%fe",
        "/caf%c3%a9",
    ],
)
def test_nothing_else_is_there(client: httpx.Client, path: str) -> None:
    """404, no Location, and nothing from outside the tree, as the path is written."""
    parts = urlsplit(str(client.base_url))
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 404
    assert answer.getheader("location") is None
    assert b"root:" not in body


def test_a_journal_below_a_path(whole: App, clock: Clock) -> None:
    """Whether a proxy takes the path away or not, the answers are the same."""
    journal = replace(whole.journal, url="https://example.org/journal")
    below = replace(whole, settings=replace(whole.settings, journal=journal))
    with serving(below, clock) as url:
        for prefix in ("", "/journal"):
            assert httpx.get(f"{url}{prefix}/feed.xml").content == FEED
            moved = httpx.get(f"{url}{prefix}/old/").headers["location"]
            assert moved == "/journal/articles/a%20b/"


def test_every_answer_is_logged(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    """From memory too."""
    with caplog.at_level(logging.INFO, "publisher.web"):
        twice(client, "/feed.xml?secret=1")
        client.head("/feed.xml")
    lines = [r.getMessage() for r in caplog.records if r.name == "publisher.web"]
    assert lines == ["GET /feed.xml 200", "GET /feed.xml 200", "HEAD /feed.xml 200"]


def test_changed_settings_count_at_once(whole: App, clock: Clock) -> None:
    """Another App answers with its own Cache-Control."""
    from starlette.testclient import TestClient

    from publisher.web import assemble

    present = whole
    with TestClient(assemble(lambda: present, clock)) as opened:
        assert opened.get("/").headers["cache-control"] == "public, max-age=300"
        other = replace(whole.settings.serving, cache_control="no-cache")
        present = replace(whole, settings=replace(whole.settings, serving=other))
        for _ in range(2):
            assert opened.get("/").headers["cache-control"] == "no-cache"


# --- swaps ------------------------------------------------------------------------------------


def generation(number: int) -> dict[str, bytes]:
    """A site whose every file repeats its number, each time in another length."""
    chance = random.Random(number)  # noqa: S311 - sizes, and the same ones each time
    return {
        "index.html": b"%d " % number * chance.randrange(1, 9),
        "feed.xml": b"%d " % number * chance.randrange(1000, 90_000),
        "same.css": b"0 " * 2000,
    }


@dataclass
class Poller:
    """A reader that polls again and again over one connection."""

    url: str
    path: str
    encoding: str
    seen: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        """Until `stop`, and once more after it."""
        with httpx.Client(base_url=self.url, headers={"Accept-Encoding": self.encoding}) as client:
            over = False
            while not over:
                over = stop.is_set()
                self.look(client.get(self.path))

    def look(self, answer: httpx.Response) -> None:
        """Whole, of one generation, and tagged as what it is."""
        numbers = set(answer.content.split())
        if answer.status_code != 200 or len(numbers) != 1:
            self.wrong.append(f"{answer.status_code} {sorted(numbers)[:5]!r}")
            return
        number = int(numbers.pop())
        self.seen.add(number)
        if self.path != "/same.css":
            name = self.path[1:] or "index.html"
            if answer.content != generation(number)[name]:
                self.wrong.append(f"half of generation {number}")
        digest = hashlib.sha256(answer.content).hexdigest()[:32]
        if not self.encoding and answer.headers["etag"] != f'"{digest}"':
            self.wrong.append(f"another tag for generation {number}")


def test_a_rebuild_swaps_whole_under_load(app: App, clock: Clock) -> None:
    """Fifty rebuilds under polling readers: every answer is whole and of one generation."""
    app.site.write(generation(0))
    stop = threading.Event()
    with serving(app, clock) as url:
        pollers = [
            Poller(url, path, encoding)
            for path, encoding in [
                ("/feed.xml", ""),
                ("/feed.xml", "gzip"),
                ("/", ""),
                ("/same.css", "br"),
            ]
        ]
        threads = [threading.Thread(target=each.run, args=(stop,)) for each in pollers]
        for thread in threads:
            thread.start()
        try:
            for number in range(1, 51):
                app.site.write(generation(number))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    for poller in pollers:
        assert poller.wrong == []
    assert all(50 in poller.seen for poller in pollers[:3])
    assert len(pollers[2].seen) > 3, "readers polled while it changed"
