"""How a subject and the articles' own words sound: sober, as medicine is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place, Severity

RULES: Mapping[str, str] = {
    "edition-reply": "The subject does not pretend to be an answer (`Re:`, `Fwd:`).",
    "edition-shouting": "The subject has no row of capitals and no row of exclamation marks.",
    "edition-marketing": "No article uses the words of advertising that `checks.words` lists.",
}

_REPLY = re.compile(r"\s*(?:re|aw|sv|vs|fwd?|wg|tr|rv|enc)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE)
_CAPITALS = re.compile(r"\b[^\W\d_a-z]{4,}(?:[\s,-]+[^\W\d_a-z]{2,})+\b")
_MARKS = re.compile(r"[!?]\s*!|!\s*\?|\${3}")
_SENTENCE = re.compile(r"(?:[^.!?\n]|\n(?!\n))+[.!?]*")


def subject(words: str) -> Iterator[Finding]:
    """What is wrong with the tone of a subject."""
    place = Place("templates/email/subject.txt")
    if _REPLY.match(words):
        yield Finding(
            "edition-reply",
            Severity.ERROR,
            place,
            f"'{words}' looks like an answer or a forwarded mail, and is neither",
            "begin with the news itself",
        )
    if _MARKS.search(words) or any(run.isupper() for run in _CAPITALS.findall(words)):
        yield Finding(
            "edition-shouting",
            Severity.WARNING,
            place,
            f"'{words}' shouts",
            "use small letters and one full stop at most",
        )


def articles(chosen: Sequence[Article], listed: tuple[str, ...]) -> Iterator[Finding]:
    """Each sentence in which an article uses a listed word, quoted."""
    if not listed:
        return
    pattern = _pattern(listed)
    for article in chosen:
        for text in _texts(article):
            for sentence in _SENTENCE.findall(text):
                if found := pattern.search(sentence):
                    yield Finding(
                        "edition-marketing",
                        Severity.WARNING,
                        Place(article.path),
                        f"'{found[0]}' in: {_short(sentence)}",
                        "say what was measured, in how many people, or drop the word",
                    )


@lru_cache(maxsize=8)
def _pattern(listed: tuple[str, ...]) -> re.Pattern[str]:
    """Whole words in any case; `cur*` means every word that begins so."""
    words = "|".join(re.escape(word).replace(r"\*", r"\w*") for word in listed)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def _texts(article: Article) -> Iterator[str]:
    yield from (article.title, article.summary, article.key_takeaway, article.body)
    for question in article.questions:
        yield question.answer  # what readers ask is theirs: "Is it a cure?"


def _short(sentence: str) -> str:
    line = " ".join(sentence.split())
    return line if len(line) <= 200 else line[:199] + "…"
