"""Files of content/, opened with care: nothing outside the folder, and nothing that is no file."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

from publisher.checks.rules import error
from publisher.domain.finding import Finding, Place
from publisher.formats import stamps
from publisher.formats.stamps import Stamp

# A pipe would keep us waiting for ever, so no file is opened to wait.
_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def content_of(
    file: Path, name: str, folder: Path, limit: int
) -> tuple[bytes | Finding, Stamp | None]:
    """At most one byte more than `limit` of an ordinary file inside `folder`, and its stamp
    before it was read; or what is wrong with it. `name` is what findings call it.
    """
    place = Place(name)
    if not file.name.isprintable():
        said = "the name is not printable text"
        return error("file-name", place, said, "rename the file"), None
    try:
        handle = _opened(file)
        if handle is None:
            if not file.resolve().is_relative_to(folder.resolve()):
                message = "a link leads out of content/"
                return error("outside-content", place, message, "copy the file here"), None
            handle = os.open(file, _READING)
        try:
            found = os.fstat(handle)
            if stat.S_ISREG(found.st_mode):
                return _read(handle, found.st_size, limit + 1), stamps.of(found)
            said = "it is not an ordinary file"
        finally:
            os.close(handle)
    except (OSError, RuntimeError) as wrong:  # RuntimeError: a loop of links
        said = (wrong.strerror if isinstance(wrong, OSError) else None) or str(wrong)
    message = f"cannot be read: {said}"
    return error("unreadable-file", place, message, "make it a file that we may read"), None


def stamp_of(file: str) -> Stamp | None:
    """What the disk says of the name itself: a link has another stamp than what it leads to."""
    try:
        return stamps.of(os.lstat(file))
    except OSError:  # gone, or not ours to see: whoever reads it says so
        return None


def moment(folder: Path) -> int:
    """What time it is by the clock of the disk that holds `folder`, in ns.

    0 where nothing can be written there: then no file is known to have stood still.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            return os.fstat(probe.fileno()).st_ctime_ns
    except OSError:
        return 0


def replace_file(file: Path, content: bytes) -> None:
    """Swap in new content: a crash leaves the old file or the new one, never half of it."""
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".mint-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o644
        Path(temporary).chmod(mode)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _opened(file: Path) -> int | None:
    """A file below a folder that was walked, opened; None for a link, which may lead anywhere."""
    try:
        return os.open(file, _READING | os.O_NOFOLLOW)
    except OSError as wrong:
        if wrong.errno == errno.ELOOP:
            return None
        raise


def _read(handle: int, size: int, most: int) -> bytes:
    """All of a file, or its first `most` bytes; `size` is how many there were a moment ago."""
    content = os.read(handle, min(size + 1, most))
    if len(content) == size:
        return content
    parts = [content]  # it grew, or the file system gives it in pieces
    while (most := most - len(parts[-1])) > 0 and parts[-1]:
        parts.append(os.read(handle, most))
    return b"".join(parts)
