"""Verb: an approved issue goes once every page it links to can be opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from publisher.checks.standing import standing
from publisher.domain.article import Article
from publisher.domain.cadence import Slot
from publisher.domain.issue import Issue, IssueEvent, IssueState
from publisher.domain.journal import Journal
from publisher.errors import NotAllowed
from publisher.formats.copies import links
from publisher.ports import Site, Store

BATCH = 1000
"""How many approved issues one release looks at; the rest wait for the next."""
MOVED = "(the journal's address changed after this was planned: `issue edit` makes it anew)"


@dataclass(frozen=True, slots=True)
class Held:
    """An issue that waits for pages: those of `urls` that nobody could open now.

    Or one that must not leave as it is: `why` says why, and there are no `urls`.
    """

    issue: Issue
    urls: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was released now, and what is held back for its pages."""

    released: tuple[Issue, ...] = ()
    held: tuple[Held, ...] = ()


def release(
    store: Store,
    site: Site,
    journal: Journal,
    now: datetime,
    gate: Callable[[int], str | None] = lambda _: None,
    articles: Sequence[Article] = (),
) -> Report:
    """Move approved issues whose slot has come to sending, the oldest slot first.

    An issue that links to a page that is not live, or that `gate` gives a reason against (by
    its id), is held and asked about again next time. So is one that must not leave any more:
    one of today's `articles` that it carries was withdrawn, or the settings changed since.
    """
    approved = store.issues.list(states=(IssueState.APPROVED,), limit=BATCH)
    released: list[Issue] = []
    held: list[Held] = []
    for issue in sorted(approved, key=lambda issue: (issue.slot_at, issue.id)):
        if opens_at(journal, issue) > now:
            continue
        if why := gate(issue.id) or _in_the_way(store, journal, issue, articles):
            held.append(Held(issue, (), why))
            continue
        if missing := not_live(store, site, journal, issue):
            held.append(Held(issue, missing))
            continue
        try:
            released.append(store.issues.move(issue.id, IssueEvent.RELEASE, now))
        except NotAllowed:
            continue  # edited, cancelled or released by another process in this moment
    return Report(tuple(released), tuple(held))


def opens_at(journal: Journal, issue: Issue) -> datetime:
    """When the first reader may get it: its slot, or before, where readers' own time counts."""
    try:
        newsletter = journal.newsletter(issue.newsletter)
    except KeyError:
        return issue.slot_at
    return newsletter.opens_at(Slot(issue.slot.key, issue.slot_at))


def _in_the_way(
    store: Store, journal: Journal, issue: Issue, articles: Sequence[Article]
) -> str | None:
    """What blocks the issue as it stands now and nobody set aside; None where nothing does."""
    forced = {each.rule for each in issue.forced}
    found = standing(store.issues.editions(issue.id), journal, articles, issue.slot)
    blocking = dict.fromkeys(str(f) for f in found if f.blocks and f.rule not in forced)
    return "; ".join(blocking) or None


def not_live(store: Store, site: Site, journal: Journal, issue: Issue) -> tuple[str, ...]:
    """Pages that the issue's editions link to and that a reader could not open now.

    An edition that links to no page of the journal was planned while it had another address:
    then the front page of the present one is named, with what to do.
    """
    urls = _links(store, journal, issue)
    return tuple(site.not_live(urls)) if urls else (f"{journal.url}/ {MOVED}",)


def first_not_live(store: Store, site: Site, journal: Journal, issue: Issue) -> str | None:
    """The first of those pages alone, for somebody who looks: at most one is waited for."""
    urls = _links(store, journal, issue)
    if not urls:
        return f"{journal.url}/ {MOVED}"
    return next((url for url in urls if site.not_live((url,))), None)


def _links(store: Store, journal: Journal, issue: Issue) -> tuple[str, ...]:
    """Every page that the editions link to; none where one of them links to no page."""
    urls: dict[str, None] = {}
    for edition in store.issues.editions(issue.id):
        found = links(edition, journal)
        if not found:
            return ()
        urls.update(dict.fromkeys(found))
    return tuple(urls)
