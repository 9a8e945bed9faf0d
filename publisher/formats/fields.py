"""Typed values out of a YAML mapping, every mistake noted with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from publisher.checks import text as characters
from publisher.checks.rules import error
from publisher.checks.spelling import suggestion
from publisher.domain.finding import Finding, Place
from publisher.formats.yamltree import Mapping, Node, Scalar, Sequence

LINE_LENGTH = 300
PARAGRAPH_LENGTH = 2_000
"""Characters: of a title or name, and of a summary, key takeaway or correction."""


@dataclass(frozen=True)
class Schema:
    """The keys of one kind of mapping; `what` names it in messages."""

    what: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @cached_property
    def known(self) -> frozenset[str]:
        """All keys, for looking one up."""
        return frozenset(self.required + self.optional)

    @cached_property
    def needed(self) -> frozenset[str]:
        """The required ones."""
        return frozenset(self.required)


class Fields:
    """Reads one file's mappings; `findings` grows as mistakes are met."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.findings: list[Finding] = []

    def place(self, node: Node) -> Place:
        """Where a value stands."""
        return Place(self.path, node.line)

    def note(self, rule: str, node: Node, message: str, remedy: str) -> None:
        """Note something that is wrong with a value."""
        self.findings.append(error(rule, self.place(node), message, remedy))

    def keys(self, mapping: Mapping, schema: Schema) -> dict[str, Node]:
        """The values by key; notes missing, unknown and repeated keys. The first of two wins."""
        found = {key.value: value for key, value in mapping.pairs}
        if len(found) != len(mapping.pairs) or not found.keys() <= schema.known:
            found = self._noted(mapping, schema)
        for name in schema.required:
            if name not in found:
                message = f"{schema.what} has no {name}"
                self.note("missing-key", mapping, message, f"add a line `{name}: …`")
        needed = schema.needed
        return {
            name: value
            for name, value in found.items()
            if name in needed or value.kind != "empty value"
        }

    def _noted(self, mapping: Mapping, schema: Schema) -> dict[str, Node]:
        """The known keys, each once; notes the others."""
        known = schema.required + schema.optional
        found: dict[str, Node] = {}
        seen: dict[str, int] = {}
        for key, value in mapping.pairs:
            name = key.value
            if name in seen:
                message = f"{name} stands twice; it is already on line {seen[name]}"
                self.note("repeated-key", key, message, "keep one of them")
            elif name not in known:
                remedy = suggestion(name, known, "see docs/article-format.md for the keys")
                # Its name is shown as Python would write it: it may hold anything.
                self.note("unknown-key", key, f"{schema.what} has no key {name!r}", remedy)
            else:
                found[name] = value
            seen.setdefault(name, key.line)
        return found

    def text(self, node: Node | None, name: str, limit: int = LINE_LENGTH) -> str | None:
        """A text on one line: runs of white space are one space. None when it is none."""
        if node is None:
            return None
        value = self.scalar(node, name, ("text",), "text")
        if value is None:
            return None
        text = " ".join(value.split())
        if not text:
            self.note("empty-text", node, f"{name} is empty", f"write the {name}")
            return None
        return self.sound(text, node, name, limit)

    def sound(self, text: str, node: Node, name: str, limit: int) -> str | None:
        """`text` unless it is too long or holds characters that none should."""
        if len(text) <= limit and characters.is_sound(text):
            return text
        wrong = list(characters.escaped(name, text, self.place(node)))
        if len(text) > limit:
            message = f"{name} has {len(text):,} characters"
            remedy = f"shorten it to {limit:,}"
            wrong.append(error("too-long", self.place(node), message, remedy))
        self.findings += wrong
        return None

    def scalar(
        self, node: Node | None, name: str, kinds: Collection[str], wanted: str
    ) -> str | None:
        """The text of a value of one of `kinds`, as typed; None when it is another."""
        if node is None:
            return None
        if isinstance(node, Scalar):
            kind = "text" if node.style else node.kind
            if kind in kinds:
                return node.value
            if kind == "empty value":
                self.note("empty-text", node, f"{name} is empty", f"write the {name}")
                return None
        remedy = f"write {wanted}"
        if isinstance(node, Scalar) and wanted == "text":
            remedy = f'put it in quotes: "{node.value}"'
        self.note("wrong-type", node, f"{name} must be {wanted}, not a {node.kind}", remedy)
        return None

    def choice(self, node: Node | None, name: str, choices: Collection[str]) -> str | None:
        """A text that is one of `choices`."""
        value = self.text(node, name)
        if value is None or node is None or value in choices:
            return value
        remedy = suggestion(value, choices, "see docs/article-format.md")
        self.note("unknown-choice", node, f"there is no {name} {value!r}", remedy)
        return None

    def flag(self, node: Node | None, name: str) -> bool:
        """True or false; false when absent."""
        value = self.scalar(node, name, ("yes/no value",), "true or false")
        return value is not None and value.lower() in ("true", "yes", "on")

    def items(self, node: Node | None, name: str) -> tuple[Node, ...]:
        """The items of a list; none when absent."""
        if node is None or isinstance(node, Sequence):
            return () if node is None else node.items
        remedy = f"write each on a line of its own below `{name}:`, led by `- `"
        self.note("wrong-type", node, f"{name} must be a list, not a {node.kind}", remedy)
        return ()

    def texts(self, node: Node | None, name: str) -> tuple[str, ...]:
        """A list of texts."""
        found = (self.text(item, f"an entry of {name}") for item in self.items(node, name))
        return tuple(text for text in found if text is not None)

    def mappings(
        self, node: Node | None, name: str, schema: Schema
    ) -> Iterator[tuple[Mapping, dict[str, Node]]]:
        """Each mapping in a list, with its values by key."""
        for item in self.items(node, name):
            if isinstance(item, Mapping):
                yield item, self.keys(item, schema)
            else:
                keys = ", ".join(schema.required)
                message = f"an entry of {name} must be a mapping, not a {item.kind}"
                self.note("wrong-type", item, message, f"give it the keys {keys}")
