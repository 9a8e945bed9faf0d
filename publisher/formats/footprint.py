"""How many bytes things take in a feed, before any feed is written."""

from __future__ import annotations

from collections.abc import Iterable

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


def escaped(text: str) -> int:
    """UTF-8 bytes of `text` in XML or in JSON, whichever has more."""
    plain = len(text.encode("utf-8", "surrogatepass"))
    xml = plain + 3 * (text.count("<") + text.count(">")) + 4 * text.count("&")
    # RFC 8259 §7: two bytes for these, six for the other controls, which no sound text has.
    return max(xml, plain + 2 + sum(map(text.count, '"\\\n\t\r\b\f')))


def taken(body_html: str, questions: Iterable[Question], sources: Iterable[Source]) -> int:
    """About what body, answers and sources take."""
    total = escaped(body_html)
    if (links := body_html.count('="')) and links != body_html.count('="http'):
        total += _ADDRESS * (body_html.count('="#') + body_html.count('="..'))
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
