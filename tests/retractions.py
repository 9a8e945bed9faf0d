"""Rows in the layout of Retraction Watch's CSV, made by hand and by the thousand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

COLUMNS = (
    *("Record ID", "Title", "Subject", "Institution", "Journal", "Publisher", "Country", "Author"),
    *("URLS", "ArticleType", "RetractionDate", "RetractionDOI", "RetractionPubMedID"),
    *("OriginalPaperDate", "OriginalPaperDOI", "OriginalPaperPubMedID", "RetractionNature"),
    *("Reason", "Paywalled", "Notes"),
)
SAMPLE = Path(__file__).parent / "data" / "retraction_watch.csv"
"""Hand-made: three real retracted works, and the oddities that the real file has."""


def row(record: int, **values: Any) -> dict[str, str]:
    """One row; `doi`, `pmid`, `title` and the like by short names."""
    short = {
        "doi": "OriginalPaperDOI",
        "pmid": "OriginalPaperPubMedID",
        "nature": "RetractionNature",
        "on": "RetractionDate",
        "notice": "RetractionDOI",
        "reason": "Reason",
        "notes": "Notes",
        "title": "Title",
    }
    made = dict.fromkeys(COLUMNS, "") | {
        "Record ID": str(record),
        "Title": f"Work {record}",
        "RetractionDate": "6/4/2020 0:00",
        "RetractionDOI": "unavailable",
        "RetractionPubMedID": "0",
        "OriginalPaperDOI": f"10.5555/work.{record}",
        "OriginalPaperPubMedID": "0",
        "RetractionNature": "Retraction",
        "Reason": "+Investigation by Journal/Publisher;",
        "Paywalled": "No",
    }
    return made | {short[name]: str(value) for name, value in values.items()}


def text(rows: Iterable[dict[str, str]]) -> str:
    """A whole file."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write(path: Path, rows: Iterable[dict[str, str]]) -> Path:
    """The file at `path`."""
    path.write_text(text(rows), "utf-8", newline="")
    return path


def many(number: int) -> Iterator[dict[str, str]]:
    """Synthetic rows: every tenth paper has two, some lack ids, reasons are long."""
    for record in range(1, number + 1):
        paper = record - 1 if record % 10 == 0 else record
        yield row(
            record,
            doi=f"10.5555/Work.{paper}" if paper % 7 else "unavailable",
            pmid=20_000_000 + paper if paper % 3 else 0,
            nature=("Retraction", "Expression of concern", "Correction")[record % 3],
            reason="+Concerns/Issues about Data;+Investigation by Journal/Publisher;" * 3,
            notes="See also: https://example.org/notice " * 5,
        )
