"""A real store with an issue on its way out, for tests of sending."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from publisher.dispatch import Bounds, Dispatcher, Travel
from publisher.domain.delivery import DeliveryState
from publisher.domain.issue import Edition, Issue, IssueEvent, IssueKind, IssueState, SlotId
from publisher.domain.journal import Journal
from publisher.domain.subscription import Consent, NewSubscriber
from publisher.formats import greeting
from publisher.formats.catalogue import SOURCE, Catalogue
from publisher.formats.placeholder import unsubscribe_url
from publisher.ports import Group, Issues, NewIssue, Outbox, Store, Transport
from publisher.stores import open_store
from tests import factories

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
KEYS = (("k1", b"0123456789abcdef0123456789abcdef"),)
QUICK = Bounds(reopen=(0.0, 0.0), patience=(0.0, 0.0))
"""Bounds that wait for nothing."""

_serial = itertools.count()


def edition(journal: Journal, padding: int = 0, hello: str = "Hello") -> Edition:
    """A whole, tiny mail with its unsubscribe link, `padding` bytes longer if asked.

    In lines as long as quoted-printable allows, which is what `smtp-source` makes too.
    """
    link = unsubscribe_url(journal)
    more = "\n".join(["word " * 14 + "word"] * (padding // 76))
    return factories.edition(
        html=f"<!doctype html><html><head><title>x</title></head><body><p>{hello}</p><p>{more}</p>"
        f'<a href="{link}">Unsubscribe</a></body></html>',
        text=f"{hello}\n\nUnsubscribe: {link}\n",
    )


def open_at(path: Path, synchronous: str = "NORMAL") -> Store:
    """The SQLite store at `path`, migrated."""
    store = open_store(
        f"sqlite:///{path}",
        host="journal.example.org",
        synchronous=synchronous,
        busy_timeout=timedelta(seconds=5),
    )
    store.migrate(NOW)
    return store


def subscribe(store: Store, newsletter: str, addresses: Iterable[str]) -> None:
    """Confirmed subscriptions."""
    people = [NewSubscriber(address, address.lower()) for address in addresses]
    store.subscribers.admit(
        newsletter,
        people,
        [f"t{next(_serial):08d}" for _ in people],
        Consent(NOW, "test", "I would like to get it."),
        NOW,
    )


def readers(count: int) -> list[str]:
    """Sample addresses."""
    return [f"reader{number:05d}@example.org" for number in range(count)]


def release(store: Store, journal: Journal, newsletter: str = "weekly", padding: int = 0) -> Issue:
    """An issue for all confirmed readers of `newsletter`, now sending."""
    issue = planned(store, journal, newsletter, padding)
    return store.issues.move(issue.id, IssueEvent.RELEASE, NOW)


def planned(store: Store, journal: Journal, newsletter: str = "weekly", padding: int = 0) -> Issue:
    """The same before anything may leave."""
    greets = journal.newsletter(newsletter).greeting
    hello = greeting.marked(Catalogue(SOURCE)) if greets else "Hello"
    made = edition(journal, padding, hello)
    cadence = str(journal.newsletter(newsletter).cadences[0])
    return store.issues.create(
        NewIssue(
            slot=SlotId(newsletter, IssueKind.DIGEST, cadence, f"slot-{next(_serial)}"),
            slot_at=NOW,
            number=store.issues.next_number(newsletter),
            nonce=f"nonce-{next(_serial)}",
            state=IssueState.APPROVED,
            planned_at=NOW,
            articles=made.articles,
            waiting=(),
            editions=((made, (Group(None, None),)),),
            default_cadence=cadence,
            transport=journal.newsletter(newsletter).transport,
        )
    )


@dataclass
class Clock:
    """A clock that tests set by hand."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **spell: float) -> None:
        self.now += timedelta(**spell)


@dataclass
class Post:
    """A store, a journal and what sends."""

    store: Store
    journal: Journal
    clock: Clock

    def dispatcher(
        self,
        *transports: Transport,
        bounds: Bounds = QUICK,
        outbox: Outbox | None = None,
        issues: Issues | None = None,
        journal: Journal | None = None,
        worker: str | None = None,
        travel: Travel | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Dispatcher:
        return Dispatcher(
            journal=journal or self.journal,
            keys=KEYS,
            outbox=outbox or self.store.outbox,
            issues=issues or self.store.issues,
            notices=self.store.notices,
            transports={transport.name: transport for transport in transports},
            clock=clock or self.clock,
            jitter=lambda: 0.0,
            worker=worker or f"worker-{next(_serial)}",
            bounds=bounds,
            bounce_address="bounces@journal.example.org",
            travel=travel or Travel(traffic=self.store.traffic),
        )

    def counts(self, issue: Issue) -> Mapping[str, int]:
        """Deliveries by state, without the empty ones; they add up to the audience."""
        found = self.store.issues.get(issue.id)
        assert sum(found.counts.values()) == found.audience
        return {state: number for state, number in found.counts.items() if number}

    def state(self, issue: Issue) -> IssueState:
        return self.store.issues.get(issue.id).state


def never() -> threading.Event:
    """A stop that does not come."""
    return threading.Event()


def two_newsletters(other: str = "other") -> Journal:
    """The sample journal with a second newsletter that leaves by the transport `other`."""
    first = factories.newsletter()
    second = factories.newsletter(slug="monthly", list_id="monthly.example.org", transport=other)
    return replace(factories.journal(), newsletters=(first, second))


ACCEPTED, DEFERRED = DeliveryState.ACCEPTED.value, DeliveryState.DEFERRED.value
REFUSED, UNKNOWN = DeliveryState.REFUSED.value, DeliveryState.UNKNOWN.value
QUEUED, CLAIMED = DeliveryState.QUEUED.value, DeliveryState.CLAIMED.value
