"""Limits that all workers keep together.

Revision ID: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INSTANT = sa.BigInteger()  # microseconds since 1970 UTC


def upgrade() -> None:
    """One row for each destination instead of one for each of its minutes."""
    op.create_table(
        "allowance",
        sa.Column("transport", sa.Text(), primary_key=True),
        sa.Column("destination", sa.Text(), primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
    )
    op.drop_index("usage_minute", "usage")
    op.drop_table("usage")


def downgrade() -> None:
    """What was let go within a day is forgotten."""
    op.drop_table("allowance")
    op.create_table(
        "usage",
        sa.Column("transport", sa.Text(), primary_key=True),
        sa.Column("destination", sa.Text(), primary_key=True),
        sa.Column("minute", INSTANT, primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
    )
    op.create_index("usage_minute", "usage", ["minute"])
