"""The life of one message to one person, as a table: deliveries and notices share it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from publisher.domain.outcome import OutcomeKind
from publisher.errors import NotAllowed


class DeliveryState(StrEnum):
    """Where a message is. ACCEPTED, REFUSED and CANCELLED are ends, UNKNOWN waits for staff."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class DeliveryEvent(StrEnum):
    """What can happen to a message."""

    CLAIM = "claim"  # a worker takes it on a lease
    START = "start"  # journalled; the first byte may leave
    ACCEPT = "accept"
    DEFER = "defer"
    REFUSE = "refuse"
    LOSE = "lose"  # no reply after the last byte
    RETURN = "return"  # the session was lost before the last byte: no attempt burnt
    LAPSE = "lapse"  # the worker's lease ran out
    DUE = "due"  # the retry's time has come
    EXPIRE = "expire"  # deferred for too long
    CANCEL = "cancel"
    RESOLVE_ACCEPTED = "resolve accepted"  # staff: it did arrive
    RESOLVE_RESEND = "resolve resend"  # staff: it did not
    RETRY = "retry"  # staff: try a refused one again


S, E = DeliveryState, DeliveryEvent

TRANSITIONS: dict[tuple[DeliveryState, DeliveryEvent], DeliveryState] = {
    (S.QUEUED, E.CLAIM): S.CLAIMED,
    (S.QUEUED, E.CANCEL): S.CANCELLED,
    (S.CLAIMED, E.START): S.SENDING,
    (S.CLAIMED, E.RETURN): S.QUEUED,
    (S.CLAIMED, E.LAPSE): S.QUEUED,
    (S.CLAIMED, E.CANCEL): S.CANCELLED,
    (S.SENDING, E.ACCEPT): S.ACCEPTED,
    (S.SENDING, E.DEFER): S.DEFERRED,
    (S.SENDING, E.REFUSE): S.REFUSED,
    (S.SENDING, E.LOSE): S.UNKNOWN,
    (S.SENDING, E.RETURN): S.QUEUED,
    (S.SENDING, E.LAPSE): S.UNKNOWN,
    # Only the fence that lost its lease may still settle what it was sending.
    (S.UNKNOWN, E.ACCEPT): S.ACCEPTED,
    (S.UNKNOWN, E.DEFER): S.DEFERRED,
    (S.UNKNOWN, E.REFUSE): S.REFUSED,
    (S.UNKNOWN, E.RETURN): S.QUEUED,
    (S.UNKNOWN, E.RESOLVE_ACCEPTED): S.ACCEPTED,
    (S.UNKNOWN, E.RESOLVE_RESEND): S.QUEUED,
    (S.DEFERRED, E.DUE): S.QUEUED,
    (S.DEFERRED, E.EXPIRE): S.REFUSED,
    (S.DEFERRED, E.CANCEL): S.CANCELLED,
    (S.REFUSED, E.RETRY): S.QUEUED,
}

OPEN = frozenset({S.QUEUED, S.CLAIMED, S.SENDING, S.DEFERRED})
"""States in which a message may still leave by itself; an issue with none of them is finished."""

SETTLING = {
    OutcomeKind.ACCEPTED: E.ACCEPT,
    OutcomeKind.DEFERRED: E.DEFER,
    OutcomeKind.REFUSED: E.REFUSE,
    OutcomeKind.UNKNOWN: E.LOSE,
}
"""The event that each outcome stands for."""


def step(state: DeliveryState, event: DeliveryEvent) -> DeliveryState:
    """The state after `event`. Raises NotAllowed for a move that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise NotAllowed(f"a {state} message cannot take the step '{event}'") from None


class OutboxKind(StrEnum):
    """The two things that leave through the outbox."""

    DELIVERY = "delivery"
    NOTICE = "notice"


class Claim(NamedTuple):  # made for every message: a frozen dataclass takes three times as long
    """One message that a worker holds on a lease.

    `fence` grows by one with each claim: whoever holds an older one can neither start nor,
    once somebody else has claimed it, settle it. `attempts` counts those already burnt.
    `edition_id` is set for a delivery, `notice_id` equals `id` for a notice.
    """

    kind: OutboxKind
    id: int
    fence: int
    attempts: int
    first_due_at: datetime
    address: str
    name: str
    token_id: str
    message_id: str
    dated_at: datetime
    issue_id: int | None = None
    edition_id: int | None = None
    newsletter: str | None = None
    transport: str = "default"


class Settlement(NamedTuple):  # likewise
    """What became of a started message: `event` moves it, `due_at` is set for a deferral.

    `code` and `reply` are the server's, kept for `issue show`; `reply` holds no address.
    """

    claim: Claim
    event: DeliveryEvent
    code: int = 0
    reply: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lapsed:
    """What lapsed leases came to: `requeued` messages and those now in doubt, by issue id."""

    requeued: int
    unknown: tuple[tuple[int | None, int], ...]


def message_id(nonce: str, kind: OutboxKind, number: int, host: str) -> str:
    """Message-ID with angle brackets (RFC 5322 §3.6.4), the same for every resend.

    `nonce` is random and stored with the issue (or notice): ids can't be counted from outside.
    """
    seed = f"{nonce}:{kind}:{number}".encode()
    return f"<{hashlib.sha256(seed).hexdigest()[:32]}@{host}>"
