"""A cited work in the journal's style: the same words in pages, feeds and mails."""

from __future__ import annotations

import html as entities
import re
from functools import lru_cache

from markupsafe import Markup, escape

from publisher.domain.article import Source
from publisher.formats import vancouver

ELEMENTS = ("i", "b", "sup", "sub")
"""All that a style may use. `formats.csl` makes nothing else, and no attribute."""
_TAG = re.compile(f"</?(?:{'|'.join(ELEMENTS)})>")


@lru_cache(maxsize=1024)
def html(source: Source) -> Markup:
    """The work as HTML that is safe to show."""
    # What a style made is built from escaped text and ELEMENTS alone.
    return Markup(source.citation) if source.citation else escape(text(source))  # noqa: S704 - as said above


@lru_cache(maxsize=1024)
def text(source: Source) -> str:
    """The same without markup, on one line."""
    if not source.citation:
        return vancouver.render(source)
    return entities.unescape(_TAG.sub("", source.citation))
