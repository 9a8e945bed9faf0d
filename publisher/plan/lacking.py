"""Whether sources can be looked up at all: data of retractions that are gone, or too old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from publisher.checks import retractions
from publisher.domain.finding import Finding
from publisher.domain.journal import Journal
from publisher.domain.retraction import Snapshot
from publisher.ports import Store


def lacking(
    snapshot: Snapshot | None, journal: Journal, store: Store, now: datetime
) -> Iterator[Finding]:
    """What is to be said about the data; it blocks where there were data once and are none now."""
    had = store.ledger.had_data() if snapshot is None else None
    return retractions.data(snapshot, journal.sources, now, had)
