"""What a server means by "not now": only one of the meanings is that we come too fast."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum

_STATUS = re.compile(r"\b4\.(\d{1,3})\.\d{1,3}\b")
_GREY = re.compile(r"gr[ae]y[ -]?list|postgrey", re.IGNORECASE)
_FAST = re.compile(
    r"too (?:many|fast|much)|rate[ -]?limit|throttl|slow down|concurren|unusual rate"
    r"|(?:connection|message|sending) (?:rate|limit|frequency)",
    re.IGNORECASE,
)
_FULL = re.compile(r"quota|mailbox|disk|storage|space", re.IGNORECASE)
_CLOCK = re.compile(r"\b(\d{1,2}):([0-5]\d):([0-5]\d)\b")
_SPELL = re.compile(
    r"\b(\d{1,5}) ?(s(?:ec)?|m(?:in)?|h)(?:onds?|utes?|ours?|rs?)?\b", re.IGNORECASE
)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


class Deferral(StrEnum):
    """The meanings of a 4yz reply that are acted upon differently."""

    GREYLISTED = "greylisted"  # it wants to see us come back: from the same place, a little later
    RATE = "rate"  # we are too many or too fast for it: fewer connections, fewer messages
    OTHER = "other"


def meaning(code: int, reply: str) -> Deferral:
    """What a reply that defers means. `reply` holds the enhanced code, if there is one.

    RATE is 421 (RFC 5321 §3.8), any 4.7.x (RFC 3463: policy) and words that say so; greylisting
    often bears the same codes and is none.
    """
    if _GREY.search(reply):
        return Deferral.GREYLISTED
    status = _STATUS.search(reply)
    if status is not None:
        if status[1] == "7":
            return Deferral.RATE
        if status[1] == "2":  # the mailbox, and nobody else's
            return Deferral.OTHER
    if 400 <= code < 500 and _FAST.search(reply) and not _FULL.search(reply):
        return Deferral.RATE
    return Deferral.RATE if code == 421 and status is None else Deferral.OTHER


def asked(reply: str) -> timedelta:
    """How long greylisting says to wait (`00:05:00`, `300 seconds`, `5 min`); 0: it does not."""
    if not _GREY.search(reply):
        return timedelta(0)
    if clock := _CLOCK.search(reply):
        hours, minutes, seconds = (int(part) for part in clock.groups())
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if spell := _SPELL.search(reply):
        return timedelta(**{_UNITS[spell[2][0].lower()]: int(spell[1])})
    return timedelta(0)
