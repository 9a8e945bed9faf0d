"""One open session and its thread: sends what the ledger hands it, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from publisher.dispatch.composing import Fill
from publisher.domain.delivery import SETTLING, Claim, DeliveryEvent, Settlement
from publisher.domain.outcome import Outcome, OutcomeKind, cleaned
from publisher.errors import TransportError, TransportUnavailable, UsageError
from publisher.ports import Sender, Transport


@dataclass(frozen=True, slots=True)
class Order:
    """A message that is journalled as `sending`: it may leave now."""

    claim: Claim
    fill: Fill


@dataclass(frozen=True, slots=True)
class Post:
    """What a connection tells the ledger.

    `settlement`: what became of its last message (a deferral's `due_at` is the ledger's to
    set). `wants`: it is open and asks for the next. `ended`: its thread is over, because of
    `error` if there is one.
    """

    connection: Connection
    settlement: Settlement | None = None
    wants: bool = False
    ended: bool = False
    error: BaseException | None = None


class Connection:
    """At most one message of it is `sending` at any time."""

    def __init__(
        self,
        lane: str,
        transport: Transport,
        post: Callable[[Post], None],
        stop: threading.Event,
        reopen: tuple[float, ...],
    ) -> None:
        self.lane = lane
        self._transport = transport
        self._post = post
        self._stop = stop
        self._reopen = reopen
        self._orders: SimpleQueue[Order | None] = SimpleQueue()
        self._sender: Sender | None = None
        self._failures = 0
        self._trouble: TransportError | None = None
        self._claim: Claim | None = None
        self._handed = False
        self._thread = threading.Thread(target=self._run, name=f"connection-{lane}", daemon=True)

    def start(self) -> None:
        """Begin; the first post comes once the session is open, or cannot be."""
        self._thread.start()

    def give(self, order: Order | None) -> None:
        """The next message, or None: there is no more."""
        self._orders.put(order)

    def join(self) -> None:
        """Wait for the thread; its last post has come."""
        self._thread.join()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._serve()
        except BaseException as caught:  # noqa: BLE001 - handed to the ledger, which raises it
            error = caught
        self._hang_up()
        self._post(Post(self, self._left_over(), ended=True, error=error))

    def _serve(self) -> None:
        settlement: Settlement | None = None
        while True:
            if self._sender is None or not self._sender.usable:
                # Opening may take long: what is known is handed over before.
                if settlement is not None:
                    self._post(Post(self, settlement))
                    settlement = None
                if not self._open():
                    return
            self._post(Post(self, settlement, wants=True))
            order = self._orders.get()
            if order is None:
                return
            settlement = self._deliver(order)

    def _open(self) -> bool:
        """Open a session, with waits between attempts. False: a stop came first.

        Raises TransportError at once where waiting would not help, else when out of attempts.
        Sessions lost before they got one message through count as attempts too.
        """
        self._hang_up()
        while True:
            if self._trouble is not None and (
                self._failures > len(self._reopen)
                or not isinstance(self._trouble, TransportUnavailable)
            ):
                raise self._trouble
            if self._failures and self._stop.wait(self._reopen[self._failures - 1]):
                return False
            try:
                self._sender = self._transport.open()
            except TransportUnavailable as error:
                self._failures += 1
                self._trouble = error
            else:
                return True

    def _deliver(self, order: Order) -> Settlement:
        claim = self._claim = order.claim
        try:
            outcome = self._send(order)
        except TransportError as error:
            self._hang_up()
            self._failures += 1
            self._trouble = error
            settlement = Settlement(
                claim, DeliveryEvent.RETURN, 0, cleaned(str(error), claim.address)
            )
        else:
            self._failures, self._trouble = 0, None
            if outcome.kind is OutcomeKind.UNKNOWN:
                self._hang_up()  # a session that did not answer cannot be trusted to
            settlement = Settlement(
                claim,
                SETTLING[outcome.kind],
                outcome.code,
                cleaned(outcome.reply, claim.address),
            )
        self._claim, self._handed = None, False
        return settlement

    def _send(self, order: Order) -> Outcome:
        try:
            message, envelope = order.fill()
        except UsageError as error:
            return Outcome(OutcomeKind.REFUSED, 0, str(error))
        assert self._sender is not None  # noqa: S101 - orders come to open sessions only
        self._handed = True
        return self._sender.send(message, envelope)

    def _left_over(self) -> Settlement | None:
        """A message in hand when something broke: in doubt once a transport had it, else unsent."""
        if self._claim is None:
            return None
        event = DeliveryEvent.LOSE if self._handed else DeliveryEvent.RETURN
        return Settlement(self._claim, event, 0, "sending broke off through an error of ours")

    def _hang_up(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None
