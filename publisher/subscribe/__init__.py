"""Verb: people come in, choose and leave as they say, by form, hand or file, and are forgotten."""

from publisher.subscribe.addresses import BadAddress, name_of, normalise
from publisher.subscribe.admissible import Door
from publisher.subscribe.choosing import BadField, choices, paused_until, zones
from publisher.subscribe.exporting import export_csv, export_lines
from publisher.subscribe.forgetting import Farewell, forget, retain
from publisher.subscribe.joining import ImportReport, add, import_rows
from publisher.subscribe.leaving import (
    all_of,
    give_reason,
    may_undo,
    undo,
    unsubscribe,
    unsubscribe_all,
)
from publisher.subscribe.reading import Bad, Passed, Reading, read, statement
from publisher.subscribe.reception import Reception
from publisher.subscribe.staff import Changes, confirm, end, wishes
from publisher.subscribe.suppressing import Refused, suppress_rows

__all__ = [
    "Bad",
    "BadAddress",
    "BadField",
    "Changes",
    "Door",
    "Farewell",
    "ImportReport",
    "Passed",
    "Reading",
    "Reception",
    "Refused",
    "add",
    "all_of",
    "choices",
    "confirm",
    "end",
    "export_csv",
    "export_lines",
    "forget",
    "give_reason",
    "import_rows",
    "may_undo",
    "name_of",
    "normalise",
    "paused_until",
    "read",
    "retain",
    "statement",
    "suppress_rows",
    "undo",
    "unsubscribe",
    "unsubscribe_all",
    "wishes",
    "zones",
]
