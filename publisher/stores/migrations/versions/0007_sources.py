"""The sources of every article version that went into an issue.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of sources."""
    op.create_table(
        "article_source",
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("article_id", "version", "source_key", "name"),
    )
    op.create_index("article_source_name", "article_source", ["name"])
    op.create_index("edition_article_version", "edition_article", ["article_id", "version"])


def downgrade() -> None:
    """Forget the sources."""
    op.drop_index("edition_article_version", "edition_article")
    op.drop_table("article_source")
