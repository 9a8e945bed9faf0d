"""The memory that pages are served from: what it holds, what it lets go, what it makes of trouble."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher.app import App
from publisher.errors import SiteError
from publisher.web import memory as memory_module
from publisher.web.memory import File, Form, Gone, Memory, Moved
from tests.web.test_pages_http import FILES


@pytest.fixture
def whole(app: App) -> App:
    """The App over FILES."""
    app.site.write(FILES)
    return app


def dress(file: File, encoding: str, tag: bytes, body: bytes) -> Form:
    return Form(tag, body, (), ())


def remembering(app: App, bound: int = memory_module.BOUND) -> Memory:
    return Memory(
        app.settings.public_dir,
        clock=lambda: datetime(2026, 11, 24, tzinfo=UTC),
        dress=dress,
        bound=bound,
    )


def load(memory: Memory, path: str) -> File:
    found = memory.load(path)
    assert isinstance(found, File)
    return found


def test_files_are_read_once_a_generation(whole: App) -> None:
    """Nothing is held before it is asked for, and what has not changed is taken over."""
    memory = remembering(whole)
    assert memory.find("/feed.xml") is None
    first = load(memory, "/feed.xml")
    form = memory.form(first, "gzip")
    assert memory.find("/feed.xml") is first
    assert memory.form(first, "gzip") is form
    whole.site.write({**FILES, "index.html": b"changed"})
    assert memory.find("/feed.xml") is None, "it is another generation"
    again = load(memory, "/feed.xml")
    assert again.forms["gzip"] is form, "not compressed anew"
    assert load(memory, "/").content == b"changed"


def test_memory_is_bounded(whole: App) -> None:
    """What nobody asked for since goes first; what is too large is not held at all."""
    whole.site.write({f"{n}.bin": bytes(1000) for n in range(30)} | {"large.bin": bytes(3000)})
    memory = remembering(whole, bound=10_000)
    for n in range(30):
        load(memory, f"/{n}.bin")
        memory.find("/0.bin")
    held = [n for n in range(30) if memory.find(f"/{n}.bin") is not None]
    assert 5 <= len(held) <= 10
    assert 0 in held
    assert 29 in held
    load(memory, "/large.bin")
    assert memory.find("/large.bin") is None


def test_what_is_no_file(whole: App, tmp_path: Path) -> None:
    """Folders, links, pipes and names that cannot be are not there."""
    public = whole.settings.public_dir
    (public / "link.html").symlink_to(whole.settings.root / "store.db")
    os.mkfifo(public / "pipe.html")
    memory = remembering(whole)
    for path in (
        "/articles",
        "/link.html",
        "/pipe.html",
        "/a\udc00\ud800",
        "/" + "a/" * 3000 + "b",
    ):
        assert memory.load(path) is None
    assert memory.load("/articles/y/") == Gone()
    assert memory.load("/old") == Moved("/articles/a b/")


def test_no_site_yet(app: App) -> None:
    """Before the first build there is nothing, and that is no error."""
    app.settings.public_dir.unlink()
    assert remembering(app).load("/") is None


@pytest.mark.parametrize("what", ["folder", "nowhere", "control"])
def test_a_broken_site_is_the_operators(app: App, what: str) -> None:
    """The error names the place."""
    public = app.settings.public_dir
    if what == "control":
        app.site.write({"_site.json": b"{", "index.html": b"x"})
    else:
        public.unlink()
        if what == "folder":
            public.mkdir()
        else:
            public.symlink_to("not-there")
    with pytest.raises(SiteError, match=r"public|_site\.json"):
        remembering(app).load("/")


def test_a_generation_taken_while_it_is_read(whole: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a builder may have been writing to is looked up again in the one that is live."""
    memory = remembering(whole)
    load(memory, "/feed.xml")
    taken: list[object] = []
    look = Memory._look

    def interrupted(self: Memory, *args: object) -> object:
        found = look(self, *args)  # type: ignore[arg-type]  # whatever it was called with
        if not taken:
            taken.append(found)
            for number in range(3):
                whole.site.write({**FILES, "index.html": b"%d" % number})
        return found

    monkeypatch.setattr(Memory, "_look", interrupted)
    assert load(memory, "/").content == b"2"
    assert len(taken) == 1


def test_a_site_that_never_stands_still(whole: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many tries it is an error, not an endless loop."""
    monkeypatch.setattr(memory_module._Folder, "is_whole", lambda _: False)
    with pytest.raises(SiteError, match="public"):
        remembering(whole).load("/")


def test_open_generations_are_closed(whole: App) -> None:
    """One handle is held, whatever the number of swaps."""
    memory = remembering(whole)
    load(memory, "/")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - handles, not files
    for number in range(20):
        whole.site.write({**FILES, "index.html": b"%d" % number})
        load(memory, "/")
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208
