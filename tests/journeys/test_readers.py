"""Real feed readers against the running app: newsboat, rss2email, feedparser and reader.

Each finds every article with its link, asks again without being sent the same, and takes
an article that was edited or moved for the one it knows.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import warnings
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import feedparser
import pytest

from tests.conftest import require
from tests.journeys.serving import Served, sample_journal

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from reader import make_reader

FEEDS = ("feed.xml", "atom.xml")
PUBLIC = 9
"""Articles of the sample journal that readers may see."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The sample journal on a socket of its own."""
    with sample_journal(tmp_path) as found:
        yield found


def move(served: Served) -> None:
    """Edit an article's text and move it to another slug and category."""
    path = served.root / "content" / "vitamin-d.md"
    text = path.read_text()
    assert "category: nutrition" in text
    text = text.replace("category: nutrition", "category: heart\nslug: vitamin-d-again", 1)
    path.write_text(text.replace("## What was asked", "## What the trial asked", 1))
    served.rebuild()


@pytest.mark.parametrize("feed", FEEDS)
def test_newsboat(served: Served, feed: str, newsboat_program: str, tmp_path: Path) -> None:
    """newsboat shows every article once, before and after one of them moved."""
    (tmp_path / "urls").write_text(f"{served.url}/{feed}\n")
    (tmp_path / "newsboat.conf").write_text("")
    command = [
        newsboat_program,
        "-u",
        "urls",
        "-c",
        "cache.db",
        "-C",
        "newsboat.conf",
        "-x",
        "reload",
    ]
    environ = os.environ | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}

    def items() -> dict[str, str]:
        subprocess.run(command, cwd=tmp_path, env=environ, check=True, timeout=60)
        with sqlite3.connect(tmp_path / "cache.db") as cache:
            return dict(cache.execute("select guid, url from rss_item"))

    first = items()
    assert len(first) == PUBLIC
    assert all(url.startswith(f"{served.url}/articles/") for url in first.values())
    assert items() == first
    # newsboat 2.21 keeps the ETag of a feed only once it knows the feed: from the third poll on.
    assert items() == first
    assert served.statuses(f"/{feed}") == [200, 200, 304]
    move(served)
    assert items().keys() == first.keys()


@pytest.mark.parametrize("feed", FEEDS)
def test_rss2email(served: Served, feed: str, tmp_path: Path) -> None:
    """rss2email mails every article once, and an edited or moved one not again."""
    program = require("r2e", "rss2email")
    environ = os.environ | {"HOME": str(tmp_path)}

    def r2e(*arguments: str) -> None:
        files = ["-c", str(tmp_path / "r2e.cfg"), "-d", str(tmp_path / "r2e.json")]
        subprocess.run(
            [program, *files, *arguments], env=environ, check=True, timeout=60, capture_output=True
        )

    box = tmp_path / "mail"
    for folder in ("new", "cur", "tmp"):
        (box / "inbox" / folder).mkdir(parents=True)
    r2e("new", "ada@example.org")
    config = ConfigParser(interpolation=None)
    config.read(tmp_path / "r2e.cfg")
    config["DEFAULT"]["email-protocol"] = "maildir"
    config["DEFAULT"]["maildir-path"] = str(box)
    config["DEFAULT"]["maildir-mailbox"] = "inbox"
    with (tmp_path / "r2e.cfg").open("w") as file:
        config.write(file)
    r2e("add", "journal", f"{served.url}/{feed}")

    def mails() -> int:
        r2e("run")
        return len(list((box / "inbox" / "new").iterdir()))

    assert mails() == PUBLIC
    assert mails() == PUBLIC
    move(served)
    assert mails() == PUBLIC


@pytest.mark.parametrize("feed", FEEDS)
def test_feedparser(served: Served, feed: str) -> None:
    """feedparser finds no fault, and gets 304 when it comes back with what it was given."""
    url = f"{served.url}/{feed}"
    first = feedparser.parse(url)
    assert not first.bozo, first.get("bozo_exception")
    assert len(first.entries) == PUBLIC
    assert all(e.link.startswith(f"{served.url}/articles/") for e in first.entries)
    again = feedparser.parse(url, etag=first.etag)
    assert again.status == 304
    assert again.entries == []
    move(served)
    changed = feedparser.parse(url, etag=first.etag)
    assert {e.id for e in changed.entries} == {e.id for e in first.entries}


@pytest.mark.parametrize("feed", [*FEEDS, "feed.json"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_reader(served: Served, feed: str, tmp_path: Path) -> None:
    """The library reader keeps one entry an article, through an edit and a move."""
    with make_reader(str(tmp_path / "reader.sqlite")) as reader:
        url = f"{served.url}/{feed}"
        reader.add_feed(url)
        reader.update_feed(url)
        first = {entry.id: entry.link for entry in reader.get_entries()}
        assert len(first) == PUBLIC
        move(served)
        reader.update_feed(url)
        moved = {entry.id: entry.link for entry in reader.get_entries()}
        assert moved.keys() == first.keys()
        assert f"{served.url}/articles/vitamin-d-again/" in moved.values()
