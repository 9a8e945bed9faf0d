"""The schema in the design's words: one table a word, instants as microseconds since 1970 UTC.

`delivery` and `notice` share the columns of the outbox, so that one set of statements serves
both. Ids are never used twice: a claim or a Message-ID of a row that is gone must not fit
another one. A foreign key says what belongs to what, for joins too; which database keeps it up
stands in the migrations.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Microseconds since 1970 UTC, exact. TypeError for a naive datetime."""
    return (at - EPOCH) // _TICK


def instant(value: int) -> datetime:
    """The aware UTC datetime of `micros`."""
    return EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime as an integer: exact, ordered, and small in an index."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Aware datetime → microseconds."""
        return None if value is None else micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Microseconds → aware UTC datetime."""
        return None if value is None else instant(value)


# SQLite makes only an INTEGER primary key its rowid.
Id = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()


def state_value(state: StrEnum) -> ColumnElement[str]:
    """`state` written into the SQL: one value less to hand over with each row."""
    return literal_column(f"'{state.value}'", Text)


def state_is(column: ColumnElement[str], *states: StrEnum) -> ColumnElement[bool]:
    """`column` is one of `states`, written into the SQL: partial indexes need literals."""
    values = [state_value(state) for state in sorted(states)]
    return column == values[0] if len(values) == 1 else column.in_(values)


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


UNDER_WAY = ("leased_by", "leased_until", "due_at")
"""Columns of the outbox that are empty once a message is settled."""


def _outbox() -> Iterable[Column[Any]]:
    """What a message on its way out needs, whatever it is."""
    return (
        Column("state", Text, nullable=False),
        Column("fence", BigInteger, nullable=False, server_default=text("0")),
        Column("leased_by", Text),
        Column("leased_until", Instant),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("first_due_at", Instant),  # a delivery's is its issue's release, unless set here
        Column("due_at", Instant),
        Column("settled_at", Instant),
        Column("code", Integer, nullable=False, server_default=text("0")),
        Column("reply", Text, nullable=False, server_default=text("''")),
        Column("reason", Text),
    )


meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

issue = Table(
    "issue",
    metadata,
    _id(),
    Column("newsletter", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("cadence", Text, nullable=False),
    Column("slot_key", Text, nullable=False),
    Column("slot_at", Instant, nullable=False),
    Column("number", Integer),
    Column("nonce", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("planned_at", Instant, nullable=False),
    Column("approved_at", Instant),
    Column("approved_by", Text),
    Column("released_at", Instant),
    Column("finished_at", Instant),
    Column("audience", Integer, nullable=False, server_default=text("0")),
    Column("hash", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("transport", Text, nullable=False),
    Column("shaping", Text, nullable=False),  # JSON
    Column("waiting", Text, nullable=False),  # JSON: article ids
    Column("excluded", Text, nullable=False),  # JSON: reason → number
    Column("forced", Text, nullable=False, server_default=text("'[]'")),  # JSON
    UniqueConstraint("newsletter", "number", name="issue_number"),
    sqlite_autoincrement=True,
)
Index(
    "issue_slot",
    issue.c.newsletter,
    issue.c.kind,
    issue.c.cadence,
    issue.c.slot_key,
    unique=True,
    sqlite_where=text("state <> 'cancelled'"),
    postgresql_where=text("state <> 'cancelled'"),
)
Index("issue_state", issue.c.state)

issue_article = Table(
    "issue_article",
    metadata,
    Column("issue_id", ForeignKey("issue.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("article_id", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("dropped", Boolean, nullable=False, server_default=text("false")),
)

edition = Table(
    "edition",
    metadata,
    _id(),
    Column("issue_id", ForeignKey("issue.id"), nullable=False, index=True),
    Column("language", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("preheader", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("text", Text, nullable=False),
    sqlite_autoincrement=True,
)

edition_article = Table(
    "edition_article",
    metadata,
    Column("edition_id", ForeignKey("edition.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("article_id", Text, nullable=False),
    Column("version", Text, nullable=False),
    Index("edition_article_version", "article_id", "version"),
)

# One row for each key of each source, so that a retraction leads to whoever received the claim.
article_source = Table(
    "article_source",
    metadata,
    Column("article_id", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("source_key", Text, primary_key=True),
    Column("name", Text, primary_key=True),  # `doi:…`, `pmid:…`; empty where it has neither
    Column("title", Text, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
)
Index("article_source_name", article_source.c.name)

subscriber = Table(
    "subscriber",
    metadata,
    _id(),
    Column("address", Text, nullable=False),
    Column("key", Text, nullable=False),  # the address as compared
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("key", name="subscriber_key"),
    sqlite_autoincrement=True,
)

subscription = Table(
    "subscription",
    metadata,
    _id(),
    Column("subscriber_id", ForeignKey("subscriber.id"), nullable=False),
    Column("newsletter", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("token_id", Text, nullable=False),
    Column("topics", Text),  # sorted JSON, so that equal choices are equal text; NULL: all
    Column("cadence", Text),
    Column("language", Text),
    Column("time_zone", Text),
    Column("created_at", Instant, nullable=False),
    Column("confirmed_at", Instant),
    Column("unsubscribed_at", Instant),
    Column("paused_until", Instant),
    Column("reason", Text, nullable=False, server_default=text("''")),  # why they left
    UniqueConstraint("subscriber_id", "newsletter", name="subscription_of"),
    UniqueConstraint("token_id", name="subscription_token"),
    sqlite_autoincrement=True,
)
# An audience is a range of this index for each group: hundreds of groups cost one pass together.
Index(
    "subscription_group",
    subscription.c.newsletter,
    subscription.c.state,
    subscription.c.cadence,
    subscription.c.topics,
    subscription.c.language,
)

consent = Table(
    "consent",
    metadata,
    _id(),
    Column("subscription_id", ForeignKey("subscription.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("origin", Text, nullable=False),
    Column("wording", Text, nullable=False),
    Column("page", Text, nullable=False, server_default=text("''")),
    Column("network", Text, nullable=False, server_default=text("''")),
    Column("version", Text, nullable=False, server_default=text("''")),
    sqlite_autoincrement=True,
)

# What a form was filled in with, until its link is followed; swept when that can be no more.
request = Table(
    "request",
    metadata,
    _id(),
    Column("token_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("network", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("subscriber_id", ForeignKey("subscriber.id", ondelete="CASCADE"), index=True),
    Column("choices", Text, nullable=False),  # JSON
    Column("page", Text, nullable=False),
    Column("wording", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("mailed", Boolean, nullable=False),
    Column("used_at", Instant),
    UniqueConstraint("token_id", name="request_token"),
    sqlite_autoincrement=True,
)
Index("request_key", request.c.key, request.c.at)
Index("request_network", request.c.network, request.c.at)
Index("request_at", request.c.at)

delivery = Table(
    "delivery",
    metadata,
    _id(),
    Column("issue_id", ForeignKey("issue.id"), nullable=False),
    # NULL once the person is forgotten: the counts stay, whom they were about does not.
    Column("subscription_id", ForeignKey("subscription.id", ondelete="SET NULL")),
    Column("edition_id", ForeignKey("edition.id"), nullable=False),
    Column("departs_at", Instant),  # the slot's time where the reader lives; NULL: with its issue
    *_outbox(),
    # In this order it also finds what a leaving reader must no longer get.
    UniqueConstraint("subscription_id", "issue_id", name="delivery_once"),
    sqlite_autoincrement=True,
)
# Claims walk it in order of id (what is due has no `due_at` any more); counts by state are read
# from it alone.
Index("delivery_state", delivery.c.issue_id, delivery.c.state, delivery.c.due_at, delivery.c.id)
Index(
    "delivery_due",
    delivery.c.due_at,
    sqlite_where=text("due_at IS NOT NULL"),
    postgresql_where=text("due_at IS NOT NULL"),
)
# Refusals are looked through again and again for those not yet judged.
Index(
    "delivery_refused",
    delivery.c.settled_at,
    sqlite_where=text("state = 'refused'"),
    postgresql_where=text("state = 'refused'"),
)

# The shelf: deliveries of issues that are long over, so that the table above holds what is under
# way and what came of it lately.
shelved = Table(
    "shelved",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # as it was in `delivery`
    Column("issue_id", ForeignKey("issue.id"), nullable=False),
    Column("subscription_id", ForeignKey("subscription.id", ondelete="SET NULL")),
    Column("edition_id", ForeignKey("edition.id"), nullable=False),
    Column("departs_at", Instant),
    *(each for each in _outbox() if each.name not in UNDER_WAY),
    UniqueConstraint("subscription_id", "issue_id", name="shelved_once"),
)
Index("shelved_state", shelved.c.issue_id, shelved.c.state)

# How many of them, so that an issue's counts need not be counted again.
shelved_count = Table(
    "shelved_count",
    metadata,
    Column("issue_id", ForeignKey("issue.id"), primary_key=True),
    Column("state", Text, primary_key=True),
    Column("number", Integer, nullable=False),
)

notice = Table(
    "notice",
    metadata,
    _id(),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("address_key", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("newsletter", Text),
    Column("transport", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    *_outbox(),
    UniqueConstraint("key", name="notice_key"),
    sqlite_autoincrement=True,
)
Index("notice_state", notice.c.state, notice.c.id)
Index("notice_address", notice.c.address_key)

suppression = Table(
    "suppression",
    metadata,
    Column("key", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("note", Text, nullable=False),
)

# What staff lifted, and why. `key` is that of the suppression.
lifting = Table(
    "lifting",
    metadata,
    _id(),
    Column("key", Text, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    sqlite_autoincrement=True,
)

# No foreign key keeps a person's messages from being unlinked: news about them stays countable.
bounce = Table(
    "bounce",
    metadata,
    _id(),
    Column("delivery_id", Id, index=True),  # in `delivery`, or on the shelf
    Column("notice_id", ForeignKey("notice.id", ondelete="SET NULL"), index=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("code", Integer, nullable=False),
    Column("reply", Text, nullable=False),
    Column("key", Text, nullable=False),
    UniqueConstraint("key", name="bounce_key"),
    sqlite_autoincrement=True,
)

complaint = Table(
    "complaint",
    metadata,
    _id(),
    Column("delivery_id", Id, index=True),  # in `delivery`, or on the shelf
    Column("notice_id", ForeignKey("notice.id", ondelete="SET NULL"), index=True),
    Column("at", Instant, nullable=False),
    Column("feedback", Text, nullable=False),
    Column("key", Text, nullable=False),
    UniqueConstraint("key", name="complaint_key"),
    sqlite_autoincrement=True,
)

sighting = Table(
    "sighting",
    metadata,
    Column("article_id", Text, primary_key=True),
    Column("seen_at", Instant, nullable=False),
)

# What is known of transports and of those they bring mail to, over restarts and between workers.
breaker = Table(
    "breaker",
    metadata,
    Column("transport", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("since", Instant, nullable=False),
    Column("probe_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
)

backoff = Table(
    "backoff",
    metadata,
    Column("transport", Text, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("sent_at", Instant),
)

# What a destination may still be sent, as all workers share it: one row for each, in `state`; `at`
# is when it was touched last. What stands in it, `limiting/allowance.py` knows.
allowance = Table(
    "allowance",
    metadata,
    Column("transport", Text, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("state", Text, nullable=False),
)
