"""What the log hears of single messages: those that were refused or never answered, by id alone."""

from __future__ import annotations

import logging

from publisher.domain.delivery import DeliveryEvent, OutboxKind, Settlement

log = logging.getLogger("publisher.dispatch")

_SAID = {DeliveryEvent.REFUSE: "refused", DeliveryEvent.LOSE: "unknown"}


def tell(settlement: Settlement) -> None:
    """One line for what staff may have to look at; `extra` names the issue and the delivery."""
    what = _SAID.get(settlement.event)
    if what is None:
        return
    claim = settlement.claim
    ids = {} if claim.issue_id is None else {"issue": claim.issue_id, "delivery": claim.id}
    kind = "delivery" if claim.kind is OutboxKind.DELIVERY else "notice"
    said = f"{settlement.code or ''} {settlement.reply}".strip()
    log.info("%s %d: %s (%s)", kind, claim.id, what, said, extra=ids)


def told(issue_id: int | None, count: int) -> None:
    """A worker stopped before it could note the answers to `count` messages."""
    ids = {} if issue_id is None else {"issue": issue_id}
    log.info("%d unknown: their worker stopped before it could note an answer", count, extra=ids)
