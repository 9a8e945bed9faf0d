"""The built tree in memory: files are read once, at their first use, and swapped whole.

A generation is opened when `public` points to it, and asked for as long as it does. A file
that is the same in the next one (`Tree` links what has not changed) is taken over with its
compressed forms. Held are at most `bound` bytes of the present generation and as many of the
one before; a larger file than a quarter of that is read anew each time.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
import weakref
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import brotli

from publisher.errors import SiteError
from publisher.formats import answers
from publisher.web.paths import file_name

BOUND = 64 * 1024 * 1024
"""Bytes of files and their compressed forms."""
TRIES = 10
"""How often a generation may be gone again before it was open."""

IDENTITY, GZIP, BROTLI = "identity", "gzip", "br"
LEVELS = {GZIP: 6, BROTLI: 6}
"""Measured on a feed of 500 KB: 16% of its size in 20 ms; the highest levels take a second."""

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Form:
    """A file in one encoding, ready to send. `tag` is its strong ETag (RFC 9110 §8.8.3)."""

    tag: bytes
    body: bytes
    headers: tuple[Header, ...]
    unchanged: tuple[Header, ...]


@dataclass(slots=True)
class File:
    """One file of a generation. `modified_at` counts whole seconds since 1970."""

    name: str
    gone: bool
    content: bytes
    digest: str
    modified_at: int
    identity: tuple[int, ...]
    shrinks: bool
    forms: dict[str, Form] = field(default_factory=dict)
    used: bool = False

    @property
    def size(self) -> int:
        """Bytes that it may come to hold: compressed forms are each smaller than itself."""
        return len(self.content) * (3 if self.shrinks else 1)


@dataclass(frozen=True, slots=True)
class Moved:
    """A redirect's target, or the folder that a path without its last slash means."""

    to: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A page that was withdrawn, and no file says why."""


class _Folder:
    """An open generation; closed when nobody has it any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._handle)
        self._inode = _inode(os.fstat(self._handle))

    def is_whole(self) -> bool:
        """Whether it still has its name: a generation loses it before its content."""
        try:
            return _inode(self._path.stat()) == self._inode
        except FileNotFoundError:
            return False

    def open(self, name: str) -> int | None:
        """A handle of a plain file, or None. Raises OSError where the disk fails."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            handle = os.open(name, flags, dir_fd=self._handle)
        except (FileNotFoundError, NotADirectoryError, UnicodeEncodeError):
            return None
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
                return None
            raise
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return handle
        os.close(handle)
        return None


@dataclass(slots=True)
class _Generation:
    aim: str
    folder: _Folder
    control: answers.Control
    gone: frozenset[str | None]
    files: dict[str, File] = field(default_factory=dict)
    before: dict[str, File] = field(default_factory=dict)
    held: int = 0

    def hold(self, path: str, file: File, bound: int) -> None:
        """Keep a file, and let go of those that nobody asked for since the last time."""
        self.files[path] = file
        self.held += file.size
        while self.held > bound:
            oldest = next(iter(self.files))
            candidate = self.files.pop(oldest)
            if candidate.used:
                candidate.used = False
                self.files[oldest] = candidate
            else:
                self.held -= candidate.size


class Memory:
    """The files of the tree that `public` points to. `dress` gives a form its headers.

    `find` is for the one thread that answers; `load` and `form` for any thread.
    """

    def __init__(
        self,
        public: Path,
        *,
        clock: Callable[[], datetime],
        dress: Callable[[File, str, bytes, bytes], Form],
        bound: int = BOUND,
    ) -> None:
        self._public = public
        self._clock = clock
        self._dress = dress
        self._bound = bound
        self._generation: _Generation | None = None
        self._lock = threading.Lock()

    def find(self, path: str) -> File | None:
        """The file that a request's path names, if it is held and its generation live."""
        generation = self._generation
        if generation is None:
            return None
        try:
            if os.readlink(self._public) != generation.aim:  # noqa: PTH115 - ten times as quick
                return None
        except OSError:
            return None  # `load` says what is wrong
        file = generation.files.get(path)
        if file is not None:
            file.used = True
        return file

    def load(self, path: str) -> File | Moved | Gone | None:
        """The same, read from the disk where it is not held. Raises SiteError."""
        name = file_name(path.removeprefix("/"))
        with self._lock:
            try:
                for _ in range(TRIES):
                    generation = self._open()
                    if generation is None or name is None:
                        return None
                    found = self._look(generation, path, name)
                    if generation.folder.is_whole():
                        return found
                    # A builder took it while we looked: what we saw may be of the next one.
                    self._generation = None
            except OSError as error:
                raise SiteError(f"{self._public} cannot be read: {error.strerror}") from error
        raise SiteError(f"{self._public} changes faster than it can be read")

    def form(self, file: File, encoding: str) -> Form:
        """The file in this encoding; compressed at most once."""
        found = file.forms.get(encoding)
        if found is None:
            with self._lock:
                found = file.forms.get(encoding)
                if found is None:
                    body = _encode(file.content, encoding)
                    found = self._dress(file, encoding, _tag(file, encoding), body)
                    file.forms[encoding] = found
        return found

    # --- under the lock -----------------------------------------------------------------------

    def _open(self) -> _Generation | None:
        """The generation that is live now; None where nothing was ever built."""
        for _ in range(TRIES):
            try:
                aim = os.readlink(self._public)  # noqa: PTH115 - as `find` compares it
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno == errno.EINVAL:
                    raise SiteError(
                        f"{self._public} is no link to a built site: move it away and build"
                    ) from error
                raise
            kept = self._generation
            if kept is not None and kept.aim == aim and kept.folder.is_whole():
                return kept
            try:
                folder = _Folder(self._public.parent / aim)
            except FileNotFoundError:
                continue  # dropped between the two calls: the link has another aim by now
            control = self._control(folder)
            if folder.is_whole():
                gone = frozenset(file_name(path.removeprefix("/")) for path in control.gone)
                self._generation = _Generation(
                    aim, folder, control, gone, before=kept.files if kept else {}
                )
                return self._generation
        raise SiteError(f"{self._public} leads nowhere: build the site again")

    def _control(self, folder: _Folder) -> answers.Control:
        handle = folder.open(answers.CONTROL)
        if handle is None:
            return answers.control(None)
        with os.fdopen(handle, "rb") as stream:
            return answers.control(stream.read())

    def _look(self, generation: _Generation, path: str, name: str) -> File | Moved | Gone | None:
        if (held := generation.files.get(path)) is not None:
            return held
        folder = path if path.endswith("/") else f"{path}/"
        for known in (path, folder):
            if known in generation.control.redirects:
                return Moved(generation.control.redirects[known])
        file = self._read(generation, path, name)
        if file is None and folder != path:
            handle = generation.folder.open(f"{name}/index.html")
            if handle is not None:
                os.close(handle)
                return Moved(folder)
        return Gone() if file is None and name in generation.gone else file

    def _read(self, generation: _Generation, path: str, name: str) -> File | None:
        handle = generation.folder.open(name)
        if handle is None:
            return None
        with os.fdopen(handle, "rb") as stream:
            found = os.fstat(stream.fileno())
            gone = name in generation.gone
            identity = (*_inode(found), found.st_mtime_ns, found.st_size, gone)
            file = generation.before.get(path)
            if file is None or file.identity != identity:
                file = self._file(name, gone, identity, stream.read(), int(found.st_mtime))
        if len(file.content) <= self._bound // 4:
            generation.hold(path, file, self._bound)
        return file

    def _file(
        self, name: str, gone: bool, identity: tuple[int, ...], content: bytes, modified_at: int
    ) -> File:
        return File(
            name=name,
            gone=gone,
            content=content,
            digest=hashlib.sha256(content).hexdigest(),
            # Never later than the answer's own Date (RFC 9110 §8.8.2.1).
            modified_at=min(modified_at, int(self._clock().timestamp())),
            identity=identity,
            shrinks=answers.is_compressed(name, len(content)),
        )


def _encode(content: bytes, encoding: str) -> bytes:
    if encoding == GZIP:
        # wbits 31: gzip's own header, without a time or a name in it.
        return zlib.compress(content, LEVELS[GZIP], wbits=31)
    if encoding == BROTLI:
        return bytes(brotli.compress(content, mode=brotli.MODE_TEXT, quality=LEVELS[BROTLI]))
    return content


def _tag(file: File, encoding: str) -> bytes:
    """Known before compressing: the bytes follow from the content and the compressor."""
    versions = {GZIP: zlib.ZLIB_RUNTIME_VERSION, BROTLI: brotli.__version__}
    how = f"{encoding} {versions.get(encoding)} {LEVELS.get(encoding)} {file.digest}"
    digest = file.digest if encoding == IDENTITY else hashlib.sha256(how.encode()).hexdigest()
    return f'"{digest[:32]}"'.encode()


def _inode(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
