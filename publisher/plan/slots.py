"""Which slots are due, which were missed, and how people name one. Nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

from publisher.domain.article import Article
from publisher.domain.cadence import AHEAD, Cadence, CadenceKind, Slot
from publisher.domain.digest import LATENESS
from publisher.domain.issue import IssueKind, SlotId
from publisher.domain.journal import Journal, Newsletter
from publisher.errors import UsageError
from publisher.ports import Issues

LOOK_BACK = timedelta(days=92)
"""How far back slots that nothing is on record for are still looked for."""

MISSED = "missed; its articles go with the next slot"
MISSED_ARTICLE = "missed; nobody was told of this article by itself"

_INSTANT = timedelta.resolution
_NOBODY: Mapping[str, datetime] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Plan:
    """An issue must be planned for this slot now."""

    newsletter: Newsletter
    cadence: Cadence
    slot: Slot


@dataclass(frozen=True, slots=True)
class Skip:
    """This slot makes no issue; that must go on record."""

    newsletter: Newsletter
    cadence: Cadence
    slot: Slot
    reason: str


Step = Plan | Skip


def kind_of(cadence: Cadence) -> IssueKind:
    """What kind of issue a cadence makes."""
    return IssueKind.EACH if cadence.kind is CadenceKind.EACH else IssueKind.DIGEST


def slot_id(newsletter: Newsletter, cadence: Cadence, slot: Slot) -> SlotId:
    """The unique name of a slot.

    A cadence goes by its kind (`weekly`), which is also what a reader chooses: moving the
    digest to another weekday neither loses readers nor repeats articles.
    """
    return SlotId(newsletter.slug, kind_of(cadence), cadence.kind.value, slot.key)


def due(
    journal: Journal,
    issues: Issues,
    articles: Iterable[Article],
    started_at: datetime,
    now: datetime,
    cutoff: timedelta,
    *,
    seen: Mapping[str, datetime] = _NOBODY,
) -> tuple[Step, ...]:
    """What must happen at `now` and is not on record yet.

    Slots before `started_at` never were. Of several due digests only the newest is planned,
    and only if it is younger than `cutoff`; the others are skipped. An article that goes out
    by itself counts from the later of its date and its first sighting (`seen`).
    """
    known = tuple(articles)
    steps: list[Step] = []
    for newsletter in journal.newsletters:
        for cadence in newsletter.cadences:
            if cadence.kind is CadenceKind.EACH:
                fit = _due_articles(newsletter, known, issues, seen, started_at, now, cutoff)
                steps.extend(_each(newsletter, cadence, fit, issues, now, cutoff))
            else:
                steps.extend(
                    _digests(journal, newsletter, cadence, issues, started_at, now, cutoff)
                )
    return tuple(steps)


def _digests(
    journal: Journal,
    newsletter: Newsletter,
    cadence: Cadence,
    issues: Issues,
    started_at: datetime,
    now: datetime,
    cutoff: timedelta,
) -> Iterator[Step]:
    begin = max(started_at, now - LOOK_BACK)
    slots = list(_begun(journal, newsletter, cadence, begin, now))
    if not slots:
        return
    span = issues.slot_range(newsletter.slug, IssueKind.DIGEST, cadence.kind.value)
    # A newsletter that is new to the settings has missed nothing.
    older = [slot for slot in slots[:-1] if span is not None and slot.at > span[0]]
    for slot in older:
        if issues.find(slot_id(newsletter, cadence, slot)) is None:
            yield Skip(newsletter, cadence, slot, MISSED)
    newest = slots[-1]
    if issues.find(slot_id(newsletter, cadence, newest)) is None:
        if now - newest.at > cutoff:
            yield Skip(newsletter, cadence, newest, MISSED)
        else:
            yield Plan(newsletter, cadence, newest)


def _begun(
    journal: Journal, newsletter: Newsletter, cadence: Cadence, begin: datetime, now: datetime
) -> Iterator[Slot]:
    """Slots from `begin` on that it is time to plan, oldest first."""
    until = now + newsletter.lead
    for slot in cadence.slots(begin - _INSTANT, until + AHEAD, journal.zone):
        if newsletter.opens_at(slot) <= until:
            yield slot


def _due_articles(
    newsletter: Newsletter,
    articles: Sequence[Article],
    issues: Issues,
    seen: Mapping[str, datetime],
    started_at: datetime,
    now: datetime,
    cutoff: timedelta,
) -> Iterator[tuple[Article, datetime]]:
    """Articles that nobody was sent by itself yet, with the instant each became due."""
    carried = issues.carried(newsletter.slug, CadenceKind.EACH.value)
    span = issues.slot_range(newsletter.slug, IssueKind.EACH, CadenceKind.EACH.value)
    begin = max(started_at, now - LOOK_BACK, span[0] if span else now - cutoff)
    for article in sorted(articles, key=lambda a: (a.published_at, a.id)):
        appeared_at = seen.get(article.id, article.published_at)
        due_at = max(article.published_at, appeared_at)
        if (
            article.id not in carried
            and article.is_public(now + newsletter.lead)
            and article.published_at >= started_at
            and due_at >= begin
            and (newsletter.since is None or article.published_at > newsletter.since)
            and (not newsletter.topics or article.category in newsletter.topics)
            and appeared_at - article.published_at <= LATENESS
        ):
            yield article, due_at


def _each(
    newsletter: Newsletter,
    cadence: Cadence,
    fit: Iterable[tuple[Article, datetime]],
    issues: Issues,
    now: datetime,
    cutoff: timedelta,
) -> Iterator[Step]:
    for article, due_at in fit:
        slot = Slot(article.id, article.published_at)
        if issues.find(slot_id(newsletter, cadence, slot)) is None:
            if now - due_at > cutoff:
                yield Skip(newsletter, cadence, slot, MISSED_ARTICLE)
            else:
                yield Plan(newsletter, cadence, slot)


# --- a slot as people name it -----------------------------------------------------------------


def pick(
    journal: Journal,
    newsletter: Newsletter,
    articles: Iterable[Article],
    now: datetime,
    cutoff: timedelta,
    named: str | None = None,
) -> tuple[Cadence, Slot]:
    """The slot that `named` means, or the one that is at hand.

    `named` is local civil time (`2026-11-24T09:00`), a day that has a slot (`2026-11-24`), or
    an article's id or slug where each article is sent. Without it: the newest slot that is due
    and not older than `cutoff`, else the next; asking twice gives the same one. Raises
    UsageError.
    """
    if named is None:
        return _at_hand(journal, newsletter, now, cutoff)
    for cadence in newsletter.cadences:
        if cadence.kind is CadenceKind.EACH:
            for article in articles:
                if named in (article.id, article.slug):
                    return cadence, Slot(article.id, article.published_at)
        elif (slot := _slot_named(cadence, journal, named)) is not None:
            return cadence, slot
    raise UsageError(
        f"'{newsletter.slug}' has no slot '{named}'; {_offer(journal, newsletter, now)}"
    )


def _at_hand(
    journal: Journal, newsletter: Newsletter, now: datetime, cutoff: timedelta
) -> tuple[Cadence, Slot]:
    for cadence in newsletter.cadences:
        if cadence.kind is CadenceKind.EACH:
            continue
        begun = list(_begun(journal, newsletter, cadence, now - cutoff, now))
        return cadence, begun[-1] if begun else cadence.next(now + newsletter.lead, journal.zone)
    raise UsageError(
        f"'{newsletter.slug}' sends each article by itself: name one with --slot, by id or slug"
    )


def _slot_named(cadence: Cadence, journal: Journal, named: str) -> Slot | None:
    day, _, civil_time = named.partition("T")
    try:
        slot = cadence.slot_on(date.fromisoformat(day), journal.zone)
    except ValueError:
        return None
    if civil_time and slot.key != named:
        return None
    real = list(cadence.slots(slot.at - _INSTANT, slot.at, journal.zone))
    return slot if slot in real else None


def _offer(journal: Journal, newsletter: Newsletter, now: datetime) -> str:
    keys = [
        f"{cadence}: {cadence.previous(now, journal.zone).key}, "
        f"{cadence.next(now, journal.zone).key}"
        if cadence.kind is not CadenceKind.EACH
        else f"{cadence}: an article's id or slug"
        for cadence in newsletter.cadences
    ]
    return f"try one of ({'; '.join(keys)})"
