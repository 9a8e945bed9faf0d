"""Who received certain versions of an article: asked of the deliveries, all in the database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Table,
    Text,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    select,
)

from publisher.domain.delivery import DeliveryState
from publisher.domain.issue import IssueKind, IssueState
from publisher.domain.reach import Faulty, Reach
from publisher.domain.subscription import SubscriptionState, SuppressionReason
from publisher.ports import Group, NewIssue
from publisher.stores import shelf
from publisher.stores.tables import (
    delivery,
    edition,
    edition_article,
    issue,
    state_is,
    subscriber,
    subscription,
    suppression,
)

D = DeliveryState
_HAD = (D.ACCEPTED, D.UNKNOWN)
_COMING = (D.QUEUED, D.CLAIMED, D.SENDING, D.DEFERRED)


def chosen(faulty: Faulty, newsletters: Collection[str]) -> Select[tuple[int]]:
    """One confirmed subscription of each person who can be told: ids.

    The oldest of those that received it, else the oldest of all.
    """
    s = subscription.c
    received = _received(faulty)
    own = func.min(case((s.id.in_(received), s.id)))
    return (
        select(func.coalesce(own, func.min(s.id)))
        .where(
            state_is(s.state, SubscriptionState.CONFIRMED),
            s.newsletter.in_(newsletters),
            s.subscriber_id.in_(_people(faulty)),
            s.subscriber_id.not_in(_told(faulty)),
            ~_suppressed(),
        )
        .group_by(s.subscriber_id)
    )


def tell(
    connection: Connection, issue_id: int, edition_id: int, plan: NewIssue, group: Group
) -> int:
    """One queued delivery for each who had a faulty version and is told by this newsletter."""
    assert plan.faulty is not None  # noqa: S101 - what makes it a correction
    s = subscription.c
    readers = (
        select(
            literal(issue_id), s.id, literal(edition_id), literal(str(DeliveryState.QUEUED), Text)
        )
        .where(
            s.id.in_(chosen(plan.faulty, plan.newsletters)),
            s.newsletter == plan.slot.newsletter,
            s.language == group.language,
        )
        .order_by(s.id)
    )
    columns = ["issue_id", "subscription_id", "edition_id", "state"]
    return connection.execute(
        insert(delivery).from_select(columns, readers),
        execution_options={"preserve_rowcount": True},
    ).rowcount


def reach(connection: Connection, faulty: Faulty, newsletters: Collection[str]) -> Reach:
    """Everybody who received one of the versions, by what became of them."""
    s = subscription.c
    rows = connection.execute(
        select(s.newsletter, s.language, func.count())
        .where(s.id.in_(chosen(faulty, newsletters)))
        .group_by(s.newsletter, s.language)
    )
    reachable = {(row[0], row[1]): row[2] for row in rows}
    fallen = _fallen(connection, faulty)
    bounced = fallen.pop(str(SuppressionReason.BOUNCE), 0)
    suppressed = sum(fallen.values())
    everybody = connection.scalar(select(func.count()).select_from(_people(faulty).subquery()))
    told = connection.scalar(select(func.count()).select_from(_told_of(faulty).subquery())) or 0
    reached = sum(reachable.values())
    return Reach(
        reachable=dict(sorted(reachable.items(), key=lambda each: (each[0][0], each[0][1] or ""))),
        told=told,
        left=(everybody or 0) - reached - told - bounced - suppressed,
        bounced=bounced,
        suppressed=suppressed,
        erased=shelf.counted(connection, _erased(faulty)),
        waiting=connection.scalar(_waiting(faulty)) or 0,
    )


def versions(connection: Connection, article_id: str) -> Sequence[tuple[str, str]]:
    """Each version of the article that went out in an issue, with the text of one edition."""
    e = edition_article.c
    rows = connection.execute(
        select(e.version, func.min(edition.c.id))
        .join(edition, edition.c.id == e.edition_id)
        .join(issue, issue.c.id == edition.c.issue_id)
        .where(e.article_id == article_id, issue.c.released_at.is_not(None))
        .group_by(e.version)
        .order_by(func.min(edition.c.id))
    ).all()
    return [
        (version, connection.scalar(select(edition.c.text).where(edition.c.id == edition_id)) or "")
        for version, edition_id in rows
    ]


def _editions(faulty: Faulty) -> Select[tuple[int]]:
    e = edition_article.c
    return select(e.edition_id).where(
        e.article_id == literal(faulty.article_id, Text), e.version.in_(faulty.versions)
    )


def _theirs(faulty: Faulty, d: Table) -> ColumnElement[bool]:
    """Deliveries of these editions: the issue leads to them by an index."""
    issues = select(edition.c.issue_id).where(edition.c.id.in_(_editions(faulty)))
    return and_(d.c.issue_id.in_(issues), d.c.edition_id.in_(_editions(faulty)))


def _received(faulty: Faulty) -> CompoundSelect[Any]:
    """Subscriptions that had it, or may have."""
    return shelf.union(
        lambda d: select(d.c.subscription_id).where(
            _theirs(faulty, d), state_is(d.c.state, *_HAD), d.c.subscription_id.is_not(None)
        )
    )


def _people(faulty: Faulty) -> Select[tuple[int]]:
    s = subscription.c
    return select(s.subscriber_id).where(s.id.in_(_received(faulty))).distinct()


def _told(faulty: Faulty) -> Select[tuple[int]]:
    """People who have the correction, or may have: from an issue that was cancelled half-way."""
    s = subscription.c
    issues = select(issue.c.id).where(
        issue.c.kind == str(IssueKind.CORRECTION),
        issue.c.slot_key == literal(faulty.correction, Text),
    )
    theirs = shelf.union(
        lambda d: select(d.c.subscription_id).where(
            d.c.issue_id.in_(issues),
            state_is(d.c.state, *_HAD),
            d.c.subscription_id.is_not(None),
        )
    )
    return select(s.subscriber_id).where(s.id.in_(theirs)).distinct()


def _told_of(faulty: Faulty) -> Select[tuple[int]]:
    """Those of `_people` who were told and may be mailed; the others are counted by why not."""
    s = subscription.c
    return (
        select(s.subscriber_id)
        .where(
            s.subscriber_id.in_(_people(faulty)),
            s.subscriber_id.in_(_told(faulty)),
            ~_suppressed(),
        )
        .distinct()
    )


def _suppressed() -> ColumnElement[bool]:
    return exists().where(
        subscriber.c.id == subscription.c.subscriber_id, suppression.c.key == subscriber.c.key
    )


def _fallen(connection: Connection, faulty: Faulty) -> dict[str, int]:
    """People who must not be mailed, by the reason of their suppression."""
    rows = connection.execute(
        select(suppression.c.reason, func.count())
        .join(subscriber, subscriber.c.key == suppression.c.key)
        .where(subscriber.c.id.in_(_people(faulty)))
        .group_by(suppression.c.reason)
    )
    found: Mapping[str, int] = {row[0]: row[1] for row in rows}
    return dict(found)


def _erased(faulty: Faulty) -> Callable[[Table], Select[int]]:
    return lambda d: (
        select(func.count())
        .select_from(d)
        .where(_theirs(faulty, d), state_is(d.c.state, *_HAD), d.c.subscription_id.is_(None))
    )


def _waiting(faulty: Faulty) -> Select[int]:
    going = ~state_is(issue.c.state, IssueState.CANCELLED, IssueState.SKIPPED)
    return (
        select(func.count())
        .select_from(delivery)
        .where(
            _theirs(faulty, delivery),
            state_is(delivery.c.state, *_COMING),
            delivery.c.issue_id.in_(select(issue.c.id).where(going)),
        )
    )
