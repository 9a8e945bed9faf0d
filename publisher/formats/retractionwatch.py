"""The Retraction Watch data as Crossref publishes them: CSV, one row a notice.

Source: the data set's user guide (https://retractionwatch.com/retraction-watch-database-user-guide/).
Dates are written `6/28/2018 0:00` (month first); what is missing is empty, `0` or `unavailable`;
reasons are separated by semicolons, some led by a plus sign.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

from publisher.domain.retraction import Event, Nature
from publisher.errors import UsageError
from publisher.formats import identifiers

COLUMNS = (
    *("Record ID", "RetractionDate", "RetractionDOI", "OriginalPaperDOI"),
    *("OriginalPaperPubMedID", "RetractionNature", "Reason"),
)
"""What is needed of a row; the other columns may be there or not."""
FIELD = 1024 * 1024
"""Characters of the longest field that is believed."""
_DATES = ("%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y-%m-%d", "%m/%d/%Y %I:%M:%S %p")
_NATURES = {str(nature): nature for nature in Nature if nature is not Nature.OTHER}
_REPLACED = re.compile(r"retract(?:ion)?\s+and\s+replace", re.IGNORECASE)
_NAMED = re.compile(r"replace|republish", re.IGNORECASE)
_DOI = re.compile(r"10\.\d{4,9}/[^\s<>\"\\^`{|};]+")


class NotTheData(UsageError):
    """The file is not Retraction Watch's CSV, or only a part of it."""


def decoded(lines: Iterable[bytes]) -> Iterator[str]:
    """Lines as text: UTF-8, and a line that is not so as Windows-1252, as it was typed."""
    first = True
    for raw in lines:
        line = raw.removeprefix(b"\xef\xbb\xbf") if first else raw
        first = False
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("cp1252", "replace")
        yield text.replace("\0", "")


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """The notices, one a row, in the order of the file; nothing is kept of what was read.

    Raises NotTheData for another file, and for one that ends in the middle of a row.
    """
    before = csv.field_size_limit(FIELD)
    try:
        rows = csv.reader(lines, strict=True)
        header = [name.strip() for name in next(rows, [])]
        if missing := [name for name in COLUMNS if name not in header]:
            raise NotTheData(
                f"this is not Retraction Watch's CSV: it has no column {', '.join(missing)}"
            )
        for row in rows:
            if not any(row):
                continue
            if len(row) != len(header):
                raise NotTheData(
                    f"the row that ends on line {rows.line_num:,} has {len(row)} fields instead of "
                    f"{len(header)}: the file is cut off or damaged"
                )
            yield event(dict(zip(header, row, strict=True)))
    except csv.Error as wrong:
        raise NotTheData(
            f"the file cannot be read to its end, so it may be cut off: {wrong}"
        ) from None
    finally:
        csv.field_size_limit(before)


def event(row: Mapping[str, str]) -> Event:
    """One row as a value. What cannot be read is not there."""
    reasons = _reasons(row["Reason"])
    doi = work_doi(row["OriginalPaperDOI"])
    notice = work_doi(row["RetractionDOI"])
    replaced = any(_REPLACED.search(reason) for reason in reasons)
    return Event(
        record=_number(row["Record ID"]),
        nature=_NATURES.get(" ".join(row["RetractionNature"].lower().split()), Nature.OTHER),
        on=_day(row["RetractionDate"]),
        doi=doi,
        pmid=identifiers.pmid(row["OriginalPaperPubMedID"]),
        notice=notice if notice != doi else None,
        reasons=reasons,
        replaced=replaced,
        replacement=_replacement(row.get("Notes", ""), doi) if replaced else None,
    )


def work_doi(text: str) -> str | None:
    """A DOI as compared (lower case), however it is spelt; None for `unavailable`."""
    lead = identifiers.DOI_LEAD.match(text.strip())
    value = text.strip()[lead.end() :] if lead else text.strip()
    value = value.rstrip(".,; ").lower()
    if not value.startswith("10.") or "/" not in value or len(value) > identifiers.DOI_LENGTH:
        return None
    return value


def _reasons(text: str) -> tuple[str, ...]:
    parts = (part.strip().lstrip("+").strip() for part in text.split(";"))
    return tuple(part for part in parts if part)


def _replacement(notes: str, own: str | None) -> str | None:
    """The DOI that the notes name as what took the work's place, where they do."""
    if not (lead := _NAMED.search(notes)):
        return None
    found = (work_doi(each[0]) for each in _DOI.finditer(notes, lead.end()))
    return next((doi for doi in found if doi and doi != own), None)


def _number(text: str) -> int:
    return int(text) if text.strip().isascii() and text.strip().isdigit() else 0


def _day(text: str) -> date | None:
    for form in _DATES:
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a civil date
        except ValueError:
            continue
    return None
