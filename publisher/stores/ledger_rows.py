"""The ledger's tables: rows are added to one of them, and never changed.

Triggers see to that in either database; whoever owns the database can take them away, and is
found out by the chain of hashes (`formats/chain.py`) and by the head that was noted outside.
"""

from __future__ import annotations

from sqlalchemy import DDL, BigInteger, Column, Table, Text, event

from publisher.stores.tables import Instant, metadata

ledger = Table(
    "ledger",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

# Versions of articles that were seen where readers could read them, and since when.
article_version = Table(
    "article_version",
    metadata,
    Column("article_id", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("seen_at", Instant, nullable=False),
)

TRIGGERS = (
    (
        "CREATE TRIGGER ledger_update BEFORE UPDATE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END"
    ),
    (
        "CREATE TRIGGER ledger_delete BEFORE DELETE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END"
    ),
    # INSERT OR REPLACE deletes without asking the trigger above: only the next number may come.
    (
        "CREATE TRIGGER ledger_insert BEFORE INSERT ON ledger "
        "WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM ledger) "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END"
    ),
)
for _trigger in TRIGGERS:
    _ddl = DDL(_trigger)  # type: ignore[no-untyped-call]  # it says nothing of its types
    event.listen(ledger, "after_create", _ddl.execute_if(dialect="sqlite"))
