"""Articles and images from a folder of files."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher.checks import duplicates, images, instants
from publisher.checks.rules import error, softened
from publisher.domain.article import Article, Source
from publisher.domain.bibliography import Bibliography, Entry, gather
from publisher.domain.finding import Finding, Place
from publisher.domain.library import Library
from publisher.errors import AuthorError, Defect, OperatorError
from publisher.formats import bibliography, frontmatter, markdown, record
from publisher.formats.record import Record

if TYPE_CHECKING:
    from publisher.ports import Cache, Workers

_ATTEMPTS = 10
_HEAD = 16


# A pipe would keep us waiting for ever, so no file is opened to wait.
_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_KIND = "article"
_WORKS = "works"
_PIECE = 64
"""How many files a worker takes at a time."""
_ARENA = 256
"""How many records from the cache share one piece of memory."""

_Works = tuple[str, tuple[Entry, ...], tuple[Finding, ...]]
"""A file of works: its key in the cache, what is in it, what is wrong."""


class Folder:
    """Reads `content_dir`: every `*.md` an article, every image by its path below it, and the
    works that articles draw by key (`formats.bibliography`).

    Files and folders whose name starts with a dot are passed over, and nothing outside
    `content_dir` is read, whatever links say. A second `load` parses only files whose
    bytes have changed, in another process too where there is a `cache`; many files are parsed
    by the `workers`. `mint_id` makes a new `tag:` URI at each call. `cite` writes a source in a
    style, of which `style` tells this version, and in a language, which is `language` where an
    article names none; without it citations are written in Vancouver style, later.
    """

    def __init__(
        self,
        root: Path,
        content_dir: Path,
        *,
        zone: ZoneInfo,
        categories: Collection[str],
        words_per_minute: int,
        mint_id: Callable[[], str],
        language: str = "en",
        style: str = "",
        cite: Callable[[Source, str], str] | None = None,
        cache: Cache | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._root = root
        self._folder = content_dir
        self._zone = zone
        self._categories = tuple(categories)
        self._words_per_minute = words_per_minute
        self._mint_id = mint_id
        self._cache = cache
        self._workers = workers
        # What else than its bytes and its name decides how a file is read.
        self._context = f"{zone.key}\0{self._categories}\0{words_per_minute}\0{style}"
        if cite is not None:
            self._context += f"\0{language}"
        self._shared = frontmatter.Shared(cite=cite, language=language)
        self._works: dict[str, _Works] = {}
        self._parsed: dict[str, tuple[str, Record]] = {}

    def load(self) -> Library:
        """Read everything once. Wrong files become findings and are left out.

        Raises OperatorError when the folder is not there or may not be read.
        """
        files = list(self._files((*images.KINDS, *bibliography.ENDINGS)))
        pictures = dict(self._pictures(files))
        works, wrong_works = self._bibliography(files)
        self._shared = replace(self._shared, works=works)
        findings: list[Finding] = [*wrong_works]
        articles: list[Article] = []
        for one in self._records():
            findings += one.findings
            if one.article is None:
                continue
            place = Place(one.article.path)
            wrong = tuple(images.of_article(one.pictures, pictures, place))
            findings += softened(wrong) if one.article.draft else wrong
            if not wrong:
                articles.append(one.article)
        kept, doubled = duplicates.find(articles)
        findings += (*doubled, *instants.shared(kept))
        return Library(
            articles=tuple(sorted(kept, key=lambda article: article.id)),
            findings=tuple(sorted(findings, key=_by_place)),
            images={path: found for path, found in pictures.items() if isinstance(found, bytes)},
            works=works,
        )

    def mint(self) -> Sequence[str]:
        """Write an id into each article that has none, and seconds where two articles were
        updated at one instant; the paths changed.

        Each file is replaced in one step. Raises AuthorError, after all others are done,
        naming the files that cannot take a line.
        """
        taken = {article.id for article in self.load().articles}
        changed: list[str] = []
        refused: list[str] = []
        for file in self._files((".md",)):
            name = self._name(file)
            _, one = self._parsed.get(name, ("", None))
            if one is None or all(finding.rule != "missing-id" for finding in one.findings):
                continue
            article_id = self._new_id(taken)
            try:
                minted = frontmatter.mint_line(file.read_bytes(), article_id)
            except AuthorError as wrong:
                refused.append(f"{name}: {wrong}")
                continue
            replace_file(file.resolve(), minted)
            taken.add(article_id)
            changed.append(name)
        changed += self._part(changed, refused)
        if refused:
            raise AuthorError("\n".join(refused))
        return tuple(dict.fromkeys(changed))

    def _part(self, minted: Collection[str], refused: list[str]) -> Iterator[str]:
        """Give seconds of their own to articles that share an instant; the paths changed."""
        articles = self.load().articles
        taken = {article.updated_at for article in articles}
        files = {self._name(file): file for file in self._files((".md",))}
        for article, _ in instants.moved(articles, minted):
            if article.feed_seconds:
                continue  # two stored ones that collide are for people to part
            seconds = instants.free(article, taken)
            taken.add(article.updated_at + timedelta(seconds=seconds))
            file = files[article.path]
            try:
                parted = frontmatter.seconds_line(file.read_bytes(), seconds)
            except AuthorError as wrong:
                refused.append(f"{article.path}: {wrong}")
                continue
            replace_file(file.resolve(), parted)
            yield article.path

    def _new_id(self, taken: Collection[str]) -> str:
        for _ in range(_ATTEMPTS):
            article_id = self._mint_id()
            if article_id not in taken:
                return article_id
        raise Defect(f"{_ATTEMPTS} minted ids in a row were taken already")

    def _files(self, endings: Collection[str]) -> Iterator[Path]:
        """Files by name, in a stable order; links to folders are not followed."""

        def fail(wrong: OSError) -> None:
            raise OperatorError(
                f"cannot read {wrong.filename}: {wrong.strerror}; "
                "create the folder, or set content_dir in config/publisher.toml"
            ) from wrong

        for folder, below, names in os.walk(self._folder, onerror=fail):
            below[:] = sorted(name for name in below if not name.startswith("."))
            place = Path(folder)
            for name in sorted(names):
                if not name.startswith(".") and os.path.splitext(name)[1].lower() in endings:  # noqa: PTH122 - a Path for each name would cost more than reading the file
                    yield place / name

    def _name(self, file: Path) -> str:
        """`content/x.md`: relative to the journal's root, printable whatever the disk holds."""
        path, root = str(file), f"{self._root}{os.sep}"
        if path.startswith(root):
            name = path[len(root) :]
        else:
            name = f"{self._folder.name}/{file.relative_to(self._folder)}"
        if name.isprintable():
            return name
        return name.encode("unicode-escape").decode("ascii")

    def _records(self) -> Sequence[Record]:
        """Every `*.md` as it is now, in order of name: remembered, else cached, else parsed."""
        files = {self._name(file): file for file in self._files((".md",))}
        if not self._parsed and (self._cache is None or self._cache.is_empty()):
            self._parsed = self._read(list(files), files, ())  # there is nothing to compare with
            return [self._parsed[name][1] for name in files]
        known: dict[str, tuple[str, Record]] = {}
        wanted: dict[str, str] = {}
        for name, file in files.items():
            raw = self._bytes(file, name, frontmatter.MAX_BYTES)
            key = self._key(name, raw) if isinstance(raw, bytes) else ""
            remembered = self._parsed.get(name)
            if isinstance(raw, Finding):
                known[name] = key, Record("", None, (raw,))
            elif remembered and remembered[0] == key and self._is_current(remembered[1]):
                known[name] = remembered
            else:
                wanted[key] = name
        if wanted:
            known |= self._found(wanted)
            missing = [name for name in wanted.values() if name not in known]
            if missing:
                known |= self._read(missing, files, {key for key, _ in known.values()})
        self._parsed = {name: known[name] for name in files}
        return [one for _, one in self._parsed.values()]

    def _key(self, name: str, raw: bytes) -> str:
        version = sha256(raw).hexdigest()
        return sha256(f"{version}\0{name}\0{self._context}".encode()).hexdigest()

    def _found(self, wanted: Mapping[str, str]) -> dict[str, tuple[str, Record]]:
        """What the cache knows, by name; `wanted` holds names by key."""
        if self._cache is None:
            return {}
        found: dict[str, tuple[str, Record]] = {}
        entries = self._cache.find(_KIND, wanted)
        while some := list(islice(entries, _ARENA)):
            arena, start = b"".join(content for _, content in some), 0
            for key, content in some:
                stop = start + len(content)
                with suppress(ValueError):  # not what we wrote: it is read from its file
                    one = record.decode(arena, start, stop)
                    if self._is_current(one):
                        found[wanted[key]] = key, one
                start = stop
        return found

    def _read(
        self, names: Sequence[str], files: Mapping[str, Path], used: Collection[str]
    ) -> dict[str, tuple[str, Record]]:
        """Parse the files of these names, and keep what they hold in the cache."""
        pieces = [names[at : at + _PIECE] for at in range(0, len(names), _PIECE)]

        def work(number: int) -> bytes:
            return record.together([self._parse(name, files[name]) for name in pieces[number]])

        answers = (
            self._workers.each(work, len(pieces))
            if self._workers
            else ((number, work(number)) for number in range(len(pieces)))
        )
        read: dict[str, tuple[str, Record]] = {}
        new: dict[str, bytes] = {}
        for number, arena in answers:
            for name, (key, start, stop) in zip(pieces[number], record.apart(arena), strict=True):
                read[name] = key, record.decode(arena, start, stop)
                if self._cache and key:
                    new[key] = arena[start:stop]
        if self._cache:
            self._cache.keep(_KIND, new, used)
        return read

    def _parse(self, name: str, file: Path) -> tuple[str, bytes]:
        """A file's key and its record; no key where it cannot be read."""
        raw = self._bytes(file, name, frontmatter.MAX_BYTES)
        if isinstance(raw, Finding):
            return "", record.encode(Record("", None, (raw,)))
        parsed = frontmatter.read(
            raw,
            path=name,
            zone=self._zone,
            categories=self._categories,
            words_per_minute=self._words_per_minute,
            shared=self._shared,
        )
        article = parsed.article
        version = article.version if article else sha256(raw).hexdigest()
        pictures = _pictures_of(article) if article else ()
        made = Record(version, article, parsed.findings, pictures, parsed.drawn)
        return self._key(name, raw), record.encode(made)

    def _is_current(self, one: Record) -> bool:
        """Whether the works that an article draws are as they were when it was parsed."""
        return not one.drawn or self._shared.works.agrees(one.drawn)

    def _bibliography(self, files: Iterable[Path]) -> tuple[Bibliography, list[Finding]]:
        """The works that articles may draw by key; remembered, else cached, else parsed."""
        found: dict[str, _Works] = {}
        new: dict[str, bytes] = {}
        for file in files:
            if bibliography.is_one(file.name):
                name = self._name(file)
                raw = self._bytes(file, name, bibliography.MAX_BYTES)
                found[name] = self._works_in(name, raw, new)
        if new and self._cache:
            self._cache.keep(_WORKS, new, {key for key, _, _ in found.values()})
        self._works = found
        entries = [entry for _, some, _ in found.values() for entry in some]
        findings = [finding for _, _, some in found.values() for finding in some]
        return gather(entries), [*findings, *softened(bibliography.clashes(entries))]

    def _works_in(self, name: str, raw: bytes | Finding, new: dict[str, bytes]) -> _Works:
        if isinstance(raw, Finding):
            return "", (), (raw,)
        key = sha256(f"{sha256(raw).hexdigest()}\0{name}".encode()).hexdigest()
        if (remembered := self._works.get(name)) and remembered[0] == key:
            return remembered
        for _, content in self._cache.find(_WORKS, (key,)) if self._cache else ():
            with suppress(ValueError):
                return key, *record.decode_works(content)
        read = bibliography.parse(raw, name)
        new[key] = record.encode_works(*read)
        return key, *read

    def _bytes(self, file: Path, name: str, limit: int) -> bytes | Finding:
        """At most one byte more than `limit`, from an ordinary file inside the folder."""
        place = Place(name)
        if not file.name.isprintable():
            return error("file-name", place, "the name is not printable text", "rename the file")
        try:
            handle = _opened(file)
            if handle is None:
                if not file.resolve().is_relative_to(self._folder.resolve()):
                    message = "a link leads out of content/"
                    return error("outside-content", place, message, "copy the file here")
                handle = os.open(file, _READING)
            with os.fdopen(handle, "rb") as stream:
                if stat.S_ISREG(os.fstat(handle).st_mode):
                    return stream.read(limit + 1)
                said = "it is not an ordinary file"
        except (OSError, RuntimeError) as wrong:  # RuntimeError: a loop of links
            said = (wrong.strerror if isinstance(wrong, OSError) else None) or str(wrong)
        message = f"cannot be read: {said}"
        return error("unreadable-file", place, message, "make it a file that we may read")

    def _pictures(self, files: Iterable[Path]) -> Iterator[tuple[str, bytes | Finding]]:
        """Each image below the folder by its path, or why it cannot be used."""
        for file in files:
            if file.suffix.lower() not in images.KINDS:
                continue
            path = file.relative_to(self._folder).as_posix()
            raw = self._bytes(file, self._name(file), images.MAX_BYTES)
            if isinstance(raw, bytes):
                found = tuple(images.content(path, raw[:_HEAD], len(raw), Place(self._name(file))))
                yield path, found[0] if found else raw
            else:
                yield path, raw


def _opened(file: Path) -> int | None:
    """A file below a folder that was walked, opened; None for a link, which may lead anywhere."""
    try:
        return os.open(file, _READING | os.O_NOFOLLOW)
    except OSError as wrong:
        if wrong.errno == errno.ELOOP:
            return None
        raise


def _pictures_of(article: Article) -> tuple[str, ...]:
    texts = (article.body_html, *(question.answer_html for question in article.questions))
    found = [path for html in texts for path in markdown.pictures(html)]
    return tuple(dict.fromkeys([article.image.path, *found] if article.image else found))


def _by_place(finding: Finding) -> tuple[str, int, str, str]:
    return finding.place.path, finding.place.line or 0, finding.rule, finding.message


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
