"""BibTeX and BibLaTeX entries under our keys, through bibtexparser and pylatexenc."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from publisher.domain import naming

if TYPE_CHECKING:
    from bibtexparser.model import Entry

_TYPES = {
    "article": "article-journal",
    "book": "book",
    "booklet": "book",
    "collection": "book",
    "conference": "paper-conference",
    "dataset": "dataset",
    "inbook": "chapter",
    "incollection": "chapter",
    "inproceedings": "paper-conference",
    "manual": "document",
    "mastersthesis": "thesis",
    "misc": "document",
    "online": "webpage",
    "phdthesis": "thesis",
    "proceedings": "book",
    "report": "report",
    "software": "software",
    "techreport": "report",
    "thesis": "thesis",
    "unpublished": "manuscript",
}
_NAMES = {
    "doi": ("doi",),
    "pmid": ("pmid",),
    "pmcid": ("pmcid", "pmc"),
    "isbn": ("isbn",),
    "url": ("url",),
    "journal": ("shortjournal", "journal", "journaltitle", "booktitle"),
    "volume": ("volume",),
    "issue": ("number", "issue"),
    "pages": ("pages",),
    "edition": ("edition",),
    "place": ("address", "location"),
    "publisher": ("publisher", "institution", "school", "organization"),
    "accessed": ("urldate",),
}
_AS_THEY_ARE = ("doi", "pmid", "pmcid", "isbn", "url", "accessed")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_BRACED = re.compile(r"\{(.*)\}", re.DOTALL)


def entries(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Each entry as the line it starts on and its values; a text says what is wrong with one."""
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.model import DuplicateBlockKeyBlock, Entry, ParsingFailedBlock

    # It would say on its own, and without the file's name, what is said below.
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL + 1)
    found = parse_string(text)
    for block in found.blocks:
        line = (block.start_line or 0) + 1
        if isinstance(block, DuplicateBlockKeyBlock):
            block = block.ignore_error_block or block
        if isinstance(block, Entry):
            yield line, values(block)
        elif isinstance(block, ParsingFailedBlock):
            yield line, "this is not how BibTeX is written: look for a brace or quote too few"


def values(entry: Entry) -> dict[str, Any]:
    """An entry's values under our keys; what is not there is left out."""
    fields = {field.key.lower(): str(field.value) for field in entry.fields}
    kind = entry.entry_type.lower()
    kept: dict[str, Any] = {
        "key": entry.key,
        "title": _plain(_titled(fields)),
        "year": _year(fields),
        "authors": _people(fields.get("author", "")),
        "editors": _people(fields.get("editor", "")),
        "type": _TYPES.get(kind, "document"),
    }
    for ours, theirs in _NAMES.items():
        written = next((fields[name] for name in theirs if fields.get(name)), "")
        kept[ours] = _bare(written) if ours in _AS_THEY_ARE else _plain(written)
    if fields.get("eprinttype", "").lower() == "pubmed" and not kept["pmid"]:
        kept["pmid"] = _bare(fields.get("eprint", ""))
    if kept["accessed"] and not _DAY.fullmatch(kept["accessed"]):
        kept["accessed"] = ""
    kept["isbn"] = re.split(r"[,;]|\s+(?=97[89])", kept["isbn"])[0]
    return {name: value for name, value in kept.items() if value}


def _titled(fields: dict[str, str]) -> str:
    title, subtitle = fields.get("title", ""), fields.get("subtitle", "")
    return f"{title}: {subtitle}" if title and subtitle else title


def _year(fields: dict[str, str]) -> str:
    for name in ("year", "date"):
        if found := re.search(r"\d{4}", fields.get(name, "")):
            return found[0]
    return ""


def _people(text: str) -> list[str]:
    from bibtexparser.middlewares.names import split_multiple_persons_names

    one_line = " ".join(text.split())
    return [name for each in split_multiple_persons_names(one_line) if (name := _person(each))]


def _person(text: str) -> str:
    from bibtexparser.middlewares.names import InvalidNameError, parse_single_name_into_parts

    if text.lower() == "others":
        return "et al."
    if whole := _BRACED.fullmatch(text):
        return naming.written(_plain(whole[1]))
    try:
        parts = parse_single_name_into_parts(text)
    except InvalidNameError:
        return naming.written(_plain(text))
    family = _plain(" ".join((*parts.von, *parts.last)))
    given = _plain(" ".join((*parts.first, *parts.jr)))
    return naming.written(family or given, given if family else "")


def _plain(text: str) -> str:
    """Without LaTeX: a ü that was written as a command is a ü."""
    from pylatexenc.latex2text import LatexNodes2Text

    if not any(mark in text for mark in "\\{}$~%-`'"):
        return " ".join(text.split())
    # A bare % would begin a comment, and the rest would be lost.
    sound = re.sub(r"(?<!\\)%", r"\\%", text)
    return " ".join(LatexNodes2Text(math_mode="text").latex_to_text(sound).split())


def _bare(text: str) -> str:
    """An address or number, of which LaTeX's backslashes are no part."""
    return re.sub(r"\\([_%&#~{}])", r"\1", text.strip().strip("{}")).strip()
