"""Segments: readers who have something in common, named in the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from publisher.domain.journal import Journal, Newsletter
from publisher.domain.retention import LONG_AGO

Moment = datetime | timedelta
"""An instant, or so long ago."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A segment as a store is asked for it: instants, and choices as they are stored.

    `newsletters`: for each, the stored cadences that count (None: not chosen), or None for all
    of them. `languages`: tags; one also takes those that it begins (`en` takes `en-GB`).
    """

    newsletters: tuple[tuple[str, tuple[str | None, ...] | None], ...]
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    no_language: bool = False  # whether those who chose none are taken, too
    domains: tuple[str, ...] = ()
    joined_since: datetime | None = None
    joined_before: datetime | None = None
    accepted_since: datetime | None = None
    not_accepted_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """Confirmed readers of whom all this is true; an empty field says nothing.

    `topics`, `cadences` and `languages` take in those who did not choose and so get them.
    `joined` is when they confirmed; `accepted` when a mail system last took a mail for them.
    """

    newsletters: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    cadences: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    joined_since: Moment | None = None
    joined_before: Moment | None = None
    accepted_since: Moment | None = None
    not_accepted_since: Moment | None = None

    def at(self, now: datetime, journal: Journal) -> Selection:
        """What it means at an instant, with the journal's defaults."""

        def instant(moment: Moment | None) -> datetime | None:
            if not isinstance(moment, timedelta):
                return moment
            return now - min(moment, now - LONG_AGO)

        return Selection(
            tuple(
                (each.slug, self._cadences(each))
                for each in journal.newsletters
                if not self.newsletters or each.slug in self.newsletters
            ),
            self.topics,
            self.languages,
            any(_within(journal.language, tag) for tag in self.languages),
            self.domains,
            instant(self.joined_since),
            instant(self.joined_before),
            instant(self.accepted_since),
            instant(self.not_accepted_since),
        )

    def _cadences(self, newsletter: Newsletter) -> tuple[str | None, ...] | None:
        if not self.cadences:
            return None
        usual = newsletter.cadences[0].kind.value
        return (*self.cadences, None) if usual in self.cadences else self.cadences


def _within(language: str, tag: str) -> bool:
    """RFC 4647 §3.3.1, basic filtering."""
    language, tag = language.lower(), tag.lower()
    return language == tag or language.startswith(f"{tag}-")
