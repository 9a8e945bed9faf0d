"""An issue's report: one HTML page that needs nothing beside it, and the same numbers as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from publisher.domain.bounce import BounceKind
from publisher.domain.delivery import DeliveryState
from publisher.domain.explaining import explain
from publisher.domain.figures import COMPLAINT, UNSUBSCRIBED, Counts, Figures, Timeline
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
BACK = (UNSUBSCRIBED, *(kind.value for kind in BounceKind), COMPLAINT)
"""What readers and servers did later, in the order in which tables and bars show it."""
BACK_WORDS = {UNSUBSCRIBED: "Unsubscribed", COMPLAINT: "Complaints"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a column: `x` steps from the left, `y` units from the top."""

    kind: str
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns over time; `steps` are as many as fit side by side, `peak` is the highest's sum."""

    id: str
    title: str
    caption: str
    kinds: Sequence[tuple[str, str]]
    """Its kinds and their names, in order, without those that never happened."""
    moments: Sequence[tuple[datetime, Counts]]
    bars: Sequence[Bar]
    steps: int
    peak: int
    width: str


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
    began = figures.settled.moments[0][0] if figures.settled.moments else None
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
        began=began,
        ended=figures.settled.moments[-1][0] + figures.settled.width if began else None,
        charts=[
            chart("time", "Over time", "Mails settled", figures.settled, STATES),
            chart("back", "What came back", "Readers who left, bounces", figures.returned, BACK),
        ],
        back=BACK,
        height=HEIGHT,
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
    for what, line in (("time", figures.settled), ("back", figures.returned)):
        for at, counts in line.moments:
            yield from ((what, instant(at), kind, number) for kind, number in counts.items())
    for domain, counts in figures.domains:
        yield from (("domain", domain, state, number) for state, number in counts.items())
    for each in figures.answers:
        yield ("answer", f"{each.code or ''} {each.reply}".strip(), each.state, each.number)


def _plain(cell: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula; servers choose their words."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def chart(
    name: str, title: str, caption: str, line: Timeline, kinds: Sequence[str]
) -> Chart | None:
    """A stacked chart of `line`, HEIGHT units high where the most happened; None when empty."""
    if not line.moments:
        return None
    total = line.total
    began, ended = line.moments[0][0], line.moments[-1][0]
    return Chart(
        id=name,
        title=title,
        caption=caption,
        kinds=[(k, BACK_WORDS.get(k, k.capitalize())) for k in kinds if total.get(k)],
        moments=line.moments,
        bars=bars(line, kinds),
        steps=round((ended - began) / line.width) + 1,
        peak=_peak(line),
        width=_spoken(line.width),
    )


def bars(line: Timeline, kinds: Sequence[str]) -> list[Bar]:
    """The columns of a stacked chart; pieces in the order of `kinds`, from the ground."""
    peak = _peak(line)
    found = []
    for at, counts in line.moments:
        x = round((at - line.moments[0][0]) / line.width)
        top = float(HEIGHT)
        for kind in kinds:
            if number := counts.get(kind):
                height = HEIGHT * number / peak
                top -= height
                found.append(Bar(kind, x, round(top, 2), round(height, 2)))
    return found


def _peak(line: Timeline) -> int:
    return max(sum(counts.values()) for _, counts in line.moments)


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
