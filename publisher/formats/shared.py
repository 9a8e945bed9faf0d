"""What the articles of a journal have in common when they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from publisher.domain.article import Source
from publisher.domain.bibliography import Bibliography


@dataclass(frozen=True, slots=True)
class Shared:
    """The works that articles draw by key, and the style of citations.

    `cite` writes a source in that style and in a language; without it that is Vancouver.
    `language` is that of articles which name none.
    """

    works: Bibliography = field(default_factory=Bibliography)
    cite: Callable[[Source, str], str] | None = None
    language: str = "en"
