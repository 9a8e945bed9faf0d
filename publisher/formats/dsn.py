"""Delivery status notifications (RFC 3464), as servers really write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from publisher.formats import mime
from publisher.formats.mime import Part

RECIPIENTS = 50
"""Groups of one notification that are read; ours have one recipient each."""

_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)", re.ASCII)
_CODE = re.compile(r"(?:^|[^\d.])([245]\d\d)(?:[ -]|$)", re.ASCII)


class Action(StrEnum):
    """RFC 3464 §2.3.3. Only FAILED is a bounce."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one recipient.

    `status` is the most telling enhanced code or empty, `code` the reply code or 0, `text` the
    receiving server's own words. `recipients` are the addresses named, original ones first.
    """

    action: Action
    status: str
    code: int
    text: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notification:
    """A whole notification; `envelope_id` is what our MAIL FROM gave as ENVID (RFC 3461 §4.4)."""

    envelope_id: str
    reports: tuple[Report, ...]


def find(mail: Part) -> Notification | None:
    """The notification that this mail is, or None for any other mail."""
    part = mail.find("message/delivery-status", "message/global-delivery-status")
    if part is None:
        return None
    groups = [mime.fields(group) for group in re.split(rb"\r?\n[ \t]*\r?\n", part.content.strip())]
    about = dict(groups[0]) if groups else {}
    reports = [
        report for group in groups[: RECIPIENTS + 1] if (report := _report(dict(group))) is not None
    ]
    return Notification(_xtext(about.get("original-envelope-id", "")), tuple(reports))


def status_in(text: str) -> str:
    """The first enhanced code of a failure in a text, or empty."""
    match = _STATUS.search(text)
    return match[1] if match else ""


def code_in(text: str) -> int:
    """The first SMTP reply code of a failure in a text, or 0."""
    return next((int(found) for found in _CODE.findall(text) if found[0] in "45"), 0)


def _report(group: dict[str, str]) -> Report | None:
    """One group of fields; the per-message group has no action."""
    try:
        action = Action(group.get("action", "").split(";")[0].split("(")[0].strip().lower())
    except ValueError:
        return None
    said = group.get("diagnostic-code", "")
    text = said.partition(";")[2].strip() if ";" in said[:20] else said
    # The receiving server's own code is in its words; Status is what the reporter made of it.
    status = _more_telling(status_in(text), status_in(group.get("status", "")))
    named = (_address(group.get(name, "")) for name in ("original-recipient", "final-recipient"))
    return Report(action, status, code_in(text), text, tuple(one for one in named if one))


def _more_telling(said: str, reported: str) -> str:
    """The server's own code, unless it says nothing (x.0.0) and the reporter's does."""
    if said and (not said.endswith(".0.0") or not reported):
        return said
    return reported


def _address(value: str) -> str:
    """`rfc822;name@example.org` → the address; other kinds of address are none to us."""
    kind, _, address = value.partition(";")
    if kind.strip().lower() not in ("rfc822", "utf-8"):
        return ""
    return _xtext(address.strip().strip("<>"))


def _xtext(value: str) -> str:
    """RFC 3461 §4: `+2B` stands for a plus. Most servers undo it, some do not."""
    return re.sub(r"\+([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), value.strip())


def named(reports: Sequence[Report]) -> tuple[str, ...]:
    """Every address that the reports name, once, in order."""
    return tuple(dict.fromkeys(one for report in reports for one in report.recipients))
