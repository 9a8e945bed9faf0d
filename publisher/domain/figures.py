"""What became of an issue, in numbers alone: no address, no group so small that it names one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

FEWEST = 5
"""A domain with fewer readers of an issue is counted among the others: it may be one person."""
MOST_DOMAINS = 20
MOST_ANSWERS = 20
MOST_MOMENTS = 120
OTHERS = "others"
WIDTHS = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 5, 15, 60, 300, 900, 3_600, 6 * 3_600, 86_400, 7 * 86_400)
)
"""How long a moment of a chart may be."""

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """What servers said to `number` deliveries that were not accepted."""

    state: str
    code: int
    reply: str
    number: int


@dataclass(frozen=True, slots=True)
class Figures:
    """An issue's deliveries, counted.

    `moments` are the deliveries by outcome that were settled from an instant on for `width`, in
    order of time, without those in which nothing happened; `domains` those by the domain of their
    addresses, with all domains of a large provider as one under its name, the largest first.
    `left` are readers who unsubscribed after this issue and before the next one of the same
    newsletter and cadence went. `bounces` are by kind, with complaints as `complaint`.
    """

    width: timedelta = WIDTHS[0]
    moments: tuple[tuple[datetime, Counts], ...] = ()
    domains: tuple[tuple[str, Counts], ...] = ()
    answers: tuple[Answer, ...] = ()
    left: int = 0
    bounces: Counts = field(default_factory=dict)


def width(first: datetime, last: datetime) -> timedelta:
    """The shortest of WIDTHS that divides the time between into MOST_MOMENTS at most."""
    return next((w for w in WIDTHS if (last - first) / w < MOST_MOMENTS), WIDTHS[-1])


def largest(domains: Mapping[str, Counts]) -> tuple[tuple[str, Counts], ...]:
    """The MOST_DOMAINS largest of FEWEST readers or more, and OTHERS as their sum, at the end."""
    sizes = sorted(((-sum(counts.values()), name) for name, counts in domains.items()))
    named = [name for size, name in sizes if name and -size >= FEWEST][:MOST_DOMAINS]
    others = _sum(counts for name, counts in domains.items() if name not in named)
    found = tuple((name, domains[name]) for name in named)
    return (*found, (OTHERS, others)) if others else found


def _sum(every: Iterable[Counts]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in every:
        for name, number in counts.items():
            total[name] = total.get(name, 0) + number
    return total
