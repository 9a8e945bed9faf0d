"""Unsubscribing over HTTP: RFC 8058 as mailbox providers do it, and the page for people."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser

from publisher.app import App
from publisher.domain.subscription import SubscriptionEvent
from publisher.formats.token import Purpose
from publisher.web import create
from publisher.web.guards import MAX_BODY
from tests.verbs.readers import admit, reader
from tests.web.conftest import Clock, TestClient, token

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
State = Callable[[], str]


def test_get_and_head_change_nothing(client: TestClient, state: State) -> None:
    """Scanners follow links: the page asks, and only the button acts."""
    url = f"/u/{token()}"
    for _ in range(2):
        answer = client.get(url)
        assert answer.status_code == 200
        assert "Leave The Weekly Digest?" in answer.text
        assert f'<form method="post" action="{url}">' in answer.text
        assert client.head(url).status_code == 200
    assert state() == "confirmed"


@pytest.mark.parametrize("form", ["urlencoded", "multipart", "none"])
def test_one_click(client: TestClient, state: State, form: str) -> None:
    """Either form of the body: 200 at once, no redirect, no cookie."""
    body: dict[str, Any] = {}
    if form == "urlencoded":
        body = {"data": ONE_CLICK}
    elif form == "multipart":
        body = {"files": {"List-Unsubscribe": (None, "One-Click")}}
    answer = client.post(f"/u/{token()}", **body)
    assert answer.status_code == 200
    assert answer.history == []
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert state() == "unsubscribed"


def test_again_is_kind(client: TestClient, state: State, clock: Clock) -> None:
    """Clicking again says the same; later the page says that there is nothing to do."""
    url = f"/u/{token()}"
    for _ in range(2):
        assert "You are unsubscribed" in client.post(url).text
    clock.forward(timedelta(minutes=2))
    for answer in (client.post(url), client.get(url)):
        assert answer.status_code == 200
        assert "undo" not in answer.text
    assert "You are not subscribed" in client.get(url).text
    assert state() == "unsubscribed"


def test_undo_within_the_minute(client: TestClient, state: State, clock: Clock) -> None:
    """The same page takes it back for a minute."""
    url = f"/u/{token()}"
    assert f'action="{url}/undo"' in client.post(url).text
    clock.forward(timedelta(seconds=60))
    assert f'action="{url}/undo"' in client.get(url).text
    assert state() == "unsubscribed"
    assert "Welcome back" in client.post(f"{url}/undo").text
    assert state() == "confirmed"


def test_undo_after_the_minute(client: TestClient, state: State, clock: Clock) -> None:
    """Later the answer is kind, and nothing changes."""
    url = f"/u/{token()}"
    client.post(url)
    clock.forward(timedelta(seconds=61))
    answer = client.post(f"{url}/undo")
    assert (answer.status_code, state()) == (200, "unsubscribed")
    assert "You are not subscribed" in answer.text


def test_undo_does_not_stand_in_for_confirming(client: TestClient, app: App, clock: Clock) -> None:
    """Who asked to join anew after leaving is pending; a GET of undo is no undo."""
    url = f"/u/{token()}"
    client.post(url)
    ann = app.store.subscribers.by_address("ann@example.org")[0]
    app.store.subscribers.change(ann.id, SubscriptionEvent.REQUEST, clock())
    client.get(f"{url}/undo")
    client.post(f"{url}/undo")
    assert app.store.subscribers.by_address("ann@example.org")[0].state == "pending"


@pytest.mark.parametrize("method", ["GET", "POST", "UNDO"])
def test_somebody_gone_is_answered_kindly(client: TestClient, method: str) -> None:
    """A good signature for nobody: 200 and "you are not subscribed"."""
    url = f"/u/{token('forgotten')}"
    answer = {
        "GET": lambda: client.get(url),
        "POST": lambda: client.post(url),
        "UNDO": lambda: client.post(f"{url}/undo"),
    }[method]()
    assert answer.status_code == 200
    assert "You are not subscribed" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "UNDO"])
@pytest.mark.parametrize("kind", ["broken", "other purpose", "nonsense", "long"])
def test_bad_signature_is_a_plain_404(
    client: TestClient, state: State, method: str, kind: str
) -> None:
    """A token that we did not sign for this gets nothing but 404."""
    bad = {
        "broken": token()[:-2] + "xx",
        "other purpose": token(purpose=Purpose.PREFERENCES),
        "nonsense": "nonsense",
        "long": "k1.u." + "a" * 5000,
    }[kind]
    url = f"/u/{bad}" + ("/undo" if method == "UNDO" else "")
    answer = client.get(url) if method == "GET" else client.post(url)
    assert answer.status_code == 404
    assert answer.text == "There is no such page.\n"
    assert state() == "confirmed"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_other_methods(client: TestClient, method: str, state: State) -> None:
    """405 with what is allowed."""
    answer = client.request(method, f"/u/{token()}")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert state() == "confirmed"


def test_body_is_bounded(client: TestClient, state: State) -> None:
    """Too large a body is refused, announced or streamed, and nothing happens."""
    url = f"/u/{token()}"
    assert client.post(url, content=b"x" * (MAX_BODY + 1)).status_code == 413
    chunks = (b"x" * 8192 for _ in range(10))
    assert client.post(url, content=chunks).status_code == 413
    assert state() == "confirmed"
    assert client.post(url, content=b"x" * MAX_BODY).status_code == 200


def test_page_names_no_address(client: TestClient) -> None:
    """A forwarded link shows nobody's address; the page is kept out of caches and indexes."""
    for answer in (client.get(f"/u/{token()}"), client.post(f"/u/{token()}")):
        assert 'example.org"' not in answer.text.replace("journal.example.org", "")
        assert "ann@" not in answer.text
        assert answer.headers["x-robots-tag"].startswith("noindex")


def test_broken_template_still_unsubscribes(client: TestClient, app: App, state: State) -> None:
    """The click counts, and the visitor reads a plain sentence."""
    own = app.settings.templates_dir / "web" / "unsubscribe.html"
    own.parent.mkdir(parents=True)
    own.write_text("{{ nothing.there }}")
    answer = client.post(f"/u/{token()}")
    assert answer.text == "You are unsubscribed. We will not write to you again.\n"
    assert state() == "unsubscribed"


def test_newsletter_that_left_the_settings(client: TestClient, app: App, clock: Clock) -> None:
    """Its readers can still leave."""
    admit(app.store, [reader("old")], "older")
    assert "Leave older?" in client.get(f"/u/{token('t-older-old')}").text
    assert client.post(f"/u/{token('t-older-old')}").status_code == 200


def serve(app: App, clock: Clock) -> tuple[uvicorn.Server, threading.Thread, str]:
    """The web app on a real socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create(app, clock), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    return server, thread, f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_over_a_real_socket(app: App, clock: Clock, state: State, browser: Browser) -> None:
    """A provider's POST over TCP, then a person who undoes it in a browser by clicking."""
    server, thread, url = serve(app, clock)
    try:
        answer = httpx.post(f"{url}/u/{token()}", data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert state() == "unsubscribed"
        page = browser.new_page(viewport={"width": 320, "height": 640})
        page.goto(f"{url}/u/{token()}")
        page.get_by_role("button", name="undo").click()
        assert page.get_by_role("heading").inner_text() == "Welcome back"
        assert state() == "confirmed"
        page.goto(f"{url}/u/{token()}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.get_by_role("button", name="Unsubscribe").click()
        assert page.get_by_role("heading").inner_text() == "You are unsubscribed"
        page.close()
        head = httpx.head(f"{url}/")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == "35"
    finally:
        server.should_exit = True
        thread.join()
    assert state() == "unsubscribed"


def test_paths_fit_the_page(tmp_path: Path, app: App) -> None:
    """The page's template is among the shipped ones, so a journal may override it."""
    assert "web/unsubscribe.html" in app.templates.load().templates


def test_all_newsletters_at_once_and_back(client: TestClient, app: App, clock: Clock) -> None:
    """The page offers it to whoever has more than one; undoing brings back what one click ended."""
    url = f"/u/{token()}"
    assert "Leave all" not in client.get(url).text
    admit(app.store, [reader("ann")], "alerts")
    admit(app.store, [reader("ann")], "monthly")
    client.post(f"/u/{token('t-monthly-ann')}")  # left before, by itself
    clock.forward(timedelta(seconds=5))

    def states() -> dict[str, str]:
        found = app.store.subscribers.by_address("ann@example.org")
        return {each.newsletter: each.state.value for each in found}

    assert f'action="{url}/all"' in client.get(url).text
    client.get(f"{url}/all")
    assert states()["alerts"] == "confirmed"
    for _ in range(2):
        assert "You are unsubscribed" in client.post(f"{url}/all").text
    assert set(states().values()) == {"unsubscribed"}
    client.post(f"{url}/undo")
    assert states() == {"weekly": "confirmed", "alerts": "confirmed", "monthly": "unsubscribed"}
    assert client.post("/u/x/all").status_code == 404
    assert "You are not subscribed" in client.post(f"/u/{token('gone')}/all").text


def test_a_reason_may_be_given(client: TestClient, app: App, clock: Clock) -> None:
    """Only by who has left, within bounds, on one line; and nobody must."""
    url = f"/u/{token()}"
    data = {"reason": "It comes too often", "words": "and\r\nlate\x00" + "x" * 1000}
    client.post(f"{url}/reason", data=data)

    def reason() -> str:
        return app.store.subscribers.by_address("ann@example.org")[0].reason

    assert reason() == ""  # still a reader
    client.post(url)
    assert "Thank you" in client.post(f"{url}/reason", data=data).text
    assert reason().startswith("It comes too often: and late x")
    assert len(reason()) == 500
    assert "Thank you" not in client.post(f"{url}/reason", data={}).text
    assert client.post("/u/x/reason").status_code == 404
    client.post(f"{url}/undo")
    assert reason() == ""
