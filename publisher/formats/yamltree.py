"""YAML as a tree that remembers its lines and keeps its repeated keys.

PyYAML's own construction drops both, and expands aliases; so the tree is composed here from
the parser's events (the C one where it exists), within stated bounds, and scalars keep the
text that the author typed: `pmid: 0123` stays `0123`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from publisher.formats.yamlnodes import Mapping, Node, Scalar, Sequence
from publisher.formats.yamlskim import skim

__all__ = ["MAX_DEPTH", "MAX_NODES", "Fault", "Mapping", "Node", "Scalar", "Sequence", "compose"]

MAX_DEPTH = 8
MAX_NODES = 20_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no tree: the rule it breaks (see `checks.RULES`), where and what."""

    rule: str
    line: int
    message: str
    remedy: str


class _Stop(Exception):
    """Carries a Fault out of the recursion, and never leaves this file."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def compose(text: str, first_line: int = 1) -> Node | Fault:
    """The one document in `text`, whose first line counts as `first_line`; or what is wrong.

    Anchors, aliases and tags are refused: no front matter needs them, and a few hundred
    bytes of aliases can stand for gigabytes.
    """
    return skim(text, first_line) or parse(text, first_line)


def parse(text: str, first_line: int = 1, *, nodes: int = MAX_NODES) -> Node | Fault:
    """The same, always by YAML's own parser, with up to so many `nodes`."""
    try:
        return _Composer(text, first_line, nodes).document()
    except _Stop as stop:
        return stop.fault
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        said = error.problem or error.context or "not valid YAML"
        return Fault("front-matter", line, f"not valid YAML: {said}", _REMEDY)
    except yaml.YAMLError as error:  # a character that YAML does not take
        return Fault("front-matter", first_line, f"not valid YAML: {error}", _REMEDY)


_REMEDY = "check the quotes, colons and indentation here and just above"


class _Composer:
    """One pass over the parser's events."""

    def __init__(self, text: str, first_line: int, most: int) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._first = first_line
        self._nodes = 0
        self._most = most

    def document(self) -> Node:
        next(self._events)  # the stream starts
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            return Scalar("", "", self._first)
        root = self._node(next(self._events), 1)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._stop("front-matter", after, "a second YAML document begins", "keep one")
        return root

    def _node(self, event: Any, depth: int) -> Node:
        self._nodes += 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._stop("yaml-limit", event, "anchors and aliases are not allowed", _WRITE_OUT)
        if event.tag is not None:
            raise self._stop("yaml-limit", event, f"the tag {event.tag} is not allowed", _WRITE_OUT)
        if self._nodes > self._most:
            raise self._stop("yaml-limit", event, f"more than {self._most:,} values", "write less")
        if depth > MAX_DEPTH:
            raise self._stop("yaml-limit", event, f"nested deeper than {MAX_DEPTH}", "nest less")
        line = self._line(event)
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, event.style or "", line)
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(tuple(self._items(depth)), line)
        return Mapping(tuple(self._pairs(depth)), line, bool(event.flow_style))

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _pairs(self, depth: int) -> Iterator[tuple[Scalar, Node]]:
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar):
                raise self._stop("front-matter", event, "a key must be a word", _REMEDY)
            yield key, self._node(next(self._events), depth + 1)

    def _line(self, event: Any) -> int:
        return self._first + int(event.start_mark.line)

    def _stop(self, rule: str, event: Any, message: str, remedy: str) -> _Stop:
        return _Stop(Fault(rule, self._line(event), message, remedy))


_WRITE_OUT = "write the value out where it is needed"
