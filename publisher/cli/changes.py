"""A difference between issues in plain sentences, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from publisher import plan
from publisher.app import App
from publisher.cli import words
from publisher.domain.issue import Issue
from publisher.plan import Difference
from publisher.ports import Library

AS_IT_WAS = "  nothing"


def find(
    app: App, issue: Issue, library: Library, now: datetime, *, rendered: bool = True
) -> Difference | None:
    """What would differ, were the issue planned now; None where it cannot be any more.

    Only what is `rendered` has another subject, and can fail by a broken template.
    """
    return plan.since_planned(
        issue,
        journal=app.journal,
        library=library,
        templates=app.templates.load() if rendered else None,
        store=app.store,
        now=now,
    )


def summary(issue: Issue, found: Difference | None) -> list[str]:
    """One line for `issue show`."""
    if found is None:
        return []
    name = words.name(issue)
    if found.same:
        return ["  nothing has changed since it was planned"]
    parts = []
    if found.subject[0] != found.subject[1]:
        parts.append("another subject")
    for number, what in ((len(found.added), "new"), (len(found.gone), "gone")):
        if number:
            parts.append(f"{words.count(number, 'article')} {what}")
    if found.changed:
        parts.append(f"{words.count(len(found.changed), 'article')} edited")
    for reasons, what in ((found.turnover.added, "joined"), (found.turnover.removed, "left")):
        if number := sum(reasons.values()):
            parts.append(f"{words.count(number, 'person', 'people')} {what}")
    return [f"  since it was planned: {', '.join(parts)} (publisher issue diff {name})"]


def since_planned(issue: Issue, found: Difference | None, library: Library) -> list[str]:
    """The first part of `issue diff`."""
    name = words.name(issue)
    if found is None:
        return [f"{name} is {issue.state}: nothing about it can change any more."]
    lines = [f"Since {name} was planned"]
    if found.same:
        return [*lines, AS_IT_WAS]
    lines += _subject(found)
    lines += [f"  new: {_title(each, library)}" for each in found.added]
    lines += [f"  edited: {_title(each, library)}" for each in found.changed]
    lines += [f"  gone: {_title(each, library)}: {why}" for each, why in found.gone.items()]
    if found.added or found.gone:
        lines.append(
            "  What is new waits for the next issue; to take it in: "
            f"publisher issue cancel {name}, then plan it again"
        )
    if found.changed or found.gone or found.subject[0] != found.subject[1]:
        lines.append(
            f"  The mail is as it was; to render it anew: publisher issue edit {name} --anew"
        )
    return [*lines, *_people(found, "not mailed", "get the next issue", "when it was planned")]


def since_last(found: Difference | None, library: Library) -> list[str]:
    """The second part."""
    if found is None:
        return ["There is no issue before it."]
    lines = [f"Against {found.before}, the issue before it"]
    lines += _subject(found)
    lines += [f"  new: {_title(each, library)}" for each in found.added]
    lines += [f"  not again: {_title(each, library)}" for each in found.gone]
    return [*lines, *_people(found, "left", "joined", f"in {found.before}")]


def document(found: Difference | None, library: Library) -> dict[str, Any] | None:
    """A difference as JSON."""
    if found is None:
        return None
    return {
        "before": found.before or None,
        "subject": {"before": found.subject[0], "after": found.subject[1]},
        "articles": {
            "added": [{"id": each, "title": _title(each, library)} for each in found.added],
            "changed": [{"id": each, "title": _title(each, library)} for each in found.changed],
            "removed": [
                {"id": each, "title": _title(each, library), "why": why}
                for each, why in found.gone.items()
            ],
        },
        "audience": {"before": found.audience[0], "after": found.audience[1]},
        "added": dict(found.turnover.added),
        "removed": dict(found.turnover.removed),
    }


def _subject(found: Difference) -> list[str]:
    before, after = found.subject
    return [] if before == after else [f"  subject: {before} → {after}"]


def _people(found: Difference, left: str, joined: str, then: str) -> list[str]:
    before, after = found.audience
    people = words.count(after, "person", "people")
    return [
        f"  {people}, {before:,} {then}" if before != after else f"  {people}, as many as {then}",
        *_reasons(found.turnover.removed, "-", left),
        *_reasons(found.turnover.added, "+", joined),
    ]


def _reasons(reasons: Mapping[str, int], sign: str, what: str) -> list[str]:
    if not reasons:
        return []
    return [f"    {sign}{sum(reasons.values()):,} ({what}): {words.counts(reasons)}"]


def _title(article_id: str, library: Library) -> str:
    return next((a.title for a in library.articles if a.id == article_id), article_id)
