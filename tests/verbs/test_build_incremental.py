"""A build that uses what earlier ones worked out gives the bytes of a cold one."""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.app import build_site, open_app
from publisher.build import build
from publisher.content import Folder
from publisher.domain.journal import Journal
from publisher.errors import BlockedByFindings
from publisher.formats import stamps
from publisher.settings import Settings, TransportSettings
from publisher.templates import Folders
from tests.factories import NOW, journal

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x09"
FRAME = '{% extends "site/base.html" %}{% block content %}'


def article(number: int, text: str, more: str = "", category: str = "cancer") -> str:
    return (
        f'---\nid: tag:journal.example.org,2026:a/x{number}\ntitle: "Title {number}"\n'
        f"summary: A summary.\ncategory: {category}\npublished: 2026-11-{10 + number}T08:00:00Z\n"
        "key_takeaway: A takeaway.\nsources:\n"
        "  - {key: s, title: A trial, kind: trial, year: 2020, pmid: '32023374'}\n"
        f"{more}---\n\nText [@s]. {text}\n"
    )


@dataclass
class World:
    """A journal's folder, and the settings and the clock that go with it."""

    root: Path
    journal: Journal = field(default_factory=journal)
    now: datetime = NOW

    def settings(self) -> Settings:
        root = self.root
        return Settings(
            root=root,
            config=root / "config/publisher.toml",
            journal=self.journal,
            content_dir=root / "content",
            templates_dir=root / "templates",
            public_dir=root / "public",
            store_url=f"sqlite:///{root / 'store.db'}",
            transports={"default": TransportSettings("default", "memory")},
            keys=(),
        )

    def write(self, name: str, content: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def build(self) -> None:
        app = open_app(self.settings())
        app.store.migrate(NOW)
        try:
            build_site(app, self.now)
        finally:
            app.close()

    def cold(self) -> dict[str, bytes]:
        """The whole site, worked out from nothing in this process."""
        content = Folder(
            self.root,
            self.root / "content",
            zone=self.journal.zone,
            categories=[category.slug for category in self.journal.categories],
            words_per_minute=self.journal.words_per_minute,
            mint_id=str,
        )
        templates = Folders(self.root / "templates").load()
        return build(self.journal, content.load(), templates, (), self.now)

    def on_disk(self) -> dict[str, bytes]:
        public = self.root / "public"
        return {
            path.relative_to(public).as_posix(): path.read_bytes()
            for path in public.rglob("*")
            if path.is_file()
        }


def start(root: Path) -> World:
    if root.exists():
        shutil.rmtree(root)
    world = World(root)
    (root / "content").mkdir(parents=True)
    for number in range(4):
        world.write(f"content/{number}.md", article(number, "First."))
    return world


# --- what may happen between two builds -------------------------------------------------------

Step = Callable[[World], None]
NUMBERS = st.integers(0, 5)


def edit(number: int, text: str) -> Step:
    return lambda world: world.write(f"content/{number}.md", article(number, text))


def file_elsewhere(number: int) -> Step:
    return lambda world: world.write(
        f"content/{number}.md", article(number, "Moved.", category="sleep")
    )


def illustrate(number: int, size: int) -> Step:
    def step(world: World) -> None:
        more = "image: {path: images/p.png, alt: Cells}\n"
        world.write(f"content/{number}.md", article(number, "Seen.", more))
        world.write("content/images/p.png", PNG + b"\0" * size)

    return step


def slip_in(number: int) -> Step:
    """Another text of the same length under the same date, as `cp -p` may leave it."""

    def step(world: World) -> None:
        file = world.root / f"content/{number}.md"
        if file.exists():
            stamp = file.stat()
            file.write_bytes(file.read_bytes().replace(b"Title", b"Tilte"))
            os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    return step


def swap(one: int, other: int) -> Step:
    """The file of one name takes another's place, with its own dates."""

    def step(world: World) -> None:
        files = [world.root / f"content/{number}.md" for number in (one, other)]
        if all(file.exists() for file in files):
            files[0].replace(files[1])

    return step


def list_work(title: str) -> Step:
    work = f"- {{key: w, title: {title}, kind: trial, year: 2020, doi: 10.1000/w}}\n"
    return lambda world: world.write("content/sources.yaml", work)


def draw(number: int) -> Step:
    inline = "{key: s, title: A trial, kind: trial, year: 2020, pmid: '32023374'}"
    text = article(number, "Drawn.").replace(inline, "w").replace("[@s]", "[@w]")
    return lambda world: world.write(f"content/{number}.md", text)


def delete(number: int) -> Step:
    return lambda world: (world.root / f"content/{number}.md").unlink(missing_ok=True)


def rename(number: int, name: str) -> Step:
    def step(world: World) -> None:
        file = world.root / f"content/{number}.md"
        if file.exists():
            file.rename(world.root / "content" / f"{name}.md")

    return step


def hide(number: int) -> Step:
    return lambda world: world.write(
        f"content/{number}.md", article(number, "Hidden.", "draft: true\n")
    )


def describe(**changes: object) -> Step:
    def step(world: World) -> None:
        world.journal = replace(world.journal, **changes)  # type: ignore[arg-type]  # any field

    return step


def override(name: str, text: str) -> Step:
    return lambda world: world.write(f"templates/site/{name}", text)


def restore(world: World) -> None:
    shutil.rmtree(world.root / "templates", ignore_errors=True)


def wait(hours: int) -> Step:
    def step(world: World) -> None:
        world.now += timedelta(hours=hours)

    return step


def forget(world: World) -> None:
    shutil.rmtree(world.root / "var", ignore_errors=True)


STEPS = st.one_of(
    st.builds(edit, NUMBERS, st.sampled_from(["Second.", "Third **bold**.", "## Heading"])),
    st.builds(file_elsewhere, NUMBERS),
    st.builds(illustrate, NUMBERS, st.integers(0, 1)),
    st.builds(slip_in, NUMBERS),
    st.builds(swap, NUMBERS, NUMBERS),
    st.builds(delete, NUMBERS),
    st.builds(list_work, st.sampled_from(["Work", "Better work", "[", "''"])),
    st.builds(draw, NUMBERS),
    st.builds(rename, NUMBERS, st.sampled_from(["new", "0", "zz"])),
    st.builds(hide, NUMBERS),
    st.sampled_from(
        [
            describe(title="Another title"),
            describe(words_per_minute=1),
            describe(feed_items=2),
            describe(disclaimer="Ask your doctor."),
            describe(time_zone="Asia/Tokyo"),
            override("404.html", FRAME + "Nothing here.{% endblock %}"),
            override("_foot.html", "<footer>{{ journal.title }}</footer>"),
            override("assets/style.css", "p { color: #123456 }"),
            restore,
            forget,
        ]
    ),
    st.builds(wait, st.sampled_from([-24 * 12, 24])),
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=2, max_size=4), st.booleans())
def test_whatever_happens_in_between_the_bytes_are_those_of_a_cold_build(
    tmp_path: Path, rounds: list[list[Step]], settled: bool
) -> None:
    """Edits, additions, deletions, renames, drafts, pictures, works drawn by key, settings,
    templates, time; files that had just been changed when they were read, and such as had stood still.
    """
    with pytest.MonkeyPatch.context() as patched:
        if settled:
            patched.setattr(stamps, "SETTLED_NS", -AGES)
        whatever_happens(start(tmp_path / "journal"), rounds)


AGES = 10**18
"""Nanoseconds: with so much less to wait for, every file counts as having stood still."""


def whatever_happens(world: World, rounds: list[list[Step]]) -> None:
    world.build()
    for steps in rounds:
        before = world.on_disk()
        for step in steps:
            step(world)
        try:
            expected = world.cold()
        except BlockedByFindings:
            with pytest.raises(BlockedByFindings):
                world.build()
            expected = before
        else:
            world.build()
        assert world.on_disk() == expected


def test_an_edit_within_one_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    """The same size and the same date: the bytes decide, not what the disk says about them."""
    world = start(tmp_path / "journal")
    world.build()
    file = world.root / "content/1.md"
    stamp = file.stat()
    world.write("content/1.md", article(1, "Other."))
    assert file.stat().st_size == stamp.st_size
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    world.build()
    assert b"Other." in world.on_disk()["articles/1/index.html"]
    assert world.on_disk() == world.cold()


@pytest.mark.parametrize("keep", [0, 100, 5000, 20_000])
@pytest.mark.parametrize("tail", [b"", b"\xa5" * 30_000])
def test_a_spoilt_cache_costs_time_and_nothing_else(tmp_path: Path, keep: int, tail: bytes) -> None:
    """Cut off anywhere, or overwritten from there on: the same bytes as without a cache."""
    world = start(tmp_path / "journal")
    world.build()
    (cache,) = (world.root / "var/cache").glob("*.sqlite3")
    cache.write_bytes(cache.read_bytes()[:keep] + tail)
    world.write("content/1.md", article(1, "Other."))
    for _ in range(2):
        world.build()
        assert world.on_disk() == world.cold()


READ: list[str] = []
LISTENING = [False]


def test_articles_that_stood_still_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is edited: it alone is opened, and the site is that of a cold build."""

    def note(event: str, told: tuple[object, ...]) -> None:
        if event == "open" and LISTENING[0] and str(told[0]).endswith(".md"):
            READ.append(Path(str(told[0])).name)

    sys.addaudithook(note)  # for good: Python takes none away
    monkeypatch.setattr(stamps, "SETTLED_NS", -AGES)
    world = start(tmp_path / "journal")
    world.build()
    world.write("content/1.md", article(1, "Other."))
    LISTENING[0] = True
    world.build()
    LISTENING[0] = False
    assert set(READ) & {f"{number}.md" for number in range(4)} == {"1.md"}
    assert world.on_disk() == world.cold()


MANY = 150


def test_many_articles_are_read_and_made_by_several_processes(tmp_path: Path) -> None:
    """Shared out over the processors, the site is what one process alone makes of it."""
    world = start(tmp_path / "journal")
    for number in range(MANY):
        text = article(5, f"Number {number}.").replace("a/x5\n", f"a/y{number}\n")
        moment = f"{10 + number // 60}:{number % 60:02}"
        world.write(f"content/many/m{number}.md", text.replace("08:00", moment))
    world.now += timedelta(days=30)
    world.build()
    assert world.on_disk() == world.cold()
    world.write("content/1.md", article(1, "Other."))
    world.build()
    assert world.on_disk() == world.cold()


CHILD = """
import sys
from pathlib import Path
from tests.verbs.test_build_incremental import World
world = World(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(3):
    world.build()
"""


def test_two_processes_that_build_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Both end well, over one cache and one site, and the site is right."""
    world = start(tmp_path / "journal")
    world.build()
    world.write("content/1.md", article(1, "Other."))
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    children = [
        subprocess.Popen(
            [sys.executable, str(script), str(world.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    for child in children:
        child.communicate(b"go\n")
        assert child.returncode == 0
    assert world.on_disk() == world.cold()
