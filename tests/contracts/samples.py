"""Sample readers and issues for the contract tests of the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from publisher.domain.delivery import Claim, DeliveryEvent, Settlement
from publisher.domain.issue import Edition, Issue, IssueEvent, IssueKind, IssueState, SlotId
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.subscription import Consent, NewSubscriber, Suppression, SuppressionReason
from publisher.ports import Group, NewIssue, Store

NOW = datetime(2026, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)
HOST = "mail.example.org"
LEASE = timedelta(minutes=1)
CONSENT = Consent(NOW - timedelta(days=1), "import of paper forms", "Yes, send me the digest.")
ARTICLES = (("tag:example.org,2026:a/1", "v1"), ("tag:example.org,2026:a/2", "v2"))


def row(who: str, **choices: Any) -> NewSubscriber:
    """One person of an import; `who` becomes the address."""
    return NewSubscriber(f"{who}@example.org", f"{who.lower()}@example.org", **choices)


def admit(store: Store, *rows: NewSubscriber, newsletter: str = "digest") -> Sequence[Any]:
    """Take people in, each with a token id of their own."""
    tokens = [f"token-{newsletter}-{one.key}" for one in rows]
    return store.subscribers.admit(newsletter, rows, tokens, CONSENT, NOW)


def people(store: Store, count: int) -> list[int]:
    """`count` confirmed readers; the ids of their subscriptions."""
    admit(store, *(row(f"reader{number}") for number in range(count)))
    return [found.id for found in store.subscribers.list("digest")]


def one(store: Store, name: str) -> Any:
    """The only subscription of a person."""
    (found,) = store.subscribers.by_address(f"{name}@example.org")
    return found


def edition(**changes: Any) -> Edition:
    """An edition with both articles."""
    values: dict[str, Any] = {
        "language": "en",
        "subject": "Two new reviews",
        "preheader": "What was found",
        "html": "<p>Digest</p>",
        "text": "Digest",
        "articles": ARTICLES,
    }
    return Edition(**(values | changes))


def new_issue(
    store: Store,
    *,
    key: str = "2026-11-24T09:00",
    number: int | None = None,
    editions: tuple[tuple[Edition, tuple[Group, ...]], ...] | None = None,
    **changes: Any,
) -> NewIssue:
    """A plan for everybody who reads weekly."""
    everybody = tuple(store.issues.groups("digest", "weekly", "weekly", NOW))
    values: dict[str, Any] = {
        "slot": SlotId("digest", IssueKind.DIGEST, "weekly", key),
        "slot_at": NOW,
        "number": number or store.issues.next_number("digest"),
        "nonce": f"nonce-{key}",
        "state": IssueState.APPROVED,
        "planned_at": NOW,
        "articles": ARTICLES,
        "waiting": (),
        "editions": ((edition(), everybody),) if editions is None else editions,
        "default_cadence": "weekly",
        "transport": "relay",
    }
    return NewIssue(**(values | changes))


def release(store: Store, key: str = "2026-11-24T09:00", at: datetime = NOW) -> Issue:
    """An issue for everybody, being sent."""
    made = store.issues.create(new_issue(store, key=key))
    return store.issues.move(made.id, IssueEvent.RELEASE, at)


def claim(store: Store, limit: int = 100, now: datetime = NOW, **choices: Any) -> list[Claim]:
    """What a worker takes."""
    return list(store.outbox.claim("worker", limit, LEASE, now, **choices))


def start(store: Store, claims: Iterable[Claim], now: datetime = NOW) -> list[Claim]:
    """Journal; those that may be sent."""
    claims = list(claims)
    allowed = store.outbox.advance([], claims, LEASE, now)
    return [held for held in claims if (held.kind, held.id) in allowed]


def settle(
    store: Store,
    claims: Iterable[Claim],
    event: DeliveryEvent = DeliveryEvent.ACCEPT,
    now: datetime = NOW,
    due_at: datetime | None = None,
    code: int = 250,
    reply: str = "OK",
) -> None:
    """Settle each with the same event."""
    store.outbox.advance(
        [Settlement(held, event, code, reply, due_at) for held in claims], [], LEASE, now
    )


def defer(store: Store, claims: Iterable[Claim], due_at: datetime) -> None:
    """Started messages that are told to come back."""
    settle(store, claims, DeliveryEvent.DEFER, due_at=due_at, code=451, reply="later")


def suppress(
    store: Store, name: str, reason: SuppressionReason = SuppressionReason.COMPLAINT
) -> bool:
    """Never mail this person again."""
    return store.suppressions.add(Suppression(f"{name}@Example.org", reason, NOW, "why"))


def notice(key: str = "staff:1", **changes: Any) -> Notice:
    """A mail to staff."""
    values: dict[str, Any] = {
        "kind": NoticeKind.STAFF,
        "key": key,
        "address": "staff@example.org",
        "subject": "A slot was skipped",
        "text": "Nothing new.",
        "html": "<p>Nothing new.</p>",
        "newsletter": "digest",
        "transport": "relay",
    }
    return Notice(**(values | changes))


def counts(store: Store, issue_id: int) -> dict[str, int]:
    """Deliveries by state."""
    return dict(store.issues.get(issue_id).counts)
