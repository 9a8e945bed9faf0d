"""The built site over HTTP."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.app import App
from publisher.errors import SiteError
from publisher.web.paths import file_name
from tests.web.conftest import TestClient


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/articles/a%20b/", "text/html; charset=utf-8"),
        ("/feed.xml", "application/rss+xml; charset=utf-8"),
        ("/atom.xml", "application/atom+xml; charset=utf-8"),
        ("/feed.json", "application/feed+json; charset=utf-8"),
        ("/sitemap.xml", "application/xml; charset=utf-8"),
        ("/robots.txt", "text/plain; charset=utf-8"),
        ("/assets/style.css", "text/css; charset=utf-8"),
        ("/images/x.PNG", "image/png"),
        ("/odd.bin", "application/octet-stream"),
        ("/.well-known/security.txt", "text/plain; charset=utf-8"),
    ],
)
def test_files_have_their_types(client: TestClient, path: str, kind: str) -> None:
    """Every file comes with its media type, an ETag and the configured Cache-Control."""
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["etag"].startswith('"')
    assert "set-cookie" not in answer.headers


def test_not_modified(client: TestClient) -> None:
    """A client that has the bytes gets 304 with the ETag and no body."""
    tag = client.get("/").headers["etag"]
    for wanted in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = client.get("/", headers={"If-None-Match": wanted})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert answer.headers["cache-control"] == "public, max-age=300"
    assert client.get("/", headers={"If-None-Match": '"x"'}).status_code == 200


def test_etag_follows_the_bytes(client: TestClient, app: App) -> None:
    """A rebuilt page has another tag; an unchanged one keeps its own."""
    front, feed = client.get("/").headers["etag"], client.get("/feed.xml").headers["etag"]
    app.site.write({"index.html": b"new", "feed.xml": b"<rss/>"})
    assert client.get("/").headers["etag"] != front
    assert client.get("/feed.xml").headers["etag"] == feed


@pytest.mark.parametrize("path", ["/", "/feed.xml", "/nothing"])
def test_head_equals_get(client: TestClient, path: str) -> None:
    """HEAD says what GET says, without the body."""
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert dict(head.headers) == dict(get.headers)


def test_folder_without_slash_redirects(client: TestClient) -> None:
    """308 to the page's own address, on this host."""
    answer = client.get("/articles/a%20b")
    assert (answer.status_code, answer.headers["location"]) == (308, "/articles/a%20b/")
    assert client.get("/articles").status_code == 404


def test_missing_page_is_the_sites_own(client: TestClient, app: App) -> None:
    """404 with the site's page; plain where the site has none."""
    answer = client.get("/nothing/here")
    assert answer.status_code == 404
    assert "Not here" in answer.text
    app.site.write({"index.html": b"x"})
    assert client.get("/nothing").text == "There is no such page.\n"


@pytest.mark.parametrize(
    "path",
    [
        "/..%2fstore.db",
        "/%2e%2e/store.db",
        "/articles/%2e%2e/%2e%2e/store.db",
        "/articles//a",
        "/..%5cstore.db",
        "/%00",
        "/.lock",
        "/index.html/",
    ],
)
def test_no_way_out(client: TestClient, path: str) -> None:
    """Nothing outside the tree can be read, and nothing hidden in it."""
    assert client.get(path).status_code == 404


@given(st.text())
def test_any_path_stays_inside(path: str) -> None:
    """Whatever is asked for, the file's name has only plain parts."""
    name = file_name(path)
    if name is not None:
        assert not any(part in ("", ".", "..") for part in name.split("/"))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(client: TestClient, method: str) -> None:
    """405 names what is allowed."""
    answer = client.request(method, "/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_security_headers_everywhere(client: TestClient) -> None:
    """Every answer carries them, errors included."""
    for answer in (client.get("/"), client.get("/nothing"), client.post("/"), client.get("/u/x")):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_health(client: TestClient, app: App) -> None:
    """Alive is who answers at all; ready is whose store answers too."""
    for path in ("/healthz", "/readyz"):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (200, "ok\n")
    with app.store.database.write() as connection:  # type: ignore[attr-defined]  # breaking it for real
        connection.exec_driver_sql("DROP TABLE meta")
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_unreadable_site_is_503(
    client: TestClient, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk error is the operator's: a plain sentence outside, the reason in the log."""
    public = app.settings.public_dir
    loop = public.parent / "loop"
    loop.symlink_to(loop)
    public.unlink()
    public.symlink_to(loop)
    with pytest.raises(SiteError):
        app.site.read("index.html")
    answer = client.get("/")
    assert answer.status_code == 503
    assert str(public) not in answer.text
    assert str(public) in caplog.text


def test_log_is_one_line_without_secrets(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Tokens, queries and line breaks stay out of the log."""
    with caplog.at_level(logging.INFO, "publisher.web"):
        client.get("/u/secret-token?address=ann@example.org")
        client.get("/a%0Ab")
        client.get("/preferences/secret-token")
        client.post("/confirm/secret-token")
        client.post("/address/secret-token", data={"email": "ann@example.org"})
        client.post("/subscribe", data={"email": "ann@example.org"})
    lines = [r.getMessage() for r in caplog.records if r.name == "publisher.web"]
    assert lines == [
        "GET /u/… 404",
        "GET /a%0Ab 404",
        "GET /preferences/… 404",
        "POST /confirm/… 404",
        "POST /address/… 404",
        "POST /subscribe 200",
    ]
