"""Every source can be looked up: well-formed identifiers, and at least one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from publisher.checks.rules import error
from publisher.domain.finding import Finding, Place

WAYS = ("doi", "pmid", "pmcid", "url")
_FORMS = {
    "doi": "write it as 10.1056/NEJMoa1910607, without a full stop after it",
    "pmid": "write the number from PubMed, such as 32023374",
    "pmcid": "write it as PMC12607298",
}


def ill_formed(name: str, written: str, place: Place) -> Finding:
    """A DOI, PMID or PMCID that has not the form of one."""
    return error(f"bad-{name}", place, f"{written!r} is not a {name.upper()}", _FORMS[name])


def unresolvable(given: Collection[str], key: str, place: Place) -> Iterator[Finding]:
    """A source that names no way to the work."""
    if not any(way in given for way in WAYS):
        yield error(
            "unresolvable-source",
            place,
            f"nobody can look up the source {key}",
            "give at least one of doi, pmid, pmcid and url",
        )


def repeated(places: Mapping[str, list[Place]]) -> Iterator[Finding]:
    """Each further source with a key that stood before."""
    for key, (first, *further) in places.items():
        for place in further:
            yield error(
                "repeated-source",
                place,
                f"the key {key} is already used on line {first.line}",
                "give each source a key of its own",
            )
