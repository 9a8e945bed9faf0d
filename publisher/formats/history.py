"""A history in words: for the terminal, and as one HTML page that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from publisher.domain.history import Held, History, Version
from publisher.domain.issue import Issue, IssueKind
from publisher.domain.journal import Journal
from publisher.domain.ledger import Entry, Happening
from publisher.domain.retraction import Standing
from publisher.domain.template import TemplateSet
from publisher.formats import colours
from publisher.formats.templating import environment, render

TEMPLATE = "report/ledger.html"
SHORT = 12
"""Digits of a hash that people compare."""


def page(
    journal: Journal, templates: TemplateSet, history: History, as_of: str, now: datetime
) -> bytes:
    """UTF-8 HTML with its style inside, for light, dark and paper. Raises TemplateError."""
    html = render(
        environment(templates, language=journal.language, zone=journal.zone),
        templates,
        TEMPLATE,
        journal=journal,
        history=history,
        versions=[(each, carried(history, each)) for each in history.versions],
        works=[(each, stands(each, as_of)) for each in history.held],
        issues=[(each, steps(each)) for each in history.issues],
        entries=[(each, said(each, history)) for each in history.entries],
        remarks=remarks(history),
        short=SHORT,
        made_at=now,
        style=colours.stylesheet(journal.colours),
    )
    return html.encode()


def carried(history: History, version: Version) -> str:
    """`weekly/1, weekly/4`, or that nothing carried it."""
    return ", ".join(history.names.get(i, str(i)) for i in version.issues) or "in no issue"


def stands(held: Held, as_of: str) -> str:
    """`clear as of 2026-11-20`, `retracted on 2020-06-04`, `retracted, acknowledged`."""
    status = held.status
    if status.standing is Standing.CLEAR:
        return f"clear as of {as_of}"
    on = f" on {status.event.on}" if status.event and status.event.on else ""
    return f"{status.standing}{on}{', acknowledged' if held.acknowledged else ''}"


def steps(issue: Issue) -> tuple[tuple[str, datetime, str], ...]:
    """What an issue's own row says: (what, when, by whom)."""
    found = (
        ("planned", issue.planned_at, ""),
        ("approved", issue.approved_at, issue.approved_by or ""),
        ("started", issue.released_at, ""),
        ("finished", issue.finished_at, ""),
    )
    return tuple((what, at, by) for what, at, by in found if at is not None)


def remarks(history: History) -> tuple[str, ...]:
    """What a reader of the history must not overlook."""
    found = []
    began = history.began_at
    old = [i.name for i in history.issues if began is None or i.planned_at < began]
    if old:
        found.append(
            f"{', '.join(old)}: planned before the ledger began: only the store's rows tell of it"
        )
    found += [
        f"version {each.version[:SHORT]} went out before sources were put down: whether it rests "
        "on a retracted work is unknown"
        for each in history.unsourced
    ]
    return tuple(found)


def said(entry: Entry, history: History) -> str:
    """An entry as a sentence, as far as it is about this history."""
    told = entry.details
    if entry.happening is Happening.VERSIONS:
        return _versions(entry, history)
    if entry.happening is Happening.SNAPSHOT:
        return f"data of retractions of {told['as_of']} loaded, {told['rows']:,} notices"
    if entry.happening is Happening.FALLEN:
        names = [history.names.get(i, str(i)) for i in told.get("issues", ())]
        on = f" on {told['on']}" if told.get("on") else ""
        return f"found that {told['work']} was retracted{on}; carried by {', '.join(names)}"
    if entry.happening is Happening.RESTORED:
        return f"an older store was accepted; entry {told['lost']['number']} is lost"
    return _issue(entry)


def _versions(entry: Entry, history: History) -> str:
    ours = {(each.article_id, each.version): each for each in history.versions}
    found = []
    for each in entry.details["articles"]:
        version = ours.get((each["id"], each["version"]))
        if version is None:
            continue
        marks = [
            *(f"cites {work} as retracted" for work in each.get("acknowledged", ())),
            *(f"bears correction {one}" for one in each.get("corrections", ())),
        ]
        title = f"{version.title}: " if history.kind != "article" else ""
        found.append(
            f"{title}version {each['version'][:SHORT]} seen"
            + (f" ({', '.join(marks)})" if marks else "")
        )
    return "; ".join(found) or "other versions seen"


def _issue(entry: Entry) -> str:
    told = entry.details
    what = "correction" if told.get("kind") == IssueKind.CORRECTION else "issue"
    line = f"{what} {told['name']} {entry.happening.removeprefix('issue ')}"
    if entry.happening is Happening.PLANNED:
        people = told["audience"]
        line += f" for {people:,} {'person' if people == 1 else 'people'}, {told['state']}"
    if entry.happening in (Happening.PLANNED, Happening.EDITED, Happening.APPROVED):
        line += f", content {str(told['hash'])[:SHORT]}"
    if entry.happening is Happening.FORCED:
        line = f"{what} {told['name']}"
    if told.get("forced"):
        line += f", set aside: {', '.join(told['forced'])}"
    if "counts" in told:
        line += f": {_counts(told['counts'])}"
    return line


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {state}" for state, number in sorted(counts.items())) or "none"
