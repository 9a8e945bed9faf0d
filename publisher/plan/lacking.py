"""Whether sources can be looked up at all: data of retractions that are gone, or too old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from publisher.checks import retractions
from publisher.domain.finding import Finding
from publisher.domain.journal import Journal
from publisher.domain.retraction import Register
from publisher.ports import Store


def lacking(register: Register, journal: Journal, store: Store, now: datetime) -> Iterator[Finding]:
    """What is to be said about the data; it blocks where there were data once and are none now."""
    had = None
    if register.snapshot is None:
        had = register.had or store.ledger.had_data()
    return retractions.data(register.snapshot, journal.sources, now, had)
