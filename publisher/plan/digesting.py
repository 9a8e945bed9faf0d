"""A slot becomes an issue: articles chosen, editions rendered and checked, audience frozen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from publisher.checks import edition as edition_checks
from publisher.checks import withdrawals
from publisher.domain.article import Article, Correction
from publisher.domain.cadence import Cadence, CadenceKind, Slot
from publisher.domain.digest import LATENESS, Candidate, Digest, LeftOut, choose, for_topics
from publisher.domain.finding import Finding
from publisher.domain.forcing import Forcing
from publisher.domain.issue import (
    Edition,
    Issue,
    IssueEvent,
    IssueKind,
    IssueState,
    Shaping,
    SlotId,
)
from publisher.domain.journal import Approval, Journal, Newsletter
from publisher.domain.retraction import Register, cited
from publisher.domain.template import TemplateSet
from publisher.errors import NotAllowed, NumberTaken, StoreError
from publisher.formats import catalogue, email
from publisher.plan.forcing import block
from publisher.plan.lacking import lacking
from publisher.plan.slots import kind_of, slot_id
from publisher.plan.telling import untold
from publisher.ports import Group, Issues, Library, NewIssue, Sightings, Store

ATTEMPTS = 8
"""How often a number that another slot took meanwhile is asked for again."""

NOTHING_NEW = "nothing new"
NO_READERS = "no readers"


def too_few(found: int, minimum: int) -> str:
    """The reason of a slot that had something, but not enough."""
    return f"{found} new, fewer than the minimum of {minimum}; they wait for the next slot"


@dataclass(frozen=True, slots=True)
class Part:
    """One edition to be: its articles in order, its language, and the readers it is for."""

    articles: tuple[Article, ...]
    language: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What planning a slot now would give. `parts` begins with all articles, for the archive.

    `no_topics` counts readers whose topics leave nothing.
    """

    digest: Digest
    since: datetime
    parts: tuple[Part, ...]
    no_topics: int
    minimum: int

    @property
    def readers(self) -> int:
        """How many people would get it."""
        return sum(group.size for part in self.parts for group in part.groups)

    @property
    def nothing(self) -> str | None:
        """Why the slot makes no issue; None when it makes one."""
        if waiting := self.digest.ids(LeftOut.TOO_FEW):
            return too_few(len(waiting), self.minimum)
        if not self.digest.articles:
            return NOTHING_NEW
        return None if self.readers else NO_READERS


def sight(
    sightings: Sightings, articles: Iterable[Article], now: datetime
) -> Mapping[str, datetime]:
    """Record articles seen for the first time; when each was first seen.

    What a new store finds counts as on time: only `since` bounds it. A draft is not seen yet.
    """
    known = sightings.known()
    found = first_seen(known, articles, now)
    if fresh := {article_id: at for article_id, at in found.items() if article_id not in known}:
        sightings.add(fresh)
    return found


def first_seen(
    known: Mapping[str, datetime], articles: Iterable[Article], now: datetime
) -> Mapping[str, datetime]:
    """What `sight` would answer where `known` is on record; nothing is recorded."""
    fresh = {
        article.id: now if known else article.published_at.astimezone(UTC)
        for article in articles
        if not article.draft
    }
    return fresh | dict(known)


def preview(
    newsletter: Newsletter,
    cadence: Cadence,
    slot: Slot,
    *,
    journal: Journal,
    articles: Iterable[Article],
    seen: Mapping[str, datetime],
    templates: TemplateSet,
    issues: Issues,
    now: datetime,
    anew: Collection[str] = (),
) -> Preview:
    """Choose the articles and the audience of a slot; nothing is written.

    `anew` are articles of an issue on record, when it is asked what would take its place.
    """
    each = cadence.kind is CadenceKind.EACH
    candidates = [
        Candidate(article, seen.get(article.id, now))
        for article in articles
        if not each or article.id == slot.key
    ]
    since = _since(journal, newsletter, cadence, slot, issues)
    carried = issues.carried(newsletter.slug, cadence.kind.value) - frozenset(anew)
    minimum = 1 if each else newsletter.minimum
    digest = choose(
        candidates,
        slot_at=newsletter.opens_at(slot),
        since=since,
        carried=carried
        | _passed(newsletter, slot_id(newsletter, cadence, slot), candidates, issues),
        topics=newsletter.topics,
        minimum=minimum,
        maximum=1 if each else newsletter.maximum,
        today=None if newsletter.overdue else journal.day(now),
    )
    groups = issues.groups(
        newsletter.slug, cadence.kind.value, newsletter.cadences[0].kind.value, slot.at
    )
    spoken = partial(catalogue.spoken, templates, own=journal.language)
    parts, no_topics = _parts(digest.articles, groups, spoken)
    return Preview(digest, since, parts, no_topics, minimum)


def plan(
    newsletter: Newsletter,
    cadence: Cadence,
    slot: Slot,
    *,
    journal: Journal,
    library: Library,
    templates: TemplateSet,
    store: Store,
    now: datetime,
    nonce: Callable[[], str],
    retry_skipped: bool = True,
    forced: Sequence[Forcing] = (),
) -> Issue:
    """The issue of this slot: the one on record, or a new one frozen in one transaction.

    A slot that makes none is put on record as skipped, with the reason. `retry_skipped`: try
    a slot again that made none before (staff asked by hand). Raises BlockedByFindings, with
    nothing written, where an edition must not leave; what is `forced` and would have stopped it
    goes on the record.
    """
    name = slot_id(newsletter, cadence, slot)
    existing = store.issues.find(name)
    # A skipped one with a number came too late for its approval: staff decide about that one.
    if existing is not None and (
        existing.state is not IssueState.SKIPPED or existing.number or not retry_skipped
    ):
        return existing
    made = preview(
        newsletter,
        cadence,
        slot,
        journal=journal,
        articles=library.articles,
        seen=sight(store.sightings, library.articles, now),
        templates=templates,
        issues=store.issues,
        now=now,
    )
    if made.nothing is not None:
        return existing or store.issues.skip(name, slot.at, made.nothing, now)
    block(lacking(library.register, journal, store, now), newsletter.slug)
    told = untold(
        newsletter.slug,
        library.articles,
        store.issues,
        slot.at,
        besides={article.id for article in made.digest.articles},
    )
    for _ in range(ATTEMPTS):
        number = store.issues.next_number(newsletter.slug)
        editions, findings = _editions(
            journal, newsletter, number, slot.at, made.parts, templates, library.register, told
        )
        passed = block(findings, f"{newsletter.slug}/{number}", [each.rule for each in forced])
        if existing is not None:
            with suppress(NotAllowed):  # somebody else freed the slot in this moment
                store.issues.move(existing.id, IssueEvent.CANCEL, now)
        try:
            return store.issues.create(
                replace(
                    _new_issue(newsletter, cadence, slot, number, made, editions, now, nonce()),
                    forced=tuple(each for each in forced if each.rule in passed),
                )
            )
        except NumberTaken:
            continue
    raise StoreError(
        f"the number of the next issue of '{newsletter.slug}' was taken {ATTEMPTS} times in a row; "
        "nothing was planned, try again"
    )


def _new_issue(
    newsletter: Newsletter,
    cadence: Cadence,
    slot: Slot,
    number: int,
    made: Preview,
    editions: Sequence[Edition],
    now: datetime,
    nonce: str,
) -> NewIssue:
    required = newsletter.approval is Approval.REQUIRED
    return NewIssue(
        slot=slot_id(newsletter, cadence, slot),
        slot_at=slot.at,
        number=number,
        nonce=nonce,
        state=IssueState.DRAFT if required else IssueState.APPROVED,
        planned_at=now,
        articles=tuple((article.id, article.version) for article in made.digest.articles),
        waiting=made.digest.ids(LeftOut.WAITING),
        editions=tuple(
            (edition, part.groups) for edition, part in zip(editions, made.parts, strict=True)
        ),
        default_cadence=newsletter.cadences[0].kind.value,
        no_topics=made.no_topics,
        transport=newsletter.transport,
        local_time=newsletter.local_time and kind_of(cadence) is IssueKind.DIGEST,
        cited=cited(made.digest.articles),
    )


def _editions(
    journal: Journal,
    newsletter: Newsletter,
    number: int,
    slot_at: datetime,
    parts: Iterable[Part],
    templates: TemplateSet,
    register: Register,
    told: Sequence[tuple[Article, Correction]],
) -> tuple[tuple[Edition, ...], list[Finding]]:
    made: list[Edition] = []
    findings: list[Finding] = []
    for part in parts:
        edition = email.render(
            journal,
            newsletter,
            number=number,
            slot_at=slot_at,
            articles=part.articles,
            language=part.language,
            shaping=Shaping(),
            templates=templates,
            register=register,
            corrections=told,
        )
        findings.extend(
            edition_checks.check(
                edition,
                journal,
                part.articles,
                register,
                catalogue.of(templates, part.language),
            )
        )
        made.append(edition)
    return tuple(made), [*withdrawals.number(len(made)), *findings]


def _parts(
    articles: tuple[Article, ...],
    groups: Iterable[Group],
    spoken: Callable[[str | None], str],
) -> tuple[tuple[Part, ...], int]:
    """Readers who get the same articles in the same language share an edition.

    `spoken` says in which language somebody is written to; None: in the journal's own.
    """
    readers: dict[tuple[tuple[str, ...], str], list[Group]] = {
        (tuple(article.id for article in articles), spoken(None)): []
    }
    lists: dict[tuple[str, ...], tuple[Article, ...]] = {next(iter(readers))[0]: articles}
    no_topics = 0
    for group in groups:
        mine = for_topics(articles, group.topics)
        if not mine:
            no_topics += group.size
            continue
        ids = tuple(article.id for article in mine)
        lists[ids] = mine
        readers.setdefault((ids, spoken(group.language)), []).append(group)
    parts = (Part(lists[ids], tag, tuple(mine)) for (ids, tag), mine in readers.items())
    return tuple(parts), no_topics


def _since(
    journal: Journal, newsletter: Newsletter, cadence: Cadence, slot: Slot, issues: Issues
) -> datetime:
    if newsletter.since is not None:
        return newsletter.since
    if cadence.kind is CadenceKind.EACH:
        return slot.at - LATENESS
    span = issues.slot_range(newsletter.slug, kind_of(cadence), cadence.kind.value)
    first = min(span[0], slot.at) if span else slot.at
    return cadence.previous(first, journal.zone).at


def _passed(
    newsletter: Newsletter, name: SlotId, candidates: Iterable[Candidate], issues: Issues
) -> frozenset[str]:
    """Articles whose slot passed while nobody was subscribed: the first reader gets no backlog.

    An explicit `since` says otherwise, and means what it says.
    """
    if newsletter.since is not None:
        return frozenset()
    for issue in issues.list(newsletter.slug, (IssueState.SKIPPED,)):
        if issue.slot != name and issue.slot.cadence == name.cadence and issue.reason == NO_READERS:
            return frozenset(
                candidate.article.id
                for candidate in candidates
                if candidate.article.published_at
                <= newsletter.opens_at(Slot(issue.slot.key, issue.slot_at))
                and candidate.appeared_at <= issue.planned_at
            )
    return frozenset()
