"""Verb: a correction → whoever received the article, as issues like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from publisher.checks import edition as edition_checks
from publisher.domain.article import Article, Correction
from publisher.domain.finding import Finding
from publisher.domain.issue import Edition, Issue, IssueKind, IssueState, Shaping, SlotId
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.reach import Faulty, Reach, correction_id, is_told, owed
from publisher.domain.retraction import cited
from publisher.domain.template import TemplateSet
from publisher.errors import NumberTaken, StoreError, UsageError
from publisher.formats import catalogue, email
from publisher.formats.catalogue import mark
from publisher.plan.forcing import block
from publisher.plan.lacking import lacking
from publisher.ports import Citations, Group, Library, NewIssue, Store

ATTEMPTS = 8
CADENCE = "correction"
"""What stands in the place of a cadence: nobody chooses to be told of a mistake or not."""
SUBJECT = mark("Correction: %(title)s")
INTRO = mark(
    "We sent you this article earlier. It held a mistake, and we would like you to know: below "
    "you find what was wrong and what is right."
)
WITHDRAWN_SUBJECT = mark("Withdrawn: %(title)s")
WITHDRAWN_INTRO = mark(
    "We sent you this article earlier. We have withdrawn it since, and we would like you to know "
    "why."
)


@dataclass(frozen=True, slots=True)
class Trace:
    """A correction, the versions that it puts right, and everybody who received one of them.

    Where the article was withdrawn, that is what is told, in the place of its corrections.
    """

    article: Article
    correction: Correction
    faulty: Faulty
    reach: Reach

    @property
    def id(self) -> str:
        """The correction's id: the key of its issues' slot."""
        return correction_id(self.article, self.correction)


def trace(article: Article, journal: Journal, citations: Citations) -> Trace:
    """Who received the article without its newest correction, or before it was withdrawn.

    Nothing is written. Raises UsageError where there is nothing to tell of.
    """
    correction = owed(article)
    if correction is None:
        raise UsageError(
            f"{article.path} has no correction: say under `corrections:` what was wrong and what "
            "is right (date, kind, wrong, right), or under `withdrawn:` why it was taken back "
            "(date, reason), then try again"
        )
    told = {version: is_told(correction, text) for version, text in citations.versions(article.id)}
    faulty = Faulty(
        article.id,
        tuple(v for v, is_right in told.items() if not is_right and v != article.version),
        correction_id(article, correction),
    )
    slugs = [newsletter.slug for newsletter in journal.newsletters]
    return Trace(article, correction, faulty, citations.reach(faulty, slugs))


def plan(
    found: Trace,
    *,
    journal: Journal,
    library: Library,
    templates: TemplateSet,
    store: Store,
    now: datetime,
    nonce: Callable[[], str],
) -> tuple[Issue, ...]:
    """One draft for each newsletter under which somebody is told; those on record stay.

    Each person gets one mail, however many issues and newsletters carried the article, and
    nobody gets any before somebody has approved it. What cannot be reached is counted in the
    first issue's `excluded`. Raises BlockedByFindings, with nothing written.
    """
    if found.article.draft:
        raise UsageError(f"{found.article.path} cannot be mailed: it is a draft")
    block(lacking(library.register, journal, store, now), "the correction")
    made: list[Issue] = []
    excluded = found.reach.excluded
    reachable = {slug for slug, _ in found.reach.reachable}
    # Those on record too, though all their readers are told by now.
    known = {issue.newsletter for issue in on_record(found, journal, store)}
    for slug in sorted(reachable | known):
        made.append(
            _one(
                found,
                journal.newsletter(slug),
                excluded,
                journal=journal,
                library=library,
                templates=templates,
                store=store,
                now=now,
                nonce=nonce,
            )
        )
        excluded = {}
    return tuple(made)


def on_record(found: Trace, journal: Journal, store: Store) -> tuple[Issue, ...]:
    """The issues that tell of it already, or wait to: at most one for each newsletter."""
    issues = (store.issues.find(_slot(found, each)) for each in journal.newsletters)
    return tuple(issue for issue in issues if issue is not None)


def _slot(found: Trace, newsletter: Newsletter) -> SlotId:
    return SlotId(newsletter.slug, IssueKind.CORRECTION, CADENCE, found.id)


def _one(
    found: Trace,
    newsletter: Newsletter,
    excluded: Mapping[str, int],
    *,
    journal: Journal,
    library: Library,
    templates: TemplateSet,
    store: Store,
    now: datetime,
    nonce: Callable[[], str],
) -> Issue:
    slot = _slot(found, newsletter)
    existing = store.issues.find(slot)
    if existing is not None:
        return existing
    groups = _groups(found, newsletter, journal, templates)
    for _ in range(ATTEMPTS):
        number = store.issues.next_number(newsletter.slug)
        editions: list[Edition] = []
        findings: list[Finding] = []
        for language in groups:
            edition = email.render(
                journal,
                newsletter,
                number=number,
                slot_at=now,
                articles=(found.article,),
                language=language,
                shaping=_shaping(found, templates, language),
                templates=templates,
                register=library.register,
            )
            findings += edition_checks.check(
                edition,
                journal,
                (found.article,),
                library.register,
                catalogue.of(templates, language),
                withdrawal=found.article.withdrawn is not None,
            )
            editions.append(edition)
        block(findings, f"{newsletter.slug}/{number}")
        new = NewIssue(
            slot=slot,
            slot_at=now,
            number=number,
            nonce=nonce(),
            state=IssueState.DRAFT,
            planned_at=now,
            articles=((found.article.id, found.article.version),),
            waiting=(),
            editions=tuple(zip(editions, groups.values(), strict=True)),
            default_cadence=CADENCE,
            shaping=_shaping(found, templates, journal.language),
            transport=newsletter.transport,
            cited=cited((found.article,)),
            faulty=found.faulty,
            excluded=excluded,
            newsletters=tuple(each.slug for each in journal.newsletters),
        )
        try:
            return store.issues.create(new)
        except NumberTaken:
            continue
    raise StoreError(
        f"the number of the next issue of '{newsletter.slug}' was taken again and again"
    )


def _groups(
    found: Trace, newsletter: Newsletter, journal: Journal, templates: TemplateSet
) -> Mapping[str, tuple[Group, ...]]:
    """Readers by the language that they are written to in; the journal's own comes first."""
    groups: dict[str, tuple[Group, ...]] = {journal.language: ()}
    for (slug, wanted), size in found.reach.reachable.items():
        if slug == newsletter.slug:
            spoken = catalogue.spoken(templates, wanted, journal.language)
            groups[spoken] = (*groups.get(spoken, ()), Group(None, wanted, size))
    return groups


def _shaping(found: Trace, templates: TemplateSet, language: str) -> Shaping:
    words = catalogue.of(templates, language)
    subject, intro = SUBJECT, INTRO
    if found.article.withdrawn is not None:
        subject, intro = WITHDRAWN_SUBJECT, WITHDRAWN_INTRO
    return Shaping(
        subject=words.gettext(subject, title=found.article.title), intro=words.gettext(intro)
    )
