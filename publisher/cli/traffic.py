"""What `status` says of transports: who fails, who is sent less, what limits hold back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from publisher.cli import words
from publisher.domain.backoff import Backoff
from publisher.domain.breaker import Breaker
from publisher.domain.issue import IssueState
from publisher.domain.journal import Journal
from publisher.domain.limits import WHOLE

if TYPE_CHECKING:
    from publisher.app import App

PACES = (
    "as fast as it goes",
    "by half of its connections",
    "by a quarter of its connections",
    "by one connection",
    "one mail a minute",
)
"""What each level of back-off means."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """`held`: by issue, how many mails need nobody's help: they wait for their time, or for a
    transport that has reached its limits (`limited`, with the end); and when the first goes.
    """

    breakers: Mapping[str, Breaker]
    backoffs: Mapping[tuple[str, str], Backoff]
    held: Mapping[str, tuple[int, datetime]]
    limited: Mapping[str, datetime]


def look(app: App, now: datetime) -> Traffic:
    """Read it; of transports that the settings still have."""
    limited = dict(_limited(app, now))
    held = {}
    for issue in app.store.issues.list(states=(IssueState.SENDING, IssueState.PAUSED)):
        number, first = app.store.outbox.held(issue.id)
        route = app.settings.routes.get(words.newsletter(app.journal, issue.newsletter).transport)
        if route is not None and all(name in limited for name in route.transports):
            number, first = issue.counts.get("queued", 0), min(limited.values())
        if first is not None and number:
            held[words.name(issue)] = (number, first)
    traffic = app.store.traffic
    slow = {
        key: backoff.faded(now)
        for key, backoff in traffic.backoffs().items()
        if key[0] in app.transports and backoff.faded(now).level
    }
    breakers = {n: b for n, b in traffic.breakers().items() if n in app.transports}
    return Traffic(breakers, slow, held, limited)


def _limited(app: App, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Transports that may send nothing of an issue for a while."""
    from publisher.app import limiter  # much to load for who only asks for help

    for name, transport in app.settings.transports.items():
        if transport.limits.empty:
            continue
        quiet = transport.limits.total.quiet
        until = (quiet.until(now, app.journal.zone) if quiet else None) or now
        until = max(until, limiter(app, name).turn(WHOLE, 1, now))
        if until > now:
            yield name, until


def lines(seen: Traffic, journal: Journal) -> list[str]:
    """For people; empty where all is well."""
    found = [
        f"  {name} fails since {_at(b.since, journal)}: {b.reason} "
        f"(asked again {_at(b.probe_at, journal)})"
        for name, b in seen.breakers.items()
    ]
    found += [
        f"  {name} sends {PACES[backoff.level]}"
        + (f" to {destination}" if destination else "")
        + ": it was told that it comes too fast"
        for (name, destination), backoff in sorted(seen.backoffs.items())
    ]
    found += [
        f"  {name} has reached its limits until {_at(until, journal)}"
        for name, until in seen.limited.items()
    ]
    found += [
        f"  {words.count(number, 'mail')} of {name} {'waits' if number == 1 else 'wait'} for a "
        f"limit or the reader's own time, the first until {_at(first, journal)}"
        for name, (number, first) in seen.held.items()
    ]
    return ["", "How mail travels", *found] if found else []


def document(seen: Traffic) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "failing": [
            {
                "transport": name,
                "since": words.stamp(each.since),
                "reason": each.reason,
                "again_at": words.stamp(each.probe_at),
            }
            for name, each in seen.breakers.items()
        ],
        "slowed": [
            {"transport": name, "destination": destination or None, "level": each.level}
            for (name, destination), each in sorted(seen.backoffs.items())
        ],
        "limited": [
            {"transport": name, "until": words.stamp(until)} for name, until in seen.limited.items()
        ],
        "held": [
            {"issue": name, "mails": number, "first_at": words.stamp(first)}
            for name, (number, first) in seen.held.items()
        ],
    }


def _at(instant: datetime | None, journal: Journal) -> str:
    return "?" if instant is None else words.when(instant, journal)
