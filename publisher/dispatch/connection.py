"""One open session and its thread: sends what the ledger hands it, and nothing else.

The thread does whatever may take long: opening, closing, a slow answer, and every message of a
session that cannot do without waiting. Of a nimble one the ledger's thread calls `begin` and
`finish` itself. Only one of the two ever has the session: it changes hands with an order and
comes back with a post.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum, auto
from queue import SimpleQueue
from typing import Literal, NamedTuple

from publisher.dispatch.composing import Fill
from publisher.domain.delivery import SETTLING, Claim, DeliveryEvent, Settlement
from publisher.domain.outcome import Outcome, OutcomeKind, cleaned
from publisher.errors import TransportError, TransportUnavailable, UsageError
from publisher.ports import ForetellingSender, NimbleSender, Sender, Transport

# Looked up for every message: reading a member off its class costs more than all else there.
_LOSE = DeliveryEvent.LOSE


class Order(NamedTuple):
    """A message that is journalled as `sending`: it may leave now."""

    claim: Claim
    fill: Fill


class Errand(Enum):
    """What a thread may be asked to do besides sending."""

    RENEW = auto()  # the session is over: open another
    WAIT_OUT = auto()  # the message that was begun takes long


class Post(NamedTuple):
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
        self._orders: SimpleQueue[Order | Errand | BaseException | None] = SimpleQueue()
        self._sender: Sender | None = None
        self._nimble: NimbleSender | None = None
        self._foretelling: ForetellingSender | None = None
        self.following: Order | None = None
        """What the server may have been told of behind the message under way; the ledger's."""
        self._failures = 0
        self._carried = 0  # messages of this session
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

    @property
    def nimble(self) -> bool:
        """Whether `begin` may be used for the next message. True only of one that wants it."""
        return self._nimble is not None

    @property
    def foretells(self) -> bool:
        """Whether `begin` may be given what is following now."""
        return self._foretelling is not None and self._foretelling.foretells

    @property
    def promised(self) -> bool:
        """Whether its server was told of a message that was not begun: it takes no other."""
        return self._foretelling is not None and self._foretelling.promised

    def fileno(self) -> int:
        """What tells, by becoming readable, that `finish` may know more."""
        assert self._nimble is not None  # noqa: S101 - `begin` was used
        return self._nimble.fileno()

    def begin(self, order: Order) -> Post | None:
        """Send without waiting; what became of it, if that is known at once.

        The server may be told of what is `following`.
        """
        self._claim = order.claim
        assert self._nimble is not None  # noqa: S101 - `nimble` was asked
        try:
            message, envelope = order.fill()
            self._handed = True
            if self.following is not None and self._foretelling is not None:
                following = self.following.fill()
                outcome = self._foretelling.begin(message, envelope, following)
            else:
                outcome = self._nimble.begin(message, envelope)
        except BaseException as error:  # noqa: BLE001 - it says whose business it is
            return self._failed(error)
        return None if outcome is None else self._done(outcome)

    def finish(self) -> Post | None:
        """What became of the message that was begun, if it is known by now."""
        assert self._nimble is not None  # noqa: S101 - `begin` was used
        try:
            outcome = self._nimble.finish()
        except BaseException as error:  # noqa: BLE001 - it says whose business it is
            return self._failed(error)
        return None if outcome is None else self._done(outcome)

    def wait_out(self) -> None:
        """Let the thread wait for the answer to the message that was begun."""
        self._orders.put(Errand.WAIT_OUT)

    def renew(self) -> None:
        """Let the thread open another session; then it wants a message again."""
        self._orders.put(Errand.RENEW)

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
            if isinstance(order, BaseException):
                raise order
            if order is Errand.RENEW:
                self._hang_up()
                settlement = None
            else:
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
                # Asked once: looking through a protocol costs as much as sending a message.
                sender = self._sender
                self._nimble = sender if isinstance(sender, NimbleSender) else None
                self._foretelling = sender if isinstance(sender, ForetellingSender) else None
                return True

    # --- one message ------------------------------------------------------------------------

    def _done(self, outcome: Outcome) -> Post:
        """The outcome of a step of the ledger's thread."""
        return self._told(self._settled(outcome))

    def _failed(self, error: BaseException) -> Post:
        """A step of the ledger's thread failed; a fault of ours is our own thread's to raise."""
        if isinstance(error, TransportError):
            return self._told(self._lost(error))
        if isinstance(error, UsageError) and not self._handed:
            return self._done(Outcome(OutcomeKind.REFUSED, 0, str(error)))
        self._orders.put(error)
        return Post(self)

    def _told(self, settlement: Settlement) -> Post:
        """With another order wanted, or another session first."""
        assert self._nimble is not None  # noqa: S101 - `nimble` was asked
        if settlement.event is not _LOSE and self._nimble.usable:
            return Post(self, settlement, True)
        self._orders.put(Errand.RENEW)
        return Post(self, settlement)

    def _deliver(self, order: Order | Literal[Errand.WAIT_OUT]) -> Settlement:
        try:
            outcome = self._send(order)
        except TransportError as error:
            self._hang_up()
            return self._lost(error)
        if outcome.kind is OutcomeKind.UNKNOWN:
            self._hang_up()  # a session that did not answer cannot be trusted to
        return self._settled(outcome)

    def _send(self, order: Order | Literal[Errand.WAIT_OUT]) -> Outcome:
        if order is Errand.WAIT_OUT:
            assert self._nimble is not None  # noqa: S101 - `begin` was used
            return self._nimble.wait()
        self._claim = order.claim
        try:
            message, envelope = order.fill()
        except UsageError as error:
            return Outcome(OutcomeKind.REFUSED, 0, str(error))
        assert self._sender is not None  # noqa: S101 - orders come to open sessions only
        self._handed = True
        return self._sender.send(message, envelope)

    def _lost(self, error: TransportError) -> Settlement:
        """The session went before the last byte."""
        self._failures += 1
        self._trouble = error
        claim = self._taken()
        code, reply = 0, str(error)
        # A session that ends after its share of messages is no complaint.
        if isinstance(error, TransportUnavailable) and (not self._carried or "4.7." in error.said):
            code, reply = error.code, error.said or reply
        self._carried = 0
        return Settlement(claim, DeliveryEvent.RETURN, code, cleaned(reply, claim.address))

    def _settled(self, outcome: Outcome) -> Settlement:
        self._failures = 0
        self._trouble = None
        self._carried += 1
        claim = self._taken()
        reply = cleaned(outcome.reply, claim.address) if outcome.reply else ""
        return Settlement(claim, SETTLING[outcome.kind], outcome.code, reply)

    def _taken(self) -> Claim:
        """The claim in hand, which is so no longer."""
        claim, self._claim, self._handed = self._claim, None, False
        assert claim is not None  # noqa: S101 - a message was sent
        return claim

    def _left_over(self) -> Settlement | None:
        """A message in hand when something broke: in doubt once a transport had it, else unsent."""
        if self._claim is None:
            return None
        event = DeliveryEvent.LOSE if self._handed else DeliveryEvent.RETURN
        return Settlement(self._claim, event, 0, "sending broke off through an error of ours")

    def _hang_up(self) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = self._nimble = self._foretelling = None
            self._carried = 0
