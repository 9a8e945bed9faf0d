"""The ledger, which is only ever added to, and the versions of articles that were seen.

Revision ID: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INSTANT = sa.BigInteger()  # microseconds since 1970 UTC
SQLITE = (
    (
        "CREATE TRIGGER ledger_update BEFORE UPDATE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END"
    ),
    (
        "CREATE TRIGGER ledger_delete BEFORE DELETE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END"
    ),
    (
        "CREATE TRIGGER ledger_insert BEFORE INSERT ON ledger "
        "WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM ledger) "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END"
    ),
)
POSTGRESQL = (
    (
        "CREATE FUNCTION ledger_only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is only ever added to'; END $$"
    ),
    (
        "CREATE TRIGGER ledger_rows BEFORE UPDATE OR DELETE ON ledger "
        "FOR EACH ROW EXECUTE FUNCTION ledger_only_added_to()"
    ),
    (
        "CREATE TRIGGER ledger_all BEFORE TRUNCATE ON ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_added_to()"
    ),
)


def upgrade() -> None:
    """Two tables, and the triggers that keep one of them as it is."""
    op.create_table(
        "ledger",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "article_version",
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("article_id", "version"),
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """Forget what happened."""
    op.drop_table("article_version")
    op.drop_table("ledger")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_only_added_to()")
