"""The mail that asks staff to approve an issue: what it is, and the whole of what readers get."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape

from publisher.domain.finding import Finding
from publisher.domain.issue import Edition, Issue
from publisher.domain.journal import Journal
from publisher.formats import email, plaintext

SHORT = 12
"""Hexadecimal digits of an issue's hash that people see and type."""

_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)


def request(
    issue: Issue,
    editions: Sequence[Edition],
    journal: Journal,
    *,
    titles: Sequence[str],
    findings: Sequence[Finding],
    until: datetime,
) -> tuple[str, str, str]:
    """Subject, text and HTML. The first edition, which has all articles, is shown whole.

    The links that act for a reader are inert. `until` is when it is too late to approve it.
    """
    facts = _facts(issue, editions, journal, titles, findings)
    steps = _steps(issue, journal, until)
    _, html, text = email.test_copy(editions[0], journal)
    lead = f"{issue.name} waits for your approval"
    rule = "-" * plaintext.WIDTH
    lines = [lead, "=" * len(lead), ""]
    for name, values in facts:
        lines += [f"{name}:", *(plaintext.wrap(value, "  ", "    ") for value in values), ""]
    for name, value in steps:
        typed = value.startswith("publisher ")  # to be copied whole
        lines += [f"{name}:", f"  {value}" if typed else plaintext.wrap(value, "  ", "  "), ""]
    lines += ["", rule, "What readers get", rule, "", text.rstrip("\n")]
    return (
        f"Approve {issue.name}: {editions[0].subject}",
        "\n".join(lines),
        _html(lead, facts, steps, html),
    )


def _facts(
    issue: Issue,
    editions: Sequence[Edition],
    journal: Journal,
    titles: Sequence[str],
    findings: Sequence[Finding],
) -> list[tuple[str, list[str]]]:
    left_out = [f"{number:,} {why}" for why, number in issue.excluded.items() if number]
    people = f"{issue.audience:,} {'person' if issue.audience == 1 else 'people'}"
    facts = [
        ("Subject", [editions[0].subject]),
        ("Preheader", [editions[0].preheader]),
        ("Due", [_when(issue.slot_at, journal)]),
        ("Readers", [people + (f"; not among them: {', '.join(left_out)}" if left_out else "")]),
        ("Articles", [f"{place}. {title}" for place, title in enumerate(titles, 1)]),
        ("Findings", [str(finding) for finding in findings] or ["none"]),
        ("Hash", [issue.hash[:SHORT]]),
    ]
    if issue.forced:
        facts.insert(6, ("Set aside", [f"{f.rule}: {f.reason} ({f.by})" for f in issue.forced]))
    if len(editions) > 1:
        shown = f"{len(editions)}, by topics and language; the one with all articles is below"
        facts.insert(5, ("Editions", [shown]))
    return facts


def _steps(issue: Issue, journal: Journal, until: datetime) -> list[tuple[str, str]]:
    name = issue.name
    late = f"Approved after its slot it goes at once; after {_when(until, journal)} it is skipped."
    return [
        ("Approve it", f"publisher issue approve {name} --hash {issue.hash[:SHORT]}"),
        (
            "Shape it (then it is asked for anew)",
            f"publisher issue edit {name} --subject … --preheader … --intro … --order … --drop …",
        ),
        ("See it on a phone, in the dark and so on", "publisher preview"),
        ("Until when", late),
    ]


def _when(instant: datetime, journal: Journal) -> str:
    local = instant.astimezone(journal.zone)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M} ({journal.time_zone})"


def _html(
    lead: str, facts: Sequence[tuple[str, list[str]]], steps: Sequence[tuple[str, str]], mail: str
) -> str:
    """The mail with a block above it, whose colours do not depend on its style sheet."""
    rows = "".join(
        f'<p style="margin:0 0 8px;"><strong>{escape(name)}:</strong>'
        f"{'<br>' if len(values) > 1 else ' '}{'<br>'.join(map(escape, values))}</p>\n"
        for name, values in facts
    ) + "".join(
        f'<p style="margin:0 0 8px;"><strong>{escape(name)}:</strong><br>{escape(value)}</p>\n'
        for name, value in steps
    )
    block = (
        '\n<div lang="en" dir="ltr" style="max-width:552px;margin:0 auto;padding:24px;'
        "background-color:#fff7e0;color:#2b2300;border-bottom:4px solid #8a6d00;"
        "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
        'font-size:16px;line-height:1.5;overflow-wrap:anywhere;">\n'
        f'<p style="margin:0 0 12px;font-size:20px;"><strong>{escape(lead)}</strong></p>\n'
        f"{rows}</div>\n"
    )
    return _BODY.sub(lambda body: body[0] + block, mail, count=1)
