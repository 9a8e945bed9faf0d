"""Every source can be looked up: well-formed identifiers, and at least one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from publisher.checks.rules import error
from publisher.domain.finding import Finding, Place

_ORDER = ("doi", "pmid", "pmcid", "isbn", "nct", "isrctn", "url")
WAYS = frozenset(_ORDER)
"""The keys that lead to a work: a source has one of them at least."""
_FORMS = {
    "doi": "write it as 10.1056/NEJMoa1910607, without a full stop after it",
    "pmid": "write the number from PubMed, such as 32023374",
    "pmcid": "write it as PMC12607298",
    "isbn": "look at its digits again: the last one is reckoned from the others",
    "nct": "write NCT and the eight digits from ClinicalTrials.gov, such as NCT04245722",
    "isrctn": "write ISRCTN and its eight digits, such as ISRCTN83971151",
}
_NAMES = {"nct": "ClinicalTrials.gov number"}


def ill_formed(name: str, written: str, place: Place) -> Finding:
    """An identifier that has not the form of one, or the wrong check digit."""
    called = _NAMES.get(name, name.upper())
    article = "an" if name.startswith("is") else "a"
    return error(f"bad-{name}", place, f"{written!r} is not {article} {called}", _FORMS[name])


def unresolvable(key: str, place: Place) -> Finding:
    """A source that names no way to the work."""
    return error(
        "unresolvable-source",
        place,
        f"nobody can look up the source {key}",
        f"give at least one of {', '.join(_ORDER[:-1])} and {_ORDER[-1]}",
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
