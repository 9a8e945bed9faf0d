"""When a delivery leaves by its reader's own clock, and indexes that know what waits.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WAITS = sa.text("due_at IS NOT NULL")
DEFERRED = sa.text("state = 'deferred'")


def upgrade() -> None:
    """A column, and the two indexes that claims and sweeps walk."""
    op.add_column("delivery", sa.Column("departs_at", sa.BigInteger(), nullable=True))
    op.drop_index("delivery_state", "delivery")
    op.drop_index("delivery_due", "delivery")
    op.create_index("delivery_state", "delivery", ["issue_id", "state", "due_at", "id"])
    op.create_index(
        "delivery_due", "delivery", ["due_at"], sqlite_where=WAITS, postgresql_where=WAITS
    )


def downgrade() -> None:
    """Whatever still waits for its reader's time is due with its issue."""
    op.execute("UPDATE delivery SET due_at = NULL WHERE state = 'queued'")
    op.drop_index("delivery_state", "delivery")
    op.drop_index("delivery_due", "delivery")
    op.create_index("delivery_state", "delivery", ["issue_id", "state", "id"])
    op.create_index(
        "delivery_due", "delivery", ["due_at"], sqlite_where=DEFERRED, postgresql_where=DEFERRED
    )
    with op.batch_alter_table("delivery") as table:
        table.drop_column("departs_at")
