"""A file of addresses that must never be mailed, other services' exports included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from publisher.domain.subscription import Suppression, SuppressionReason
from publisher.errors import BadRows, UsageError
from publisher.ports import Suppressions
from publisher.subscribe import addresses, cells, layouts
from publisher.subscribe.joining import NAMED
from publisher.subscribe.sheets import open_sheet

BATCH = 5_000

REASONS = {
    "cleaned": SuppressionReason.BOUNCE,
    "bounced": SuppressionReason.BOUNCE,
    "bounce": SuppressionReason.BOUNCE,
    "complained": SuppressionReason.COMPLAINT,
    "complaint": SuppressionReason.COMPLAINT,
    "spam": SuppressionReason.COMPLAINT,
}
"""What a file calls it, and what we do; everything else is staff's word."""


@dataclass(slots=True)
class Refused:
    """How many addresses are suppressed now (`new`), were before, are readers in the file's own
    words (`confirmed`: left alone), or are wrong: (row number, reason), the first 1,000.
    """

    new: int = 0
    known: int = 0
    confirmed: int = 0
    wrong: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)


def suppress_rows(
    suppressions: Suppressions,
    file: BinaryIO,
    note: str,
    now: datetime,
    *,
    name: str = "",
    partial: bool = False,
    dry_run: bool = False,
) -> Refused:
    """Suppress every address of a file; of one that names states, those that are not confirmed.

    Read twice: a wrong row refuses the whole file (BadRows) unless `partial`; `name` is what
    errors call it. Raises UsageError.
    """
    report = Refused()
    for _ in _read(file, note, now, report):
        pass
    if report.bad and not partial:
        raise BadRows(
            f"wrong rows: {report.wrong:,}, so nobody was suppressed; mend them, or take the "
            "others with --partial",
            report.bad,
            name,
        )
    file.seek(0)
    batch: list[Suppression] = []
    for each in _read(file, note, now, Refused()):
        batch.append(each)
        if len(batch) == BATCH:
            _keep(suppressions, batch, report, dry_run)
            batch = []
    _keep(suppressions, batch, report, dry_run)
    return report


def _keep(
    suppressions: Suppressions, batch: list[Suppression], report: Refused, dry_run: bool
) -> None:
    new = suppressions.add_many(batch, dry_run=dry_run)
    report.new += new
    report.known += len(batch) - new


def _read(file: BinaryIO, note: str, now: datetime, report: Refused) -> Iterator[Suppression]:
    sheet = open_sheet(file, layouts.is_address)
    layout = layouts.recognise(sheet.header)
    columns, _ = layouts.columns(layout, sheet.header)
    states = bool({"state", "left", "cleaned", "deleted"}.intersection(columns))
    for number, record in sheet.records:
        given = {
            meaning: cells.restore(record[position]) if position < len(record) else ""
            for meaning, position in columns.items()
        }
        if not given["address"].strip():
            continue
        try:
            state = _state(layout, given)
            if states and state is None:
                report.confirmed += 1
                continue
            written, _ = addresses.normalise(given["address"])
        except UsageError as error:
            report.wrong += 1
            if len(report.bad) < NAMED:
                report.bad.append((number, str(error)))
            continue
        reason = REASONS.get(state or "", SuppressionReason.STAFF)
        yield Suppression(written, reason, now, f"{note} ({state})" if state else note)


def _state(layout: layouts.Layout, given: layouts.Given) -> str | None:
    """Words for a bounce or a complaint are states here, too."""
    word = given.get("state", "").strip().casefold()
    return word if word in REASONS else layout.state(given)
