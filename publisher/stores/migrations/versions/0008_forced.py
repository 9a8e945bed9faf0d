"""What was set aside for an issue, by whom and why.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column of JSON."""
    op.add_column("issue", sa.Column("forced", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """What was set aside would be forgotten."""
    op.drop_column("issue", "forced")
