"""The same site on a static host: what nginx answers with our configuration, beside ourselves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.app import App
from publisher.domain.journal import Journal
from publisher.errors import SiteError, UsageError
from publisher.formats import answers, hosting
from tests.conftest import require
from tests.factories import journal
from tests.web import nginx
from tests.web.conftest import Clock, TestClient
from tests.web.serving import serving

HUB = "https://hub.example.org"
STYLE = b"body { color: black }\n" * 100
VERSION = answers.version(STYLE)
WHY = b"<!doctype html><title>Withdrawn</title>" + b"Because. " * 200
CONTROL = {
    "redirects": {"/old/": "/articles/a/", "/articles/older/": "https://else.example.org/x?y=1"},
    "gone": ["/articles/x/", "/articles/without-a-page/"],
}
FILES = {
    "_site.json": json.dumps(CONTROL).encode(),
    "index.html": b"<!doctype html><title>Front</title>" + b"Front. " * 300,
    "404.html": b"<!doctype html><title>Not here</title>" + b"Sorry. " * 300,
    "articles/a/index.html": b"<!doctype html><title>A</title>",
    "articles/x/index.html": WHY,
    "categories/heart/feed.xml": b"<rss/>",
    "feed.xml": b"<rss>" + b"<item/>" * 400 + b"</rss>",
    "atom.xml": b"<feed/>",
    "archive/1/atom.xml": b"<feed>1</feed>",
    "feed.json": b"{}",
    "feeds/index.html": b"<!doctype html><title>Feeds</title>",
    "feeds/feeds.opml": b"<opml/>",
    "sitemap.xml": b"<urlset/>",
    "robots.txt": b"User-agent: *\n",
    "assets/style.css": STYLE,
    "assets/font.woff2": b"wOF2",
    "images/a.png": b"\x89PNG" * 1000,
    "images/a.svg": b"<svg/>",
    "odd.bin": b"?" * 2000,
    ".well-known/security.txt": b"Contact: mailto:x@example.org\n",
}

SAME = [
    *(answers.address(name) for name in FILES if not name.startswith("_") and name != "404.html"),
    f"/assets/style.css?v={VERSION}",
    "/assets/style.css?v=0000000000",
    "/assets/style.css?v=",
    "/old",
    "/old/",
    "/articles/a",
    "/articles/older/",
    "/articles/x/",
    "/articles/x",
    "/articles/without-a-page/",
    "/articles/",
    "/nothing",
    "/nothing.xml",
    "/_site.json",
    "/_nginx.conf",
    "/_nothing",
    "/.git/config",
    "/articles/.hidden",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/articles/%5c..%5c..%5cetc",
    "//feed.xml",
    "//evil.example.org/%2e%2e",
    "/articles//a/",
]


def hosted() -> Journal:
    """The sample journal with a hub."""
    return replace(journal(), hub=HUB)


@pytest.fixture
def ours(app: App, clock: Clock) -> Iterator[httpx.Client]:
    """Our own app over FILES and nginx's configuration, on a real socket."""
    shown = hosted()
    app.site.write({**FILES, **hosting.render("nginx", shown, FILES, "public, max-age=300")})
    changed = replace(app, settings=replace(app.settings, journal=shown))
    with (
        serving(changed, clock) as url,
        httpx.Client(base_url=url, headers={"Accept-Encoding": "identity"}) as opened,
    ):
        yield opened


@pytest.fixture
def theirs(ours: httpx.Client, app: App, tmp_path: Path) -> Iterator[httpx.Client]:
    """nginx over the same tree."""
    program = require("nginx", "nginx")
    with nginx.client(program, tmp_path / "nginx", app.settings.public_dir) as opened:
        yield opened


def ask(client: httpx.Client, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """The path as it is written: httpx would tidy it."""
    url = client.base_url.copy_with(raw_path=path.encode())
    merged = httpx.Headers(client.headers)
    merged.update(headers)
    return client.send(httpx.Request(method, url, headers=merged))


def test_nginx_answers_as_we_do(ours: httpx.Client, theirs: httpx.Client) -> None:
    """Status, type, bytes, caching, links and redirects are the same for every path."""
    compared = ("cache-control", "location", "link", "content-security-policy")
    for path in SAME:
        mine, other = ask(ours, path), ask(theirs, path)
        if ".." in unquote(path):  # nginx calls a path that leads out of its root a bad request
            assert (mine.status_code, other.status_code) in ((404, 400), (404, 404)), path
            continue
        assert other.status_code == mine.status_code, path
        if "//" not in path and "without" not in path:  # nginx has pages of its own for these
            names = compared if mine.is_redirect else (*compared, "content-type")
            for name in names:
                assert other.headers.get(name) == mine.headers.get(name), (path, name)
        if mine.status_code == 200 or "x/" in path:
            assert other.content == mine.content, path
        assert "set-cookie" not in other.headers
        for answer in (mine, other):
            assert "root:" not in answer.text


def test_nginx_says_no_to_other_methods(ours: httpx.Client, theirs: httpx.Client) -> None:
    """405 names what is allowed."""
    for client in (ours, theirs):
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            answer = ask(client, "/feed.xml", method)
            assert answer.status_code == 405
            assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_nginx_head_equals_get(theirs: httpx.Client) -> None:
    """HEAD has the headers and no body."""
    for path in ("/", "/feed.xml", "/nothing", "/articles/x/"):
        whole, head = ask(theirs, path), ask(theirs, path, "HEAD")
        assert head.content == b""
        for answer in (whole, head):
            answer.headers.pop("date")
        assert head.headers == whole.headers


def test_nginx_answers_304(theirs: httpx.Client) -> None:
    """By tag and by date, and the answer repeats the tag, Cache-Control and Vary."""
    whole = ask(theirs, "/feed.xml")
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    for condition in (
        {"If-None-Match": tag},
        {"If-None-Match": f'"x", {tag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": date},
        {"If-Modified-Since": "Fri, 01 Jan 2999 00:00:00 GMT"},
        {"If-None-Match": tag, "If-Modified-Since": date},
    ):
        answer = ask(theirs, "/feed.xml", **condition)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert answer.headers["vary"] == "Accept-Encoding"
    for condition in (
        {"If-None-Match": '"x"'},
        {"If-None-Match": '"x"', "If-Modified-Since": date},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ):
        assert ask(theirs, "/feed.xml", **condition).status_code == 200


def test_nginx_compresses_text_alone(theirs: httpx.Client) -> None:
    """gzip where it is taken, of texts worth it, under a weak tag that answers 304."""
    for path, shrinks in [
        ("/feed.xml", True),
        ("/", True),
        ("/assets/style.css", True),
        ("/atom.xml", False),
        ("/images/a.png", False),
        ("/odd.bin", False),
    ]:
        answer = ask(theirs, path, **{"Accept-Encoding": "gzip"})
        assert answer.headers.get("content-encoding") == ("gzip" if shrinks else None), path
        assert answer.content == FILES[path[1:] or "index.html"]
        assert answer.headers["vary"] == "Accept-Encoding"
        again = ask(
            theirs, path, **{"Accept-Encoding": "gzip", "If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304


def test_nginx_follows_a_swap(theirs: httpx.Client, app: App) -> None:
    """A rebuilt tree is served at once; what did not change keeps its tag and date."""
    before = {path: ask(theirs, path).headers for path in ("/", "/feed.xml")}
    config = app.site.read("_nginx.conf")
    assert config is not None
    app.site.write({**FILES, "index.html": b"new", "_nginx.conf": config})
    assert ask(theirs, "/").content == b"new"
    after = ask(theirs, "/feed.xml").headers
    assert after["etag"] == before["/feed.xml"]["etag"]
    assert after["last-modified"] == before["/feed.xml"]["last-modified"]


def test_nginx_below_a_path(tmp_path: Path) -> None:
    """A journal that lives below a path is configured for it."""
    program = require("nginx", "nginx")
    below = replace(hosted(), url="https://journal.example.org/heart.news")
    config = hosting.render("nginx", below, FILES, "no-cache")
    root = tmp_path / "www"
    for name, content in FILES.items():
        (root / "heart.news" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "heart.news" / name).write_bytes(content)
    for name, content in config.items():
        (root / name).write_bytes(content)
    with nginx.client(program, tmp_path / "nginx", root) as client:
        feed = ask(client, "/heart.news/feed.xml")
        assert feed.headers["content-type"] == "application/rss+xml; charset=utf-8"
        assert "<https://journal.example.org/heart.news/feed.xml>" in feed.headers["link"]
        assert ask(client, "/heart.news/old").headers["location"] == "/heart.news/articles/a/"
        assert ask(client, "/heart.news/articles/x/").status_code == 410
        assert ask(client, "/heart.news/_site.json").status_code == 404
        assert (
            ask(client, "/heart.news/articles/a").headers["location"] == "/heart.news/articles/a/"
        )
        style = ask(client, f"/heart.news/assets/style.css?v={VERSION}")
        assert style.headers["cache-control"] == answers.FOREVER
        assert b"Not here" in ask(client, "/heart.news/nothing").content


AWKWARD = st.text(
    st.characters(categories=["L", "N", "P", "S"], include_characters=" "), max_size=20
)


@given(paths=st.lists(AWKWARD, max_size=5), cache=AWKWARD)
def test_awkward_names_stay_inside_their_quotes(paths: list[str], cache: str) -> None:
    """Whatever a path or a setting holds, nothing of it becomes a directive."""
    clean = [f"/{path}/" for path in paths if "\\" not in path and "/" not in path and path]
    control = {"redirects": dict.fromkeys(clean, "/new/"), "gone": clean}
    files = {"_site.json": json.dumps(control).encode(), "404.html": b""}
    for kind in ("nginx", "caddy"):
        for content in hosting.render(kind, hosted(), files, cache).values():
            for line in content.decode().splitlines():
                quotes = line.replace("\\\\", "").replace('\\"', "").count('"')
                assert quotes % 2 == 0, line


@pytest.mark.parametrize("where", ["redirects", "gone"])
def test_nginx_takes_awkward_names(tmp_path: Path, where: str) -> None:
    """nginx itself agrees that such a configuration is one, and finds the pages."""
    program = require("nginx", "nginx")
    odd = ["/a b/", '/a"b/', "/a$uri/", "/a;b/", "/a{b}/", "/é/", "/#/", "/'/"]
    control: dict[str, object] = {"gone": odd}
    if where == "redirects":
        control = {"redirects": dict.fromkeys(odd, "/new $uri/")}
    files = {"_site.json": json.dumps(control).encode(), "404.html": b"no"}
    public = tmp_path / "public"
    public.mkdir()
    for name, content in hosting.render("nginx", hosted(), files, 'a"b$c').items():
        (public / name).write_bytes(content)
    with nginx.client(program, tmp_path / "nginx", public) as client:
        for path in odd:
            answer = ask(client, quote(path))
            if where == "gone":
                assert answer.status_code == 410, path
            else:
                assert (answer.status_code, answer.headers["location"]) == (308, "/new%20%24uri/")


def test_caddy_configuration_is_one(tmp_path: Path) -> None:
    """Caddy itself reads it without a complaint."""
    program = require("caddy", "caddy")
    public = tmp_path / "public"
    for name, content in {
        **FILES,
        **hosting.render("caddy", hosted(), FILES, "public, max-age=300"),
    }.items():
        (public / name).parent.mkdir(parents=True, exist_ok=True)
        (public / name).write_bytes(content)
    file = tmp_path / "Caddyfile"
    file.write_text(f":0 {{\n root * {public}\n import {public}/_Caddyfile\n}}\n")
    done = subprocess.run(
        [program, "adapt", "--config", str(file), "--adapter", "caddyfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "/articles/without-a-page/" in done.stdout


def test_netlify_files() -> None:
    """One rule a line: what moved, what is gone, what is not shown."""
    made = hosting.render("netlify", hosted(), FILES, "public, max-age=300")
    assert set(made) == {"_headers", "_redirects"}
    headers, moves = made["_headers"].decode(), made["_redirects"].decode().splitlines()
    assert "/*\n  Cache-Control: public, max-age=300\n" in headers
    assert (
        "/feed.xml\n  Content-Type: application/rss+xml; charset=utf-8\n"
        f'  Link: <https://journal.example.org/feed.xml>; rel="self", <{HUB}>; rel="hub"\n'
    ) in headers
    assert "/old/ /articles/a/ 301!" in moves
    assert "/articles/x/ /articles/x/index.html 404!" in moves
    assert "/articles/without-a-page/ /404.html 404!" in moves
    assert "/_site.json /404.html 404!" in moves


def test_another_kind_is_refused() -> None:
    """The error names the kinds there are."""
    with pytest.raises(UsageError, match="nginx, caddy, netlify"):
        hosting.render("apache", hosted(), FILES, "")


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"redirects": []}',
        b'{"redirects": {"/a/": "//evil.example.org/"}}',
        b'{"redirects": {"/a/": "/\\\\evil.example.org/"}}',
        b'{"redirects": {"/a/": "javascript:x"}}',
        b'{"redirects": {"/a/": "https://x.example.org/\\r\\nSet-Cookie: a=b"}}',
        b'{"redirects": {"/a/": 1}}',
        b'{"redirects": {"a": "/b/"}}',
        b'{"gone": [1]}',
        b'{"gone": ["/a\\n/"]}',
        b"\xff",
    ],
)
def test_a_wrong_control_file_is_refused(content: bytes) -> None:
    """Nothing that could lead elsewhere gets into a Location or a configuration."""
    with pytest.raises(SiteError, match=r"_site\.json"):
        hosting.render("nginx", hosted(), {"_site.json": content}, "")


def test_a_tree_without_a_control_file(client: TestClient) -> None:
    """Nothing has moved then."""
    assert b"return 410" not in hosting.render("nginx", hosted(), {}, "no-cache")["_nginx.conf"]
    assert client.get("/old/").status_code == 404
