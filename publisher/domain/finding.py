"""What a check says about an article, a setting or an edition."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs. An error blocks building and sending; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Place:
    """Where: `path` relative to the journal's root, `line` counted from 1 (None: whole file)."""

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: the rule's id, how bad, where, what, and how to mend it."""

    rule: str
    severity: Severity
    place: Place
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """`content/x.md:12: rule: message (how to mend)`."""
        tail = f" ({self.remedy})" if self.remedy else ""
        return f"{self.place}: {self.rule}: {self.message}{tail}"

    @property
    def blocks(self) -> bool:
        """Whether this finding stops a build, a plan or a send."""
        return self.severity is Severity.ERROR
