"""What one reading of the articles gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from publisher.domain.article import Article
from publisher.domain.bibliography import Bibliography
from publisher.domain.finding import Finding
from publisher.domain.retraction import Register


@dataclass(frozen=True, slots=True)
class Library:
    """One read of content/: articles in order of id, pictures by path, and what is wrong.

    `register` knows what became of the works that the articles cite; `works` are those that
    articles may draw by key.
    """

    articles: tuple[Article, ...]
    findings: tuple[Finding, ...]
    images: Mapping[str, bytes] = field(default_factory=dict)
    register: Register = field(default_factory=Register)
    works: Bibliography = field(default_factory=Bibliography)
