"""How many bytes things take in a feed, before any feed is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from publisher.checks.length import LONGEST
from publisher.domain.article import Article, Question, Source
from publisher.formats import reference

_MARKUP = 240
"""Bytes around a source or a question in `site/feed-content.html`, escaped, and to spare."""
_ENTRY = 4_096
"""Bytes of an entry beside its texts: names of elements, dates, ids, addresses, picture."""
_ADDRESS = 200
"""Bytes that a relative link grows by, when it is made absolute."""
_SHORT_FORM = 96 * 1024
"""Bytes for the sources of an article that is too long to be carried whole."""
_REPEATED = 3
"""How often a light text may stand in an entry (a title, a summary and in the content)."""
_NOT_ABSOLUTE = re.compile('="(?!http)')
_RELATIVE = re.compile(r'="(?:#|\.\.)')


def escaped(text: str) -> int:
    """UTF-8 bytes of `text` in XML or in JSON, whichever has more."""
    raw = text.encode("utf-8", "surrogatepass")
    times = raw.count if len(raw) < _SHORT else partial(_times, raw)
    xml = 3 * (times(b"<") + times(b">")) + 4 * times(b"&")
    # RFC 8259 §7: two bytes for these, six for the other controls, which no sound text has.
    return len(raw) + max(xml, 2 + sum(map(times, _DOUBLED)))


_DOUBLED = (b'"', b"\\", b"\n", b"\t", b"\r", b"\b", b"\f")
_SHORT = 1_000


def _times(raw: bytes, byte: bytes) -> int:
    """How often. Most stand nowhere, or rarely: looking for the next one beats counting."""
    return len(raw) - len(raw.replace(byte, b"")) if byte in raw else 0


def taken(body_html: str, questions: Iterable[Question], sources: Iterable[Source]) -> int:
    """About what body, answers and sources take."""
    total = escaped(body_html)
    if _NOT_ABSOLUTE.search(body_html):
        total += _ADDRESS * len(_RELATIVE.findall(body_html))
    for question in questions:
        total += _MARKUP + 4 * escaped(question.question) + escaped(question.answer_html)
    texts: list[str] = []
    for source in sources:
        # In the content, and once more for programs, which want its values one by one.
        said = reference.text(source)
        texts += (said, said, source.citation, source.title, source.kind, source.kind)
        for label, link in source.links:
            texts += (label, label, link, link)
        total += 4 * _MARKUP
    return total + escaped("".join(texts))


def entry(article: Article, disclaimer: str) -> int:
    """What the whole entry takes: `article.feed_bytes` and all the rest."""
    notices = (text for each in article.corrections for text in (each.wrong, each.right))
    light = (article.title, article.summary, article.key_takeaway, *article.authors, *article.tags)
    texts = (*light, *notices, disclaimer)
    body = article.feed_bytes if article.feed_bytes <= LONGEST else _SHORT_FORM
    return body + _ENTRY + _REPEATED * escaped("".join(texts))


def item(title: str, summary: str, content_html: str) -> int:
    """What an entry with these texts takes."""
    return _ENTRY + _REPEATED * (escaped(title) + escaped(summary)) + escaped(content_html)
