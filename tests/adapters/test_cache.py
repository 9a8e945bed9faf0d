import logging
import sqlite3
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from publisher import cache
from publisher.cache import Shelf, edition
from publisher.ports import Cache

ENTRIES = {f"key-{number}": bytes([number]) * 3000 for number in range(50)}


def shelf(root: Path, of: str = "e" * 64) -> Shelf:
    return Shelf(root / "cache", lambda: of)


def held(one: Cache, kind: str = "article") -> dict[str, bytes]:
    return dict(one.find(kind, ENTRIES))


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    (tmp_path / "cache").chmod(0o700)


def file(root: Path) -> Path:
    (found,) = (root / "cache").glob("*.sqlite3")
    return found


def test_what_was_kept_is_found_by_another_process(root: Path) -> None:
    """By kind and key, in a folder that only we may read; what is not used is forgotten."""
    shelf(root).keep("article", ENTRIES, ())
    shelf(root).keep("site", {"key-1": b"tree"}, ())
    assert held(shelf(root)) == ENTRIES
    assert held(shelf(root), "site") == {"key-1": b"tree"}
    assert dict(shelf(root).find("article", ["key-2", "other"])) == {"key-2": ENTRIES["key-2"]}
    assert stat.S_IMODE((root / "cache").stat().st_mode) == 0o700
    shelf(root).keep("article", {"key-3": b"new"}, {"key-4"})
    assert held(shelf(root)) == {"key-3": b"new", "key-4": ENTRIES["key-4"]}
    assert held(shelf(root), "site") == {"key-1": b"tree"}


def test_nothing_is_known_at_first(root: Path) -> None:
    """No folder, no keys: no answers, and asking makes no file."""
    (root / "cache").mkdir()
    assert held(shelf(root)) == {}
    assert list(shelf(root).find("article", ())) == []
    assert list((root / "cache").iterdir()) == []


def test_another_edition_of_the_program_starts_anew(root: Path) -> None:
    """It neither reads what the one before kept nor leaves it lying about."""
    shelf(root, "1" * 64).keep("article", ENTRIES, ())
    (root / "cache" / "odd.sqlite3").mkdir()
    assert held(shelf(root, "2" * 64)) == {}
    shelf(root, "2" * 64).keep("article", {"key-1": b"2"}, ())
    assert sorted(path.name for path in (root / "cache").iterdir()) == [
        f"{'2' * 16}.sqlite3",
        "odd.sqlite3",
    ]
    (root / "cache" / f"{'2' * 16}.sqlite3").rename(root / "cache" / f"{'3' * 16}.sqlite3")
    assert held(shelf(root, "3" * 64)) == {}, "entries of another edition under a false name"


def change(root: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(file(root))) as base, base:
        base.execute(statement, values)


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("UPDATE entry SET value = ? WHERE key = 'key-7'", (b"other",)),
        ("UPDATE entry SET value = ? WHERE key = 'key-7'", ("text",)),
        ("UPDATE entry SET mark = ? WHERE key = 'key-7'", (b"",)),
        ("UPDATE entry SET key = ? WHERE key = 'key-7'", ("key-77",)),
        ("UPDATE entry SET kind = ? WHERE key = 'key-7'", ("site",)),
    ],
)
def test_an_entry_that_does_not_agree_with_its_mark_is_not_there(
    root: Path, statement: str, values: tuple[object, ...]
) -> None:
    """A single spoilt entry costs that entry, nothing else."""
    shelf(root).keep("article", ENTRIES, ())
    change(root, statement, values)
    assert held(shelf(root)) == {key: v for key, v in ENTRIES.items() if key != "key-7"}
    assert held(shelf(root), "site") == {}


def spoil_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def spoil_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:40960] = b"\xa5" * 36864
    path.write_bytes(bytes(content))


def spoil_garbage(path: Path) -> None:
    path.write_bytes(b"garbage " * 1000)


def spoil_schema(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE entry (other INTEGER)")


def spoil_keys(path: Path) -> None:
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("UPDATE entry SET key = CAST(x'ff' AS TEXT) WHERE key = 'key-0'")


@pytest.mark.parametrize(
    "spoil", [spoil_truncate, spoil_middle, spoil_garbage, spoil_schema, spoil_keys]
)
def test_a_damaged_file_is_made_anew(
    root: Path, spoil: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Only what was truly kept is ever found; after the next `keep` all is well again."""
    assert callable(spoil)
    shelf(root).keep("article", ENTRIES, ())
    spoil(file(root))
    with caplog.at_level(logging.WARNING):
        assert held(shelf(root)).items() <= ENTRIES.items()
        shelf(root).keep("article", ENTRIES, ())
        shelf(root).keep("article", ENTRIES, ())
    assert held(shelf(root)) == ENTRIES
    assert "is damaged and will be made anew" in caplog.text


def test_a_folder_that_others_may_write_to_is_not_used(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody else may say what a page holds; the log tells how to mend it."""
    shelf(root).keep("article", ENTRIES, ())
    (root / "cache").chmod(0o777)
    assert held(shelf(root)) == {}
    shelf(root).keep("article", {}, ())
    assert "others may write to it (chmod 700)" in caplog.text
    (root / "cache").chmod(0o700)
    assert held(shelf(root)) == ENTRIES


def test_a_folder_that_cannot_be_is_done_without(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A build goes on without its cache, and says so."""
    (root / "cache").write_text("a file")
    shelf(root).keep("article", ENTRIES, ())
    assert "cannot be used" in caplog.text
    assert held(shelf(root)) == {}
    inside = Shelf(root / "cache" / "deeper", lambda: "e" * 64)
    assert not inside._is_ours()


def test_whoever_waits_too_long_does_without(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process's transaction is no damage: the file stays."""
    monkeypatch.setattr(cache, "SECONDS", 0)
    shelf(root).keep("article", ENTRIES, ())
    with closing(sqlite3.connect(file(root), isolation_level=None)) as base:
        base.execute("BEGIN EXCLUSIVE")
        shelf(root).keep("article", {}, ())
        assert held(shelf(root)) == {}
        base.execute("ROLLBACK")
    assert held(shelf(root)) == ENTRIES


def test_many_at_once(root: Path) -> None:
    """Threads that keep and find at the same time never see a wrong byte."""
    wrong: list[Mapping[str, bytes]] = []

    def work() -> None:
        for _ in range(10):
            shelf(root).keep("article", ENTRIES, ())
            found = held(shelf(root))
            if not found.items() <= ENTRIES.items():
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert held(shelf(root)) == ENTRIES


def test_the_edition_is_the_program_its_libraries_and_the_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same here and now; another when a library or the zone is another."""
    london = edition("Europe/London")
    assert london == edition("Europe/London")
    assert edition("Europe/Zurich") != london
    monkeypatch.setattr(cache, "_versions", lambda: ["jinja2-0"])
    assert edition("Europe/London") != london


def test_every_library_has_its_version() -> None:
    """Each that decides about bytes is found beside the program, as its own metadata say."""
    wanted = [(name.replace("-", "_"), version(name)) for name in cache.DEPENDENCIES]
    assert cache._versions() == sorted(f"{name}-{number}" for name, number in wanted)
