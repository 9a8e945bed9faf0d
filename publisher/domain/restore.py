"""What it comes to when an older store is put in place of the one that mail was sent from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Replayed:
    """Departures that the store had lost: `left` subscriptions ended, `suppressed` addresses.

    `forgotten`: (address, reason) of people who are suppressed now and are to be erased anew.
    """

    left: int = 0
    suppressed: int = 0
    forgotten: tuple[tuple[str, str], ...] = ()
