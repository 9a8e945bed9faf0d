"""What a static host must know of one tree, before it is put into any server's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from publisher.domain.journal import Journal
from publisher.formats import answers, mediatypes


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as it is asked for. `type` is its media type, without the charset."""

    path: str
    type: str
    link: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Paths are as they are asked for: `base`, the journal's own path, stands before them.

    `versioned` are addresses with the version of what they name; `gone` pairs a path with the
    file that says why, where there is one; `hidden` are files that are there and not served.
    """

    base: str
    cache_control: str
    security: Mapping[str, str]
    feeds: tuple[Feed, ...]
    redirects: tuple[tuple[str, str], ...]
    gone: tuple[tuple[str, str | None], ...]
    versioned: tuple[str, ...]
    missing: str
    hidden: tuple[str, ...]


def rules(journal: Journal, files: Mapping[str, bytes], cache_control: str) -> Rules:
    """The rules of the tree `files`, in a stable order. Raises SiteError."""
    control = answers.control(files.get(answers.CONTROL))
    base = answers.base(journal)
    return Rules(
        base=base,
        cache_control=cache_control,
        security=answers.security(journal),
        feeds=tuple(
            Feed(f"{base}/{name}", kind.partition(";")[0], answers.link(journal, name) or "")
            for name in sorted(files)
            if (kind := mediatypes.feed_type(name))
        ),
        redirects=tuple(
            (base + path, answers.location(journal, to))
            for path, to in sorted(_open(control.redirects).items())
        ),
        gone=tuple((base + path, _says_why(base, path, files)) for path in sorted(control.gone)),
        versioned=tuple(
            f"{base}/{name}?v={answers.version(files[name])}"
            for name in sorted(files)
            if name.startswith("assets/")
        ),
        missing=f"{base}/{answers.MISSING}",
        hidden=tuple(f"{base}/{name}" for name in sorted(files) if name.startswith("_")),
    )


def _open(redirects: Mapping[str, str]) -> dict[str, str]:
    """With `/old` for each `/old/`, unless it leads elsewhere: as where we serve ourselves."""
    opened = {path.rstrip("/"): to for path, to in redirects.items() if path.rstrip("/")}
    return {**opened, **redirects}


def _says_why(base: str, path: str, files: Mapping[str, bytes]) -> str | None:
    name = path.lstrip("/") + ("index.html" if path.endswith("/") else "")
    return f"{base}/{name}" if name in files else None
