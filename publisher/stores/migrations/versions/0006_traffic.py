"""What is known of transports and destinations.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.BigInteger()  # microseconds since 1970 UTC


def upgrade() -> None:
    """Three small tables."""
    op.create_table(
        "breaker",
        sa.Column("transport", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("probe_at", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_table(
        "backoff",
        sa.Column("transport", sa.Text(), primary_key=True),
        sa.Column("destination", sa.Text(), primary_key=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "usage",
        sa.Column("transport", sa.Text(), primary_key=True),
        sa.Column("destination", sa.Text(), primary_key=True),
        sa.Column("minute", INSTANT, primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
    )
    op.create_index("usage_minute", "usage", ["minute"])


def downgrade() -> None:
    """All of it would be learnt again."""
    for table in ("usage", "backoff", "breaker"):
        op.drop_table(table)
