"""Subscriptions as CSV that opens safely in a spreadsheet and imports again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from publisher.domain.subscription import Subscription
from publisher.subscribe.cells import guard

COLUMNS = (
    "email",
    "name",
    "newsletter",
    "state",
    "topics",
    "cadence",
    "language",
    "time zone",
    "consent at",
    "consent origin",
    "consent wording",
    "consent page",
    "consent network",
    "consent version",
    "created at",
    "confirmed at",
    "unsubscribed at",
    "paused until",
    "reason",
)


def export_lines(subscriptions: Iterable[Subscription]) -> Iterator[str]:
    """The header and then one CSV record each, ending in CRLF (RFC 4180); memory stays flat."""
    out = io.StringIO()
    line = csv.writer(out).writerow

    def taken() -> str:
        text = out.getvalue()
        out.seek(0)
        out.truncate()
        return text

    line(COLUMNS)
    yield taken()
    for one in subscriptions:
        line(
            guard(value)
            for value in (
                one.address,
                one.name,
                one.newsletter,
                one.state.value,
                "|".join(one.topics or ()),
                one.cadence or "",
                one.language or "",
                one.time_zone or "",
                _instant(one.consent.at),
                one.consent.origin,
                one.consent.wording,
                one.consent.page,
                one.consent.network,
                one.consent.version,
                _instant(one.created_at),
                _instant(one.confirmed_at),
                _instant(one.unsubscribed_at),
                _instant(one.paused_until),
                one.reason,
            )
        )
        yield taken()


def export_csv(subscriptions: Iterable[Subscription]) -> str:
    """The whole export in one string."""
    return "".join(export_lines(subscriptions))


def _instant(value: datetime | None) -> str:
    return value.isoformat(timespec="seconds") if value else ""
