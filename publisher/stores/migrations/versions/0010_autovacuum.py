"""Clean up after deliveries early, in PostgreSQL.

Revision ID: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# By default PostgreSQL cleans a table up once a fifth of it is dead. A delivery is written four
# times (planned, claimed, sending, accepted), its state is in an index, and issues of years stay:
# among 50,000,000 rows, three issues of 1,000,000 would be sent over their own dead rows first, and
# each claim would wade through them. A fiftieth of that is the issue that is being sent. Counts by
# state read the index alone once the pages of new rows are known to be visible to all, so inserts
# count as well. The order waits for no reader and no writer (SHARE UPDATE EXCLUSIVE).
# (https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM)
SETTINGS = {
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_insert_scale_factor": "0.01",
    "autovacuum_analyze_scale_factor": "0.01",
}


def upgrade() -> None:
    """Settings of one table; SQLite has none."""
    if op.get_bind().dialect.name == "postgresql":
        settings = ", ".join(f"{name} = {value}" for name, value in SETTINGS.items())
        op.execute(f"ALTER TABLE delivery SET ({settings})")


def downgrade() -> None:
    """As the server does with any table."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE delivery RESET ({', '.join(SETTINGS)})")
