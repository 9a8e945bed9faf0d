"""Claims on their way in and back: taken for lanes that run low, sorted, given back."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from publisher.dispatch.composing import Composer
from publisher.dispatch.lane import Lane
from publisher.dispatch.patience import patiently
from publisher.dispatch.report import Bounds
from publisher.dispatch.roads import Roads
from publisher.domain.delivery import Claim
from publisher.domain.issue import IssueState
from publisher.ports import Issues, Outbox

_way = attrgetter("kind", "newsletter", "transport")

ISSUES = 1000
"""Issues that are drained side by side; more wait for the next drain."""

SPELL = 0.1
"""Seconds after which notices are asked for again while an issue leaves."""

CONNECTIONS = 10
"""A batch is claimed piece by piece, as the store likes it for so many connections, and more for
more. While a whole batch is claimed the servers would run dry."""


class Intake:
    """The claims of one drain. Used by the ledger's thread alone.

    `only`: the one issue that is drained; None: all that are sending, and notices.
    """

    def __init__(
        self,
        outbox: Outbox,
        issues: Issues,
        composer: Composer,
        roads: Roads,
        *,
        clock: Callable[[], datetime],
        worker: str,
        bounds: Bounds,
        only: int | None,
        leaving: Callable[[], None],
    ) -> None:
        self._leaving = leaving
        self._outbox = outbox
        self._issues = issues
        self._composer = composer
        self._roads = roads
        self._clock = clock
        self._worker = worker
        self._bounds = bounds
        self._only = only
        self._notices = only is None
        self._asked_at = -SPELL
        # Of which issue messages were last said to be leaving, and how many were claimed since.
        self._batch: tuple[int | None, int] = None, 0
        self.back: list[Claim] = []  # to be given back
        self.held: list[tuple[Claim, datetime]] = []  # likewise, until their turn comes

    def look(self) -> None:
        """Let each lane claim of the issues that leave by it now."""
        if self._only is None:
            found = self._issues.list(states=(IssueState.SENDING,), limit=ISSUES)[::-1]
        else:
            found = [self._issues.get(self._only)]
        for issue in found:
            if issue.state is IssueState.SENDING:
                self._roads.attach(issue.id, self._composer.newsletter(issue.newsletter).transport)

    def refill(self) -> None:
        """Claim for the lanes that run low: notices first, then issue by issue."""
        low = [lane for lane in self._roads.lanes.values() if lane.low]
        if low and self._asks_for_notices(low):
            claims = self._claim(notices_only=True)
            # Where all are for closed lanes, they would only be claimed over and over.
            self._notices = self.sort(claims) > 0 or not claims
        for lane in low:
            while lane.sources and lane.low:
                claims = self._claim(issue_id=lane.sources[0], piece=self._piece(lane))
                if not claims:
                    lane.sources.popleft()
                self.sort(claims)
                if claims and lane.throttle is not None:
                    break  # what limits hold back goes to the store before more is claimed
        if self._roads.throttled:
            self.back += self._roads.close()
        self.give_back()

    def _asks_for_notices(self, low: Iterable[Lane]) -> bool:
        """While an issue leaves, only now and then: whoever waits for a notice takes longer."""
        now = time.monotonic()
        if not self._notices or (
            now < self._asked_at + SPELL and any(each.sources for each in low)
        ):
            return False
        self._asked_at = now
        return True

    def sort(self, claims: Iterable[Claim]) -> int:
        """Put each claim on the lane it leaves by, or aside when that is closed; how many go."""
        waiting = deque(claims)
        going = 0
        try:
            while waiting:
                first = waiting[0]
                route = self._composer.transport(first)
                straight = self._roads.straight(route)
                if straight is not None:
                    # As nearly always: they all go the same way, and are put there together.
                    way = _way(first)
                    while waiting and _way(waiting[0]) == way:
                        straight.ready.append(waiting.popleft())
                        going += 1
                    continue
                claim = waiting.popleft()
                lane = self._roads.lane(claim, route, room=self._bounds.batch)
                if lane is None:
                    self.back.append(claim)
                    continue
                due = lane.put(claim)
                if due is not None:
                    self.held.append((claim, due))
                going += 1
        finally:
            self.back += waiting  # the settings may lack a newsletter; no claim is lost for it
        return going

    def give_back(self) -> None:
        """What is not wanted now returns to the queue."""
        if self.back or self.held:
            claims = [*self.back, *(claim for claim, _ in self.held)]
            until = [*(None for _ in self.back), *(due for _, due in self.held)]
            patiently(
                self._bounds.patience,
                lambda _: self._outbox.give_back(claims, self._clock(), until),
            )
            self.back, self.held = [], []

    def _claim(
        self, *, issue_id: int | None = None, notices_only: bool = False, piece: int | None = None
    ) -> Sequence[Claim]:
        batch = self._bounds.batch
        # What was claimed without our hearing of it is free again when its lease ends.
        claims = patiently(
            self._bounds.patience,
            lambda _: self._outbox.claim(
                self._worker,
                batch if piece is None else min(piece, batch),
                self._bounds.lease,
                self._clock(),
                issue_id=issue_id,
                notices_only=notices_only,
            ),
        )
        if claims:
            owner, number = self._batch
            if piece is None or owner != issue_id or number >= batch:
                number = 0
                try:
                    self._leaving()
                except BaseException:
                    self.back += claims
                    raise
            self._batch = issue_id, number + len(claims)
        return claims

    def _piece(self, lane: Lane) -> int | None:
        """How many to claim at once for this lane; None: a batch, as limits look at all of it."""
        if lane.throttle is not None:
            return None
        return self._outbox.piece * max(CONNECTIONS, lane.most) // CONNECTIONS
