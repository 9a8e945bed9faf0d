"""Watching mails leave: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer
from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from publisher.cli.session import Session
from publisher.dispatch import Progress, Report
from publisher.domain.figures import Counts
from publisher.domain.speed import Speed
from publisher.formats import progress as text

OFTEN, SELDOM = 0.25, 30.0
"""Seconds between two pictures, and between two lines where nothing else asks for one."""
WIDE = 40


@dataclass(slots=True)
class Watch:
    """Adds up several drains. `show` is given what is to be seen; not more often than it wants."""

    what: str
    total: int
    show: Callable[[Watch, bool], None]
    speed: Speed = field(default_factory=Speed)
    counts: Counter[str] = field(default_factory=Counter)
    domains: dict[str, Counts] = field(default_factory=dict)
    _before: Counter[str] = field(default_factory=Counter)
    _domains_before: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """How many came to an outcome."""
        return text.settled(self.counts)

    def note(self, progress: Progress) -> None:
        """How far the present drain is."""
        self.counts = self._before + Counter(progress.counts)
        self.domains = _sum(self._domains_before, progress.domains)
        self.speed.note(time.monotonic(), self.done)
        self.show(self, False)

    def finished(self, report: Report) -> None:
        """That drain is over; another may follow."""
        self._before += Counter(report.counts)
        self._domains_before = {d: Counter(c) for d, c in self.domains.items()}
        self.counts = Counter(self._before)

    def line(self) -> str:
        """All of it in one line."""
        return text.line(self.done, self.total, self.speed, self.counts, self.domains)


@contextmanager
def watching(session: Session, what: str, total: int) -> Iterator[Watch]:
    """Show how mails leave until the block ends: live on a terminal, in lines otherwise."""
    if session.quiet or session.as_json:
        yield Watch(what, total, lambda _watch, _last: None)
        return
    if sys.stdout.isatty():
        console = Console(file=sys.stdout, emoji=False)
        with Live(console=console, transient=True, auto_refresh=False) as live:
            watch = Watch(what, total, _picture(live))
            watch.speed.note(time.monotonic(), 0)
            yield watch
        return
    watch = Watch(what, total, _lines())
    watch.speed.note(time.monotonic(), 0)
    yield watch


def _picture(live: Live) -> Callable[[Watch, bool], None]:
    shown_at = 0.0

    def show(watch: Watch, last: bool) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if now - shown_at < OFTEN and not last and watch.done < watch.total:
            return
        shown_at = now
        live.update(picture(watch), refresh=True)

    return show


def picture(watch: Watch) -> Group:
    """A bar, how fast, by outcome, by domain."""
    how = text.pace(watch.done, watch.total, watch.speed)
    rows: list[ConsoleRenderable] = [
        Text(f"{watch.what}: {watch.done:,} of {watch.total:,}" + (f" · {how}" if how else "")),
        ProgressBar(total=max(watch.total, 1), completed=watch.done, width=WIDE),
    ]
    if what := text.outcomes(watch.counts):
        rows.append(Text(what))
    if where := text.domains(watch.domains):
        rows.append(Text(where))
    return Group(*rows)


def _lines() -> Callable[[Watch, bool], None]:
    tenth, told_at = 0, time.monotonic()

    def show(watch: Watch, last: bool) -> None:
        nonlocal tenth, told_at
        now = time.monotonic()
        reached = 10 * watch.done // max(watch.total, 1)
        if reached > tenth or now - told_at >= SELDOM or last:
            tenth, told_at = reached, now
            typer.echo(f"{watch.what}: {watch.line()}")

    return show


def _sum(before: Mapping[str, Counts], more: Mapping[str, Counts]) -> dict[str, Counts]:
    found: dict[str, Counts] = dict(before)
    for name, counts in more.items():
        found[name] = Counter(found.get(name, {})) + Counter(counts)
    return found
