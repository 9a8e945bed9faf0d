"""When the last message left for a destination that takes one a minute.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column, microseconds since 1970 UTC."""
    op.add_column("backoff", sa.Column("sent_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """It is learnt again within a minute."""
    with op.batch_alter_table("backoff") as table:
        table.drop_column("sent_at")
