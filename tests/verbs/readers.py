"""People for tests, admitted through the real store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from publisher.domain.subscription import Consent, NewSubscriber, address_key
from publisher.ports import Store

AGREED_AT = datetime(2026, 11, 1, 13, 0, tzinfo=UTC)


def reader(
    name: str,
    *,
    topics: tuple[str, ...] | None = None,
    cadence: str | None = None,
    language: str | None = None,
) -> NewSubscriber:
    """NAME@example.org."""
    address = f"{name}@example.org"
    return NewSubscriber(address, address_key(address), name.title(), topics, cadence, language)


def admit(store: Store, rows: Sequence[NewSubscriber], newsletter: str = "weekly") -> None:
    """Confirmed subscriptions whose token ids are `t-NAME`."""
    store.subscribers.admit(
        newsletter,
        rows,
        [f"t-{newsletter}-{row.key.partition('@')[0]}" for row in rows],
        Consent(AGREED_AT, "a form", "I want it"),
        AGREED_AT,
    )
