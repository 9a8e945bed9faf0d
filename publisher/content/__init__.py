"""Articles and images from a folder of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher.checks import duplicates, images, instants, length
from publisher.checks.rules import softened
from publisher.content.files import content_of, moment, replace_file, stamp_of
from publisher.domain.article import Article, Source
from publisher.domain.bibliography import Bibliography, Entry, gather
from publisher.domain.finding import Finding, Place
from publisher.domain.library import Library
from publisher.errors import AuthorError, Defect, OperatorError
from publisher.formats import record, stamps, workfiles
from publisher.formats.record import Record
from publisher.formats.shared import Shared
from publisher.formats.stamps import Stamp, Stamped

if TYPE_CHECKING:
    from publisher.ports import Cache, Workers

_ATTEMPTS = 10
_HEAD = 16
_KIND, _STAMPS, _WORKS = "article", "stamps", "works"
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
    bytes have changed, in another process too where there is a `cache`, and reads only those
    that the disk says were touched; many files are parsed by the `workers`. `mint_id` makes a
    new `tag:` URI at each call. `cite` writes a source in a style, of which `style` tells this
    version, and in a language, which is `language` where an article names none; without it
    citations are written in Vancouver style, later.
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
        self._shared = Shared(cite=cite, language=language)
        self._works: dict[str, _Works] = {}
        self._notes = sha256(self._context.encode()).hexdigest()
        self._parsed: dict[str, tuple[str, Record]] = {}
        self._stamps: Mapping[str, Stamped] | None = None

    def load(self) -> Library:
        """Read everything once. Wrong files become findings and are left out.

        Raises OperatorError when the folder is not there or may not be read.
        """
        files = list(self._files((*images.KINDS, *workfiles.ENDINGS)))
        pictures = dict(self._pictures(files))
        new: dict[str, bytes] = {}
        works, findings = self._bibliography(files, new)
        self._shared = replace(self._shared, works=works)
        articles: list[Article] = []
        records = self._records()
        if new and self._cache:  # not before: an empty cache is not asked about articles
            self._cache.keep(_WORKS, new, {key for key, _, _ in self._works.values()})
        for one in records:
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
        from publisher.formats import skeleton

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
                minted = skeleton.mint_line(Path(file).read_bytes(), article_id)
            except AuthorError as wrong:
                refused.append(f"{name}: {wrong}")
                continue
            replace_file(Path(file).resolve(), minted)
            taken.add(article_id)
            changed.append(name)
        changed += self._part(changed, refused)
        if refused:
            raise AuthorError("\n".join(refused))
        return tuple(dict.fromkeys(changed))

    def _part(self, minted: Collection[str], refused: list[str]) -> Iterator[str]:
        """Give seconds of their own to articles that share an instant; the paths changed."""
        from publisher.formats import skeleton

        articles = self.load().articles
        taken = {article.updated_at for article in articles}
        files = {self._name(file): file for file in self._files((".md",))}
        for article, _ in instants.moved(articles, minted):
            if article.feed_seconds:
                continue  # two stored ones that collide are for people to part
            seconds = instants.free(article, taken)
            taken.add(article.updated_at + timedelta(seconds=seconds))
            file = Path(files[article.path])
            try:
                parted = skeleton.seconds_line(file.read_bytes(), seconds)
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

    def _files(self, endings: Collection[str]) -> Iterator[str]:
        """Files by name, in a stable order; links to folders are not followed."""

        def fail(wrong: OSError) -> None:
            raise OperatorError(
                f"cannot read {wrong.filename}: {wrong.strerror}; "
                "create the folder, or set `content` in config/publisher.toml"
            ) from wrong

        for folder, below, names in os.walk(self._folder, onerror=fail):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                # A Path for each name would cost more than reading the file.
                if name[0] != "." and os.path.splitext(name)[1].lower() in endings:  # noqa: PTH122
                    yield f"{folder}{os.sep}{name}"

    def _name(self, file: str) -> str:
        """`content/x.md`: relative to the journal's root, printable whatever the disk holds."""
        root = f"{self._root}{os.sep}"
        if file.startswith(root):
            name = file[len(root) :]
        else:
            name = f"{self._folder.name}/{Path(file).relative_to(self._folder)}"
        if name.isprintable():
            return name
        return name.encode("unicode-escape").decode("ascii")

    def _records(self) -> Sequence[Record]:
        """Every `*.md` as it is now, in order of name: remembered, else cached, else parsed."""
        files = {self._name(file): file for file in self._files((".md",))}
        now_ns = moment(self._folder) if self._cache else 0
        if not self._parsed and (self._cache is None or self._cache.is_empty()):
            # There is nothing to compare with.
            self._parsed, fresh = self._read(list(files), files, (), now_ns)
            self._note(fresh)
            return [self._parsed[name][1] for name in files]
        known: dict[str, tuple[str, Record]] = {}
        wanted: dict[str, str] = {}
        held: dict[str, Stamped] = {}
        for name, key, stamp in self._keys(files, known):
            remembered = self._parsed.get(name)
            if remembered and remembered[0] == key and self._is_current(remembered[1]):
                known[name] = remembered
            else:
                wanted[key] = name
            if stamp is not None and stamp.settled(now_ns):
                held[name] = key, stamp
        if wanted:
            known |= self._found(wanted)
            missing = [name for name in wanted.values() if name not in known]
            if missing:
                used = {key for key, _ in known.values()}
                read, fresh = self._read(missing, files, used, now_ns)
                known |= read
                held = {name: one for name, one in held.items() if name not in read} | fresh
        self._note(held)
        self._parsed = {name: known[name] for name in files}
        return [one for _, one in self._parsed.values()]

    def _keys(
        self, files: Mapping[str, str], known: dict[str, tuple[str, Record]]
    ) -> Iterator[tuple[str, str, Stamp | None]]:
        """(name, key, stamp) of each file; those that cannot be read go to `known` at once.

        Only a file whose stamp is not the one that is remembered is read.
        """
        stamped = self._stamped()
        for name, file in files.items():
            before = stamped.get(name)
            if before is not None and stamp_of(file) == before[1]:
                yield name, *before
                continue
            raw, stamp = content_of(Path(file), name, self._folder, length.MAX_BYTES)
            if isinstance(raw, Finding):
                known[name] = "", Record("", None, (raw,))
            else:
                yield name, self._key(name, raw), stamp

    def _stamped(self) -> Mapping[str, Stamped]:
        """What is remembered of the files, by name."""
        if self._stamps is None:
            self._stamps = {}
            for _, raw in self._cache.find(_STAMPS, {self._notes}) if self._cache else ():
                with suppress(ValueError):  # not what we wrote: every file is read
                    self._stamps = stamps.decode(raw)
        return self._stamps

    def _note(self, held: dict[str, Stamped]) -> None:
        """Remember what the disk says of the files that came to what they came to."""
        if self._cache and held != self._stamps:
            self._cache.keep(_STAMPS, {self._notes: stamps.encode(held)}, ())
            self._stamps = held

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
        self, names: Sequence[str], files: Mapping[str, str], used: Collection[str], now_ns: int
    ) -> tuple[dict[str, tuple[str, Record]], dict[str, Stamped]]:
        """Parse the files of these names, and keep what they hold in the cache; their stamps,
        where they had stood still at `now_ns`.
        """
        # Only where there is something to parse, and before the workers part, so once for all.
        from publisher.formats import frontmatter, markdown  # noqa: F401 - as said above

        pieces = [names[at : at + _PIECE] for at in range(0, len(names), _PIECE)]

        def work(number: int) -> bytes:
            return record.together([self._parse(name, files[name]) for name in pieces[number]])

        answers = (
            self._workers.each(work, len(pieces))
            if self._workers
            else ((number, work(number)) for number in range(len(pieces)))
        )
        read: dict[str, tuple[str, Record]] = {}
        held: dict[str, Stamped] = {}
        new = record.Slices()
        for number, arena in answers:
            parts = zip(pieces[number], record.apart(arena), strict=True)
            for name, (key, stamp, start, stop) in parts:
                read[name] = key, record.decode(arena, start, stop)
                if stamp is not None and stamp.settled(now_ns):
                    held[name] = key, stamp
                if self._cache and key:
                    new.add(key, arena, start, stop)
        if self._cache:
            self._cache.keep(_KIND, new, used)
        return read, held

    def _parse(self, name: str, file: str) -> tuple[str, Stamp | None, bytes]:
        """A file's key, its stamp and its record; no key where it cannot be read."""
        from publisher.formats import frontmatter

        raw, stamp = content_of(Path(file), name, self._folder, length.MAX_BYTES)
        if isinstance(raw, Finding):
            return "", None, record.encode(Record("", None, (raw,)))
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
        return self._key(name, raw), stamp, record.encode(made)

    def _is_current(self, one: Record) -> bool:
        """Whether the works that an article draws are as they were when it was parsed."""
        return not one.drawn or self._shared.works.agrees(one.drawn)

    def _bibliography(
        self, files: Iterable[str], new: dict[str, bytes]
    ) -> tuple[Bibliography, list[Finding]]:
        """The works that articles may draw by key; remembered, else cached, else parsed (`new`)."""
        found: dict[str, _Works] = {}
        for file in map(Path, files):
            if workfiles.is_one(file.name):
                name = self._name(str(file))
                raw, _ = content_of(file, name, self._folder, workfiles.MAX_BYTES)
                found[name] = self._works_in(name, raw, new)
        self._works = found
        entries = [entry for _, some, _ in found.values() for entry in some]
        findings = [finding for _, _, some in found.values() for finding in some]
        return gather(entries), [*findings, *softened(duplicates.keys(entries))]

    def _works_in(self, name: str, raw: bytes | Finding, new: dict[str, bytes]) -> _Works:
        if isinstance(raw, Finding):
            return "", (), (raw,)
        key = sha256(f"{sha256(raw).hexdigest()}\0{name}".encode()).hexdigest()
        if (remembered := self._works.get(name)) and remembered[0] == key:
            return remembered
        for _, content in self._cache.find(_WORKS, (key,)) if self._cache else ():
            with suppress(ValueError):
                return key, *record.decode_works(content)
        from publisher.formats import bibliography

        read = bibliography.parse(raw, name)
        new[key] = record.encode_works(*read)
        return key, *read

    def _pictures(self, files: Iterable[str]) -> Iterator[tuple[str, bytes | Finding]]:
        """Each image below the folder by its path, or why it cannot be used."""
        for each in files:
            file, name = Path(each), self._name(each)
            if file.suffix.lower() not in images.KINDS:
                continue
            path = file.relative_to(self._folder).as_posix()
            raw, _ = content_of(file, name, self._folder, images.MAX_BYTES)
            if isinstance(raw, bytes):
                found = tuple(images.content(path, raw[:_HEAD], len(raw), Place(name)))
                yield path, found[0] if found else raw
            else:
                yield path, raw


def _pictures_of(article: Article) -> tuple[str, ...]:
    from publisher.formats import markdown

    texts = (article.body_html, *(question.answer_html for question in article.questions))
    found = [path for html in texts for path in markdown.pictures(html)]
    return tuple(dict.fromkeys([article.image.path, *found] if article.image else found))


def _by_place(finding: Finding) -> tuple[str, int, str, str]:
    return finding.place.path, finding.place.line or 0, finding.rule, finding.message
