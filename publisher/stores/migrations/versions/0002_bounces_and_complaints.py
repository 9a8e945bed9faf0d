"""What mail systems tell afterwards: bounces and complaints.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()  # microseconds since 1970 UTC


def upgrade() -> None:
    """Two tables, and an index to find refusals by."""
    _news(
        "bounce",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
    )
    _news("complaint", sa.Column("feedback", sa.Text(), nullable=False))
    op.create_index(
        "delivery_refused",
        "delivery",
        ["settled_at"],
        unique=False,
        sqlite_where=sa.text("state = 'refused'"),
        postgresql_where=sa.text("state = 'refused'"),
    )


def _news(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("delivery_id", ID, nullable=True),
        sa.Column("notice_id", ID, nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        *columns,
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", name=f"{name}_key"),
        sqlite_autoincrement=True,
    )
    for column in ("delivery_id", "notice_id"):
        op.create_index(f"ix_{name}_{column}", name, [column], unique=False)


def downgrade() -> None:
    """Forget the news; the suppressions that came of it stay."""
    op.drop_index("delivery_refused", table_name="delivery")
    op.drop_table("complaint")
    op.drop_table("bounce")
