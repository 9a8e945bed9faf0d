"""Verb: an article, a work or an issue → everything that is on record of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from publisher.domain.article import Article, by_id
from publisher.domain.history import Held, History, Version
from publisher.domain.issue import Issue
from publisher.domain.library import Library
from publisher.domain.retraction import Cited, Register, cited
from publisher.formats import chain
from publisher.ports import Retractions, Store


def of_article(article_id: str, library: Library, store: Store, data: Retractions) -> History:
    """An article by its id, whether or not its file is still there."""
    article = by_id(library.articles).get(article_id)
    carried = store.citations.carrying(article_id)
    issues = _issues(store, (issue_id for issue_id, _ in carried))
    name = article.slug if article else article_id
    title = article.title if article else "(its file is gone)"
    return _history(
        ("article", name, title),
        [(article_id, carried)],
        None,
        [article_id],
        issues,
        library,
        store,
        data,
    )


def of_work(
    name: str, title: str, names: Collection[str], library: Library, store: Store, data: Retractions
) -> History:
    """A work by the keys it is known by: where it is cited, and where it was."""
    carriers = store.citations.carriers(names)
    articles = dict.fromkeys(
        [
            *(a.id for a in library.articles if any(set(w) & set(names) for w in a.works)),
            *(each.article_id for each in carriers),
        ]
    )
    pairs = {
        article_id: [(c.issue_id, c.version) for c in carriers if c.article_id == article_id]
        for article_id in articles
    }
    issues = _issues(store, (each.issue_id for each in carriers))
    return _history(
        ("source", name, title),
        list(pairs.items()),
        frozenset(names),
        names,
        issues,
        library,
        store,
        data,
    )


def of_issue(issue: Issue, library: Library, store: Store, data: Retractions) -> History:
    """An issue: what it carries, and each step it took."""
    pairs = {
        article_id: [each for each in store.citations.carrying(article_id) if each[0] == issue.id]
        or [(issue.id, version)]
        for article_id, version in issue.articles
    }
    return _history(
        ("issue", issue.name, issue.subject or issue.slot.key),
        list(pairs.items()),
        None,
        (),
        (issue,),
        library,
        store,
        data,
        alone=True,
    )


def _issues(store: Store, ids: Iterable[int]) -> tuple[Issue, ...]:
    return tuple(store.issues.get(issue_id) for issue_id in dict.fromkeys(sorted(ids)))


def _history(
    what: tuple[str, str, str],
    pairs: Sequence[tuple[str, Sequence[tuple[int, str]]]],
    names: frozenset[str] | None,
    told: Collection[str],
    issues: tuple[Issue, ...],
    library: Library,
    store: Store,
    data: Retractions,
    *,
    alone: bool = False,
) -> History:
    """`names`: of the works that are shown, None for all; `told`: whatever else entries name;
    `alone`: versions in issues alone.
    """
    known = by_id(library.articles)
    versions: list[Version] = []
    sources: list[Cited] = []
    for article_id, carried in pairs:
        article = known.get(article_id)
        put_down = store.citations.known(article_id)
        now = cited((article,)) if article else ()
        found = _versions(article_id, article, carried, put_down, store, alone=alone)
        versions += found
        shown = {each.version for each in found}
        sources += [each for each in (*put_down, *now) if each.version in shown]
    if names is not None:
        sources = [each for each in sources if names & set(each.names)]
        citing = {(each.article_id, each.version) for each in sources}
        versions = [each for each in versions if (each.article_id, each.version) in citing]
    first = next(iter(store.ledger.rows()), None)
    return History(
        *what,
        versions=tuple(versions),
        held=_held(sources, data),
        issues=issues,
        corrections=tuple(
            (article_id, each)
            for article_id, _ in pairs
            if article_id in known
            for each in known[article_id].corrections
        ),
        entries=tuple(
            store.ledger.about(
                {*told, *(each.version for each in versions)}, [each.id for each in issues]
            )
        ),
        began_at=chain.parse(first).at if first else None,
    )


def _versions(
    article_id: str,
    article: Article | None,
    carried: Sequence[tuple[int, str]],
    put_down: Sequence[Cited],
    store: Store,
    *,
    alone: bool,
) -> list[Version]:
    seen: Mapping[str, datetime] = store.ledger.first_seen(article_id)
    present = article.version if article else None
    every = dict.fromkeys([version for _, version in carried])
    if not alone:
        every = dict.fromkeys([*seen, *every, *((present,) if present else ())])
    sourced = {each.version for each in put_down}
    return [
        Version(
            article_id,
            article.title if article else article_id,
            version,
            seen.get(version),
            version == present,
            tuple(issue_id for issue_id, held in carried if held == version),
            version in sourced or version == present,
        )
        for version in every
    ]


def _held(sources: Sequence[Cited], data: Retractions) -> tuple[Held, ...]:
    """Each work once, as it was cited last."""
    register = Register(data.snapshot(), data.find({n for each in sources for n in each.names}))
    works: dict[tuple[str, ...], list[Cited]] = {}
    for each in sources:
        works.setdefault(each.names or (each.article_id, each.key), []).append(each)
    return tuple(
        Held(held[-1], register.of_keys(held[-1].names), all(each.acknowledged for each in held))
        for held in works.values()
    )
