"""One directory that holds a whole site: what is in it, and how the next one is made from it.

A file that has its name is never written to: it may have another one, in the generation that
readers see. It is replaced.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from publisher.formats.manifest import Entry, Manifest

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
Found = tuple[str, os.stat_result | None]
"""A path below a folder and what it is; None for a folder."""


def survey(folder: Path, remembered: Manifest) -> Manifest:
    """What `folder` holds now. Only files that are not as they are remembered are read."""
    entries: dict[str, Entry] = {}
    for path, found in _entries(folder):
        if found is None or not stat.S_ISREG(found.st_mode):
            continue
        entry = remembered.entries.get(path)
        if entry is None or entry.stamp != _stamp(found):
            digest = hashlib.sha256((folder / path).read_bytes()).hexdigest()
            key = entry.key if entry is not None and entry.digest == digest else ""
            entry = Entry(key, digest, *_stamp(found))
        entries[path] = entry
    return Manifest(entries)


def strip(folder: Path, kept: Mapping[str, Entry]) -> tuple[set[str], set[Path]]:
    """Remove all but the very files of `kept`; the paths that are left, the folders touched."""
    left: set[str] = set()
    touched: set[Path] = set()
    below: list[str] = []
    needed: set[str] = set()
    for path, found in _entries(folder):
        if found is None:
            below.append(path)
        elif path in kept and kept[path].stamp == _stamp(found):
            left.add(path)
            needed.add(path.rpartition("/")[0])
        else:
            (folder / path).unlink()
            touched.add((folder / path).parent)
    for path in reversed(below):  # those within before those around them
        if path in needed:
            needed.add(path.rpartition("/")[0])
        else:
            (folder / path).rmdir()
            touched = (touched - {folder / path}) | {(folder / path).parent}
    return left, touched


def carry(source: str, target: str, made: set[str], *, durable: bool) -> tuple[int, int, int]:
    """Give the file `source` the name `target` too; its stamp. Raises OSError where it is gone.

    It keeps its date, so that Last-Modified is when these bytes first appeared, and its inode,
    so that whoever serves it knows without reading that it is the same.
    """
    _clear(target, made)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links, or too many of them: a copy of the same date
        whole = Path(source)
        at = whole.stat().st_mtime_ns
        return write(target, whole.read_bytes(), made, durable=durable, at=at)
    return _stamp(os.lstat(target))


def write(
    target: str, content: bytes, made: set[str], *, durable: bool, at: int | None = None
) -> tuple[int, int, int]:
    """Make a file; its stamp. `made` holds the folders that are there, `at` is its date.

    `durable`: its bytes are on the disk when this returns.
    """
    handle = _created(target, made)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        if at is not None:
            os.utime(handle, ns=(at, at))
        if durable:
            os.fsync(handle)
        return _stamp(os.fstat(handle))
    finally:
        os.close(handle)


def _created(target: str, made: set[str]) -> int:
    """A new file, open for writing. Mostly there is nothing in its place, so it is tried first.

    This is done ten thousand times; a Path for each name would cost as much as the making.
    """
    folder = target.rpartition("/")[0]
    if folder not in made:
        try:
            os.mkdir(folder)  # noqa: PTH102 - as said above
        except (FileExistsError, FileNotFoundError):
            Path(folder).mkdir(parents=True, exist_ok=True)
        made.add(folder)
    try:
        return os.open(target, _NEW, 0o666)
    except FileExistsError:
        os.unlink(target)  # noqa: PTH108 - as said above
        return os.open(target, _NEW, 0o666)


def _clear(target: str, made: set[str]) -> None:
    """Make room: the folder, and nothing where a worker that was killed left something."""
    folder = target.rpartition("/")[0]
    if folder not in made:
        Path(folder).mkdir(parents=True, exist_ok=True)
        made.add(folder)
    Path(target).unlink(missing_ok=True)


def _entries(folder: Path) -> Iterator[Found]:
    """Everything below `folder`, each folder before what is in it; links are not followed."""
    waiting = [(str(folder), "")]
    while waiting:
        place, prefix = waiting.pop()
        with os.scandir(place) as entries:
            for each in entries:
                path = prefix + each.name
                if each.is_dir(follow_symlinks=False):
                    yield path, None
                    waiting.append((each.path, f"{path}/"))
                else:
                    yield path, each.stat(follow_symlinks=False)


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns
