"""The tree built on the one before: only what is not there already is made."""

import logging
import os
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher import site
from publisher.cache import Shelf
from publisher.domain.leaf import Leaf, Leaves
from publisher.forks import Forks
from publisher.ports import Workers
from publisher.site import Tree

Texts = Mapping[str, str]


class Counting:
    """Leaves whose key is their text, and a note of which were made."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def of(self, texts: Texts) -> Leaves:
        def leaf(path: str, text: str) -> Leaf:
            def make() -> bytes:
                self.made.append(path)
                return text.partition("#")[0].encode()

            return Leaf(f"key of {text}", make)

        return Leaves({path: leaf(path, text) for path, text in texts.items()})

    def taken(self) -> list[str]:
        made, self.made = sorted(self.made), []
        return made


def tree(root: Path, workers: Workers | None = None) -> Tree:
    return Tree(
        root / "public",
        url="https://journal.example.org",
        command=None,
        check_timeout=timedelta(seconds=5),
        cache=Shelf(root / "cache", lambda: "e" * 64),
        workers=workers,
    )


def on_disk(root: Path) -> dict[str, str]:
    public = root / "public"
    return {
        str(path.relative_to(public)): path.read_text()
        for path in public.rglob("*")
        if not path.is_dir()
    }


def live(root: Path) -> Path:
    return (root / "public").resolve()


def earlier(root: Path) -> Path:
    (found,) = (
        path
        for path in (root / ".public").iterdir()
        if path.is_dir() and path != live(root) and not path.name.startswith(".")
    )
    return found


ONE = {"index.html": "one", "a/index.html": "a", "a/b/index.html": "b", "c/index.html": "c"}


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    """One page edited, one added, one gone, over three generations: only those are made."""
    pages = Counting()
    assert tree(tmp_path).write(pages.of(ONE))
    assert pages.taken() == sorted(ONE)
    assert not tree(tmp_path).write(pages.of(ONE))
    assert pages.taken() == []
    states: list[dict[str, str]] = [
        {**ONE, "a/index.html": "a2"},
        {**ONE, "a/index.html": "a2", "d/index.html": "d"},
        {"index.html": "one", "d/index.html": "d"},
        {"index.html": "one", "d/e/index.html": "e", "d/index.html": "d"},
        {"index.html": "one", "d": "a file now"},
    ]
    before = ONE
    for state in states:
        assert tree(tmp_path).write(pages.of(state))
        assert on_disk(tmp_path) == state
        assert pages.taken() == sorted(p for p in state if before.get(p) != state[p])
        before = state
    folders = {p for p in live(tmp_path).rglob("*") if p.is_dir()}
    assert folders == set(), "no folder is left that nothing stands in"


def test_a_page_that_comes_out_the_same_keeps_its_date(tmp_path: Path) -> None:
    """Its key has changed, its bytes have not: it is no change, and is not made a third time."""
    pages = Counting()
    tree(tmp_path).write(pages.of(ONE))
    stamp = (live(tmp_path) / "index.html").stat()
    again = {**ONE, "index.html": "one#otherwise"}
    pages.taken()
    assert not tree(tmp_path).write(pages.of(again))
    assert pages.taken() == ["index.html"]
    assert not tree(tmp_path).write(pages.of(again))
    assert pages.taken() == []
    now = (live(tmp_path) / "index.html").stat()
    assert (now.st_ino, now.st_mtime_ns) == (stamp.st_ino, stamp.st_mtime_ns)


def spoil_edit(root: Path) -> None:
    (live(root) / "c/index.html").write_text("!")


def spoil_replace(root: Path) -> None:
    (live(root) / "c/index.html").unlink()
    (live(root) / "c/index.html").symlink_to("/etc/hostname")


def spoil_remove(root: Path) -> None:
    shutil.rmtree(live(root) / "c")


def spoil_add(root: Path) -> None:
    (live(root) / "x").mkdir()
    (live(root) / "x/y.html").write_text("foreign")


def spoil_earlier(root: Path) -> None:
    """Another file for each, an odd one, and folders."""
    (earlier(root) / "c/index.html").unlink()
    (earlier(root) / "c/index.html").write_text("!")
    (earlier(root) / "x/y").mkdir(parents=True)
    (earlier(root) / "x/link").symlink_to("/etc/hostname")
    (earlier(root) / "foreign.html").write_text("foreign")


def spoil_cache(root: Path) -> None:
    shutil.rmtree(root / "cache")


def spoil_nothing(_: Path) -> None:
    """The comparison."""


@pytest.mark.parametrize(
    "spoil",
    [
        *(spoil_nothing, spoil_edit, spoil_replace, spoil_remove, spoil_add),
        *(spoil_earlier, spoil_cache),
    ],
)
def test_the_next_generation_is_right_whatever_became_of_the_others(
    tmp_path: Path, spoil: object
) -> None:
    """Files that somebody edited, replaced, removed or added by hand do not live on in it."""
    assert callable(spoil)
    pages = Counting()
    tree(tmp_path).write(pages.of({**ONE, "index.html": "zero"}))
    tree(tmp_path).write(pages.of(ONE))
    spoil(tmp_path)
    two = {**ONE, "index.html": "two"}
    assert tree(tmp_path).write(pages.of(two))
    assert on_disk(tmp_path) == two
    assert not [path for path in live(tmp_path).rglob("*") if path.name in ("x", "y")]


def test_a_manifest_of_another_tree_is_not_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What the cache says of the live tree must be of the live tree."""
    pages = Counting()
    tree(tmp_path).write(pages.of(ONE))
    shelf = Shelf(tmp_path / "cache", lambda: "e" * 64)
    shelf.keep("site", {live(tmp_path).name: b"{}"}, ())
    with caplog.at_level(logging.WARNING):
        tree(tmp_path).write(pages.of({**ONE, "index.html": "two"}))
    assert on_disk(tmp_path) == {**ONE, "index.html": "two"}


def test_many_pages_are_shared_out(tmp_path: Path) -> None:
    """Made by two copies of this process or by none, the site is the same."""
    many = {f"{n % 7}/{n}.html": f"{n}" * n for n in range(site.FEW + 200)}
    for workers, folder in ((Forks(2), "two"), (Forks(1), "one"), (None, "none")):
        assert tree(tmp_path / folder, workers).write(Counting().of(many))
        assert on_disk(tmp_path / folder) == many
        assert not tree(tmp_path / folder, workers).write(Counting().of(many))
    assert len({live(tmp_path / folder).name for folder in ("two", "one", "none")}) == 1


def test_what_fails_while_it_is_made_leaves_the_site_as_it_is(tmp_path: Path) -> None:
    """A template's fault comes out as it is, and the next build goes on from there."""

    def fail() -> bytes:
        raise KeyError("template")

    pages = Counting()
    tree(tmp_path).write(pages.of(ONE))
    tree(tmp_path).write(pages.of({**ONE, "index.html": "two"}))
    broken = Leaves({f"{n}.html": Leaf("?", fail) for n in range(99)})
    with pytest.raises(KeyError, match="template"):
        tree(tmp_path, Forks(2)).write(broken)
    assert on_disk(tmp_path) == {**ONE, "index.html": "two"}
    assert tree(tmp_path).write(pages.of(ONE))
    assert on_disk(tmp_path) == ONE


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that knows no links."""

    def refuse(old: Path, new: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("no_links")
def test_without_links_there_are_copies(tmp_path: Path) -> None:
    """The same bytes and dates, made once all the same."""
    pages = Counting()
    tree(tmp_path).write(pages.of(ONE))
    os.utime(live(tmp_path) / "index.html", (1_000_000_000, 1_000_000_000))
    pages.taken()
    for number in range(3):
        state = {**ONE, "c/index.html": f"c{number}"}
        tree(tmp_path).write(pages.of(state))
        assert on_disk(tmp_path) == state
        assert pages.taken() == ["c/index.html"]
        assert (live(tmp_path) / "index.html").stat().st_mtime == 1_000_000_000


PATHS = st.sampled_from(["a", "a/b", "a/b/c", "a/d", "e", "e/f", "g.html", "h/i/j.html"])
TREES = st.dictionaries(PATHS, st.sampled_from(["1", "2", "2#", "3"]), min_size=1).filter(
    lambda texts: not any(f"{one}/" in other for one in texts for other in texts)
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TREES, min_size=2, max_size=5))
def test_any_sequence_of_trees(tmp_path: Path, trees: list[dict[str, str]]) -> None:
    """Whatever came before, the site is exactly the last tree; each file's bytes and no other."""
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    for texts in trees:
        tree(tmp_path).write(Counting().of(texts))
        assert on_disk(tmp_path) == {p: text.partition("#")[0] for p, text in texts.items()}
