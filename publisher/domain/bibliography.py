"""The works that articles cite by key: each stands once, in a file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from publisher.domain.article import Source
from publisher.domain.finding import Place
from publisher.domain.leaf import fingerprint


@dataclass(frozen=True, slots=True)
class Entry:
    """A work and where it stands. Without a `source` it has a mistake, so nobody can cite it."""

    key: str
    source: Source | None
    place: Place

    @property
    def stamp(self) -> str:
        """What changes when anything does that an article which cites it would show."""
        return fingerprint(self.source, self.place.path if self.source is None else "")


@dataclass(frozen=True, slots=True)
class Bibliography:
    """All works of `content/sources.yaml` and its like, by key."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    stamps: Mapping[str, str] = field(default_factory=dict)

    def agrees(self, drawn: Iterable[tuple[str, str]]) -> bool:
        """Whether each of these works, drawn earlier with this stamp, is as it was then."""
        return all(self.stamps.get(key, "") == stamp for key, stamp in drawn)


def gather(entries: Iterable[Entry]) -> Bibliography:
    """The entries by key. A key that stands twice means neither work."""
    found: dict[str, Entry] = {}
    for entry in entries:
        double = found.get(entry.key)
        found[entry.key] = entry if double is None else Entry(entry.key, None, double.place)
    return Bibliography(found, {key: entry.stamp for key, entry in found.items()})
