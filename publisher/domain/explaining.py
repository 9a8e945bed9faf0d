"""What became of a message that was not accepted, in a sentence that needs no knowledge of SMTP."""

from __future__ import annotations

import re

from publisher.domain.bounce import BounceKind
from publisher.domain.delivery import DeliveryState
from publisher.domain.diagnosis import classify

_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
"""An enhanced status code (RFC 3463 §2)."""

REFUSED = {
    BounceKind.HARD: "There is no such mailbox, or it takes no mail any more.",
    BounceKind.SOFT: "The mailbox could not take it: full, or closed for now.",
    BounceKind.BLOCK: "The provider refuses mail from us, whoever it is for.",
    BounceKind.CONTENT: "The provider refused this message for what is in it, or for its size.",
}
DEFERRED = {
    BounceKind.SOFT: "The server asked us to come back later; it is tried again by itself.",
    BounceKind.BLOCK: "The provider slows us down for now; it is tried again by itself.",
    BounceKind.CONTENT: "The server did not want the message for now; it is tried again by itself.",
}
UNKNOWN = (
    "It left whole and nobody answered: it may have arrived. Staff decide; it is never repeated."
)
OURS = "It was not sent: the address, or the message, is not one that this server can take."
CALLED_OFF = "It was called off before it left."


def explain(state: DeliveryState, code: int, reply: str) -> str:
    """One sentence for a deferred, refused, unknown or cancelled message; empty for any other."""
    if state is DeliveryState.UNKNOWN:
        return UNKNOWN
    if state is DeliveryState.CANCELLED:
        return CALLED_OFF
    if state not in (DeliveryState.DEFERRED, DeliveryState.REFUSED):
        return ""
    if not code:
        return OURS if state is DeliveryState.REFUSED else DEFERRED[BounceKind.SOFT]
    found = _STATUS.search(reply)
    kind = classify(found[1] if found else "", code, reply)
    if state is DeliveryState.DEFERRED:
        return DEFERRED.get(kind, DEFERRED[BounceKind.SOFT])
    return REFUSED[kind]
