"""The built tree on disk: whole generations, swapped by one symlink, checked and published."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from publisher.domain.leaf import Leaves, ready
from publisher.errors import SiteError
from publisher.formats import manifest
from publisher.formats.manifest import Entry, Manifest
from publisher.site import generation

if TYPE_CHECKING:
    import httpx

    from publisher.ports import Cache, Workers

LOCK_SECONDS = 120
"""How long a second builder waits for the first."""
PUBLISH_SECONDS = 1800
"""How long `publish_command` may take."""
TAIL_BYTES = 2000
"""How much of a failed command's output the error shows."""
MAX_REDIRECTS = 5
FEW = 50
"""Up to so many files are brought to the disk one by one; more, all at once (`sync`)."""
_TRY_SECONDS = 0.05
_KIND = "site"
_NEW = ".new"
_ENTRIES = msgspec.json.Decoder(dict[str, Entry])
_PIECE = 32
"""How many pages a worker makes at a time."""


class Tree:
    """Implements `ports.Site`.

    Beside `public_dir` (`public`, a symlink) stands `.public/`, with one directory for each
    generation, named by the hash of its content, and the lock. A process killed at any instant
    leaves `public` on a whole generation: names appear only by rename, and vanish by rename
    before their content does. `url` is the journal's, without trailing slash; `command` brings
    the tree to a static host, and is None where it is served from here.

    Where there is a `cache`, it remembers what each file of a generation was made from. Then
    the earlier generation, which would be deleted, becomes the new one: only what is not the
    same is made, by the `workers`.
    """

    def __init__(
        self,
        public_dir: Path,
        *,
        url: str,
        command: Sequence[str] | None,
        check_timeout: timedelta,
        cache: Cache | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._public = public_dir
        self._generations = public_dir.parent / f".{public_dir.name}"
        self._url = urlsplit(url.rstrip("/"))
        self._command = tuple(command) if command else None
        self._timeout = check_timeout.total_seconds()
        self._cache = cache
        self._workers = workers

    def write(self, files: Mapping[str, bytes]) -> bool:
        """Swap the whole tree in at once; whether anything changed. Keys are `a/b.html`.

        Of `Leaves`, only those are made that are not there already. Raises what making one
        raises, and SiteError: a name that leads out of the tree, a disk that cannot be written,
        or something at `public_dir` that is not ours to replace.
        """
        for name in files:
            if not is_inside(name):
                raise SiteError(f"'{name}' is no name for a page: it would lead out of the site")
        leaves = files
        if not isinstance(leaves, Leaves):
            leaves = Leaves({name: ready(content) for name, content in files.items()})
        try:
            with self._locked():
                return self._write(leaves)
        except OSError as error:
            raise SiteError(
                f"the site cannot be written to {self._generations}: {error.strerror or error}; "
                "free space or mend the permissions, then build again"
            ) from error

    def read(self, path: str) -> bytes | None:
        """One file of the tree that is live now, or None."""
        if not is_inside(path):
            return None
        try:
            return (self._public / path).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            raise SiteError(f"{self._public / path} cannot be read: {error.strerror}") from error

    def not_live(self, urls: Iterable[str]) -> Sequence[str]:
        """Those of `urls` that a reader could not open now; in their order, each once.

        Served from here, a page is live when its file is; on a static host when it answers
        HEAD with 2xx, after redirects that stay on the host, or with 410 where the article was
        withdrawn and its page says why.
        """
        asked = tuple(dict.fromkeys(urls))
        if self._command is None:
            return [url for url in asked if not self._is_here(url)]
        import httpx  # a tenth of a second that no build needs

        from publisher.formats import answers

        with httpx.Client(timeout=self._timeout, follow_redirects=False) as client:
            gone = answers.control(self.read(answers.CONTROL)).gone
            return [url for url in asked if not self._answers(client, url, gone)]

    def publish(self) -> None:
        """Run the publish command, where there is one. Raises SiteError with what it said."""
        if self._command is None:
            return
        with tempfile.TemporaryFile() as output:
            try:
                done = subprocess.run(
                    self._command,
                    cwd=self._public.parent,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=PUBLISH_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                why = f"took longer than {PUBLISH_SECONDS // 60} minutes and was stopped"
            except OSError as error:
                why = f"cannot be started: {error.strerror}"
            else:
                if done.returncode == 0:
                    return
                why = f"ended with status {done.returncode}"
            said = _tail(output.fileno())
        raise SiteError(
            f"`{self._command[0]}`, the publish command, {why}; the built site is whole and will "
            f"be published by the next run{': ' if said else ''}{said}"
        )

    # --- writing ------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._generations.mkdir(parents=True, exist_ok=True)
        place = self._generations / ".lock"
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _lock(handle, place)
            yield
        finally:
            # Copies of this process that still end have the handle too: closing is not enough.
            fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)

    def _write(self, leaves: Leaves) -> bool:
        live = self._live()
        there = self._survey(live)
        same = {
            path: entry
            for path in leaves
            if (entry := there.entries.get(path)) and entry.key == leaves.key(path)
        }
        if live is not None and len(same) == len(leaves) == len(there.entries):
            return False
        made = self._fill(leaves, same, live, there)
        tree = made.tree()
        if tree != live:
            (self._generations / _NEW).rename(self._generations / tree)
            self._swap(tree)
        if self._cache:
            self._cache.keep(_KIND, {tree: made.encode()}, ())
        self._drop(keep={live, tree})
        return tree != live

    def _survey(self, live: str | None) -> Manifest:
        """What the live generation holds, and what that was made from as far as it is known."""
        if live is None:
            return Manifest()
        remembered = Manifest()
        for tree, raw in self._cache.find(_KIND, {live}) if self._cache else ():
            with suppress(ValueError):  # not what we wrote: every file is read
                remembered = manifest.decode(raw, tree)
        return generation.survey(self._generations / live, remembered)

    def _live(self) -> str | None:
        """The generation that `public` points to; None when there is none yet."""
        if self._public.is_symlink():
            aim = self._public.readlink()
            if aim.parent == Path(self._generations.name):
                return aim.name if (self._generations / aim.name).is_dir() else None
            raise SiteError(
                f"{self._public} is a link to {aim}, which no build made; remove it or set "
                "another `public` in the settings"
            )
        if self._public.exists():
            raise SiteError(
                f"{self._public} exists and no build made it; move it away or set another "
                "`public` in the settings"
            )
        return None

    def _fill(
        self, leaves: Leaves, same: Mapping[str, Entry], live: str | None, there: Manifest
    ) -> Manifest:
        """Make `.new` hold exactly `leaves`; what it then holds.

        The files of `same` are those of the live generation. The earlier one, which would be
        deleted now, has most of them already: it becomes the new one.
        """
        fresh = self._generations / _NEW
        left: set[str] = set()
        touched = {fresh}
        if self._reuse(live):
            left, touched = generation.strip(fresh, same)
        missing = [path for path in leaves if path not in left]
        few = len(missing) + len(touched) <= FEW
        made = self._make(leaves, missing, same, live, there, durable=few)
        if few:
            for folder in sorted(touched | {(fresh / path).parent for path in missing}):
                _sync_folder(folder)
        else:
            # One sync for the whole tree: an fsync for each of 10,000 files would take minutes.
            os.sync()
        return Manifest({path: made.get(path) or same[path] for path in leaves})

    def _reuse(self, live: str | None) -> bool:
        """Make `.new`: of the generation before the live one, or (False) empty."""
        fresh = self._generations / _NEW
        others = [path for path in self._generations.iterdir() if _is_generation(path)]
        earlier = [path for path in others if path.name != live]
        self._drop(keep={live, *(path.name for path in earlier[:1])})
        if earlier:
            earlier[0].rename(fresh)
        else:
            fresh.mkdir()
        return bool(earlier)

    def _make(
        self,
        leaves: Leaves,
        paths: Sequence[str],
        same: Mapping[str, Entry],
        live: str | None,
        there: Manifest,
        *,
        durable: bool,
    ) -> dict[str, Entry]:
        """Bring the files at `paths` into `.new`, by the workers; what came of it, by path."""
        fresh, lived = f"{self._generations}/{_NEW}/", f"{self._generations}/{live}/"
        paths = sorted(paths, key=leaves.near)
        pieces = [paths[at : at + _PIECE] for at in range(0, len(paths), _PIECE)]

        def entry(path: str, folders: set[str]) -> Entry:
            known = same.get(path)
            content = leaves[path] if known is None else b""
            digest = known.digest if known else hashlib.sha256(content).hexdigest()
            before = there.entries.get(path)
            if before is not None and before.digest == digest:
                stamp = generation.carry(lived + path, fresh + path, folders, durable=durable)
            else:
                stamp = generation.write(fresh + path, content, folders, durable=durable)
            return Entry(leaves.key(path), digest, *stamp)

        def work(number: int) -> bytes:
            folders: set[str] = set()
            return msgspec.json.encode({path: entry(path, folders) for path in pieces[number]})

        workers = self._workers
        answers = (
            workers.each(work, len(pieces)) if workers else enumerate(map(work, range(len(pieces))))
        )
        made: dict[str, Entry] = {}
        for _, answer in answers:
            made |= _ENTRIES.decode(answer)
        return made

    def _swap(self, tree: str) -> None:
        link = self._generations / ".link"
        link.unlink(missing_ok=True)
        # The link is made where it will stand, so that its relative aim is right at once.
        link.symlink_to(Path(self._generations.name) / tree)
        link.replace(self._public)
        for folder in (self._generations, self._public.parent):
            _sync_folder(folder)

    def _drop(self, keep: set[str | None]) -> None:
        """Delete other generations and what killed builds left.

        A generation is renamed before it is deleted: half of one must never bear its hash.
        """
        for path in sorted(self._generations.iterdir()):
            if path.name in keep or path.name in (".lock", ".link") or not path.is_dir():
                continue
            doomed = path
            if not path.name.startswith("."):
                doomed = self._generations / f".old-{path.name}"
                path.rename(doomed)
            shutil.rmtree(doomed)

    # --- asking -------------------------------------------------------------------------------

    def _is_here(self, url: str) -> bool:
        parts = urlsplit(url)
        prefix = self._url.path + "/"
        if not self._is_ours(url) or not parts.path.startswith(prefix):
            return False
        name = unquote(parts.path.removeprefix(prefix))
        if not name or name.endswith("/"):
            name += "index.html"
        return is_inside(name) and (self._public / name).is_file()

    def _answers(self, client: httpx.Client, url: str, gone: frozenset[str]) -> bool:
        import httpx

        try:
            for _ in range(MAX_REDIRECTS + 1):
                if not self._is_ours(url):
                    return False
                answer = client.head(url)
                if answer.status_code == httpx.codes.GONE:
                    return urlsplit(url).path.removeprefix(self._url.path) in gone
                if not answer.is_redirect:
                    return answer.is_success
                url = urljoin(url, answer.headers["location"])
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return False  # no answer, or no address, is an expected answer: it is asked again
        return False

    def _is_ours(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and parts.netloc == self._url.netloc


def _lock(handle: int, place: Path) -> None:
    """Wait for our turn. Raises SiteError where it does not come in LOCK_SECONDS."""
    patience = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > patience:
                raise SiteError(
                    f"another build has held {place} for {LOCK_SECONDS} s; wait for it to end"
                ) from None
            time.sleep(_TRY_SECONDS)


def is_inside(name: str) -> bool:
    """Whether `name` is a plain relative path that cannot lead out of the tree."""
    plain = all(part not in ("", ".", "..") for part in name.split("/"))
    return plain and "\\" not in name and "\0" not in name


def _is_generation(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tail(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, TAIL_BYTES, max(0, size - TAIL_BYTES))
    return content.decode("utf-8", "replace").strip()
