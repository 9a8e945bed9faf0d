"""One Markdown file with front matter to one Article, and everything that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import chain
from math import ceil
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from publisher.checks import citations, claims, dates, freshness, headings, length, links, raw_html
from publisher.checks import text as characters
from publisher.checks.citations import Cited
from publisher.checks.length import MAX_BYTES
from publisher.checks.rules import error, softened
from publisher.checks.spelling import suggestion
from publisher.domain import retraction
from publisher.domain.article import Article, Evidence, Question, Source
from publisher.domain.finding import Finding, Place
from publisher.formats import footprint, markdown, matter, parts, yamltree
from publisher.formats import sources as works
from publisher.formats.fields import Fields, Schema
from publisher.formats.matter import Split
from publisher.formats.parsed import Asked, Parsed, Text, Written
from publisher.formats.sanitise import scheme
from publisher.formats.shared import Shared
from publisher.formats.skeleton import mint_line, seconds_line, skeleton, slugify
from publisher.formats.yamltree import Node, Scalar

__all__ = [
    "MAX_BYTES",
    "Shared",
    "mint_line",
    "parse",
    "read",
    "seconds_line",
    "skeleton",
    "slugify",
]

ARTICLE = Schema(
    "an article",
    ("title", "summary", "category", "published", "key_takeaway", "sources"),
    (
        *("id", "updated", "authors", "slug", "tags", "evidence", "image", "questions"),
        *("corrections", "draft", "canonical_url", "language", "aliases", "withdrawn"),
        *("feed_seconds", "reviewed", "review_by"),
    ),
)
_TOP_OF_ANSWERS = 4
"""An answer's headings: the page has `h2` over the questions and `h3` for each."""


def parse(
    raw: bytes,
    *,
    path: str,
    zone: ZoneInfo,
    categories: Collection[str],
    words_per_minute: int,
) -> tuple[Article | None, tuple[Finding, ...]]:
    """What `read` says of an article that has nothing in common with others."""
    read_so = read(
        raw, path=path, zone=zone, categories=categories, words_per_minute=words_per_minute
    )
    return read_so.article, read_so.findings


def read(
    raw: bytes,
    *,
    path: str,
    zone: ZoneInfo,
    categories: Collection[str],
    words_per_minute: int,
    shared: Shared | None = None,
) -> Parsed:
    """The article in `raw` and every finding, by line.

    `path` is relative to the journal's root (`content/x.md`); a bare date means 00:00 in
    `zone`; `categories` are slugs. The findings of a draft are warnings: it never leaves,
    so it blocks nobody; there is no Article all the same while one of them is an error.
    """
    if len(raw) > MAX_BYTES:
        message = f"the file has more than {MAX_BYTES:,} bytes"
        remedy = "1 MiB is the most; move data elsewhere and link to it"
        return Parsed(None, (error("file-too-large", Place(path), message, remedy),))
    split = matter.split(raw, path)
    if isinstance(split, Finding):
        return Parsed(None, (split,))
    tree = yamltree.compose(split.matter, split.matter_line)
    if isinstance(tree, yamltree.Fault):
        place = Place(path, tree.line)
        found = error(tree.rule, place, tree.message, tree.remedy)
        return Parsed(None, (*split.findings, found))
    if not isinstance(tree, yamltree.Mapping):
        remedy = "write `title: …` and the other keys between the two lines of ---"
        found = error("front-matter", Place(path, tree.line), "no keys and values here", remedy)
        return Parsed(None, (*split.findings, found))
    reader = _File(path, split, zone, categories, words_per_minute, shared or Shared())
    article = reader.article(tree, hashlib.sha256(raw).hexdigest())
    findings = sorted(
        dict.fromkeys((*split.findings, *reader.fields.findings)),
        key=lambda finding: (finding.place.line or 0, finding.rule, finding.message),
    )
    blocked = any(finding.blocks for finding in findings)
    if reader.draft:
        findings = list(softened(findings))
    return Parsed(None if blocked else article, tuple(findings), reader.drawn)


def _version(version: str, drawn: tuple[tuple[str, str], ...]) -> str:
    """The hash of the file, and of the works that it draws where it draws any."""
    if not drawn:
        return version
    return hashlib.sha256(f"{version}\0{drawn}".encode()).hexdigest()


class _File:
    """Reads one file's tree and body; `fields.findings` gathers what is wrong."""

    def __init__(
        self,
        path: str,
        split: Split,
        zone: ZoneInfo,
        categories: Collection[str],
        words_per_minute: int,
        shared: Shared,
    ) -> None:
        self.path = path
        self.fields = Fields(path)
        self.draft = False
        self._split = split
        self._zone = zone
        self._categories = categories
        self._words_per_minute = words_per_minute
        self._shared = shared
        self._language = shared.language
        self.drawn: tuple[tuple[str, str], ...] = ()

    def article(self, tree: yamltree.Mapping, version: str) -> Article | None:
        """Everything in its place, or None when a part is missing."""
        fields, split = self.fields, self._split
        values = fields.keys(tree, ARTICLE)
        self.draft = fields.flag(values.get("draft"), "draft")
        permanent = self._id(tree, values.get("id"))
        title = parts.plain(fields, values.get("title"), "title", 300)
        summary = parts.plain(fields, values.get("summary"), "summary")
        takeaway = parts.plain(fields, values.get("key_takeaway"), "key_takeaway")
        category = self._category(values.get("category"))
        published, updated = self._instants(values)
        listed, self.drawn = works.listed(fields, values.get("sources"), self._shared.works)
        version = _version(version, self.drawn)
        asked = self._questions(values.get("questions"))
        slug = self._slug(values.get("slug"))
        noticed = parts.corrections(fields, values.get("corrections"))
        withdrawn = parts.withdrawal(fields, values.get("withdrawn"))
        seconds = parts.feed_seconds(fields, values.get("feed_seconds"))
        rest = self._rest(values)
        self._language = rest["language"] or self._shared.language
        body = Text(markdown.read(split.body), split.body_line)
        written = self._rendered(body, asked, listed)
        when = [(notice.date, place) for notice, place in noticed]
        when += [(withdrawal.date, place) for withdrawal, place in withdrawn]
        if published:
            fields.findings += dates.order(published, updated, when, self._zone)
            place = fields.place(values["review_by"]) if rest["review_by"] else None
            due = (rest["review_by"], place) if place else None
            fields.findings += freshness.order(published, rest["reviewed"], due, self._zone)
        self._claims(values, {"summary": summary, "key_takeaway": takeaway}, written.sources)
        if not (permanent and title and summary and takeaway and category and published and slug):
            return None
        return Article(
            id=permanent,
            slug=slug,
            title=title,
            summary=summary,
            category=category,
            published_at=published,
            updated_at=self._updated(published, updated, (day for day, _ in when), seconds),
            key_takeaway=takeaway,
            sources=written.sources,
            body=split.body.strip("\n"),
            body_html=written.body_html,
            words=written.words,
            path=self.path,
            version=version,
            citations=written.citations,
            questions=written.questions,
            corrections=tuple(notice for notice, _ in noticed),
            draft=self.draft,
            reading_minutes=max(1, ceil(written.words / self._words_per_minute)),
            withdrawn=next((withdrawal for withdrawal, _ in withdrawn), None),
            feed_seconds=seconds,
            feed_bytes=written.feed_bytes,
            works=tuple(retraction.keys(source) for source in written.sources),
            acknowledges=any(source.acknowledged for source in written.sources),
            **rest,
        )

    def _rest(self, values: Mapping[str, Node]) -> dict[str, Any]:
        """What stands for itself: nothing else depends on it."""
        fields = self.fields
        evidence = fields.choice(values.get("evidence"), "evidence", tuple(Evidence))
        return {
            "authors": parts.words(fields, values.get("authors"), "authors"),
            "tags": parts.words(fields, values.get("tags"), "tags"),
            "evidence": Evidence(evidence) if evidence else None,
            "image": parts.image(fields, values.get("image")),
            "canonical_url": parts.address(fields, values.get("canonical_url"), "canonical_url"),
            "language": parts.language(fields, values.get("language")),
            "aliases": parts.aliases(fields, values.get("aliases")),
            "reviewed": parts.day(fields, values.get("reviewed"), "reviewed"),
            "review_by": parts.day(fields, values.get("review_by"), "review_by"),
        }

    def _claims(
        self,
        values: Mapping[str, Node],
        claimed: Mapping[str, str | None],
        sources: Iterable[Source],
    ) -> None:
        """What is claimed in short against the body, and the grade against the sources."""
        fields = self.fields
        for name, text in claimed.items():
            if text:
                called, place = name.replace("_", " "), fields.place(values[name])
                fields.findings += claims.numbers(called, text, self._split.body, place)
        if graded := values.get("evidence"):
            grade = graded.value if isinstance(graded, Scalar) else None
            kinds = (source.kind for source in sources)
            fields.findings += claims.grade(grade, kinds, fields.place(graded))

    def _id(self, tree: yamltree.Mapping, node: Node | None) -> str | None:
        if node is not None:
            return parts.article_id(self.fields, node)
        written = tree.find("id")
        if written is None:
            said, remedy = "the article has no id yet", "run `publisher check --mint`"
            self.fields.note("missing-id", tree, said, remedy)
        else:
            remedy = "delete the line and run `publisher check --mint`"
            self.fields.note("bad-id", written, "id is empty", remedy)
        return None

    def _slug(self, node: Node | None) -> str | None:
        if node is not None:
            return parts.slug(self.fields, node)
        return slugify(PurePosixPath(self.path).stem)

    def _category(self, node: Node | None) -> str | None:
        value = self.fields.text(node, "category")
        if node is None or value is None or value in self._categories:
            return value
        remedy = suggestion(value, self._categories, "define it in config/publisher.toml")
        self.fields.note("unknown-category", node, f"there is no category {value!r}", remedy)
        return None

    def _instants(
        self, values: Mapping[str, Node]
    ) -> tuple[datetime | None, tuple[datetime, Place] | None]:
        published = parts.instant(self.fields, values.get("published"), "published", self._zone)
        node = values.get("updated")
        updated = parts.instant(self.fields, node, "updated", self._zone)
        return published, (updated, self.fields.place(node)) if node and updated else None

    def _updated(
        self,
        published: datetime,
        updated: tuple[datetime, Place] | None,
        noticed: Iterable[date],
        seconds: int,
    ) -> datetime:
        moments = [published, *(dates.midnight(day, self._zone) for day in noticed)]
        if updated:
            moments.append(updated[0])
        return max(moments) + timedelta(seconds=seconds)

    def _questions(self, node: Node | None) -> tuple[Asked, ...]:
        found: list[Asked] = []
        for _, values in self.fields.mappings(node, "questions", parts.QUESTION):
            question = parts.plain(self.fields, values.get("question"), "question")
            answer = self._answer(values.get("answer"))
            if answer is not None:
                found.append(Asked(question or "", answer))
        return tuple(found)

    def _answer(self, node: Node | None) -> Text | None:
        value = self.fields.scalar(node, "answer", ("text",), "text")
        if value is None or node is None:
            return None
        if not value.strip():
            self.fields.note("empty-text", node, "answer is empty", "write the answer")
            return None
        sound = self.fields.sound(value, node, "answer", MAX_BYTES)
        if sound is None:
            return None
        literal = isinstance(node, Scalar) and node.style == "|"
        return Text(markdown.read(sound), node.line + literal, literal)

    def _rendered(
        self, body: Text, asked: tuple[Asked, ...], listed: Mapping[str, works.Listed]
    ) -> Written:
        """Number the citations over body and answers, render both, note what is wrong."""
        texts = (body, *(each.text for each in asked))
        keys = [key for text in texts for each in text.reading.citations for key in each.keys]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys), 1)}
        findings = self.fields.findings
        if not numbers.keys() <= listed.keys():
            findings += citations.unknown(self._cited(texts), listed)
        findings += citations.unused(numbers, {key: each.place for key, each in listed.items()})
        findings += headings.levels(
            ((body.line(line), level) for line, level in body.reading.headings), self.path
        )
        page = self._render(body, numbers, {}, 2)
        if not body.reading.words and not body.reading.images:
            place = Place(self.path, body.first_line)
            findings.append(error("empty-body", place, "the article has no body", "write it"))
        uses, questions = page.uses, []
        for each in asked:
            answer = self._render(each.text, numbers, uses, _TOP_OF_ANSWERS)
            questions.append(Question(each.question, each.text.reading.text.strip(), answer.html))
            uses = answer.uses
        known = (listed[key].source for key in numbers if key in listed)
        sources = tuple(self._styled(source) for source in known if source is not None)
        taken = footprint.taken(page.html, questions, sources)
        findings += length.for_feeds(taken, Place(self.path, body.first_line))
        return Written(
            body_html=page.html,
            questions=tuple(questions),
            sources=sources,
            feed_bytes=taken,
            citations=tuple(uses.get(key, 0) for key in numbers),
            words=sum(text.reading.words for text in texts),
        )

    def _styled(self, source: Source) -> Source:
        cite = self._shared.cite
        return replace(source, citation=cite(source, self._language)) if cite else source

    def _cited(self, texts: Iterable[Text]) -> Iterator[Cited]:
        for text in texts:
            for citation in text.reading.citations:
                for key in citation.keys:
                    yield Cited(key, self._place(text, citation.line, f"@{key}"))

    def _render(
        self, text: Text, numbers: Mapping[str, int], uses: Mapping[str, int], top: int
    ) -> markdown.Rendering:
        rendering = markdown.render(text.reading, numbers, first_uses=uses, top=top)
        self.fields.findings += chain(
            self._marks(text, rendering), self._targets(text), self._characters(text, rendering)
        )
        return rendering

    def _marks(self, text: Text, rendering: markdown.Rendering) -> Iterator[Finding]:
        """Citations and raw HTML that would not come out as written."""
        for line, written in text.reading.malformed:
            yield citations.malformed(written, self._place(text, line, written))
        for line, where in text.reading.misplaced:
            yield citations.misplaced(where, self._place(text, line))
        for citation in rendering.lost:
            where = "a link or in raw HTML"
            yield citations.misplaced(where, self._place(text, citation.line, citation.written))
        for line, what in markdown.stripped(text.reading):
            yield raw_html.stripped(what, self._place(text, line))

    def _targets(self, text: Text) -> Iterator[Finding]:
        """Links and images that lead nowhere, or where they should not."""
        for line, target in text.reading.links:
            yield from links.link(target, scheme(target), self._place(text, line, target))
        seen = zip(text.reading.images, text.reading.alts, strict=True)
        for (line, target), alt in seen:
            place = self._place(text, line, target)
            yield from parts.body_image(target, scheme(target), alt, place)

    def _characters(self, text: Text, rendering: markdown.Rendering) -> Iterator[Finding]:
        """Characters that are spelt as references (`&#7;`), which only the result shows."""
        if characters.is_sound(rendering.html):
            return
        line = text.reading.text.count("\n", 0, max(0, text.reading.text.find("&#"))) + 1
        yield from characters.escaped("the text", rendering.html, self._place(text, line, "&#"))

    def _place(self, text: Text, line: int, needle: str = "") -> Place:
        return Place(self.path, self._line(text, line, needle))

    def _line(self, text: Text, line: int, needle: str) -> int:
        """The file's line; in a folded text, the first one from its start that holds `needle`."""
        if text.exact:
            return text.line(line)
        lines = self._split.text.split("\n")[text.first_line - 1 : self._split.body_line - 1]
        held = (number for number, held in enumerate(lines) if needle and needle in held)
        return text.first_line + next(held, 0)
