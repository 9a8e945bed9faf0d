"""Addresses, what they subscribed to, what they agreed to, and how they leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from publisher.errors import NotAllowed

UNDO_WINDOW = timedelta(minutes=1)
"""How long after unsubscribing the same page offers to undo it."""


def address_key(address: str) -> str:
    """An address as compared: two that differ in case alone are one person's."""
    return address.strip().lower()


def masked(address: str) -> str:
    """`a…@e….org`: enough for its owner to know it by, not for anybody else."""
    local, _, domain = address.rpartition("@")
    name, _, end = domain.rpartition(".")
    return f"{local[:1]}…@{name[:1]}….{end}"


class SubscriptionState(StrEnum):
    """Only CONFIRMED is ever sent an issue."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class SubscriptionEvent(StrEnum):
    """What can happen to a subscription."""

    REQUEST = "request"
    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"
    UNDO = "undo"


S, E = SubscriptionState, SubscriptionEvent

TRANSITIONS: dict[tuple[SubscriptionState, SubscriptionEvent], SubscriptionState] = {
    (S.PENDING, E.REQUEST): S.PENDING,
    (S.PENDING, E.CONFIRM): S.CONFIRMED,
    (S.PENDING, E.UNSUBSCRIBE): S.UNSUBSCRIBED,
    (S.CONFIRMED, E.CONFIRM): S.CONFIRMED,
    (S.CONFIRMED, E.REQUEST): S.CONFIRMED,
    (S.CONFIRMED, E.UNSUBSCRIBE): S.UNSUBSCRIBED,
    (S.UNSUBSCRIBED, E.UNSUBSCRIBE): S.UNSUBSCRIBED,
    (S.UNSUBSCRIBED, E.REQUEST): S.PENDING,
    (S.UNSUBSCRIBED, E.UNDO): S.CONFIRMED,  # within UNDO_WINDOW only
}


def step(state: SubscriptionState, event: SubscriptionEvent) -> SubscriptionState:
    """The state after `event`. Raises NotAllowed for a move that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise NotAllowed(f"a subscription that is {state} cannot '{event}'") from None


def may_undo(unsubscribed_at: datetime, now: datetime) -> bool:
    """Whether an unsubscription can still be undone from its own page."""
    return timedelta(0) <= now - unsubscribed_at <= UNDO_WINDOW


@dataclass(frozen=True, slots=True)
class Consent:
    """Who agreed (the subscription that holds it), when, from where, and to which words.

    `page` is the address of the form, `network` where it was sent from (shortened or hashed),
    `version` that of the wording; all three are empty where there was no form.
    """

    at: datetime
    origin: str
    wording: str
    page: str = ""
    network: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Subscription:
    """An address on one newsletter. `topics` None means all; `token_id` is random, for tokens."""

    id: int
    newsletter: str
    address: str
    name: str
    state: SubscriptionState
    token_id: str
    topics: tuple[str, ...] | None
    cadence: str | None
    language: str | None
    time_zone: str | None
    consent: Consent
    created_at: datetime
    confirmed_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    paused_until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person chooses about a subscription; None is the newsletter's or journal's own.

    `paused_until`: no issue whose slot comes before goes to them.
    """

    topics: tuple[str, ...] | None = None
    cadence: str | None = None
    language: str | None = None
    time_zone: str | None = None
    paused_until: datetime | None = None


class SuppressionReason(StrEnum):
    """Why an address is never mailed."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    STAFF = "staff"
    FORGOTTEN = "forgotten"
    LEFT = "left"  # left every newsletter, and was erased when that was long ago

    @property
    def lifted_by_opting_in(self) -> bool:
        """Whether a new confirmed opt-in lifts it; everything else only staff do."""
        return self in (SuppressionReason.BOUNCE, SuppressionReason.LEFT)


@dataclass(frozen=True, slots=True)
class Suppression:
    """Never mail this address."""

    address: str
    reason: SuppressionReason
    since: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lift:
    """A suppression that staff lifted: who did, when and why."""

    was: Suppression
    at: datetime
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What erasing a person took away: `deliveries` stay, as nobody's, `cancelled` of them new.

    `message_ids` are those of mails that were made for them, with angle brackets.
    """

    subscriptions: int
    deliveries: int
    cancelled: int
    notices: int = 0
    message_ids: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class NewSubscriber:
    """One row of an import, checked and normalised; `key` is the address as compared."""

    address: str
    key: str
    name: str = ""
    topics: tuple[str, ...] | None = None
    cadence: str | None = None
    language: str | None = None
    time_zone: str | None = None
    consent: Consent | None = None
    """Where a row of a file says itself when and to what they agreed."""


class Admission(StrEnum):
    """What became of one row of an import or one `add`."""

    ADDED = "added"
    ALREADY = "already subscribed"
    LEFT = "unsubscribed earlier; only they can come back"
    SUPPRESSED = "suppressed; never mailed"
