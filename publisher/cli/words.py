"""Plain words for instants, counts, durations, issues and people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from publisher.building import EVERY
from publisher.cli.session import count as count
from publisher.cli.session import finding as finding
from publisher.domain import pace
from publisher.domain.cadence import Cadence
from publisher.domain.delivery import OPEN
from publisher.domain.issue import Issue, IssueState
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.pace import lasting as lasting
from publisher.errors import NotFound, UsageError

if TYPE_CHECKING:
    from publisher.ports import Library, Store

PAST = 5
"""How many of the last issues are asked for their pace."""

SHOWN = 8
"""How many places or addresses of a long list are shown."""


def when(instant: datetime, journal: Journal) -> str:
    """`Tuesday 24 November 2026, 09:00 (Europe/London)`."""
    local = instant.astimezone(journal.zone)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M} ({journal.time_zone})"


def stamp(instant: datetime | None) -> str | None:
    """RFC 3339 in UTC, for JSON."""
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="seconds")


def instant(text: str) -> datetime:
    """An instant as people type it. Raises UsageError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"'{text}' is no instant: write one like 2026-11-24T09:00+00:00") from None
    if found.tzinfo is None:
        whole = f"{found.isoformat(timespec='minutes')}+00:00"
        raise UsageError(f"'{text}' needs a time and its offset from UTC: write {whole}")
    return found.astimezone(UTC)


def counts(values: Mapping[str, int]) -> str:
    """`3 accepted, 1 deferred`; what is none is left out."""
    return ", ".join(f"{number:,} {name}" for name, number in values.items() if number) or "none"


def newsletter(journal: Journal, slug: str) -> Newsletter:
    """The newsletter with this slug. Raises NotFound with the nearest name."""
    known = [each.slug for each in journal.newsletters]
    if slug in known:
        return journal.newsletter(slug)
    raise NotFound(f"there is no newsletter '{slug}'{nearest(slug, known)}")


def cadence(of: Newsletter, name: str) -> Cadence:
    """The newsletter's cadence of this kind. Raises NotFound."""
    for each in of.cadences:
        if name in (each.kind.value, str(each)):
            return each
    known = [each.kind.value for each in of.cadences]
    raise NotFound(f"'{of.slug}' has no cadence '{name}'{nearest(name, known)}")


def nearest(name: str, known: Sequence[str]) -> str:
    """`; did you mean 'weekly'?`, or the list of what there is."""
    if near := get_close_matches(name, known, 1, 0.5):
        return f"; did you mean '{near[0]}'?"
    return f" (there is: {', '.join(known[:SHOWN]) or 'none'})"


def issue(store: Store, journal: Journal, text: str) -> Issue:
    """The issue that `weekly/12` or an id number means. Raises NotFound, UsageError."""
    if text.isdecimal():
        return store.issues.get(int(text))
    slug, slash, number = text.partition("/")
    if not slash or not number.isdecimal():
        raise UsageError(
            f"'{text}' names no issue: write NEWSLETTER/NUMBER, for instance weekly/12"
        )
    issues = store.issues.list(newsletter=slug, limit=EVERY)
    for found in issues:
        if found.number == int(number):
            return found
    if not issues:
        newsletter(journal, slug)
    have = ", ".join(name(each) for each in issues if each.number is not None)
    raise NotFound(
        f"there is no issue {text} (there is: {have or 'none'}); `publisher issue list` shows all"
    )


def name(of: Issue) -> str:
    """What people call an issue: `weekly/12`; one without a number goes by its id."""
    return of.name


def left(of: Issue) -> int:
    """How many mails of an issue may still go; all of them before it is released."""
    return sum(of.counts.get(state.value, 0) for state in OPEN) if of.counts else of.audience


def held(of: Issue) -> int:
    """How many of them some worker has taken, alive or not."""
    return of.counts.get("claimed", 0) + of.counts.get("sending", 0)


def duration(store: Store, of: Issue, connections: int) -> str:
    """How long sending will take, by the pace of the last issue that was sent, or reckoned."""
    past = store.issues.list(of.newsletter, (IssueState.FINISHED,), PAST)
    return lasting(pace.seconds(left(of), connections, past))


def titles(of: Issue, library: Library) -> list[str]:
    """The titles of an issue's articles, in order; the id where the article is gone."""
    known = {article.id: article.title for article in library.articles}
    return [known.get(article_id, article_id) for article_id, _ in of.articles]


def document(of: Issue, library: Library | None = None) -> dict[str, Any]:
    """An issue as JSON."""
    known = {a.id: a for a in library.articles} if library else {}
    return {
        "id": of.id,
        "name": name(of),
        "newsletter": of.newsletter,
        "number": of.number,
        "kind": of.slot.kind.value,
        "cadence": of.slot.cadence,
        "slot": of.slot.key,
        "slot_at": stamp(of.slot_at),
        "state": of.state.value,
        "reason": of.reason,
        "subject": of.subject,
        "hash": of.hash,
        "audience": of.audience,
        "articles": [
            {
                "id": article_id,
                "slug": known[article_id].slug if article_id in known else None,
                "title": known[article_id].title if article_id in known else None,
            }
            for article_id, _ in of.articles
        ],
        "waiting": list(of.waiting),
        "counts": dict(of.counts),
        "excluded": dict(of.excluded),
        "planned_at": stamp(of.planned_at),
        "approved_at": stamp(of.approved_at),
        "approved_by": of.approved_by,
        "forced": [
            {"rule": f.rule, "reason": f.reason, "by": f.by, "at": stamp(f.at)} for f in of.forced
        ],
        "released_at": stamp(of.released_at),
        "finished_at": stamp(of.finished_at),
    }
