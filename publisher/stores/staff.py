"""What only staff may decide about messages: what an unknown one was, and who is tried again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Update, exists, select, update

from publisher.domain.delivery import DeliveryEvent, DeliveryState, step
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.subscription import SubscriptionState
from publisher.errors import NotAllowed, NotFound
from publisher.stores import shelf, waking
from publisher.stores.issues import take_step
from publisher.stores.tables import (
    delivery,
    issue,
    state_is,
    subscriber,
    subscription,
    suppression,
)

S, E = DeliveryState, DeliveryEvent

_MAILABLE = exists().where(
    subscription.c.id == delivery.c.subscription_id,
    state_is(subscription.c.state, SubscriptionState.CONFIRMED),
    subscriber.c.id == subscription.c.subscriber_id,
    ~exists().where(suppression.c.key == subscriber.c.key),
)


def resolve(
    connection: Connection,
    issue_id: int,
    to: Literal["accepted", "resend"],
    now: datetime,
    only: Collection[int] = (),
) -> int:
    """Unknown → accepted or → queued, for a whole issue or `only` some of it; how many."""
    _issue_state(connection, issue_id)
    _all_unknown(connection, issue_id, only)
    if to == "accepted":
        state = step(S.UNKNOWN, E.RESOLVE_ACCEPTED)
        return connection.execute(
            _these(issue_id, S.UNKNOWN, only).values(state=str(state), settled_at=now)
        ).rowcount
    return _queue(connection, issue_id, S.UNKNOWN, E.RESOLVE_RESEND, now, only)


def _all_unknown(connection: Connection, issue_id: int, only: Collection[int]) -> None:
    d = delivery.c
    there = connection.scalars(
        select(d.id).where(d.issue_id == issue_id, d.id.in_(only), state_is(d.state, S.UNKNOWN))
    )
    if wrong := sorted(set(only) - set(there)):
        raise NotAllowed(
            f"not unknown, or not of this issue: mail {', '.join(map(str, wrong))}; nothing was "
            "changed. Which are: publisher deliveries list ISSUE --state unknown"
        )


def retry(connection: Connection, issue_id: int, state: DeliveryState, now: datetime) -> int:
    """Deferred or refused → queued at once, for those who may be mailed; how many."""
    events = {S.DEFERRED: E.DUE, S.REFUSED: E.RETRY}
    if state not in events:
        raise NotAllowed(f"only deferred or refused messages are tried again, not {state} ones")
    return _queue(connection, issue_id, state, events[state], now)


def _queue(
    connection: Connection,
    issue_id: int,
    state: DeliveryState,
    event: DeliveryEvent,
    now: datetime,
    only: Collection[int] = (),
) -> int:
    where = _issue_state(connection, issue_id)
    if where not in (IssueState.SENDING, IssueState.PAUSED, IssueState.FINISHED):
        raise NotAllowed(
            f"issue {issue_id} is {where}: nothing of it can be sent again; "
            "only an issue that is sending, paused or finished has messages to retry"
        )
    if state is S.REFUSED:
        shelf.take_back(connection, issue_id, state)
    # The days before staff stepped in do not count against the new attempt.
    values = {"state": str(step(state, event)), "due_at": None, "reason": None}
    fresh = {} if event is E.DUE else {"first_due_at": now}
    number = connection.execute(
        _these(issue_id, state, only).where(_MAILABLE).values(**values, **fresh)
    ).rowcount
    if number and where is IssueState.FINISHED:
        take_step(connection, issue_id, IssueEvent.REOPEN, now)
    elif number:
        waking.tell_of_issue(connection, issue_id)
    return number


def _these(issue_id: int, state: DeliveryState, only: Collection[int] = ()) -> Update:
    chosen = [delivery.c.id.in_(only)] if only else []
    return update(delivery).where(
        delivery.c.issue_id == issue_id, state_is(delivery.c.state, state), *chosen
    )


def _issue_state(connection: Connection, issue_id: int) -> IssueState:
    found = connection.scalar(select(issue.c.state).where(issue.c.id == issue_id).with_for_update())
    if found is None:
        raise NotFound(f"there is no issue {issue_id}: see `publisher issue list`")
    return IssueState(found)
