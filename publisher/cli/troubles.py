"""Mails that did not arrive, as tables, JSON and CSV: for `issue show` and `deliveries list`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from publisher.cli import words
from publisher.cli.session import table
from publisher.domain.delivery import DeliveryState
from publisher.domain.explaining import explain
from publisher.domain.issue import Issue
from publisher.ports import TROUBLE, Store, Trouble
from publisher.subscribe.cells import guard

PAGE = 1000
"""Deliveries in memory at a time."""
HEADERS = ("mail", "subscription", "state", "tries", "what it means", "answer")
COLUMNS = (*HEADERS, "next try", "message id")
"""Of the CSV."""


def walk(
    store: Store, issue: Issue, states: Iterable[DeliveryState] = TROUBLE
) -> Iterator[Trouble]:
    """Each mail of an issue that was not accepted, state by state; memory stays flat."""
    for state in states if issue.number is not None else ():
        after = 0
        while page := store.issues.trouble(issue.id, PAGE, states=(state,), after=after):
            yield from page
            after = page[-1].id


def total(issue: Issue, states: Iterable[DeliveryState] = TROUBLE) -> int:
    """How many there are."""
    return sum(issue.counts.get(state, 0) for state in states)


def block(shown: Sequence[Trouble], *, ids: bool = False) -> list[Any]:
    """A table of them, with their Message-IDs if `ids`; nothing where there are none."""
    if not shown:
        return []
    made: list[Any] = [table(HEADERS, [_cells(t)[: len(HEADERS)] for t in shown])]
    if ids and (unknown := [t for t in shown if t.state is DeliveryState.UNKNOWN]):
        made += ["", "In the relay's log"]
        made.append(table(("mail", "Message-ID"), [(t.id, t.message_id) for t in unknown]))
    return made


def more(issue: Issue, rest: int) -> list[str]:
    """That there are others, and how to see them."""
    if rest <= 0:
        return []
    command = f"publisher deliveries list {words.name(issue)} --output mails.csv"
    return [f"and {words.count(rest, 'mail')} more: {command}"]


def document(t: Trouble) -> dict[str, Any]:
    """One of them as JSON."""
    return {
        "id": t.id,
        "subscription": t.subscription_id,
        "state": t.state.value,
        "attempts": t.attempts,
        "code": t.code,
        "reply": t.reply,
        "meaning": explain(t.state, t.code, t.reply),
        "due_at": words.stamp(t.due_at),
        "message_id": t.message_id,
    }


def _cells(t: Trouble) -> tuple[object, ...]:
    return (
        t.id,
        t.subscription_id,
        t.state.value,
        t.attempts,
        explain(t.state, t.code, t.reply),
        f"{t.code or ''} {t.reply}".strip(),
        words.stamp(t.due_at) or "",
        t.message_id,
    )


def lines(every: Iterable[Trouble]) -> Iterator[str]:
    """CSV (RFC 4180), the header first; servers choose their words, so formulas are defused."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    yield out.getvalue()
    for t in every:
        out.seek(0)
        out.truncate()
        writer.writerow([guard(cell) if isinstance(cell, str) else cell for cell in _cells(t)])
        yield out.getvalue()
