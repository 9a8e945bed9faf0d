"""Verb: drain the outbox through the transports, and lose or repeat nothing.

One thread for each open connection does nothing but send; the ledger, in the caller's
thread, alone talks to the store. A connection hands over what became of its last message
and asks for the next; one commit settles the last and journals the next of several.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from publisher.dispatch.composing import Composer
from publisher.dispatch.ledger import Ledger
from publisher.dispatch.report import Bounds, Failed, Limited, Paused, Progress, Report
from publisher.dispatch.travel import Travel
from publisher.domain.journal import Journal
from publisher.formats.dkim import UNSIGNED, Signers
from publisher.formats.verp import Verp
from publisher.ports import Issues, Notices, Outbox, Transport

__all__ = ["Bounds", "Dispatcher", "Failed", "Limited", "Paused", "Progress", "Report", "Travel"]


def _unwatched() -> None:
    """For callers without a watermark."""


def _open(_issue_id: int) -> str | None:
    """Whoever has no gate lets everything pass: for callers that asked already."""
    return None


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Everything that sending needs. `keys` sign tokens: (key id, secret), the first one signs.

    `clock` gives the present instant (aware UTC), `jitter` a number in [0, 1). `worker` names
    this process among all that ever drain the same outbox (a restarted one needs a new name, or
    it would keep its dead self's leases alive). `bounce_address` is the envelope
    sender; without it the newsletter's or the journal's own address is. `verp` makes that one
    of each message's own. `signers` add DKIM. `gate` says of an issue why it must not go on,
    if so; it is asked before every commit that starts messages, so it must be quick.
    `leaving` is called before the messages of a batch may leave. `travel`
    holds routes and limits.
    """

    journal: Journal
    keys: tuple[tuple[str, bytes], ...]
    outbox: Outbox
    issues: Issues
    notices: Notices
    transports: Mapping[str, Transport]
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    worker: str
    bounds: Bounds = field(default_factory=Bounds)
    bounce_address: str | None = None
    signers: Signers = UNSIGNED
    verp: Verp | None = None
    gate: Callable[[int], str | None] = _open
    travel: Travel = field(default_factory=Travel)
    leaving: Callable[[], None] = _unwatched

    def drain(
        self,
        stop: threading.Event,
        issue_id: int | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Report:
        """Send what may be sent now (`issue_id`: of that issue alone) and return.

        Set `stop` to end early: nothing more is started, what is under way is finished within
        `bounds.grace`, the rest goes back to the queue. Trouble with a transport or an issue
        is in the report, for the caller to tell staff. Raises StoreError where the store
        fails for longer than `bounds.patience`, and whatever a transport or template raises
        that it should not; either way every message is settled, given back or left to lapse.
        """
        composer = Composer(
            self.journal,
            self.keys,
            self.issues,
            self.notices,
            self.bounce_address,
            self.signers,
            self.verp,
        )
        ledger = Ledger(
            outbox=self.outbox,
            issues=self.issues,
            transports=self.transports,
            travel=self.travel,
            composer=composer,
            clock=self.clock,
            jitter=self.jitter,
            worker=self.worker,
            bounds=self.bounds,
            only=issue_id,
            stop=stop,
            on_progress=on_progress,
            gate=self.gate,
            leaving=self.leaving,
        )
        return ledger.drain()
