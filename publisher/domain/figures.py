"""What became of an issue, in numbers alone: no address, no group so small that it names one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

FEWEST = 5
"""A domain with fewer readers of an issue is counted among the others: it may be one person."""
MOST_DOMAINS = 20
MOST_ANSWERS = 20
MOST_MOMENTS = 120
OTHERS = "others"
UNSUBSCRIBED = "unsubscribed"
COMPLAINT = "complaint"
WIDTHS = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 5, 15, 60, 300, 900, 3_600, 6 * 3_600, 86_400, 7 * 86_400)
)
"""How long a moment of a chart may be."""
COARSE = timedelta(hours=1)
"""The shortest moment in which single readers are counted: a second would nearly name one."""

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """What servers said to `number` deliveries that were not accepted."""

    state: str
    code: int
    reply: str
    number: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, counted by kind from an instant on for `width`.

    `moments` are in order of time, without those in which nothing happened.
    """

    width: timedelta = WIDTHS[0]
    moments: tuple[tuple[datetime, Counts], ...] = ()

    @property
    def total(self) -> Counts:
        """All moments as one."""
        return _sum(counts for _, counts in self.moments)


@dataclass(frozen=True, slots=True)
class Figures:
    """An issue's deliveries, counted.

    `settled` are the deliveries by outcome, over time; `returned` is what came back later, over
    time: readers who left before the next issue of the same newsletter and cadence went as
    UNSUBSCRIBED, bounces by kind, complaints as COMPLAINT. `domains` are the deliveries by the
    domain of their addresses, with all domains of a large provider as one under its name, the
    largest first.
    """

    settled: Timeline = Timeline()
    returned: Timeline = Timeline()
    domains: tuple[tuple[str, Counts], ...] = ()
    answers: tuple[Answer, ...] = ()

    @property
    def left(self) -> int:
        """Readers who unsubscribed after this issue and before the next one."""
        return self.returned.total.get(UNSUBSCRIBED, 0)

    @property
    def bounces(self) -> Counts:
        """Mails that came back by kind, complaints as COMPLAINT; each mail once in a kind."""
        return {kind: n for kind, n in self.returned.total.items() if kind != UNSUBSCRIBED}


def width(first: datetime, last: datetime, least: timedelta = WIDTHS[0]) -> timedelta:
    """The shortest of WIDTHS from `least` on with which MOST_MOMENTS hold the time between."""
    fit = (w for w in WIDTHS if w >= least and (last - first) / w < MOST_MOMENTS)
    return next(fit, WIDTHS[-1])


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
