"""Verb: people come in by hand or by file, and leave when they say so."""

from publisher.subscribe.addresses import BadAddress, normalise
from publisher.subscribe.exporting import export_csv, export_lines
from publisher.subscribe.joining import ImportReport, add, import_rows
from publisher.subscribe.leaving import may_undo, undo, unsubscribe
from publisher.subscribe.reading import Parsed, Row, parse_csv

__all__ = [
    "BadAddress",
    "ImportReport",
    "Parsed",
    "Row",
    "add",
    "export_csv",
    "export_lines",
    "import_rows",
    "may_undo",
    "normalise",
    "parse_csv",
    "undo",
    "unsubscribe",
]
