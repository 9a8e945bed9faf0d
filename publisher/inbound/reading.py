"""What a mail says, and which of our signatures it bears. Pure: nothing is looked up here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from publisher.domain.bounce import BounceKind
from publisher.domain.delivery import OutboxKind
from publisher.domain.diagnosis import classify
from publisher.formats import dsn, mime, nonstandard
from publisher.formats.dsn import Action, Notification
from publisher.formats.mime import Part
from publisher.formats.nonstandard import Sort
from publisher.formats.verp import Verp

ADDRESSES = 50
"""Addresses of one mail that are looked at for a signature."""

_TO_US = (
    "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to", "cc",
)  # fmt: skip
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'@]{1,64}@[^\s<>()\[\],;:\"'@]{1,255}")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure, classified."""

    kind: BounceKind
    status: str
    code: int
    text: str


def failure_of(notification: Notification, mail: Part) -> Failure | None:
    """The failure that a notification tells of; None where it only tells of a delay or success."""
    failed = [report for report in notification.reports if report.action is Action.FAILED]
    if not failed:
        return None
    report = failed[0]
    status = report.status
    text = report.text
    if not text and (not status or status.endswith(".0")):
        text = _words(mail)  # some reporters give the server's words only in the part for people
    return Failure(classify(status, report.code, text), status, report.code, text)


def odd_failure(raw: bytes, mail: Part) -> Failure | None:
    """The failure that a bounce without a standard's form tells of, or None: it is no bounce."""
    sort = nonstandard.find(raw, mail)
    if sort is None:
        return None
    text = _words(mail)
    status, code = dsn.status_in(text), dsn.code_in(text)
    kind = classify(status, code, text)
    if sort is Sort.TEMPORARY and kind is BounceKind.HARD:
        kind = BounceKind.SOFT
    return Failure(kind, status, code, text)


def signed(addresses: Iterable[str], verp: Verp | None) -> tuple[OutboxKind, int] | None:
    """The message that one of these addresses was the envelope sender of, if we signed it."""
    if verp is None:
        return None
    return next((found for one in addresses if (found := verp.read(one)) is not None), None)


def addressed(mail: Part, recipients: Sequence[str]) -> Sequence[str]:
    """Whom a mail came to: as the envelope says, else as its header does."""
    found = list(recipients)
    for name in _TO_US:
        for value in mail.every(name):
            found += addresses(value)
    return found[:ADDRESSES]


def addresses(value: str) -> Sequence[str]:
    """The addresses in a header's value."""
    return _ADDRESS.findall(value)[:ADDRESSES]


def key(mail: Part, raw: bytes) -> str:
    """The same for the same mail however often it comes: of its Message-ID, else of all of it."""
    seed = mail.first("message-id").strip().encode("utf-8", "replace") or raw[: mime.READ]
    return f"mail:{hashlib.sha256(seed).hexdigest()[:32]}"


def _words(mail: Part) -> str:
    part = mail.find("text/plain") or mail.find("text/html")
    return (part or mail).text()[:2000]
