"""The works that an article lists: described on the spot, or drawn from the bibliography."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from dataclasses import dataclass, replace

from publisher.checks import identifiers
from publisher.checks.spelling import suggestion
from publisher.domain.article import Imprint, Source
from publisher.domain.bibliography import Bibliography, Entry
from publisher.domain.finding import Place
from publisher.formats import identifiers as forms
from publisher.formats import parts, vancouver
from publisher.formats.fields import PARAGRAPH_LENGTH, Fields, Schema
from publisher.formats.markdown import KEY
from publisher.formats.works import KINDS
from publisher.formats.yamltree import Mapping, Node, Scalar, Sequence

FORMS = {
    "doi": forms.doi,
    "pmid": forms.pmid,
    "pmcid": forms.pmcid,
    "isbn": forms.isbn,
    "nct": forms.nct,
    "isrctn": forms.isrctn,
}
"""How each identifier is read."""
PRINTED = ("volume", "issue", "pages", "edition", "editors", "place", "publisher", "type")
DESCRIPTION = (*FORMS, "url", "journal", "authors", "accessed", *PRINTED)
"""What may be said of a work beside what must be."""
HERE = ("retracted", "reason")
"""What an article says for itself, of whatever work it lists."""
SOURCE = Schema("a source", ("key", "title", "kind", "year"), (*DESCRIPTION, *HERE))
WORK = Schema("a work", ("key", "title", "year"), ("kind", *DESCRIPTION))
DRAWN = Schema("a source from the bibliography", ("key",), ("kind", "accessed", *HERE))
ACKNOWLEDGED = "acknowledged"
YAML = "content/sources.yaml"
_KEY = re.compile(KEY)
_YEAR = re.compile(r"[12]\d{3}", re.ASCII)
_WRITTEN = ("text", "number")
_UNKNOWN_KIND = "document"


@dataclass(frozen=True, slots=True)
class Listed:
    """A source and where it stands."""

    source: Source | None
    place: Place


def listed(
    fields: Fields, node: Node | None, known: Bibliography
) -> tuple[dict[str, Listed], tuple[tuple[str, str], ...]]:
    """The sources by key, and what was drawn from `known`: each key with its stamp.

    A wrong source is there too, so that its citations are not blamed.
    """
    found: dict[str, Listed] = {}
    drawn: dict[str, str] = {}
    if node is not None and _is_empty(node):
        fields.note("no-sources", node, "the article has no source", "name the works it rests on")
        return found, ()
    places: dict[str, list[Place]] = {}
    for item in fields.items(node, "sources"):
        key, source, place = _item(fields, item, known, drawn)
        if key is not None:
            places.setdefault(key, []).append(place)
            found.setdefault(key, Listed(source, place))
    fields.findings += identifiers.repeated(places)
    return found, tuple(drawn.items())


def _item(
    fields: Fields, item: Node, known: Bibliography, drawn: dict[str, str]
) -> tuple[str | None, Source | None, Place]:
    place = fields.place(item)
    if isinstance(item, Scalar):
        key = _keyed(fields, item)
        source = _drawn(fields, item, key, known, drawn) if key else None
        return key, source, place
    if not isinstance(item, Mapping):
        message = f"an entry of sources must be a key or a mapping, not a {item.kind}"
        remedy = f"give it the keys {', '.join(SOURCE.required)}"
        fields.note("wrong-type", item, message, remedy)
        return None, None, place
    names = {name.value for name, _ in item.pairs}
    is_drawn = "key" in names and names <= {*DRAWN.required, *DRAWN.optional}
    values = fields.keys(item, DRAWN if is_drawn else SOURCE)
    key = _keyed(fields, values.get("key"))
    if "key" in values:
        place = fields.place(values["key"])
    if not is_drawn:
        return key, work(fields, item, values, key), place
    source = _drawn(fields, values["key"], key, known, drawn) if key else None
    kind = fields.text(values.get("kind"), "kind")
    accessed = parts.day(fields, values.get("accessed"), "accessed")
    acknowledged = _acknowledged(fields, item, values)
    if source is not None:
        source = replace(
            source,
            kind=kind or source.kind,
            accessed=accessed or source.accessed,
            acknowledged=acknowledged,
        )
    return key, source, place


def _drawn(
    fields: Fields, node: Node, key: str, known: Bibliography, drawn: dict[str, str]
) -> Source | None:
    drawn[key] = known.stamps.get(key, "")
    entry = known.entries.get(key)
    if entry is None:
        described = ", ".join(SOURCE.required[1:])
        instead = f"add it there, or describe it here ({described} and an identifier)"
        remedy = suggestion(key, known.entries, instead)
        message = f"no work with the key {key} is in {YAML} or another list of works"
        fields.note("unknown-work", node, message, remedy)
        return None
    if entry.source is None:
        message = f"the work {key} cannot be cited as it stands at {entry.place}"
        fields.note("unknown-work", node, message, "see what is said of it there, and mend that")
    return entry.source


def entry(fields: Fields, item: Node) -> Entry | None:
    """A work of a bibliography; without its source where that has a mistake, None without a key."""
    if not isinstance(item, Mapping):
        message = f"a work must be a mapping, not a {item.kind}"
        fields.note("wrong-type", item, message, f"give it the keys {', '.join(WORK.required)}")
        return None
    before = len(fields.findings)
    values = fields.keys(item, WORK)
    key = _keyed(fields, values.get("key"))
    source = work(fields, item, values, key)
    place = fields.place(values.get("key") or item)
    sound = source is not None and len(fields.findings) == before
    return Entry(key, source if sound else None, place) if key else None


def work(fields: Fields, item: Mapping, values: Table[str, Node], key: str | None) -> Source | None:
    """What a mapping says of one work, every mistake noted."""
    title = fields.text(values.get("title"), "title", PARAGRAPH_LENGTH)
    kind = fields.text(values.get("kind"), "kind")
    year = _year(fields, values.get("year"))
    ids = {name: _identifier(fields, values[name], name) for name in FORMS if name in values}
    source = Source(
        key=key or "",
        title=title or "",
        kind=kind or "",
        year=year or 0,
        doi=ids.get("doi"),
        pmid=ids.get("pmid"),
        pmcid=ids.get("pmcid"),
        url=parts.address(fields, values.get("url"), "url"),
        journal=fields.text(values.get("journal"), "journal"),
        authors=fields.texts(values.get("authors"), "authors"),
        accessed=parts.day(fields, values.get("accessed"), "accessed"),
        acknowledged=_acknowledged(fields, item, values) if values.keys() & set(HERE) else None,
        isbn=ids.get("isbn"),
        nct=ids.get("nct"),
        isrctn=ids.get("isrctn"),
        imprint=_imprint(fields, values) if values.keys() & set(PRINTED) else None,
    )
    if identifiers.WAYS.isdisjoint(values):
        name = key or title or "on this line"
        fields.findings.append(identifiers.unresolvable(name, fields.place(item)))
    if key is None or title is None or year is None or (kind is None and "kind" in values):
        return None
    if kind is None:
        source = replace(source, kind=KINDS.get(vancouver.type_of(source), _UNKNOWN_KIND))
    return source


def _imprint(fields: Fields, values: Table[str, Node]) -> Imprint | None:
    said = {
        name: _text(fields, values.get(name), name)
        for name in ("volume", "issue", "pages", "edition", "place", "publisher")
    }
    editors = fields.texts(values.get("editors"), "editors")
    csl_type = fields.choice(values.get("type"), "type", tuple(KINDS))
    made = Imprint(**said, editors=editors, type=csl_type)
    return None if made == Imprint() else made


def _text(fields: Fields, node: Node | None, name: str) -> str | None:
    """A text that may look like a number, or even (`1-2`) like something else."""
    if isinstance(node, Scalar) and node.kind in ("number", "date"):
        node = Scalar(node.value, '"', node.line)
    return fields.text(node, name)


def _keyed(fields: Fields, node: Node | None) -> str | None:
    key = fields.text(node, "key")
    if node is not None and key is not None and not _KEY.fullmatch(key):
        remedy = "use letters, digits and . _ : -, such as liu-2020"
        fields.note("bad-source-key", node, f"{key!r} cannot be cited", remedy)
        return None
    return key


def _is_empty(node: Node) -> bool:
    if isinstance(node, Scalar):
        return node.kind == "empty value"
    return isinstance(node, Sequence) and not node.items


def _acknowledged(fields: Fields, item: Mapping, values: Table[str, Node]) -> str | None:
    """Why a retracted work is cited on purpose: both keys or neither."""
    said = fields.choice(values.get("retracted"), "retracted", (ACKNOWLEDGED,))
    reason = parts.plain(fields, values.get("reason"), "reason")
    if values.get("retracted") is not None and values.get("reason") is None:
        message = "a retracted work is cited without saying why"
        fields.note("retracted-reason", item, message, "add a line `reason: …` for readers")
    if values.get("reason") is not None and values.get("retracted") is None:
        message = "there is a reason and nothing that it is for"
        remedy = f"add `retracted: {ACKNOWLEDGED}` above it, or remove it"
        fields.note("retracted-reason", values["reason"], message, remedy)
    return reason if said else None


def _identifier(fields: Fields, node: Node, name: str) -> str | None:
    written = fields.scalar(node, name, _WRITTEN, "text")
    if written is None:
        return None
    value = FORMS[name](written)
    if value is None:
        fields.findings.append(identifiers.ill_formed(name, written, fields.place(node)))
    return value


def _year(fields: Fields, node: Node | None) -> int | None:
    written = fields.scalar(node, "year", _WRITTEN, "a number")
    if node is None or written is None:
        return None
    if _YEAR.fullmatch(written.strip()):
        return int(written)
    fields.note("impossible-date", node, f"{written!r} is not a year", "write four digits")
    return None
