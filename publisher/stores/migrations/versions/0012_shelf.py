"""A shelf for deliveries of issues that are long over, and deliveries that no key holds up.

Revision ID: 0012
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()  # microseconds since 1970 UTC

# PostgreSQL looks each row of a planned issue up three times and locks what it finds, which took
# most of the time that planning takes. Issues and editions are never deleted; a person who is
# erased while an issue is planned is looked for once, when it is released. SQLite has one writer,
# to whom this cannot happen, checks in a fraction of the time, and keeps its keys.
KEYS = {
    "delivery_issue_id_fkey": ("issue_id", "issue", None),
    "delivery_subscription_id_fkey": ("subscription_id", "subscription", "SET NULL"),
    "delivery_edition_id_fkey": ("edition_id", "edition", None),
}
TEXT, NUMBER = sa.Text(), sa.Integer()
NEWS: dict[str, dict[str, Any]] = {
    "bounce": {"kind": TEXT, "source": TEXT, "status": TEXT, "code": NUMBER, "reply": TEXT},
    "complaint": {"feedback": TEXT},
}
SHELVED = "id, issue_id, subscription_id, edition_id, departs_at, state, fence, attempts, "
SHELVED += "first_due_at, settled_at, code, reply, reason"


def upgrade() -> None:
    """Two tables. News of a delivery stay where they are when it moves to the shelf."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    _shelf(keys=not postgresql)
    if postgresql:
        for name in KEYS:
            op.drop_constraint(name, "delivery", type_="foreignkey")
        for table in NEWS:
            op.drop_constraint(f"{table}_delivery_id_fkey", table, type_="foreignkey")
    else:
        for table in NEWS:
            _rebuild(table, to_delivery=False)


def _shelf(*, keys: bool) -> None:
    kept = KEYS.values() if keys else ()
    op.create_table(
        "shelved",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("issue_id", ID, nullable=False),
        sa.Column("subscription_id", ID, nullable=True),
        sa.Column("edition_id", ID, nullable=False),
        sa.Column("departs_at", INSTANT, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_due_at", INSTANT, nullable=True),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.Column("code", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reply", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], ondelete=gone)
            for column, table, gone in kept
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subscription_id", "issue_id", name="shelved_once"),
    )
    op.create_index("shelved_state", "shelved", ["issue_id", "state"], unique=False)
    op.create_table(
        "shelved_count",
        sa.Column("issue_id", ID, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"]),
        sa.PrimaryKeyConstraint("issue_id", "state"),
    )


def _rebuild(name: str, *, to_delivery: bool) -> None:
    """SQLite can't drop a foreign key: a new table takes the place of the old one.

    Nothing refers to either, so that no key of another table notices.
    """
    given = op.get_bind().scalar(
        sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": name}
    )
    keys = [sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], ondelete="SET NULL")]
    if to_delivery:
        keys.append(sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], ondelete="SET NULL"))
    op.create_table(
        f"{name}_new",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("delivery_id", ID, nullable=True),
        sa.Column("notice_id", ID, nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        *(sa.Column(column, kind, nullable=False) for column, kind in NEWS[name].items()),
        sa.Column("key", sa.Text(), nullable=False),
        *keys,
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", name=f"{name}_key"),
        sqlite_autoincrement=True,
    )
    columns = ", ".join(["id", "delivery_id", "notice_id", "at", *NEWS[name]])
    op.execute(f"INSERT INTO {name}_new ({columns}, key) SELECT {columns}, key FROM {name}")  # noqa: S608 - our own names
    op.drop_table(name)
    op.rename_table(f"{name}_new", name)
    for column in ("delivery_id", "notice_id"):
        op.create_index(f"ix_{name}_{column}", name, [column], unique=False)
    if given is not None:  # ids are never used twice, not even those of rows that are gone
        op.execute(f"UPDATE sqlite_sequence SET seq = {int(given)} WHERE name = '{name}'")  # noqa: S608 - a number


def downgrade() -> None:
    """Everything back into one table."""
    op.execute(f"INSERT INTO delivery ({SHELVED}) SELECT {SHELVED} FROM shelved")  # noqa: S608 - our own names
    op.drop_table("shelved_count")
    op.drop_table("shelved")
    if op.get_bind().dialect.name == "postgresql":
        for name, (column, table, gone) in KEYS.items():
            op.create_foreign_key(name, "delivery", table, [column], ["id"], ondelete=gone)
        for news in NEWS:
            name = f"{news}_delivery_id_fkey"
            op.create_foreign_key(
                name, news, "delivery", ["delivery_id"], ["id"], ondelete="SET NULL"
            )
    else:
        for news in NEWS:
            _rebuild(news, to_delivery=True)
