"""A work in Vancouver style, as the ICMJE's sample references have it.

Written here and not by a style processor: it is what most journals use, it takes microseconds,
and a build need load nothing for it. `tests/formats/test_reference.py` holds it against the CSL
style of the same name. See decision 0067.
Source: National Library of Medicine, "Samples of Formatted References for Authors of Journal
Articles", and "Citing Medicine", chapters 1, 2, 4, 5, 18 and 25.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from publisher.domain import naming
from publisher.domain.article import Imprint, Source

MOST = 6
"""How many authors are named before "et al."."""
_NONE = Imprint()
_ENDS = (".", "?", "!", "…", "。", "？", "！")
_RANGE = re.compile(r"(\d+)\s*(?:-{1,2}|–|—)\s*(\d+)")


def render(source: Source) -> str:
    """One line of plain text that ends as a sentence does. Identifiers are not in it."""
    said = source.imprint or _NONE
    kind = type_of(source)
    parts = [_names(source.authors), ended(source.title)]
    if kind == "chapter":
        parts += [_inside(source, said), _book(source, said), _pages(said)]
    elif kind in ("article-journal", "article-magazine", "article-newspaper"):
        parts += [ended(source.journal or ""), _volume(source, said)]
    elif kind == "webpage":
        parts += [ended(source.journal or ""), _book(source, said, site=True)]
    else:
        parts += [ended(source.journal or ""), _book(source, said), _pages(said)]
    return " ".join(part for part in parts if part)


def type_of(source: Source) -> str:
    """The CSL type of the work: the one given, or what its other values make of it."""
    if source.imprint is not None and source.imprint.type:
        return source.imprint.type
    if source.journal or source.pmid or source.pmcid:
        return "article-journal"
    if source.isbn:
        return "book"
    return "article" if source.doi else "webpage"


def ended(text: str) -> str:
    """`text` with a full stop, unless it ends as a sentence does; nothing stays nothing."""
    return text if not text or text.endswith(_ENDS) else f"{text}."


def page_range(pages: str) -> str:
    """`545-553` becomes `545-53` (Citing Medicine, chapter 1, "Pagination")."""
    return _RANGE.sub(_shortened, pages)


def _shortened(found: re.Match[str]) -> str:
    first, last = found.groups()
    if len(first) != len(last) or first >= last:
        return f"{first}-{last}"
    at = next(number for number, digit in enumerate(first) if digit != last[number])
    return f"{first}-{last[at:]}"


def _names(names: Sequence[str]) -> str:
    short = [naming.parse(name).short for name in names]
    listed = [*short[:MOST], "et al."] if len(short) > MOST else short
    return ended(", ".join(listed))


def _inside(source: Source, said: Imprint) -> str:
    editors = [naming.parse(name).short for name in said.editors]
    role = "editors" if len(editors) > 1 else "editor"
    by = f"{', '.join(editors)}, {role}. " if editors else ""
    return f"In: {by}{ended(source.journal or '')}".rstrip()


def _book(source: Source, said: Imprint, *, site: bool = False) -> str:
    """`2nd ed. Oxford: Oxford University Press; 2020.`"""
    by = ": ".join(part for part in (said.place, said.publisher) if part)
    before = "" if site else _edition(said.edition or "")
    if said.volume and not site:
        before += f"Vol. {said.volume}. "
    return f"{before}{by}{'; ' if by else ''}{source.year}."


def _edition(edition: str) -> str:
    """`2nd` and `2nd edition` are `2nd ed. `."""
    named = re.sub(r"\s*\bed(?:ition|n)?\b\.?", "", edition, flags=re.IGNORECASE).rstrip(". ")
    return f"{named} ed. " if named else ""


def _volume(source: Source, said: Imprint) -> str:
    """`2020;382(6):545-53.`"""
    volume = said.volume or ""
    if said.issue:
        volume += f"({said.issue})"
    pages = f":{page_range(said.pages)}" if said.pages else ""
    return f"{source.year}{';' if volume or pages else ''}{volume}{pages}."


def _pages(said: Imprint) -> str:
    return f"p. {page_range(said.pages)}." if said.pages else ""
