"""One planning transaction: who is in the audience, and an INSERT … SELECT for each group."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from publisher.domain.cadence import local_instant
from publisher.domain.delivery import DeliveryState
from publisher.domain.issue import IssueState, Shaping, SlotId, combined_hash
from publisher.domain.subscription import SubscriptionState
from publisher.errors import NumberTaken
from publisher.ports import Group, NewIssue
from publisher.stores import chaining, citing, forcing, reach, shelf, waking
from publisher.stores.database import Company, Database
from publisher.stores.tables import (
    Instant,
    delivery,
    edition,
    edition_article,
    issue,
    issue_article,
    state_is,
    subscriber,
    subscription,
    suppression,
)

ALREADY_SENT = "already sent"
CHANGED_MEANWHILE = "changed while planning"
"""The reason for readers who confirmed, or changed topics, after the groups were asked for."""


def slot_is(slot: SlotId) -> ColumnElement[bool]:
    """Rows of this slot that are not cancelled."""
    return and_(
        issue.c.newsletter == slot.newsletter,
        issue.c.kind == str(slot.kind),
        issue.c.cadence == slot.cadence,
        issue.c.slot_key == slot.key,
        ~state_is(issue.c.state, IssueState.CANCELLED),
    )


def topics_text(topics: Iterable[str] | None) -> str | None:
    """Topics as stored: sorted, each once, so that equal choices are equal text. None: all."""
    return None if topics is None else json.dumps(sorted(set(topics)), ensure_ascii=False)


def topics_value(text: str | None) -> tuple[str, ...] | None:
    """The inverse of `topics_text`."""
    return None if text is None else tuple(json.loads(text))


def shaping_text(shaping: Shaping) -> str:
    """A shaping as JSON."""
    return json.dumps(asdict(shaping), ensure_ascii=False)


def shaping_value(text: str) -> Shaping:
    """The inverse of `shaping_text`."""
    value = json.loads(text)
    return Shaping(
        subject=value["subject"],
        preheader=value["preheader"],
        intro=value["intro"],
        order=tuple(value["order"]),
        dropped=tuple(value["dropped"]),
    )


def suppressed_ids() -> ColumnElement[bool]:
    """The subscription's address is suppressed: asked once of the few, not once a reader."""
    return subscription.c.subscriber_id.in_(
        select(subscriber.c.id).join(suppression, suppression.c.key == subscriber.c.key)
    )


def already_sent(slot: SlotId) -> ColumnElement[bool]:
    """The reader has the slot's mail from an issue that was cancelled while it was being sent.

    Whoever may have it (`unknown`) counts too: planning anew must never repeat a mail.
    """
    return subscription.c.id.in_(
        shelf.union(
            lambda d: (
                select(d.c.subscription_id)
                .join(issue, issue.c.id == d.c.issue_id)
                .where(
                    issue.c.newsletter == slot.newsletter,
                    issue.c.kind == str(slot.kind),
                    issue.c.cadence == slot.cadence,
                    issue.c.slot_key == slot.key,
                    state_is(issue.c.state, IssueState.CANCELLED),
                    issue.c.released_at.is_not(None),
                    state_is(d.c.state, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN),
                    d.c.subscription_id.is_not(None),
                )
            )
        )
    )


def cadence_is(cadence: str, default: str) -> ColumnElement[bool]:
    """The reader's cadence is this one; who chose none has the `default`."""
    if cadence == default:
        return func.coalesce(subscription.c.cadence, literal(default)) == cadence
    return subscription.c.cadence == cadence


def paused(slot_at: datetime) -> ColumnElement[bool]:
    """The reader wants nothing whose slot comes before a day of theirs."""
    pause = subscription.c.paused_until
    return and_(pause.is_not(None), pause > slot_at)


def groups(
    connection: Connection, newsletter: str, cadence: str, default_cadence: str, slot_at: datetime
) -> Sequence[Group]:
    """Readers of this cadence who do not pause at the slot, grouped; in a stable order."""
    s = subscription.c
    rows = connection.execute(
        select(s.topics, s.language, func.count())
        .where(
            s.newsletter == newsletter,
            state_is(s.state, SubscriptionState.CONFIRMED),
            cadence_is(cadence, default_cadence),
            ~paused(slot_at),
            ~suppressed_ids(),
        )
        .group_by(s.topics, s.language)
    ).all()
    rows = sorted(rows, key=lambda row: (row[0] or "", row[1] or ""))
    return [Group(topics_value(topics), language, size) for topics, language, size in rows]


def create(database: Database, plan: NewIssue) -> int:
    """Write everything, or find the issue that won the slot; its id. Raises NumberTaken."""
    try:
        with database.write(company=Company.ASIDE) as connection:
            return _write(connection, plan)
    except IntegrityError as error:
        # The unique keys decide, not a look beforehand: that holds for any store and any race.
        winner = _winner(database, plan.slot)
        if winner is None:
            raise NumberTaken(
                f"issue {plan.number} of '{plan.slot.newsletter}' was planned meanwhile "
                "for another slot: plan this one again"
            ) from error
        return winner


def skip(database: Database, slot: SlotId, slot_at: datetime, reason: str, now: datetime) -> int:
    """Record a slot that made no issue, or find the issue that holds it; its id."""
    row = _slot_row(slot, slot_at, now) | {"state": str(IssueState.SKIPPED), "reason": reason}
    try:
        with database.write(company=Company.ASIDE) as connection:
            return _insert_issue(connection, row)
    except IntegrityError:
        winner = _winner(database, slot)
        if winner is None:  # it was cancelled in this very moment, which frees the slot
            return skip(database, slot, slot_at, reason, now)
        return winner


def _winner(database: Database, slot: SlotId) -> int | None:
    with database.read() as connection:
        return connection.scalar(select(issue.c.id).where(slot_is(slot)))


def _slot_row(slot: SlotId, slot_at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "newsletter": slot.newsletter,
        "kind": str(slot.kind),
        "cadence": slot.cadence,
        "slot_key": slot.key,
        "slot_at": slot_at,
        "planned_at": now,
        "nonce": "",
        "hash": "",
        "subject": "",
        "transport": "",
        "shaping": shaping_text(Shaping()),
        "waiting": "[]",
        "excluded": "{}",
    }


def _insert_issue(connection: Connection, row: dict[str, Any]) -> int:
    issue_id: int = connection.execute(insert(issue).values(row).returning(issue.c.id)).scalar_one()
    return issue_id


def _write(connection: Connection, plan: NewIssue) -> int:
    editions = tuple(found for found, _ in plan.editions)
    issue_id = _insert_issue(
        connection,
        _slot_row(plan.slot, plan.slot_at, plan.planned_at)
        | {
            "number": plan.number,
            "nonce": plan.nonce,
            "state": str(plan.state),
            "hash": combined_hash(editions),
            "subject": plan.shaping.subject or (editions[0].subject if editions else ""),
            "transport": plan.transport,
            "shaping": shaping_text(plan.shaping),
            "waiting": json.dumps(plan.waiting, ensure_ascii=False),
            "forced": forcing.written(plan.forced),
        },
    )
    _write_articles(connection, issue_id, plan)
    departure = _departure(connection, plan)
    citing.write(connection, plan.cited)
    audience = 0
    for new, readers in plan.editions:
        edition_id = connection.execute(
            insert(edition)
            .values(
                issue_id=issue_id,
                language=new.language,
                subject=new.subject,
                preheader=new.preheader,
                html=new.html,
                text=new.text,
            )
            .returning(edition.c.id)
        ).scalar_one()
        write_edition_articles(connection, edition_id, new.articles)
        for group in readers:
            audience += _deliver(connection, issue_id, edition_id, plan, group, departure)
    connection.execute(
        update(issue)
        .where(issue.c.id == issue_id)
        .values(audience=audience, excluded=json.dumps(_excluded(connection, plan, audience)))
    )
    waking.tell_of_issue(connection, issue_id, plan.slot_at)
    chaining.planned(connection, issue_id, plan, audience)
    return issue_id


def _write_articles(connection: Connection, issue_id: int, plan: NewIssue) -> None:
    rows = [
        {
            "issue_id": issue_id,
            "position": position,
            "article_id": article_id,
            "version": version,
            "dropped": article_id in plan.shaping.dropped,
        }
        for position, (article_id, version) in enumerate(plan.articles)
    ]
    if rows:
        connection.execute(insert(issue_article), rows)


def write_edition_articles(
    connection: Connection, edition_id: int, articles: Sequence[tuple[str, str]]
) -> None:
    """One edition's articles."""
    rows = [
        {"edition_id": edition_id, "position": position, "article_id": one, "version": version}
        for position, (one, version) in enumerate(articles)
    ]
    if rows:
        connection.execute(insert(edition_article), rows)


def _departure(connection: Connection, plan: NewIssue) -> ColumnElement[datetime] | None:
    """When a delivery leaves, by its reader's time zone; None: with its issue.

    Who has none, or one that this machine does not know, gets it at the journal's own time.
    """
    if not plan.local_time:
        return None
    s = subscription.c
    zones = connection.scalars(
        select(s.time_zone)
        .where(s.newsletter == plan.slot.newsletter, s.time_zone.is_not(None))
        .distinct()
    )
    leaves: dict[str | None, ColumnElement[datetime]] = {}
    for zone in zones:
        with suppress(KeyError, ValueError, OSError):
            at = local_instant(plan.slot.key, ZoneInfo(zone or ""))
            leaves[zone] = literal(at, Instant)
    own = literal(plan.slot_at, Instant)
    return case(leaves, value=s.time_zone, else_=own) if leaves else own


def _deliver(
    connection: Connection,
    issue_id: int,
    edition_id: int,
    plan: NewIssue,
    group: Group,
    departure: ColumnElement[datetime] | None,
) -> int:
    """One queued delivery for each reader of a group; how many."""
    s = subscription.c
    if plan.faulty is not None:
        return reach.tell(connection, issue_id, edition_id, plan, group)
    # The unset choice is its own range of the index, hence one statement for each.
    choices = (plan.slot.cadence, None)
    total = 0
    for choice in choices if plan.slot.cadence == plan.default_cadence else choices[:1]:
        readers = (
            select(
                literal(issue_id),
                s.id,
                literal(edition_id),
                literal(str(DeliveryState.QUEUED)),
                *(() if departure is None else (departure, departure)),
            )
            .where(
                s.newsletter == plan.slot.newsletter,
                state_is(s.state, SubscriptionState.CONFIRMED),
                s.cadence == choice,
                s.topics == topics_text(group.topics),
                s.language == group.language,
                ~paused(plan.slot_at),
                ~suppressed_ids(),
                ~already_sent(plan.slot),
            )
            .order_by(s.id)
        )
        columns = ["issue_id", "subscription_id", "edition_id", "state"]
        columns += [] if departure is None else ["departs_at", "due_at"]
        total += connection.execute(
            insert(delivery).from_select(columns, readers),
            execution_options={"preserve_rowcount": True},
        ).rowcount
    return total


def _excluded(connection: Connection, plan: NewIssue, audience: int) -> dict[str, int]:
    """Subscriptions of the newsletter that are not in the audience, by the first reason."""
    if plan.faulty is not None:
        return dict(plan.excluded)
    s = subscription.c
    why = case(
        (state_is(s.state, SubscriptionState.UNSUBSCRIBED), "unsubscribed"),
        (state_is(s.state, SubscriptionState.PENDING), "unconfirmed"),
        (suppressed_ids(), "suppressed"),
        (~cadence_is(plan.slot.cadence, plan.default_cadence), "other cadence"),
        (paused(plan.slot_at), "paused"),
        (already_sent(plan.slot), ALREADY_SENT),
        else_="no topics",
    )
    found: dict[str, int] = {
        row[0]: row[1]
        for row in connection.execute(
            select(why.label("why"), func.count())
            .where(s.newsletter == plan.slot.newsletter)
            .group_by("why")
        )
    }
    left = found.pop("no topics", 0) - audience
    found["no topics"] = min(left, plan.no_topics)
    found[CHANGED_MEANWHILE] = left - found["no topics"]
    return {reason: number for reason, number in sorted(found.items()) if number}
