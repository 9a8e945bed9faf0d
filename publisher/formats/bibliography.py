"""Files of works to the entries in them, whatever they are written in, and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from publisher.checks.rules import error, softened
from publisher.domain.bibliography import Entry
from publisher.domain.finding import Finding, Place
from publisher.formats import bibtex, csljson, ris, sources, yamltree
from publisher.formats.fields import Fields
from publisher.formats.workfiles import MAX_BYTES, YAML
from publisher.formats.yamlnodes import Mapping as Tree
from publisher.formats.yamlnodes import Node, Scalar, Sequence

MAX_NODES = 500_000

Record = tuple[int, dict[str, Any] | str]


def parse(raw: bytes, path: str) -> tuple[tuple[Entry, ...], tuple[Finding, ...]]:
    """The works in a file, and every finding by line.

    A mistake in one work is a warning: it stops only the articles that cite it. A file that
    cannot be read at all blocks, because nobody can say what is in it.
    """
    if len(raw) > MAX_BYTES:
        message = f"the file has more than {MAX_BYTES:,} bytes"
        return (), (error("file-too-large", Place(path), message, "make two files of it"),)
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as wrong:
        place = Place(path, raw.count(b"\n", 0, wrong.start) + 1)
        return (), (error("invalid-utf8", place, "this is not UTF-8", "save the file as UTF-8"),)
    fields = Fields(path)
    nodes = _nodes(text, path)
    if isinstance(nodes, Finding):
        return (), (nodes,)
    entries: list[Entry] = []
    for node in nodes:
        if isinstance(node, Finding):
            fields.findings.append(node)
            continue
        entry = sources.entry(fields, node)
        if entry is not None:
            entries.append(entry)
    return tuple(entries), softened(tuple(dict.fromkeys(fields.findings)))


def _nodes(text: str, path: str) -> list[Node | Finding] | Finding:
    name = PurePosixPath(path).name.lower()
    if name in YAML:
        return _yaml(text, path)
    readers: dict[str, Callable[[str], Iterator[Record]]] = {
        ".bib": bibtex.entries,
        ".ris": ris.records,
        ".json": _csl,
    }
    try:
        return [_node(record, path) for record in readers[PurePosixPath(name).suffix](text)]
    except ValueError as wrong:
        line = wrong.lineno if isinstance(wrong, json.JSONDecodeError) else 1
        message = f"this is no list of works in CSL-JSON: {wrong}"
        remedy = "export it anew from your reference manager as CSL JSON"
        return error("bad-bibliography", Place(path, line), message, remedy)


def _yaml(text: str, path: str) -> list[Node | Finding] | Finding:
    tree = yamltree.parse(text, nodes=MAX_NODES)
    if isinstance(tree, yamltree.Fault):
        return error("bad-bibliography", Place(path, tree.line), tree.message, tree.remedy)
    if (isinstance(tree, Scalar) and tree.kind == "empty value") or tree == Scalar("", "", 1):
        return []
    if not isinstance(tree, Sequence):
        message = f"the file must be a list of works, not a {tree.kind}"
        remedy = "begin each work with `- key: …` at the start of a line"
        return error("bad-bibliography", Place(path, tree.line), message, remedy)
    return list(tree.items)


def _csl(text: str) -> Iterator[Record]:
    for line, item in csljson.items(text):
        yield line, csljson.values(item) if isinstance(item, Mapping) else "this is no work"


def _node(record: Record, path: str) -> Node | Finding:
    """A record as if it stood in YAML, so that one reading judges all of them."""
    line, said = record
    if isinstance(said, str):
        remedy = "mend the entry, or export the file anew"
        return error("bad-bibliography", Place(path, line), said, remedy)
    pairs = [(Scalar(name, "", line), _value(value, line)) for name, value in said.items()]
    return Tree(tuple(pairs), line)


def _value(value: object, line: int) -> Node:
    if isinstance(value, list):
        return Sequence(tuple(Scalar(str(each), '"', line) for each in value), line)
    return Scalar(str(value), '"', line)
