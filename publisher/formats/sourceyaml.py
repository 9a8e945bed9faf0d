"""A work as an entry of `content/sources.yaml`, and that file with one more."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from publisher.domain import naming
from publisher.errors import AuthorError
from publisher.formats import yamltree
from publisher.formats.bibliography import MAX_NODES
from publisher.formats.yamlnodes import Scalar, Sequence

ORDER = (
    *("key", "title", "kind", "authors", "journal", "year", "volume", "issue", "pages"),
    *("edition", "editors", "place", "publisher", "doi", "pmid", "pmcid", "isbn", "nct", "isrctn"),
    *("url", "accessed", "type"),
)
_NUMBERS = ("year", "volume", "issue")
_SMALL = re.compile(r"[1-9]\d{0,8}")
_WORD = re.compile(r"[A-Za-z][\w./ ()-]*[\w.)]|[A-Za-z]")
_SAFE = re.compile(r"10\.[\w./()-]+|https?://[\w./?=&%~+-]+|\d{4}-\d{2}-\d{2}")
_SMALL_WORDS = frozenset({"a", "an", "the", "der", "die", "das", "on", "of"})


def render(values: Mapping[str, Any]) -> str:
    """The entry, its first line beginning with `- `."""
    lines = [f"{name}: {_written(name, values[name])}" for name in ORDER if values.get(name)]
    return "- " + "\n  ".join(lines) + "\n"


def _written(name: str, value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(json.dumps(str(each), ensure_ascii=False) for each in value)}]"
    text = " ".join(str(value).split())
    if name in _NUMBERS and _SMALL.fullmatch(text):
        return text
    plainly = _WORD if name in ("key", "kind", "journal", "type", "pmcid") else _SAFE
    is_text = Scalar(text, "", 1).kind in ("text", "date")
    if plainly.fullmatch(text) and is_text:
        return text
    # JSON's strings are YAML's, but for two line breaks that split() has taken out.
    return json.dumps(text, ensure_ascii=False)


def key(values: Mapping[str, Any], taken: Collection[str]) -> str:
    """`liu-2020`: the first author's family name, or the title's first word, and the year; with a
    letter more where that is taken.
    """
    authors = values.get("authors") or ()
    name = naming.parse(authors[0]).family if authors else ""
    words = _plain(name).split("-") if name else []
    if not words or not words[0]:
        title = _plain(str(values.get("title", ""))).split("-")
        words = [word for word in title if word and word not in _SMALL_WORDS][:1] or ["work"]
    stem = "-".join([*words[:3], str(values.get("year") or "")]).strip("-")
    letters = ("", *(chr(number) for number in range(ord("b"), ord("z") + 1)))
    free = (f"{stem}{letter}" for letter in letters if f"{stem}{letter}" not in taken)
    return next(free, f"{stem}-{len(taken)}")


def _plain(text: str) -> str:
    spelt = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o"))
    ascii_only = spelt.encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.replace("'", "")).strip("-")


def append(text: str, entry: str, path: str) -> str:
    """`text`, the whole of a bibliography in YAML, with an entry (see `render`) at its end.

    Every character that was there stays as it is. Raises AuthorError where the file is no list
    that can be continued so.
    """
    tree = yamltree.parse(text, nodes=MAX_NODES)
    if isinstance(tree, yamltree.Fault):
        raise AuthorError(f"{path}:{tree.line}: {tree.message}; mend that first")
    if isinstance(tree, Sequence) and tree.items:
        indent = _indent(text, tree)
        if indent is None:
            raise AuthorError(f"{path} is a list in brackets; paste the entry into it by hand")
        entry = "".join(f"{' ' * indent}{line}" for line in entry.splitlines(keepends=True))
    elif not (isinstance(tree, Scalar) and not tree.value.strip()):
        raise AuthorError(f"{path} is no list of works; begin each with `- key: …`")
    ended = text if not text or text.endswith("\n") else f"{text}\n"
    made = f"{ended}{entry}"
    after = yamltree.parse(made, nodes=MAX_NODES)
    before = len(tree.items) if isinstance(tree, Sequence) else 0
    if not isinstance(after, Sequence) or len(after.items) != before + 1:
        raise AuthorError(f"{path} cannot be continued at its end; paste the entry by hand")
    return made


def _indent(text: str, tree: Sequence) -> int | None:
    """The column of the list's dashes; None for a list in brackets."""
    line = text.split("\n")[tree.items[0].line - 1]
    found = re.match(r"( *)- ", line)
    return len(found[1]) if found else None
