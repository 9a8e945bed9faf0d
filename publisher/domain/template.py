"""Templates as values: name, text and where each comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Template:
    """`name` is relative (`site/article.html`); `origin` the file, for error messages."""

    name: str
    text: str
    origin: str
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """All templates, the journal's own over the shipped ones; `assets` are copied as they are.

    `catalogues` are the files (`.po`) of each language by its tag, the journal's own last: what
    it says stands over what the shipped one says, message by message.
    """

    templates: Mapping[str, Template]
    assets: Mapping[str, bytes]
    catalogues: Mapping[str, tuple[Template, ...]] = field(default_factory=dict)

    def origin(self, name: str) -> str:
        """Where a template comes from, or its name when it is not known."""
        found = self.templates.get(name)
        return found.origin if found else name
