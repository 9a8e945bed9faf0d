"""How sending goes, in one line of plain words."""

from __future__ import annotations

from collections.abc import Mapping

from publisher.domain.figures import Counts, largest
from publisher.domain.pace import lasting
from publisher.domain.speed import Speed

SHOWN = 4
"""Domains that are named, with all the others together after them."""
RETURNED = "returned"


def settled(counts: Counts) -> int:
    """How many messages came to an outcome; what went back to the queue did not."""
    return sum(number for name, number in counts.items() if name != RETURNED)


def pace(done: int, total: int, of: Speed) -> str:
    """`120 a second, less than a minute left`; empty while nobody can know."""
    rate = of.rate()
    if rate is None:
        return ""
    shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
    seconds = of.left(max(total - done, 0))
    if total <= done:
        return f"{shown} a second"
    return f"{shown} a second, {lasting(seconds)} left" if seconds is not None else "standing still"


def outcomes(counts: Counts) -> str:
    """`2,990 accepted, 10 deferred`."""
    shown = (f"{number:,} {name}" for name, number in counts.items() if number and name != RETURNED)
    return ", ".join(shown)


def domains(of: Mapping[str, Counts]) -> str:
    """`gmail.com 1,200 (3 deferred), others 40`: none so small that it would name somebody."""
    found = largest(of)
    named, rest = found[:SHOWN], found[SHOWN:]
    others: dict[str, int] = {}
    parts = []
    for name, counts in named:
        bad = outcomes({n: c for n, c in counts.items() if n != "accepted"})
        parts.append(f"{name} {settled(counts):,}" + (f" ({bad})" if bad else ""))
    for _, counts in rest:
        others["others"] = others.get("others", 0) + settled(counts)
    parts += [f"{name} {number:,}" for name, number in others.items()]
    return ", ".join(parts)


def line(done: int, total: int, of: Speed, counts: Counts, by_domain: Mapping[str, Counts]) -> str:
    """`3,000 of 10,000 (120 a second, about 2 minutes left): 3,000 accepted; gmail.com 1,200`."""
    how = pace(done, total, of)
    text = f"{done:,} of {total:,}" + (f" ({how})" if how else "")
    if what := outcomes(counts):
        text += f": {what}"
    if where := domains(by_domain):
        text += f"; {where}"
    return text
