"""RIS records under our keys, through rispy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from publisher.domain import naming

_TYPES = {
    "ABST": "article-journal",
    "BLOG": "webpage",
    "BOOK": "book",
    "CHAP": "chapter",
    "COMP": "software",
    "CONF": "paper-conference",
    "CPAPER": "paper-conference",
    "DATA": "dataset",
    "EBOOK": "book",
    "ECHAP": "chapter",
    "EDBOOK": "book",
    "EJOUR": "article-journal",
    "ELEC": "webpage",
    "ENCYC": "entry-encyclopedia",
    "GOVDOC": "report",
    "INPR": "article-journal",
    "JFULL": "article-journal",
    "JOUR": "article-journal",
    "MANSCPT": "manuscript",
    "MGZN": "article-magazine",
    "NEWS": "article-newspaper",
    "RPRT": "report",
    "STAND": "standard",
    "THES": "thesis",
    "UNPB": "manuscript",
    "WEB": "webpage",
}
_NAMES = {
    "key": ("id", "label"),
    "title": ("title", "primary_title"),
    "doi": ("doi",),
    "volume": ("volume",),
    "issue": ("number",),
    "edition": ("edition",),
    "place": ("place_published",),
    "publisher": ("publisher",),
    "kind": ("type_of_work",),
}
_TITLES = ("alternate_title2", "alternate_title1", "journal_name", "alternate_title3")
_START = re.compile(r"^TY {1,2}-", re.MULTILINE)
_END = re.compile(r"^ER {1,2}-", re.MULTILINE)


def records(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Each record as the line it starts on and its values; a text says what is wrong with one."""
    import rispy

    starts = [found.start() for found in _START.finditer(text)]
    if not starts:
        yield 1, "no record begins here: RIS has a line `TY  - JOUR` or the like before each"
    for number, start in enumerate(starts):
        stop = starts[number + 1] if number + 1 < len(starts) else len(text)
        line = text.count("\n", 0, start) + 1
        piece = text[start:stop]
        if not _END.search(piece):
            yield line, "the record has no last line `ER  - `"
            continue
        try:
            found = rispy.loads(piece)
        except (OSError, ValueError, rispy.parser.ParseError) as wrong:
            yield line, f"this is not how RIS is written: {wrong}"
            continue
        for record in found:
            yield line, values(record)


def values(record: dict[str, Any]) -> dict[str, Any]:
    """A record's values under our keys; what is not there is left out."""
    kind = _TYPES.get(str(record.get("type_of_reference", "")).strip().upper(), "document")
    kept: dict[str, Any] = {
        ours: next((_line(record[name]) for name in names if record.get(name)), "")
        for ours, names in _NAMES.items()
    }
    titles = (*_TITLES, "secondary_title")
    kept["journal"] = next((_line(record[name]) for name in titles if record.get(name)), "")
    kept["year"] = _year(record)
    kept["type"] = kind
    kept["authors"] = _people(record.get("authors") or record.get("first_authors"))
    kept["editors"] = _people(record.get("secondary_authors")) if kind == "chapter" else []
    kept["pages"] = "-".join(
        part for name in ("start_page", "end_page") if (part := _line(record.get(name, "")))
    )
    kept["url"] = next((_line(url) for url in record.get("urls", ())), "")
    number = _line(record.get("accession_number", ""))
    if number.isdigit() and "pubmed" in f"{record.get('name_of_database', '')}".lower():
        kept["pmid"] = number
    if kind in ("book", "chapter"):
        kept["isbn"] = re.split(r"[,;(]|\s+(?=97[89])", _line(record.get("issn", "")))[0].strip()
    return {name: value for name, value in kept.items() if value}


def _line(value: object) -> str:
    return " ".join(str(value).split())


def _year(record: dict[str, Any]) -> str:
    for name in ("year", "publication_year", "date"):
        if found := re.search(r"\d{4}", _line(record.get(name, ""))):
            return found[0]
    return ""


def _people(names: object) -> list[str]:
    found = names if isinstance(names, list) else []
    return [_person(_line(name)) for name in found if _line(name)]


def _person(text: str) -> str:
    """`Liu, Enli` as it is; `Liu, Enli, Jr.` with what follows after the given name."""
    family, _, rest = text.partition(",")
    return naming.written(family, rest.replace(",", " ")) if rest.strip() else text
