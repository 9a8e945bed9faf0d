"""The outbox against a plain-Python model of it, in any order of events that Hypothesis finds.

The model knows nothing of SQL: it moves each message by the domain's tables alone. After
every step the store must say the same, counts must add up, and nobody who left may be sent to.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Literal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from publisher.domain import delivery, issue
from publisher.domain.delivery import Claim, DeliveryEvent, DeliveryState, Settlement
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.subscription import SubscriptionEvent
from publisher.stores import open_store
from tests.contracts.samples import HOST, LEASE, NOW, claim, people, release, suppress

E, S = DeliveryEvent, DeliveryState
READERS = 5
UNSENT = (S.QUEUED, S.CLAIMED, S.DEFERRED)
SETTLING = (E.ACCEPT, E.DEFER, E.REFUSE, E.LOSE, E.RETURN)


@cache
def _template() -> Path:
    """A migrated store with readers, made once and copied for each run."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    path = folder / "template.db"
    store = open_store(f"sqlite:///{path}", synchronous="NORMAL", host=HOST)
    store.migrate(NOW)
    people(store, READERS)
    store.close()
    return path


@dataclass(slots=True)
class Modelled:
    """One delivery as the model sees it."""

    issue: int
    reader: int
    state: DeliveryState = S.QUEUED
    fence: int = 0
    attempts: int = 0
    leased_until: object = None
    held: bool = False  # queued, and not to be claimed before a time

    def take(self, event: DeliveryEvent) -> None:
        self.state = delivery.step(self.state, event)


class Outbox(RuleBasedStateMachine):
    """Drives the store and the model side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(_template(), self.folder / "store.db")
        self.store = open_store(
            f"sqlite:///{self.folder / 'store.db'}", synchronous="NORMAL", host=HOST
        )
        self.readers = [found.id for found in self.store.subscribers.list()]
        self.gone: set[int] = set()  # indexes of readers
        self.now = NOW
        self.issues: dict[int, IssueState] = {}
        self.audience: dict[int, int] = {}
        self.rows: dict[int, Modelled] = {}
        self.claims: list[Claim] = []

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    # --- rules --------------------------------------------------------------------------------

    @precondition(lambda self: len(self.issues) < 3)
    @rule()
    def release(self) -> None:
        made = release(self.store, key=f"slot {len(self.issues)}", at=self.now)
        self.issues[made.id] = made.state
        self.audience[made.id] = made.audience
        assert made.audience == READERS - len(self.gone)
        before = len(self.rows)
        readers = [n for n in range(READERS) if n not in self.gone]
        for offset, reader in enumerate(readers):
            self.rows[before + 1 + offset] = Modelled(made.id, reader)

    @rule(limit=st.integers(1, 4))
    def claim(self, limit: int) -> None:
        expected = [
            number
            for number, row in sorted(self.rows.items())
            if row.state is S.QUEUED
            and not row.held
            and self.issues[row.issue] is IssueState.SENDING
        ][:limit]
        held = claim(self.store, limit, self.now)
        assert [one.id for one in held] == expected
        for one in held:
            row = self.rows[one.id]
            row.take(E.CLAIM)
            row.fence += 1
            row.leased_until = self.now + LEASE
            assert (one.fence, one.attempts) == (row.fence, row.attempts)
        self.claims += held

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def advance(self, data: st.DataObject) -> None:
        """Settle some, stale or not, and start some, stale or not, in one commit."""
        pick = st.lists(st.sampled_from(self.claims), max_size=3, unique_by=lambda c: c.id)
        settled = [
            Settlement(one, data.draw(st.sampled_from(SETTLING)), 1, "said", self.now + LEASE)
            for one in data.draw(pick)
        ]
        starting = data.draw(pick)
        # Whoever asks again has begun none of them, so that none is settled by the same call.
        again = not settled and data.draw(st.booleans())
        sending = {one.id for one in starting if again and self._sending(one)}
        allowed = self.store.outbox.advance(settled, starting, LEASE, self.now, again=again)
        for one in settled:
            self._settled(one)
        expected = {one.id for one in starting if self._started(one)} | sending
        for number in sending:
            self.rows[number].leased_until = self.now + LEASE
        assert {number for _, number in allowed} == expected
        for number in expected - sending:
            assert self.rows[number].reader not in self.gone

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """At once, or not before a time: no attempt is burnt either way."""
        one = data.draw(st.sampled_from(self.claims))
        until = data.draw(st.sampled_from([None, self.now + LEASE]))
        self.store.outbox.give_back([one], self.now, [until])
        row = self.rows[one.id]
        if row.fence == one.fence and row.state is S.CLAIMED:
            row.take(E.RETURN)
            row.held = until is not None

    @rule(minutes=st.integers(0, 2))
    def lapse(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        late = [
            row
            for row in self.rows.values()
            if row.state in (S.CLAIMED, S.SENDING) and row.leased_until <= self.now  # type: ignore[operator]  # set with each claim
        ]
        unknown = Counter(row.issue for row in late if row.state is S.SENDING)
        for row in late:
            row.take(E.LAPSE)
        lapsed = self.store.outbox.lapse(self.now)
        assert lapsed.requeued == len(late) - unknown.total()
        assert dict(lapsed.unknown) == unknown

    @rule()
    def wake(self) -> None:
        self.now += LEASE
        due = [
            row
            for row in self.rows.values()
            if (row.state is S.DEFERRED or (row.state is S.QUEUED and row.held))
            and self.issues[row.issue] is IssueState.SENDING
        ]
        assert self.store.outbox.wake(self.now, timedelta(days=9)) == len(due)
        for row in due:
            if row.state is S.DEFERRED:
                row.take(E.DUE)
            row.held = False

    @rule(reader=st.integers(0, READERS - 1))
    def unsubscribe(self, reader: int) -> None:
        self.gone.add(reader)
        self.store.subscribers.change(self.readers[reader], SubscriptionEvent.UNSUBSCRIBE, self.now)
        for row in self.rows.values():
            if row.reader == reader and row.state in UNSENT:
                row.take(E.CANCEL)

    @rule(reader=st.integers(0, READERS - 1))
    def suppress(self, reader: int) -> None:
        self.gone.add(reader)
        suppress(self.store, f"reader{reader}")

    @precondition(lambda self: self.issues)
    @rule(
        data=st.data(),
        event=st.sampled_from([IssueEvent.PAUSE, IssueEvent.RESUME, IssueEvent.CANCEL]),
    )
    def move(self, data: st.DataObject, event: IssueEvent) -> None:
        number = data.draw(st.sampled_from(sorted(self.issues)))
        if (self.issues[number], event) not in issue.TRANSITIONS:
            return
        self.store.issues.move(number, event, self.now)
        self.issues[number] = issue.step(self.issues[number], event)
        if event is IssueEvent.CANCEL:
            for row in self.rows.values():
                if row.issue == number and row.state in UNSENT:
                    row.take(E.CANCEL)

    @rule()
    def finish(self) -> None:
        still_open = {row.issue for row in self.rows.values() if row.state in delivery.OPEN}
        done = [
            number
            for number, state in self.issues.items()
            if state is IssueState.SENDING and number not in still_open
        ]
        assert self.store.outbox.finish(self.now) == done
        for number in done:
            self.issues[number] = issue.step(self.issues[number], IssueEvent.FINISH)

    @precondition(lambda self: self.issues)
    @rule(data=st.data(), what=st.sampled_from(["accepted", "resend", "refused", "deferred"]))
    def staff(self, data: st.DataObject, what: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.issues)))
        if self.issues[number] is IssueState.CANCELLED:
            return
        source, event = {
            "accepted": (S.UNKNOWN, E.RESOLVE_ACCEPTED),
            "resend": (S.UNKNOWN, E.RESOLVE_RESEND),
            "refused": (S.REFUSED, E.RETRY),
            "deferred": (S.DEFERRED, E.DUE),
        }[what]
        rows = [
            row
            for row in self.rows.values()
            if row.issue == number
            and row.state is source
            and (what == "accepted" or row.reader not in self.gone)
        ]
        if source is S.UNKNOWN:
            to: Literal["accepted", "resend"] = "accepted" if what == "accepted" else "resend"
            moved = self.store.outbox.resolve(number, to, self.now)
        else:
            moved = self.store.outbox.retry(number, source, self.now)
        assert moved == len(rows)
        for row in rows:
            row.take(event)
        if moved and what != "accepted" and self.issues[number] is IssueState.FINISHED:
            self.issues[number] = issue.step(self.issues[number], IssueEvent.REOPEN)

    # --- what always holds --------------------------------------------------------------------

    @invariant()
    def the_store_agrees_with_the_model(self) -> None:
        for found in self.store.issues.list():
            modelled = Counter(
                str(row.state) for row in self.rows.values() if row.issue == found.id
            )
            assert dict(found.counts) == modelled
            assert found.state is self.issues[found.id]
            assert sum(found.counts.values()) == found.audience == self.audience[found.id]
            held = sum(
                row.held and row.state is S.QUEUED
                for row in self.rows.values()
                if row.issue == found.id
            )
            assert self.store.outbox.held(found.id)[0] == held

    # --- the model's own steps ----------------------------------------------------------------

    def _settled(self, settlement: Settlement) -> None:
        row = self.rows[settlement.claim.id]
        known = (row.state, settlement.event) in delivery.TRANSITIONS
        if (
            row.fence != settlement.claim.fence
            or row.state not in (S.SENDING, S.UNKNOWN)
            or not known
        ):
            return
        row.take(settlement.event)
        row.held = settlement.event is E.RETURN and settlement.due_at is not None
        row.attempts += settlement.event is not E.RETURN
        if self.issues[row.issue] is IssueState.CANCELLED and row.state in UNSENT:
            row.take(E.CANCEL)

    def _sending(self, one: Claim) -> bool:
        row = self.rows[one.id]
        return row.fence == one.fence and row.state is S.SENDING

    def _started(self, one: Claim) -> bool:
        row = self.rows[one.id]
        if row.fence != one.fence or row.state is not S.CLAIMED:
            return False
        if row.reader in self.gone:
            row.take(E.CANCEL)
            return False
        if self.issues[row.issue] is not IssueState.SENDING:
            row.take(E.RETURN)
            return False
        row.take(E.START)
        row.leased_until = self.now + LEASE
        return True


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
