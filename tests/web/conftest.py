"""A whole App over real folders, a real store and the memory transport."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.app import App, open_app
from publisher.formats.token import Purpose, make
from publisher.settings import Settings, TransportSettings
from publisher.web import create
from tests.factories import journal
from tests.verbs.readers import admit, reader

with warnings.catch_warnings():
    # Starlette would rather have httpx2; until we depend on it, httpx does all we ask.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient as TestClient

KEYS = (("k1", b"0123456789abcdef0123456789abcdef"),)


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The present instant."""
        return self.now

    def forward(self, step: timedelta) -> None:
        """Let time pass."""
        self.now += step


def settings(root: Path) -> Settings:
    """Settings of a journal in `root`."""
    return Settings(
        root=root,
        config=root / "config/publisher.toml",
        journal=journal(),
        content_dir=root / "content",
        templates_dir=root / "templates",
        public_dir=root / "public",
        store_url=f"sqlite:///{root / 'store.db'}",
        transports={"default": TransportSettings("default", "memory")},
        keys=KEYS,
    )


@pytest.fixture
def clock() -> Clock:
    """A Tuesday morning that tests move."""
    return Clock()


@pytest.fixture
def app(tmp_path: Path, clock: Clock) -> Iterator[App]:
    """An App with one confirmed reader, ann, and a small site."""
    (tmp_path / "content").mkdir()
    opened = open_app(settings(tmp_path))
    opened.store.migrate(clock())
    admit(opened.store, [reader("ann")])
    opened.site.write(
        {
            "index.html": b"<!doctype html><title>Front</title>",
            "articles/a b/index.html": b"<!doctype html><title>A</title>",
            "404.html": b"<!doctype html><title>Not here</title>",
            "feed.xml": b"<rss/>",
            "atom.xml": b"<feed/>",
            "feed.json": b"{}",
            "sitemap.xml": b"<urlset/>",
            "robots.txt": b"User-agent: *\n",
            "assets/style.css": b"body{}",
            "images/x.PNG": b"\x89PNG",
            "odd.bin": b"?",
            ".well-known/security.txt": b"Contact: mailto:x@example.org\n",
        }
    )
    yield opened
    opened.close()


@pytest.fixture
def client(app: App, clock: Clock) -> Iterator[TestClient]:
    """A client of the web app; redirects are not followed."""
    with TestClient(create(app, clock), follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def state(app: App) -> Callable[[], str]:
    """Ann's state as the store has it."""
    return lambda: app.store.subscribers.by_address("ann@example.org")[0].state.value


ANN = "t-weekly-ann"


def token(token_id: str = ANN, purpose: Purpose = Purpose.UNSUBSCRIBE) -> str:
    """A signed token."""
    return make(KEYS, purpose, token_id)
