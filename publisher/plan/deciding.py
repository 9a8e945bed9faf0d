"""What staff decide about a planned issue: its shape, and whether it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from publisher.checks import edition as edition_checks
from publisher.checks.text import is_sound
from publisher.domain.article import Article, by_id
from publisher.domain.finding import Finding
from publisher.domain.issue import Edition, Issue, IssueEvent, IssueKind, IssueState, Shaping, step
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.reach import takes_back
from publisher.domain.retraction import cited
from publisher.domain.template import TemplateSet
from publisher.errors import Defect, NotAllowed, NotFound, UsageError
from publisher.formats import catalogue, email
from publisher.plan.forcing import block
from publisher.plan.lacking import lacking
from publisher.plan.telling import untold
from publisher.ports import Issues, Library, Store


@dataclass(frozen=True, slots=True)
class Lateness:
    """Drafts whose slot has passed: those skipped for good just now, and those still waiting."""

    skipped: tuple[Issue, ...]
    overdue: tuple[Issue, ...]


def newsletter_of(journal: Journal, slug: str) -> Newsletter:
    """The newsletter with this slug. Raises NotFound naming those there are."""
    try:
        return journal.newsletter(slug)
    except KeyError:
        known = ", ".join(newsletter.slug for newsletter in journal.newsletters)
        raise NotFound(
            f"there is no newsletter '{slug}' in the settings (there is: {known})"
        ) from None


def reshape(
    issue_id: int,
    *,
    journal: Journal,
    library: Library,
    templates: TemplateSet,
    store: Store,
    now: datetime,
    subject: str | None = None,
    preheader: str | None = None,
    intro: str | None = None,
    order: Sequence[str] | None = None,
    drop: Sequence[str] = (),
) -> Issue:
    """Render the issue's editions anew from today's articles, shaped by hand.

    None leaves a text as it is, "" returns it to the journal's own words. `order` and `drop`
    name articles by id or slug: those in `order` come first, the rest follow as they were.
    Articles withdrawn since leave too, unless that is what the issue tells. Voids an
    approval. Raises NotFound, NotAllowed, UsageError, BlockedByFindings; then nothing has changed.
    """
    issue = store.issues.get(issue_id)
    step(issue.state, IssueEvent.EDIT)  # before any work: NotAllowed unless draft or approved
    newsletter = newsletter_of(journal, issue.newsletter)
    known = by_id(library.articles)
    members = [article_id for article_id, _ in issue.articles]
    gone = [a for a in members if a not in known or _is_gone(known[a], issue)]
    before = issue.shaping
    for name, text in (("subject", subject), ("preheader", preheader), ("intro", intro)):
        _sound(name, text or "")
    dropped = dict.fromkeys([*before.dropped, *_named(drop, members, known), *gone])
    shaping = Shaping(
        subject=_text(subject, before.subject),
        preheader=_text(preheader, before.preheader),
        intro=_text(intro, before.intro),
        order=before.order if order is None else _named(order, members, known),
        dropped=tuple(dropped),
    )
    if not set(members) - set(shaping.dropped):
        raise UsageError(
            f"no article would be left in {issue.name}: cancel it instead "
            f"(publisher issue cancel {issue.name})"
        )
    block(lacking(library.register, journal, store, now), issue.name)
    editions = _editions(journal, newsletter, issue, shaping, library, templates, store.issues)
    left = [known[article_id] for article_id in members if article_id not in shaping.dropped]
    return store.issues.reshape(issue_id, shaping, editions, now, cited(left))


def approve(
    store: Store,
    issue_id: int,
    *,
    by: str,
    now: datetime,
    cutoff: timedelta,
    gate: Callable[[int], str | None] = lambda _: None,
    seen: str = "",
) -> Issue:
    """Let a draft go. In time, or late within `cutoff`, it is approved; later it is skipped.

    `seen` is the hash (or its first digits) of what was looked at: nothing else is approved.
    `gate` says why its sources forbid it, if they do. Look at the state of what is returned.
    Raises NotFound, NotAllowed.
    """
    issue = store.issues.get(issue_id)
    if why := gate(issue_id):
        raise NotAllowed(f"{issue.name} cannot be approved: {why}")
    if issue.state is IssueState.DRAFT and _too_late(issue, now, cutoff):
        return store.issues.move(issue_id, IssueEvent.SKIP, now, reason=_late_reason(cutoff))
    return store.issues.move(issue_id, IssueEvent.APPROVE, now, by=by, seen=seen)


def lapse(issues: Issues, now: datetime, cutoff: timedelta) -> Lateness:
    """Skip the drafts that nobody approved in time, so that their articles go with the next."""
    skipped: list[Issue] = []
    overdue: list[Issue] = []
    for issue in reversed(issues.list(states=(IssueState.DRAFT,))):
        if _too_late(issue, now, cutoff):
            reason = _late_reason(cutoff)
            skipped.append(issues.move(issue.id, IssueEvent.SKIP, now, reason=reason))
        elif issue.slot_at <= now and issue.slot.kind is not IssueKind.CORRECTION:
            overdue.append(issue)
    return Lateness(tuple(skipped), tuple(overdue))


def _too_late(issue: Issue, now: datetime, cutoff: timedelta) -> bool:
    if issue.slot.kind is IssueKind.CORRECTION:
        return False  # what was wrong stays so, however long nobody decides
    # Staff may plan an old slot by hand; they get as long to approve it as anyone.
    return now - max(issue.slot_at, issue.planned_at) > cutoff


def _late_reason(cutoff: timedelta) -> str:
    hours = round(cutoff.total_seconds() / 3600)
    return f"not approved within {hours} hours of its slot; its articles go with the next slot"


def _is_gone(article: Article, issue: Issue) -> bool:
    return article.draft or (article.withdrawn is not None and not takes_back(issue.slot, article))


def _text(given: str | None, before: str | None) -> str | None:
    if given is None:
        return before
    return given.strip() or None


def _named(
    names: Iterable[str], members: Sequence[str], known: Mapping[str, Article]
) -> tuple[str, ...]:
    """Ids of the issue's articles that `names` (ids or slugs) mean. Raises UsageError."""
    slugs = {known[member].slug: member for member in members if member in known}
    found: list[str] = []
    for name in names:
        member = name if name in members else slugs.get(name)
        if member is None:
            raise UsageError(
                f"'{name}' is no article of this issue (it has: {', '.join(slugs) or 'none'})"
            )
        found.append(member)
    return tuple(dict.fromkeys(found))


def _editions(
    journal: Journal,
    newsletter: Newsletter,
    issue: Issue,
    shaping: Shaping,
    library: Library,
    templates: TemplateSet,
    issues: Issues,
) -> list[Edition]:
    if issue.number is None:
        raise Defect(f"issue {issue.id} is {issue.state} and has no number")
    known = by_id(library.articles)
    place = {article_id: position for position, article_id in enumerate(shaping.order)}
    # A correction tells of itself alone.
    told = (
        ()
        if issue.slot.kind is IssueKind.CORRECTION
        else untold(
            newsletter.slug,
            library.articles,
            issues,
            issue.slot_at,
            besides={article_id for article_id, _ in issue.articles},
            but=issue.id,
        )
    )
    made: list[Edition] = []
    findings: list[Finding] = []
    for edition in issues.editions(issue.id):
        ids = [a for a, _ in edition.articles if a not in shaping.dropped]
        ids.sort(key=lambda a: place.get(a, len(place)))
        articles = tuple(known[article_id] for article_id in ids)
        if not articles:
            made.append(replace(edition, subject="", preheader="", html="", text="", articles=()))
            continue
        fresh = email.render(
            journal,
            newsletter,
            number=issue.number,
            slot_at=issue.slot_at,
            articles=articles,
            language=edition.language,
            shaping=shaping,
            templates=templates,
            register=library.register,
            corrections=told,
        )
        findings.extend(
            edition_checks.check(
                fresh,
                journal,
                articles,
                library.register,
                catalogue.of(templates, edition.language),
                withdrawal=any(takes_back(issue.slot, article) for article in articles),
            )
        )
        made.append(replace(fresh, id=edition.id))
    block(findings, issue.name, [each.rule for each in issue.forced])
    return made


def _sound(name: str, text: str) -> None:
    """Refuse what no header and no page may hold; an introduction may have paragraphs."""
    broken = name != "intro" and len(text.splitlines()) > 1
    if broken or not is_sound(text):
        raise UsageError(
            f"the {name} holds a line break or an invisible character: write it in plain text"
            + ("" if name == "intro" else ", on one line")
        )
