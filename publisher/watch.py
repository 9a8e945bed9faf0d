"""Verb: works that were retracted → the articles, issues and people that had a claim from them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from publisher.domain.issue import Issue, IssueKind, IssueState
from publisher.domain.library import Library
from publisher.domain.reach import Faulty, Reach
from publisher.domain.retraction import Cited, Register, Standing, Status
from publisher.ports import Retractions, Store

EVERY = 1_000_000
_VOID = (IssueState.CANCELLED, IssueState.SKIPPED)


@dataclass(frozen=True, slots=True)
class Spread:
    """An article that went out resting on the work. `title` and `slug` are empty where it is gone.

    `issues` carried it; `told`: an issue of the kind correction is on record for it.
    """

    article_id: str
    slug: str
    title: str
    faulty: Faulty
    issues: tuple[Issue, ...]
    reach: Reach
    told: bool


@dataclass(frozen=True, slots=True)
class Fallen:
    """A retracted work that issues carried without saying so: its first key, title and status."""

    name: str
    title: str
    status: Status
    spread: tuple[Spread, ...]

    @property
    def open(self) -> tuple[Spread, ...]:
        """Articles whose readers have not been told, and of whom somebody can be."""
        return tuple(each for each in self.spread if not each.told and each.reach.people)


def watch(
    library: Library, store: Store, data: Retractions, newsletters: Collection[str]
) -> tuple[Fallen, ...]:
    """Every retracted work that issues carried, by title. Nothing is written and nobody is told."""
    register = Register(data.snapshot(), data.find(store.citations.names()))
    fallen = [
        name for name in register.events if register.of_keys((name,)).standing is Standing.RETRACTED
    ]
    if not fallen:
        return ()
    corrections = {
        article_id
        for issue in store.issues.list(limit=EVERY)
        if issue.slot.kind is IssueKind.CORRECTION and issue.state not in _VOID
        for article_id, _ in issue.articles
    }
    works: dict[tuple[str, ...], list[Cited]] = {}
    for cited in store.citations.resting_on(fallen):
        works.setdefault(cited.names, []).append(cited)
    known = {article.id: article for article in library.articles}
    found: list[Fallen] = []
    for names, held in works.items():
        spread = []
        for article_id in dict.fromkeys(each.article_id for each in held):
            versions = tuple(each.version for each in held if each.article_id == article_id)
            faulty = Faulty(article_id, versions)
            article = known.get(article_id)
            spread.append(
                Spread(
                    article_id,
                    article.slug if article else "",
                    article.title if article else "",
                    faulty,
                    _issues(store, names, article_id),
                    store.citations.reach(faulty, newsletters),
                    article_id in corrections,
                )
            )
        status = register.of_keys(names)
        found.append(Fallen(names[0], held[0].title, status, tuple(spread)))
    return tuple(sorted(found, key=lambda each: (each.title.casefold(), each.name)))


def _issues(store: Store, names: Sequence[str], article_id: str) -> tuple[Issue, ...]:
    ids = dict.fromkeys(
        each.issue_id
        for each in store.citations.carriers(names)
        if each.article_id == article_id and not each.acknowledged
    )
    return tuple(store.issues.get(issue_id) for issue_id in ids)


def draft(fallen: Fallen, today: date) -> str:
    """A correction to begin with, as front matter; a person says in it what is right."""
    event = fallen.status.event
    when = f" on {event.on}" if event and event.on else ""
    instead = ""
    if event and event.replacement:
        instead = f" It was replaced by doi:{event.replacement}."
    wrong = f"This article rested on a work that was retracted{when}: {fallen.title}"
    return (
        "corrections:\n"
        f"  - date: {today}\n"
        "    kind: retraction\n"
        f"    wrong: {_quoted(f'{wrong} ({fallen.name}).')}\n"
        f"    right: {_quoted(f'SAY WHAT STILL HOLDS.{instead}')}\n"
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
