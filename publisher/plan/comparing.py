"""What changed: an issue against what planning would give now, and against the issue before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from publisher.domain.article import Article, by_id
from publisher.domain.cadence import Slot
from publisher.domain.issue import Issue, IssueKind, IssueState
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.template import TemplateSet
from publisher.formats import email
from publisher.plan.deciding import newsletter_of
from publisher.plan.digesting import first_seen, preview
from publisher.ports import Issues, Library, Store, Turnover

OPEN = (IssueState.DRAFT, IssueState.APPROVED)
"""States in which an issue can still be planned or rendered anew."""
GONE = (IssueState.CANCELLED, IssueState.SKIPPED, IssueState.DRAFT)
"""States of an issue that readers never got."""
ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """`before` → `after` for the subject and the audience's size; articles by id, in order.

    `changed` are articles whose file is another one by now. `gone` names an article that would
    leave, and why. `before` is what the issue is compared with: its name, or "" for the present.
    """

    before: str
    subject: tuple[str, str]
    added: tuple[str, ...]
    gone: Mapping[str, str]
    changed: tuple[str, ...]
    audience: tuple[int, int]
    turnover: Turnover

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        people = self.turnover.added or self.turnover.removed
        articles = self.added or self.gone or self.changed
        return self.subject[0] == self.subject[1] and not people and not articles


def since_planned(
    issue: Issue,
    *,
    journal: Journal,
    library: Library,
    templates: TemplateSet | None,
    store: Store,
    now: datetime,
) -> Difference | None:
    """What would be different, were it planned now; None for an issue that has gone or is over.

    What staff dropped stays dropped, and their subject stays; without `templates` the journal's
    own stays too. Raises NotFound, TemplateError.
    """
    if issue.state not in OPEN or issue.number is None:
        return None
    newsletter = newsletter_of(journal, issue.newsletter)
    known = by_id(library.articles)
    ids = [article_id for article_id, _ in issue.articles]
    kept = [each for each in ids if each not in issue.shaping.dropped]
    spoken = templates or TemplateSet({}, {})
    fresh, why = _today(issue, newsletter, ids, journal, library, spoken, store, now)
    fresh = [article for article in fresh if article.id not in issue.shaping.dropped]
    here = {article.id for article in fresh}
    subject = issue.subject
    if fresh and templates is not None:
        place = {article_id: position for position, article_id in enumerate(issue.shaping.order)}
        fresh.sort(key=lambda article: place.get(article.id, len(place)))
        subject = email.render(
            journal,
            newsletter,
            number=issue.number,
            slot_at=issue.slot_at,
            articles=fresh,
            language=journal.language,
            shaping=issue.shaping,
            templates=templates,
        ).subject
    turnover = store.issues.turnover(
        issue.id, newsletter.cadences[0].kind.value, _categories(fresh)
    )
    change = sum(turnover.added.values()) - sum(turnover.removed.values())
    return Difference(
        before="",
        subject=(issue.subject, subject),
        added=tuple(article.id for article in fresh if article.id not in kept),
        gone={each: why.get(each, "its file is gone") for each in kept if each not in here},
        changed=tuple(
            article_id
            for article_id, version in issue.articles
            if article_id in here and known[article_id].version != version
        ),
        audience=(issue.audience, issue.audience + change),
        turnover=turnover,
    )


def since_last(
    issue: Issue, *, journal: Journal, library: Library, store: Store
) -> Difference | None:
    """Against the issue of this newsletter and cadence before it; None where there is none, and
    for a correction, whose readers are those of a mistake.

    Each article goes once, so the articles of both differ as a rule. Raises NotFound.
    """
    if issue.slot.kind is IssueKind.CORRECTION:
        return None
    newsletter = newsletter_of(journal, issue.newsletter)
    before = _before(issue, store.issues)
    if before is None or issue.number is None:
        return None
    known = by_id(library.articles)
    old, new = (_kept(each) for each in (before, issue))
    turnover = store.issues.turnover(
        issue.id,
        newsletter.cadences[0].kind.value,
        _categories(known[each] for each in new if each in known),
        (before.id, _categories(known[each] for each in old if each in known)),
    )
    return Difference(
        before=before.name,
        subject=(before.subject, issue.subject),
        added=tuple(each for each in new if each not in old),
        gone={each: f"it was in {before.name}" for each in old if each not in new},
        changed=(),
        audience=(before.audience, issue.audience),
        turnover=turnover,
    )


def _today(
    issue: Issue,
    newsletter: Newsletter,
    ids: Sequence[str],
    journal: Journal,
    library: Library,
    templates: TemplateSet,
    store: Store,
    now: datetime,
) -> tuple[list[Article], Mapping[str, str]]:
    """The articles that the slot takes now, and why each other one is not among them."""
    for cadence in newsletter.cadences:
        if cadence.kind.value == issue.slot.cadence:
            made = preview(
                newsletter,
                cadence,
                Slot(issue.slot.key, issue.slot_at),
                journal=journal,
                articles=library.articles,
                seen=first_seen(store.sightings.known(), library.articles, now),
                issues=store.issues,
                templates=templates,
                now=now,
                anew=ids,
            )
            why = {article_id: reason.value for article_id, reason in made.digest.left_out}
            return list(made.digest.articles), why
    # The newsletter no longer has this cadence, or staff or a correction made the issue.
    known = by_id(library.articles)
    return [known[each] for each in ids if each in known and not known[each].draft], {}


def _before(issue: Issue, issues: Issues) -> Issue | None:
    for each in issues.list(issue.newsletter, limit=ALL):
        if (
            each.number is not None
            and each.slot.cadence == issue.slot.cadence
            and each.slot.kind is issue.slot.kind
            and each.slot_at < issue.slot_at
            and each.state not in GONE
        ):
            return each
    return None


def _kept(issue: Issue) -> list[str]:
    return [each for each, _ in issue.articles if each not in issue.shaping.dropped]


def _categories(articles: Iterable[Article]) -> frozenset[str]:
    return frozenset(article.category for article in articles)
