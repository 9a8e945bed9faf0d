"""An import file, row by row: people, and for every row that is none of them the reason."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import BinaryIO

from publisher.domain.journal import Journal, Newsletter
from publisher.domain.subscription import Consent, NewSubscriber
from publisher.errors import UsageError
from publisher.subscribe import addresses, cells, layouts
from publisher.subscribe.layouts import Layout
from publisher.subscribe.sheets import Sheet, open_sheet

LONGEST_CONSENT = 2000


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that is wrong, and how to mend it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Passed:
    """A row that says itself that it is not confirmed."""

    state: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that is being read. `ignored` names columns that were not understood.

    `rows` can be walked once: (row number as spreadsheets count, what it holds). Raises
    UsageError for what is wrong with the file as a whole.
    """

    layout: Layout
    ignored: tuple[str, ...]
    rows: Iterator[tuple[int, NewSubscriber | Bad | Passed]]


def read(
    file: BinaryIO, *, journal: Journal, newsletter: Newsletter, agreed: Consent, now: datetime
) -> Reading:
    """Begin to read an import file for a newsletter; see `open_sheet` and `recognise`.

    `agreed` is how these people agreed, in staff's words; a file of ours says it row by row, and
    then the wording may be empty. Raises UsageError.
    """
    sheet = open_sheet(file, layouts.is_address)
    layout = layouts.recognise(sheet.header)
    columns, ignored = layouts.columns(layout, sheet.header)
    if not agreed.wording and "wording" not in columns:
        raise UsageError(_ask(layout))
    rows = _Rows(journal, newsletter, agreed, now, layout, columns)
    return Reading(layout, ignored, rows.walk(sheet))


def statement(wording: str, origin: str, now: datetime) -> Consent:
    """What staff say of how people agreed. Raises UsageError where it says nothing."""
    said = wording.strip()
    if not said:
        raise UsageError(_ask(layouts.PLAIN))
    return _bounded(Consent(now, origin, said))


def _ask(layout: Layout) -> str:
    known = f"this is an export from {layout.name}: {layout.carries}. " if layout.carries else ""
    return (
        f"{known}say how these people agreed to be mailed, e.g. --consent "
        "'Signed the form at the clinic, spring 2026'; without consent nobody is added"
    )


def _bounded(agreed: Consent) -> Consent:
    if len(agreed.wording) > LONGEST_CONSENT:
        raise UsageError(f"the consent statement is longer than {LONGEST_CONSENT} characters")
    return agreed


class _Rows:
    """Records of one file → people. What repeats from row to row is worked out once."""

    def __init__(
        self,
        journal: Journal,
        newsletter: Newsletter,
        agreed: Consent,
        now: datetime,
        layout: Layout,
        columns: Mapping[str, int],
    ) -> None:
        self.newsletter = newsletter
        self.agreed = agreed
        self.now = now
        self.layout = layout
        self.columns = tuple(columns.items())
        self.topics = lru_cache(1000)(lambda text: addresses.topics_of(journal, newsletter, text))
        self.cadence = lru_cache(1000)(lambda text: addresses.cadence_of(newsletter, text))
        self.language = lru_cache(1000)(addresses.language_of)
        self.time_zone = lru_cache(1000)(addresses.time_zone_of)

    def walk(self, sheet: Sheet) -> Iterator[tuple[int, NewSubscriber | Bad | Passed]]:
        """Each record that is not empty."""
        width = len(sheet.header)
        for number, record in sheet.records:
            if not any(record) or not "".join(record).strip():
                continue
            try:
                yield number, self.row(record, width)
            except UsageError as error:
                yield number, Bad(str(error))

    def row(self, record: Sequence[str], width: int) -> NewSubscriber | Passed:
        """Raises UsageError with the first thing that is wrong."""
        if len(record) > width and any(cell.strip() for cell in record[width:]):
            raise UsageError(
                f"it has {len(record)} cells, the header {width}; put a cell with a "
                "separator in it in quotation marks"
            )
        here = len(record)
        given = {
            meaning: cells.restore(record[position]) if position < here else ""
            for meaning, position in self.columns
        }
        state = self.layout.state(given)
        if state is not None:
            return Passed(state)
        get = given.get
        if not given["address"].strip():
            raise UsageError("there is no address; add one, or remove the row")
        written, key = addresses.normalise(given["address"])
        self._is_ours(get("newsletter", ""))
        return NewSubscriber(
            address=written,
            key=key,
            name=addresses.name_of(get("name") or f"{get('first', '')} {get('last', '')}"),
            topics=self.topics(get("topics", "")),
            cadence=self.cadence(get("cadence", "")),
            language=self.language(get("language", "")),
            time_zone=self.time_zone(get("time_zone", "")),
            consent=self._consent(given),
        )

    def _is_ours(self, slug: str) -> None:
        if slug.strip() not in ("", self.newsletter.slug):
            raise UsageError(
                f"it is for the newsletter '{slug[:60]}', not '{self.newsletter.slug}'; export "
                "and import each newsletter by itself"
            )

    def _consent(self, given: Mapping[str, str]) -> Consent | None:
        """What the row says itself; None where that is nothing."""
        agreed = self.agreed
        if wording := given.get("wording", "").strip():
            agreed = replace(agreed, wording=wording, origin=given.get("origin") or agreed.origin)
            agreed = replace(agreed, page=given.get("page", ""), version=given.get("version", ""))
        elif not agreed.wording:
            raise UsageError(
                "it does not say what they agreed to; fill in 'consent wording', or say it for "
                "all with --consent"
            )
        if since := given.get("since", "").strip()[:10]:
            agreed = replace(agreed, origin=f"{agreed.origin} ({self.layout.name}, since {since})")
        if at := given.get("agreed_at", "").strip():
            agreed = replace(agreed, at=self._instant(at))
        if network := given.get("network", "").strip():
            agreed = replace(agreed, network=shortened(network))
        return None if agreed is self.agreed else _bounded(agreed)

    def _instant(self, text: str) -> datetime:
        """RFC 3339, or Mailchimp's own, which is in UTC."""
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise UsageError(
                f"'{text[:60]}' is no instant; write one like 2026-11-24T09:00:00+00:00"
            ) from None
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if found > self.now:
            raise UsageError("it says that they agreed in the future; mend the date")
        return found


def shortened(network: str) -> str:
    """An address as its network, which many share: /24 or /48. What is none stays as it is."""
    try:
        found = ipaddress.ip_address(network)
    except ValueError:
        return network[:100]
    length = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network((found, length), strict=False))
