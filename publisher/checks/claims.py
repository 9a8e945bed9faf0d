"""What an article claims in short against what it says at length."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from html import unescape

from publisher.checks.rules import warning
from publisher.domain.article import Evidence
from publisher.domain.finding import Finding, Place

# Between digits: a point, a comma, an apostrophe, a space that keeps a number together, or any
# other space before three digits.
_NUMBER = re.compile("[0-9]+(?:(?:[.,'’\u00a0\u2009\u202f]| (?=[0-9]{3}(?![0-9])))[0-9]+)*")
_ATTACHED = re.compile(r"[^\W\d_][-‐‑]?$")
_CITATION = re.compile(r"\[@[^\]]*\]")
_PARTS = re.compile(r"[0-9]+|[^0-9]")
_ADDRESS = re.compile(r"\]\([^)\s]*|https?://[^\s<>)]+")

# Beginnings of words in an English or a German `kind`; a source of another kind is of people.
_LABORATORY = re.compile(
    r"\b(?:in vitro|in silico|ex vivo|pre-?clinical|laborator|cell (?:line|culture|stud)|animal"
    r"|mouse|mice\b|murine|rats?\b|zebrafish|organoid|labor|tier|zell|maus|mäuse|ratte"
    r"|präklinisch)",
    re.IGNORECASE,
)


def numbers(name: str, claim: str, body: str, place: Place) -> Iterator[Finding]:
    """Each number in `claim` (plain text) that `body` (Markdown) does not hold.

    However they are written: 1,234 is 1.234, 1 234 and 1234, 3.5 is 3,5, and 45% is 45. Numbers
    in words, and digits that belong to a name (CD19, COVID-19), are not looked at.
    """
    wanted = [each[0] for each in _NUMBER.finditer(claim) if not _in_name(claim, each.start())]
    if not wanted:
        return
    text = unescape(_ADDRESS.sub(" ", _CITATION.sub(" ", body)))
    held: set[Decimal] = set()
    for found in _NUMBER.finditer(text):
        held |= values(found[0]).union(*map(values, found[0].split(" ")))
    missing = [written for written in wanted if not _is_held(written, held)]
    for written in dict.fromkeys(missing):
        yield warning(
            "unsupported-number",
            place,
            f"the {name} says {written}, and the body does not",
            "say it in the body, with its source, or correct it",
        )


def _in_name(text: str, start: int) -> bool:
    return bool(_ATTACHED.search(text[max(0, start - 2) : start]))


def _is_held(written: str, held: Collection[Decimal]) -> bool:
    """Whether the number is there, or each of two that a space parts (`8 234`)."""
    parts = written.split(" ")
    return any(value in held for value in values(written)) or (
        len(parts) > 1 and all(any(value in held for value in values(part)) for part in parts)
    )


def values(written: str) -> frozenset[Decimal]:
    """What a number may mean: `1.234` is 1234 to a German and 1.234 to an American."""
    pieces = _PARTS.findall(written)
    digits, marks = pieces[0::2], pieces[1::2]
    found: set[Decimal] = set()
    if _is_grouped(digits, marks):
        found.add(Decimal("".join(digits)))
    if marks and marks[-1] in ".," and marks[-1] not in marks[:-1]:
        whole = digits[:-1]
        if not marks[:-1] or _is_grouped(whole, marks[:-1]):
            found.add(Decimal(f"{''.join(whole)}.{digits[-1]}"))
    if not found:  # a date, a list: each part is a number of its own
        found |= {Decimal(each) for each in digits}
    return frozenset(found)


def _is_grouped(digits: list[str], marks: list[str]) -> bool:
    """Whether the marks part thousands, as 12,345,678 and the Indian 1,00,000 do."""
    if not marks:
        return True
    inner = all(len(each) in (2, 3) for each in digits[1:-1])
    begins = len(digits[0]) <= 3 and digits[0] != "0"
    return len(set(marks)) == 1 and inner and begins and len(digits[-1]) == 3


def grade(evidence: str | None, kinds: Iterable[str], place: Place) -> Iterator[Finding]:
    """A strong grade that rests on nothing but laboratory work."""
    named: Collection[str] = tuple(kinds)
    if evidence == Evidence.STRONG and named and all(map(_LABORATORY.search, named)):
        yield warning(
            "evidence-grade",
            place,
            f"the evidence is called strong; all it rests on is {', '.join(dict.fromkeys(named))}",
            "grade it as laboratory, or cite the studies in people",
        )
