"""Sources as CSL-JSON, which reference managers export and citation styles are given.

Source: citation-style-language/schema, `csl-data.json`, version 1.0.2.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from publisher.domain import naming
from publisher.domain.article import Imprint, Source
from publisher.formats import vancouver
from publisher.formats.works import KINDS

_TAGS = re.compile(r"</?(?:i|b|sup|sub|sc|span|em|strong|scp|italic|bold)\b[^>]*>", re.IGNORECASE)
_MARKS = (("volume", "volume"), ("issue", "issue"), ("page", "pages"), ("edition", "edition"))
_PLACES = (("publisher-place", "place"), ("publisher", "publisher"))
_NONE = Imprint()


def render(source: Source) -> dict[str, Any]:
    """What a style processor needs of a source. Identifiers and addresses are not in it: they
    stand behind the citation as links, whatever the style.
    """
    said = source.imprint or _NONE
    written = {
        "id": source.key,
        "type": vancouver.type_of(source),
        "title": source.title,
        "container-title": source.journal,
        "author": [_name(name) for name in source.authors] or None,
        "editor": [_name(name) for name in said.editors] or None,
        "issued": {"date-parts": [[source.year]]},
    }
    for name, ours in (*_MARKS, *_PLACES):
        written[name] = getattr(said, ours)
    return {name: value for name, value in written.items() if value}


def _name(text: str) -> dict[str, str]:
    name = naming.parse(text)
    if name.given:
        return {"family": name.family, "given": name.given}
    return {"literal": name.family}


def items(text: str) -> Iterator[tuple[int, object]]:
    """Each item of a CSL-JSON array with the line it starts on; ValueError (with `lineno` where
    it is JSON's) for what is none.
    """
    reader = json.JSONDecoder()
    at = _blank(text, 0)
    if text[at : at + 1] != "[":
        raise ValueError("it does not begin with [")
    at = _blank(text, at + 1)
    line, counted = 1, 0
    while text[at : at + 1] != "]":
        line += text.count("\n", counted, at)
        counted = at
        item, at = reader.raw_decode(text, at)
        yield line, item
        at = _blank(text, at)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
        elif text[at : at + 1] != "]":
            raise json.JSONDecodeError("a comma or ] is missing", text, at)
    if _blank(text, at + 1) != len(text):
        raise json.JSONDecodeError("something follows the last ]", text, at + 1)


def _blank(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\n", "\r", "\ufeff") and at < len(text):
        at += 1
    return at


def values(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item's values under our keys, as texts and lists of texts; what is not there is left out.

    Crossref's and DataCite's answers to `application/vnd.citationstyles.csl+json` are such items.
    """
    csl_type = plain(item.get("type"))
    kept: dict[str, Any] = {
        "key": plain(item.get("citation-key") or item.get("id")),
        "title": plain(item.get("title")),
        "kind": plain(item.get("genre")) or KINDS.get(csl_type, ""),
        "year": _year(item),
        "doi": plain(item.get("DOI")),
        "pmid": plain(item.get("PMID")),
        "pmcid": plain(item.get("PMCID")),
        "isbn": plain(item.get("ISBN")).partition(" ")[0],
        "url": plain(item.get("URL")),
        "journal": plain(item.get("container-title-short") or item.get("container-title")),
        "authors": _names(item.get("author")),
        "editors": _names(item.get("editor")),
        "accessed": _day(item.get("accessed")),
        "type": csl_type if csl_type in KINDS else "",
    }
    for name, ours in (*_MARKS, *_PLACES):
        kept[ours] = plain(item.get(name))
    return {name: value for name, value in kept.items() if value}


def plain(value: object) -> str:
    """A text without markup on one line; of a list, the first that says something."""
    if isinstance(value, list):
        return next((text for each in value if (text := plain(each))), "")
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return " ".join(html.unescape(_TAGS.sub("", str(value))).split())
    return ""


def _names(value: object) -> list[str]:
    found = (_written(each) for each in value) if isinstance(value, list) else ()
    return [name for name in found if name]


def _written(name: object) -> str:
    if not isinstance(name, Mapping):
        return ""
    if literal := plain(name.get("literal") or name.get("name")):
        return naming.written(literal)
    particles = (name.get("non-dropping-particle"), name.get("family"))
    family = " ".join(text for part in particles if (text := plain(part)))
    given = (name.get("given"), name.get("dropping-particle"))
    return naming.written(family, " ".join(text for part in given if (text := plain(part))))


def _year(item: Mapping[str, Any]) -> str:
    for name in ("issued", "published", "created"):
        if found := re.match(r"\d{4}", "-".join(_parts(item.get(name)))):
            return found[0]
    return ""


def _day(value: object) -> str:
    parts = [part.zfill(2) for part in _parts(value)]
    return "-".join(parts) if len(parts) == 3 else ""


def _parts(value: object) -> list[str]:
    """`{"date-parts": [[2020, 2, 6]]}`, or the looser `raw` and `literal`, as texts."""
    if not isinstance(value, Mapping):
        return []
    parts = value.get("date-parts")
    if isinstance(parts, list) and parts and isinstance(parts[0], list):
        return [plain(part) for part in parts[0] if part is not None]
    written = plain(value.get("raw") or value.get("literal"))
    found = re.search(r"\d{4}(?:-\d{1,2}-\d{1,2})?", written)
    return found[0].split("-") if found else []
