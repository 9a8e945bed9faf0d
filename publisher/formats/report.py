"""An issue's report: one HTML page that needs nothing beside it, and the same numbers as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from publisher.domain.delivery import DeliveryState
from publisher.domain.explaining import explain
from publisher.domain.figures import Counts, Figures
from publisher.domain.issue import Issue
from publisher.domain.journal import Journal
from publisher.domain.template import TemplateSet
from publisher.formats import colours
from publisher.formats.templating import environment, instant, render

TEMPLATE = "report/issue.html"
HEIGHT = 120
"""Units of the chart's height; its width is one unit for each step of time."""
STATES = tuple(
    state.value
    for state in (
        DeliveryState.ACCEPTED,
        DeliveryState.REFUSED,
        DeliveryState.UNKNOWN,
        DeliveryState.DEFERRED,
        DeliveryState.CANCELLED,
        DeliveryState.QUEUED,
        DeliveryState.CLAIMED,
        DeliveryState.SENDING,
    )
)
"""In the order in which tables and bars show them."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a column: `x` steps from the left, `y` units from the top."""

    state: str
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Row:
    """A mail domain: its numbers by state, and how much of a whole line each takes (percent)."""

    name: str
    total: int
    counts: Counts
    shares: Sequence[tuple[str, float]]


def page(
    journal: Journal, templates: TemplateSet, issue: Issue, figures: Figures, now: datetime
) -> bytes:
    """UTF-8 HTML with its style and its charts inside, for light and dark. Raises TemplateError.

    Every chart is followed by its numbers as a table, so that it can be read without seeing it.
    """
    env = environment(templates, language=journal.language, zone=journal.zone)
    html = render(
        env,
        templates,
        TEMPLATE,
        journal=journal,
        issue=issue,
        figures=figures,
        newsletter=next(
            (each.title for each in journal.newsletters if each.slug == issue.newsletter),
            issue.newsletter,
        ),
        states=[state for state in STATES if issue.counts.get(state)],
        began=figures.moments[0][0] if figures.moments else None,
        ended=figures.moments[-1][0] + figures.width if figures.moments else None,
        bars=bars(figures.moments, figures.width),
        steps=_steps(figures),
        height=HEIGHT,
        peak=max((sum(counts.values()) for _, counts in figures.moments), default=0),
        width=_spoken(figures.width),
        rows=[_row(name, counts) for name, counts in figures.domains],
        answers=[
            (each, explain(DeliveryState(each.state), each.code, each.reply))
            for each in figures.answers
        ],
        made_at=now,
        style=colours.stylesheet(journal.colours),
    )
    return html.encode()


def table(issue: Issue, figures: Figures) -> bytes:
    """UTF-8 CSV (RFC 4180): `what,name,outcome,number`, a line for each number of the page."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("what", "name", "outcome", "number"))
    for line in _lines(issue, figures):
        writer.writerow([_plain(cell) if isinstance(cell, str) else cell for cell in line])
    return out.getvalue().encode()


def _lines(issue: Issue, figures: Figures) -> Iterator[tuple[str, str, str, int]]:
    name = issue.name
    yield ("audience", name, "", issue.audience)
    yield from (("issue", name, state, number) for state, number in issue.counts.items())
    yield from (("bounce", name, kind, number) for kind, number in figures.bounces.items())
    yield ("left", name, "unsubscribed", figures.left)
    for at, counts in figures.moments:
        yield from (("time", instant(at), state, number) for state, number in counts.items())
    for domain, counts in figures.domains:
        yield from (("domain", domain, state, number) for state, number in counts.items())
    for each in figures.answers:
        yield ("answer", f"{each.code or ''} {each.reply}".strip(), each.state, each.number)


def _plain(cell: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula; servers choose their words."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def bars(moments: Sequence[tuple[datetime, Counts]], width: timedelta) -> list[Bar]:
    """The columns of a stacked chart, HEIGHT units high where the most happened."""
    peak = max((sum(counts.values()) for _, counts in moments), default=0)
    found = []
    for at, counts in moments:
        x = round((at - moments[0][0]) / width)
        top = float(HEIGHT)
        for state in STATES:
            if number := counts.get(state):
                height = HEIGHT * number / peak
                top -= height
                found.append(Bar(state, x, round(top, 2), round(height, 2)))
    return found


def _steps(figures: Figures) -> int:
    if not figures.moments:
        return 0
    return round((figures.moments[-1][0] - figures.moments[0][0]) / figures.width) + 1


def _row(name: str, counts: Counts) -> Row:
    total = sum(counts.values())
    shares = [(s, round(100 * counts[s] / total, 2)) for s in STATES if counts.get(s)]
    return Row(name, total, counts, shares)


def _spoken(width: timedelta) -> str:
    seconds = int(width.total_seconds())
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            return name if number == 1 else f"{number} {name}s"
    return "second" if seconds == 1 else f"{seconds} seconds"
