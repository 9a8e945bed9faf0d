"""What reading an article comes to, and holds on the way."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.domain.article import Article, Question, Source
from publisher.domain.finding import Finding
from publisher.formats.reading import Reading


@dataclass(frozen=True, slots=True)
class Parsed:
    """An article (None when an error blocks it), what is wrong, and what it draws from the
    bibliography: each key with the stamp that its entry had, empty where there was none.
    """

    article: Article | None
    findings: tuple[Finding, ...]
    drawn: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A Markdown text of the file, read, and how its lines map to the file's."""

    reading: Reading
    first_line: int
    exact: bool = True

    def line(self, line: int) -> int:
        """The file's line."""
        return self.first_line + line - 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A question whose answer is not yet rendered."""

    question: str
    text: Text


@dataclass(frozen=True, slots=True)
class Written:
    """What the texts of an article come to."""

    body_html: str
    questions: tuple[Question, ...]
    sources: tuple[Source, ...]
    citations: tuple[int, ...]
    words: int
    feed_bytes: int
