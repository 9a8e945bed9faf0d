"""Citations and sources answer each other: every key is known, every source is used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from publisher.checks.rules import error
from publisher.checks.spelling import suggestion
from publisher.domain.finding import Finding, Place


@dataclass(frozen=True, slots=True)
class Cited:
    """One use of a key, and where."""

    key: str
    place: Place


def unknown(uses: Iterable[Cited], keys: Collection[str]) -> Iterator[Finding]:
    """Each use of a key that no source has."""
    for use in uses:
        if use.key not in keys:
            yield error(
                "unknown-citation",
                use.place,
                f"there is no source with the key {use.key}",
                suggestion(use.key, keys, "add the source, or correct the key"),
            )


def unused(used: Collection[str], sources: Mapping[str, Place]) -> Iterator[Finding]:
    """Each source whose key is not among those `used`; `sources` maps keys to their places."""
    for key, place in sources.items():
        if key not in used:
            yield error(
                "uncited-source",
                place,
                f"the source {key} is never cited",
                f"cite it as [@{key}] where it is used, or remove it",
            )


def malformed(written: str, place: Place) -> Finding:
    """Something that starts like a citation and does not end like one."""
    return error(
        "malformed-citation",
        place,
        f"{written!r} is not a citation",
        "write [@key], or [@one; @two] for several; put it in `code` to show it as it is",
    )


def misplaced(where: str, place: Place) -> Finding:
    """A citation where no number can stand."""
    return error(
        "misplaced-citation",
        place,
        f"a citation in {where} would not be numbered",
        "cite in the text of the body or of an answer",
    )


def in_plain_text(name: str, text: str, place: Place) -> Iterator[Finding]:
    """A citation in a text that stands alone in feeds, mails and lists."""
    if "[@" in text:
        yield misplaced(name, place)
