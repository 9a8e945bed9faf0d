"""The values of a YAML document, each with the line it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import yaml
from yaml.resolver import Resolver

_KINDS = {
    "tag:yaml.org,2002:bool": "yes/no value",
    "tag:yaml.org,2002:float": "number",
    "tag:yaml.org,2002:int": "number",
    "tag:yaml.org,2002:null": "empty value",
    "tag:yaml.org,2002:timestamp": "date",
}


class Scalar(NamedTuple):
    """One value as typed. `style` is `"`, `'`, `|`, `>` or empty for plain; `line` from 1."""

    value: str
    style: str
    line: int

    @property
    def kind(self) -> str:
        """`text`, `number`, `date`, `yes/no value` or `empty value`, as YAML 1.1 reads it."""
        return "text" if self.style else _kind(self.value)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list and the line it starts on."""

    items: tuple[Node, ...]
    line: int
    kind = "list"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order of the file, repeated ones included."""

    pairs: tuple[tuple[Scalar, Node], ...]
    line: int
    flow: bool = False
    kind = "mapping"

    def find(self, key: str) -> Node | None:
        """The first value under `key`."""
        return next((value for name, value in self.pairs if name.value == key), None)


Node = Scalar | Sequence | Mapping

_RESOLVER: Any = Resolver()


@lru_cache(maxsize=4096)
def _kind(plain: str) -> str:
    tag = _RESOLVER.resolve(yaml.ScalarNode, plain, (True, False))
    return _KINDS.get(tag, "text")
