"""A segment as SQL: which subscriptions it takes."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, false, func, or_

from publisher.domain.delivery import DeliveryState
from publisher.domain.segment import Selection
from publisher.domain.subscription import SubscriptionState
from publisher.stores import shelf
from publisher.stores.planning import suppressed_ids
from publisher.stores.tables import state_is, subscriber, subscription

S = subscription.c


def conditions(chosen: Selection) -> list[ColumnElement[bool]]:
    """Conditions over `subscription` joined with `subscriber`, all of which hold."""
    found = [
        state_is(S.state, SubscriptionState.CONFIRMED),
        ~suppressed_ids(),
        or_(false(), *(_of(slug, cadences) for slug, cadences in chosen.newsletters)),
    ]
    if chosen.topics:
        # Topics are sorted JSON of slugs, in which no quotation mark stands but around each.
        named = [S.topics.contains(f'"{slug}"', autoescape=True) for slug in chosen.topics]
        found.append(or_(S.topics.is_(None), *named))
    if chosen.languages:
        spoken = [_language(tag) for tag in chosen.languages]
        found.append(or_(*spoken, *([S.language.is_(None)] if chosen.no_language else [])))
    if chosen.domains:
        found.append(
            or_(*(subscriber.c.key.endswith(f"@{d}", autoescape=True) for d in chosen.domains))
        )
    joined = func.coalesce(S.confirmed_at, S.created_at)
    if chosen.joined_since is not None:
        found.append(joined >= chosen.joined_since)
    if chosen.joined_before is not None:
        found.append(joined < chosen.joined_before)
    if chosen.accepted_since is not None:
        found.append(_accepted(chosen.accepted_since))
    if chosen.not_accepted_since is not None:
        found.append(~_accepted(chosen.not_accepted_since))
    return found


def _of(slug: str, cadences: tuple[str | None, ...] | None) -> ColumnElement[bool]:
    if cadences is None:
        return S.newsletter == slug
    chosen = [S.cadence.is_(None) if each is None else S.cadence == each for each in cadences]
    return (S.newsletter == slug) & or_(*chosen)


def _language(tag: str) -> ColumnElement[bool]:
    here = func.lower(S.language)
    return or_(here == tag.lower(), here.startswith(f"{tag.lower()}-", autoescape=True))


def _accepted(since: object) -> ColumnElement[bool]:
    return shelf.either(
        lambda d: exists().where(
            d.c.subscription_id == S.id,
            state_is(d.c.state, DeliveryState.ACCEPTED),
            d.c.settled_at >= since,
        )
    )
