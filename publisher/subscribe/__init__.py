"""Verb: people come in by hand or by file, change and leave as they say, and are forgotten."""

from publisher.subscribe.addresses import BadAddress, name_of, normalise
from publisher.subscribe.exporting import export_csv, export_lines
from publisher.subscribe.forgetting import Farewell, forget, retain
from publisher.subscribe.joining import ImportReport, add, import_rows
from publisher.subscribe.leaving import may_undo, undo, unsubscribe
from publisher.subscribe.reading import Bad, Passed, Reading, read, statement
from publisher.subscribe.staff import Changes, confirm, end, wishes
from publisher.subscribe.suppressing import Refused, suppress_rows

__all__ = [
    "Bad",
    "BadAddress",
    "Changes",
    "Farewell",
    "ImportReport",
    "Passed",
    "Reading",
    "Refused",
    "add",
    "confirm",
    "end",
    "export_csv",
    "export_lines",
    "forget",
    "import_rows",
    "may_undo",
    "name_of",
    "normalise",
    "read",
    "retain",
    "statement",
    "suppress_rows",
    "undo",
    "unsubscribe",
    "wishes",
]
