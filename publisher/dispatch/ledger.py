"""The middle of a drain: claims, journals, settles. One thread, so that order is plain to see.

Nothing is handed to a connection before the commit that journals it, and every claim that
was taken is settled, given back, or left for its lease to lapse, whatever goes wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from itertools import islice

from publisher.dispatch.ahead import MOST, Ahead
from publisher.dispatch.composing import Composer
from publisher.dispatch.connection import Connection, Order, Post
from publisher.dispatch.doubts import Doubts, Losses, Tally
from publisher.dispatch.intake import Intake
from publisher.dispatch.lane import Lane
from publisher.dispatch.news import tell, told
from publisher.dispatch.patience import patiently
from publisher.dispatch.report import Bounds, Paused, Progress, Report
from publisher.dispatch.roads import LIMITED_LOOK_UP, SLOWING, WAKING, Roads
from publisher.dispatch.travel import Travel
from publisher.dispatch.wires import Wires
from publisher.domain.deferral import asked
from publisher.domain.delivery import Claim, DeliveryEvent, OutboxKind, Settlement
from publisher.domain.issue import IssueEvent
from publisher.errors import NotAllowed, TransportError
from publisher.ports import Issues, Outbox, Transport

_ACCEPT = DeliveryEvent.ACCEPT  # reading it off its class takes long

LOOK_UP = 0.5
"""Seconds after which a silent ledger looks at its clock and at `stop`."""


class Ledger:
    """One drain. Not used twice."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        issues: Issues,
        transports: Mapping[str, Transport],
        travel: Travel,
        composer: Composer,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
        worker: str,
        bounds: Bounds,
        only: int | None,
        stop: threading.Event,
        on_progress: Callable[[Progress], None] | None,
        gate: Callable[[int], str | None],
        leaving: Callable[[], None],
    ) -> None:
        self._gate = gate
        self._outbox = outbox
        self._issues = issues
        self._composer = composer
        self._ahead = Ahead(composer.prepare, worthwhile=composer.signs)
        self._clock = clock
        self._jitter = jitter
        self._worker = worker
        self._bounds = bounds
        self._stop = stop
        self._on_progress = on_progress
        self._halt = threading.Event()  # ours: set when connections must not wait any longer
        # Whoever its server was told of shall not wait for an answer that takes long.
        self._wires = Wires(lambda slow: self._lanes[slow.lane].reclaim(slow))
        self._roads = Roads(transports, travel, clock, worker=worker, waits=bounds.patience)
        self._lanes = self._roads.lanes
        self._intake = Intake(
            outbox,
            issues,
            composer,
            self._roads,
            clock=clock,
            worker=worker,
            bounds=bounds,
            only=only,
            leaving=leaving,
        )
        self._doubts = Doubts(issues.get)
        self._losses = Losses(bounds.losses)
        self._tally = Tally(watched=on_progress is not None)
        self._paused: list[Paused] = []
        self._unsettled: list[Settlement] = []
        self._woke_at = clock()
        self._errors: list[BaseException] = []
        self._lapsed = 0
        self._beat_at = clock()
        self._pulse = bounds.lease / 3
        self._look_up = bounds.lease.total_seconds() / 10

    # --- the drain, from outside in -----------------------------------------------------------

    def drain(self) -> Report:
        """Round after round until nothing is claimable. Raises what stopped it, as it was."""
        try:
            self._tidy()
            self._roads.begin()
            while self._going() and self._survey():
                self._round()
        except BaseException as error:  # noqa: BLE001 - raised below, once no claim is in hand
            self._errors.append(error)
        abandoned = self._wind_down()
        if self._errors:
            raise self._errors[0]
        finished = patiently(self._bounds.patience, lambda _: self._outbox.finish(self._clock()))
        return self._report(finished, abandoned)

    def _going(self) -> bool:
        return not (self._stop.is_set() or self._errors)

    def _report(self, finished: Sequence[int], abandoned: int) -> Report:
        return Report(
            counts=dict(self._tally.counts),
            by_issue=self._tally.by_issue(),
            paused=tuple(self._paused),
            failed=self._roads.failed(),
            limited=self._roads.limited(),
            finished=tuple(finished),
            lapsed=self._lapsed,
            abandoned=abandoned,
            stopped=self._stop.is_set(),
        )

    def _survey(self) -> bool:
        """Find out which issues may hold something, and claim; whether there is anything."""
        self._intake.look()
        self._intake.refill()
        return any(lane.waiting or lane.sources for lane in self._lanes.values())

    def _round(self) -> None:
        """Until everything claimable is settled and every connection is gone."""
        while self._going():
            for lane in self._lanes.values():
                lane.spawn(self._connect)
                lane.shrink()
            self._take(self._collect(wait=not self._can_start()))
            self._exchange()
            self._intake.refill()  # while the servers have something to do
            for lane in self._lanes.values():
                if not lane.waiting and not lane.sources:
                    lane.dismiss_idle()
            self._beat()
            if not any(
                lane.connections or lane.waiting or lane.sources for lane in self._lanes.values()
            ):
                return

    def _wind_down(self) -> int:
        """Finish what is under way, give back the rest; how many were given up on.

        What cannot be settled lapses into `unknown`, and what cannot be given back into
        `queued`, by the lease.
        """
        self._halt.set()
        began_at = self._clock()
        for lane in self._lanes.values():
            lane.sources.clear()
            self._intake.back += lane.drop(lambda _: True)
            lane.dismiss_idle()
        while any(lane.connections for lane in self._lanes.values()):
            # A clock that was set back must not make us wait for ever.
            if abs(self._clock() - began_at) >= self._bounds.grace:
                break
            with self._noting_errors():
                self._take(self._collect(wait=True))
                for lane in self._lanes.values():
                    lane.dismiss_idle()
                self._exchange()
                self._beat()
        with self._noting_errors():
            self._exchange()
        with self._noting_errors():
            self._intake.give_back()
        with self._noting_errors():
            self._roads.leave()
        self._wires.close()
        self._ahead.close()
        for lane in self._lanes.values():
            for connection in (*lane.connections, *([lane.probe] if lane.probe else [])):
                connection.give(None)  # it ends by itself, when its server answers at last
        return sum(len(lane.busy) for lane in self._lanes.values())

    @contextmanager
    def _noting_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - `drain` raises the first one
            self._errors.append(error)

    # --- journalling and settling -------------------------------------------------------------

    def _can_start(self) -> bool:
        for lane in self._lanes.values():
            lane.release()
        return any(
            lane.can_start or (lane.throttle is not None and lane.sources and lane.low)
            for lane in self._lanes.values()
        )

    def _exchange(self) -> None:
        """One commit: settle what came back, journal what goes out next; then hand that over."""
        starting: list[tuple[Lane, Connection, Order]] = []
        try:
            if self._can_start():
                self._pass_gate()
            for lane in self._lanes.values():
                lane.prepare(self._wires.forget)
                if not self._halt.is_set():
                    for connection, order in self._orders(lane):
                        starting.append((lane, connection, order))
            if not starting and not self._unsettled:
                return
            granted = self._advance([order.claim for _, _, order in starting])
        except BaseException:
            for lane, connection, order in starting:
                lane.idle.append(connection)
                self._intake.back.append(order.claim)
            raise
        settled, self._unsettled = self._unsettled, []
        try:
            self._hand_over(starting, granted)  # first, since servers may be waiting
        finally:
            for settlement in settled:
                self._tally.add(settlement.claim, settlement.event)
                if settlement.event is not _ACCEPT:
                    tell(settlement)
        if self._on_progress is not None:
            under_way = sum(len(lane.busy) for lane in self._lanes.values())
            self._on_progress(Progress(dict(self._tally.counts), under_way, self._tally.domains))

    def _orders(self, lane: Lane) -> Iterator[tuple[Connection, Order]]:
        """Idle connections, and what each is to send next; they are idle no more."""
        for connection in reversed(lane.idle.copy()):
            if connection.following is not None:
                order, connection.following = connection.following, None
            elif not lane.ready:
                continue
            elif connection.promised:
                # What its server waits for may not be sent: then the line is dropped.
                lane.idle.remove(connection)
                self._wires.forget(connection)
                connection.renew()
                continue
            else:
                order = Order(lane.ready[0], self._ahead.take(lane.ready[0]))
                lane.ready.popleft()
            lane.idle.remove(connection)
            yield connection, order

    def _following(self, lane: Lane, connection: Connection) -> Order | None:
        """What the server may be told of behind the message that this connection begins."""
        if lane.throttle is not None or not lane.ready or not connection.foretells:
            return None
        claim = lane.ready[0]
        made = self._ahead.made(claim)
        if made is None:
            return None
        lane.ready.popleft()
        return Order(claim, lambda: made)

    def _hand_over(
        self,
        starting: Iterable[tuple[Lane, Connection, Order]],
        granted: frozenset[tuple[OutboxKind, int]],
    ) -> None:
        """What the commit journalled may leave now."""
        for lane, connection, order in starting:
            if (order.claim.kind, order.claim.id) in granted:
                lane.busy[connection] = order.claim
                if connection.nimble:
                    connection.following = self._following(lane, connection)
                    self._wires.start(connection, order)
                else:
                    connection.give(order)
            else:
                lane.idle.append(connection)
                if lane.throttle is not None:
                    lane.throttle.untake(order.claim)
        for lane in self._lanes.values():
            self._ahead.begin(islice(lane.ready, MOST))

    def _pass_gate(self) -> None:
        """Pause every issue with a message about to start that must not go on."""
        for lane in self._lanes.values():
            passed: set[int | None] = {None}
            # Where one is paused, the messages of another take their place.
            while starting := {each.issue_id for each in lane.coming()} - passed:
                stopped = False
                for issue_id in starting:
                    if issue_id is not None and (why := self._gate(issue_id)):
                        self._pause(lane, issue_id, why)
                        stopped = True
                if not stopped:
                    break
                passed |= starting

    def _advance(self, starting: Sequence[Claim]) -> frozenset[tuple[OutboxKind, int]]:
        """The commit, tried again for a while: a locked or full store often recovers.

        Trying again is safe: nothing of `starting` is handed over before this returns, and a
        settlement that was kept changes nothing the second time.
        """
        return patiently(self._bounds.patience, partial(self._commit, starting))

    def _commit(self, starting: Sequence[Claim], again: bool) -> frozenset[tuple[OutboxKind, int]]:
        return self._outbox.advance(
            self._unsettled, starting, self._bounds.lease, self._clock(), again=again
        )

    def _take(self, posts: Iterable[Post]) -> None:
        """Note what the connections say, all of it, before anything here can fail."""
        fresh: list[tuple[Lane, Settlement]] = []
        for post in posts:
            lane = self._lanes[post.connection.lane]
            lane.busy.pop(post.connection, None)
            if not (post.wants and post.connection.promised):
                lane.reclaim(post.connection)
            if post.settlement is not None:
                settlement = post.settlement
                slow = settlement.event in SLOWING
                if slow:
                    settlement = self._timed(settlement)
                self._unsettled.append(settlement)
                fresh.append((lane, settlement))
                if lane.throttle is not None or slow:
                    self._intake.held += self._roads.hear(lane, settlement)
            if post.wants:
                lane.idle.append(post.connection)
                if post.settlement is None:
                    self._roads.opened(lane, post.connection)
            if post.ended:
                post.connection.join()
                self._part(lane, post.connection, post.error)
        for lane, settlement in fresh:
            if self._doubts.must_pause(lane.name, settlement.claim, settlement.event):
                self._pause(lane, settlement.claim.issue_id)

    def _part(self, lane: Lane, connection: Connection, error: BaseException | None) -> None:
        """A connection is gone: shrink its lane for a transport's error, end all for another."""
        lane.part(connection)
        if isinstance(error, TransportError):
            lane.most -= 1
            if not lane.connections:
                self._intake.sort(self._roads.fail(lane, str(error)))
        elif error is not None:
            self._errors.append(error)

    def _timed(self, settlement: Settlement) -> Settlement:
        """With the time of the next attempt, for a deferral."""
        claim = settlement.claim
        if settlement.event is DeliveryEvent.RETURN:
            if not self._losses.too_many(claim):
                return settlement
            settlement = settlement._replace(event=DeliveryEvent.DEFER)
        due_at = self._bounds.retry.due(
            claim.attempts + 1, self._clock(), self._jitter(), asked(settlement.reply)
        )
        return settlement._replace(due_at=due_at)

    def _pause(self, lane: Lane, issue_id: int | None, reason: str | None = None) -> None:
        """Start nothing more of this issue (or, for notices, on this transport)."""
        name = lane.name
        if reason is None:
            reason = f"too many messages were never answered by the transport '{name}'"
        if issue_id is None:
            self._intake.sort(self._roads.fail(lane, reason))
            return
        # NotAllowed: somebody paused or cancelled it meanwhile, which is as good.
        with suppress(NotAllowed):
            patiently(self._bounds.patience, partial(self._stop_issue, issue_id, reason))
            self._paused.append(Paused(issue_id, name, reason))
        for each in self._lanes.values():
            self._intake.back += each.drop(lambda claim: claim.issue_id == issue_id)
            with suppress(ValueError):
                each.sources.remove(issue_id)

    def _stop_issue(self, issue_id: int, reason: str, again: bool) -> None:
        try:
            self._issues.move(issue_id, IssueEvent.PAUSE, self._clock(), reason=reason)
        except NotAllowed:
            # Asked before, it may be our own pause whose answer was lost.
            if not again or self._issues.get(issue_id).reason != reason:
                raise

    # --- time ---------------------------------------------------------------------------------

    def _connect(self, lane: Lane, reopen: tuple[float, ...] | None = None) -> Connection:
        waits = self._bounds.reopen if reopen is None else reopen
        return Connection(lane.name, lane.transport, self._wires.put, self._halt, waits)

    def _collect(self, *, wait: bool) -> list[Post]:
        """Everything that has been posted; with `wait`, at least one unless a beat is due."""
        seconds = LIMITED_LOOK_UP if wait and self._roads.throttled else LOOK_UP
        return self._wires.collect(min(seconds, self._look_up) if wait else 0, self._spare)

    def _spare(self) -> bool:
        """Make a message of those that come next, while there is nothing else to do."""
        if not self._halt.is_set():
            for lane in self._lanes.values():
                if lane.ready and self._ahead.spare(lane.ready):
                    return True
        return False

    def _beat(self) -> None:
        """A sign of life well before the lease ends; also picks up what others left behind."""
        now = self._clock()
        if abs(now - self._beat_at) >= self._pulse:
            self._beat_at = now
            patiently(
                self._bounds.patience,
                lambda _: self._outbox.renew(self._worker, self._bounds.lease, now),
            )
            self._tidy()
            self._roads.probe(self._connect)
            self._hear_of_others()
        self._roads.renew()
        if self._roads.throttled and abs(now - self._woke_at) >= WAKING:
            self._woke_at = now
            self._hear_of_others()
            if self._wake(now):
                self._intake.look()

    def _hear_of_others(self) -> None:
        """What they found out about transports; their claims wait or go another way."""
        if self._halt.is_set():
            return
        claims, held = self._roads.look()
        self._intake.sort(claims)
        self._intake.held += held

    def _tidy(self) -> None:
        now = self._clock()
        lapsed = patiently(self._bounds.patience, lambda _: self._outbox.lapse(now))
        for issue_id, count in lapsed.unknown:
            self._lapsed += count
            told(issue_id, count)
        self._wake(now)

    def _wake(self, now: datetime) -> int:
        limit = self._bounds.retry.limit
        return patiently(self._bounds.patience, lambda _: self._outbox.wake(now, limit))
