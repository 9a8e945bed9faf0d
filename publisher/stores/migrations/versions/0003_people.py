"""What people ask for through forms, and why and for how long they stay away.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()  # microseconds since 1970 UTC
EMPTY = sa.text("''")


def upgrade() -> None:
    """A table of requests, and columns for consent and wishes."""
    op.create_table(
        "request",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("subscriber_id", ID, nullable=True),
        sa.Column("choices", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("mailed", sa.Boolean(), nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_id", name="request_token"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_request_subscriber_id", "request", ["subscriber_id"])
    op.create_index("request_key", "request", ["key", "at"])
    op.create_index("request_network", "request", ["network", "at"])
    op.create_index("request_at", "request", ["at"])
    for name in ("page", "network", "version"):
        op.add_column("consent", sa.Column(name, sa.Text(), nullable=False, server_default=EMPTY))
    op.add_column("subscription", sa.Column("paused_until", INSTANT, nullable=True))
    op.add_column(
        "subscription", sa.Column("reason", sa.Text(), nullable=False, server_default=EMPTY)
    )


def downgrade() -> None:
    """Forget the requests; who was forgotten stays so."""
    op.drop_table("request")
    with op.batch_alter_table("subscription") as table:
        table.drop_column("paused_until")
        table.drop_column("reason")
    with op.batch_alter_table("consent") as table:
        for name in ("page", "network", "version"):
            table.drop_column(name)
