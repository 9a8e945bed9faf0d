"""Settings about people: how long they are kept, and segments of them."""

from __future__ import annotations

from datetime import timedelta

from publisher.domain.cadence import CadenceKind
from publisher.formats import kinds
from publisher.formats.tables import Table, key, optional, several

_span = kinds.span_or_never(timedelta(days=1))


class RetentionTable(Table):
    """When people who are no readers are erased by themselves."""

    unconfirmed = key(_span, timedelta(days=30))
    left = key(_span, timedelta(days=1095))


class SegmentTable(Table):
    """Confirmed readers who have all of these in common; its name is the table's."""

    newsletters = key(several(kinds.text), ())
    topics = key(several(kinds.text), ())
    cadences = key(several(kinds.member(CadenceKind)), ())
    languages = key(several(kinds.language), ())
    domains = key(several(kinds.domain), ())
    joined_since = optional(kinds.since)
    joined_before = optional(kinds.since)
    accepted_since = optional(kinds.since)
    not_accepted_since = optional(kinds.since)

    def check(self) -> None:
        """It says something. Raises ValueError."""
        if not self.given:
            raise ValueError(
                "say what these readers have in common: newsletters, topics, cadences, languages, "
                "domains, joined_since, joined_before, accepted_since or not_accepted_since"
            )
