"""Messages made before their turn: signed ones on the machine's other processors, others in moments
in which the ledger would only wait.

To sign a message takes longer than to send it, and needs no interpreter while it lasts. What is
made here was claimed but not journalled: nothing of it leaves before its own conditional update.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from publisher.dispatch.composing import Fill
from publisher.domain.delivery import Claim, OutboxKind
from publisher.domain.message import Envelope

MOST = 32
"""Messages that are held ready; the oldest is dropped for another."""
WORKERS = 2
_DELIVERY = OutboxKind.DELIVERY  # reading it off its class takes long

Made = tuple[bytes, Envelope]


class Ahead:
    """Used by one thread. `prepare` is the composer's; `worthwhile`: whether it takes long."""

    def __init__(self, prepare: Callable[[Claim], Fill], *, worthwhile: bool) -> None:
        self._prepare = prepare
        self._made: OrderedDict[tuple[int, int], Future[Made] | Made | None] = OrderedDict()
        self._workers = ThreadPoolExecutor(WORKERS, "ahead") if worthwhile else None

    def begin(self, claims: Iterable[Claim]) -> None:
        """Make ready what comes next. Raises what stands in the way of a whole edition."""
        if self._workers is None:
            return
        for claim in claims:
            key = claim.id, claim.fence
            # What a notice says is read from the store, by one thread alone.
            if claim.kind is not _DELIVERY or key in self._made:
                continue
            self._keep(key, self._workers.submit(self._prepare(claim)))

    def spare(self, claims: Sequence[Claim]) -> bool:
        """Make one message of those that come next; False where nothing is left to be made.

        They come in the order of `claims`, so as many of them are made as are held, or where
        something else is held too, the first.
        """
        if self._workers is not None:
            return False
        for place in (0, len(self._made)):
            if place >= min(MOST, len(claims)):
                return False
            claim = claims[place]
            key = claim.id, claim.fence
            if claim.kind is _DELIVERY and key not in self._made:
                self._keep(key, self._attempt(claim))
                return True
        return False

    def _attempt(self, claim: Claim) -> Made | None:
        try:
            return self._prepare(claim)()
        except Exception:  # noqa: BLE001 - it fails again in its turn, where it is answered for
            return None

    def _keep(self, key: tuple[int, int], made: Future[Made] | Made | None) -> None:
        self._made[key] = made
        if len(self._made) > MOST:
            self._made.popitem(last=False)

    def take(self, claim: Claim) -> Fill:
        """What makes this claim's message, or waits for it where it was begun."""
        if claim.kind is _DELIVERY:
            made = self._made.pop((claim.id, claim.fence), None)
            if made is not None:
                return (lambda: made) if isinstance(made, tuple) else made.result
        return self._prepare(claim)

    def made(self, claim: Claim) -> Made | None:
        """This claim's message if it can be had without waiting, and nothing is wrong with it."""
        if claim.kind is not _DELIVERY:
            return None
        key = claim.id, claim.fence
        made = self._made.pop(key, None)
        if isinstance(made, tuple):
            return made
        if made is None:
            return None if self._workers is not None else self._attempt(claim)
        if made.done() and made.exception() is None:
            return made.result()
        self._made[key] = made
        return None

    def close(self) -> None:
        """Begin nothing more, and do not wait for what was."""
        if self._workers is not None:
            self._workers.shutdown(wait=False, cancel_futures=True)
