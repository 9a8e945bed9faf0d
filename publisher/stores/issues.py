"""Issues and editions: what is asked of them, and the steps that staff and time take."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select, update

from publisher.domain.delivery import OPEN, DeliveryState
from publisher.domain.forcing import Forcing
from publisher.domain.issue import (
    Edition,
    Issue,
    IssueEvent,
    IssueKind,
    IssueState,
    Shaping,
    SlotId,
    combined_hash,
    step,
)
from publisher.domain.retraction import Cited
from publisher.errors import NotAllowed, NotFound
from publisher.ports import TROUBLE, Group, NewIssue, Trouble, Turnover
from publisher.stores import (
    chaining,
    citing,
    forcing,
    issue_rows,
    planning,
    trouble,
    turnover,
    waking,
)
from publisher.stores.database import Database
from publisher.stores.tables import (
    delivery,
    edition,
    edition_article,
    issue,
    issue_article,
    state_is,
    subscription,
)

_UNSENT = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.DEFERRED)


class SqlIssues:
    """`ports.Issues` on SQL. `host` is the right-hand side of Message-IDs."""

    def __init__(self, database: Database, host: str) -> None:
        self._database = database
        self._host = host

    def find(self, slot: SlotId) -> Issue | None:
        """The issue of this slot that is not cancelled."""
        with self._database.read() as connection:
            found = issue_rows.load(connection, select(issue).where(planning.slot_is(slot)))
        return found[0] if found else None

    def get(self, issue_id: int) -> Issue:
        """One issue with its counts. Raises NotFound."""
        with self._database.read() as connection:
            return get(connection, issue_id)

    def list(
        self, newsletter: str | None = None, states: Sequence[IssueState] = (), limit: int = 100
    ) -> Sequence[Issue]:
        """Issues, newest first, with their counts; `states` empty means all."""
        query = select(issue).order_by(issue.c.id.desc()).limit(limit)
        if newsletter is not None:
            query = query.where(issue.c.newsletter == newsletter)
        if states:
            query = query.where(issue.c.state.in_([str(state) for state in states]))
        with self._database.read() as connection:
            return issue_rows.load(connection, query)

    def next_number(self, newsletter: str) -> int:
        """One more than the highest number given so far (cancelled ones included)."""
        query = select(func.max(issue.c.number)).where(issue.c.newsletter == newsletter)
        with self._database.read() as connection:
            return (connection.scalar(query) or 0) + 1

    def carried(self, newsletter: str, cadence: str) -> frozenset[str]:
        """Ids of articles that issues of this newsletter and cadence carried.

        What a cancelled or skipped issue held was sent to nobody; what staff dropped, neither.
        """
        query = (
            select(issue_article.c.article_id)
            .join(issue)
            .where(
                issue.c.newsletter == newsletter,
                issue.c.cadence == cadence,
                ~state_is(issue.c.state, IssueState.CANCELLED, IssueState.SKIPPED),
                ~issue_article.c.dropped,
            )
        )
        with self._database.read() as connection:
            return frozenset(connection.scalars(query))

    def slot_range(
        self, newsletter: str, kind: IssueKind, cadence: str
    ) -> tuple[datetime, datetime] | None:
        """Instants of the first and last slot on record (skipped included, cancelled not)."""
        query = select(func.min(issue.c.slot_at), func.max(issue.c.slot_at)).where(
            issue.c.newsletter == newsletter,
            issue.c.kind == str(kind),
            issue.c.cadence == cadence,
            ~state_is(issue.c.state, IssueState.CANCELLED),
        )
        with self._database.read() as connection:
            first, last = connection.execute(query).one()
        return None if first is None else (first, last)

    def groups(
        self, newsletter: str, cadence: str, default_cadence: str, slot_at: datetime
    ) -> Sequence[Group]:
        """Confirmed, unsuppressed subscriptions of this cadence that do not pause at the slot.

        Grouped, in a stable order.
        """
        with self._database.read() as connection:
            return planning.groups(connection, newsletter, cadence, default_cadence, slot_at)

    def create(self, plan: NewIssue) -> Issue:
        """Issue, editions and deliveries in one transaction, or the slot's issue as it is.

        Raises NumberTaken.
        """
        return self.get(planning.create(self._database, plan))

    def skip(self, slot: SlotId, slot_at: datetime, reason: str, now: datetime) -> Issue:
        """Record that a slot made no issue; an issue that is there already is returned as it is."""
        return self.get(planning.skip(self._database, slot, slot_at, reason, now))

    def editions(self, issue_id: int) -> Sequence[Edition]:
        """The editions of an issue, in order of id."""
        with self._database.read() as connection:
            return [
                found
                for found, _ in issue_rows.editions(connection, edition.c.issue_id == issue_id)
            ]

    def edition(self, edition_id: int) -> tuple[Edition, Issue]:
        """One edition and its issue. Raises NotFound."""
        with self._database.read() as connection:
            found = issue_rows.editions(connection, edition.c.id == edition_id)
            if not found:
                raise NotFound(f"there is no edition {edition_id}")
            return found[0][0], get(connection, found[0][1])

    def reshape(
        self,
        issue_id: int,
        shaping: Shaping,
        editions: Sequence[Edition],
        now: datetime,
        cited: Sequence[Cited] = (),
    ) -> Issue:
        """Replace editions by id and return the issue to draft (the event EDIT).

        An edition with no articles left cancels its deliveries with the reason `no topics`.
        Raises NotFound, NotAllowed.
        """
        with self._database.change() as connection:
            take_step(connection, issue_id, IssueEvent.EDIT, now, tell=False)
            for new in editions:
                _replace(connection, issue_id, new, now)
            citing.write(connection, cited)
            whole = tuple(
                e for e, _ in issue_rows.editions(connection, edition.c.issue_id == issue_id)
            )
            connection.execute(
                update(issue)
                .where(issue.c.id == issue_id)
                .values(
                    shaping=planning.shaping_text(shaping),
                    hash=combined_hash(whole),
                    subject=shaping.subject or (whole[0].subject if whole else ""),
                )
            )
            connection.execute(
                update(issue_article)
                .where(issue_article.c.issue_id == issue_id)
                .values(dropped=issue_article.c.article_id.in_(shaping.dropped))
            )
            chaining.moved(connection, issue_id, IssueEvent.EDIT, now)
            return get(connection, issue_id)

    def move(
        self,
        issue_id: int,
        event: IssueEvent,
        now: datetime,
        *,
        by: str | None = None,
        reason: str | None = None,
        seen: str = "",
    ) -> Issue:
        """Take one step of the issue's state table. Raises NotFound, NotAllowed."""
        with self._database.change() as connection:
            take_step(connection, issue_id, event, now, by=by, reason=reason, seen=seen)
            return get(connection, issue_id)

    def force(self, issue_id: int, forced: Sequence[Forcing]) -> Issue:
        """Put on record what was set aside for an issue, each rule once. Raises NotFound."""
        with self._database.change() as connection:
            if new := forcing.add(connection, issue_id, forced):
                chaining.forced(connection, issue_id, [each.rule for each in new], new[0].at)
            return get(connection, issue_id)

    def turnover(
        self,
        issue_id: int,
        default_cadence: str,
        categories: Collection[str],
        earlier: tuple[int, Collection[str]] | None = None,
    ) -> Turnover:
        """Who joined and who left the audience; see the port. Raises NotFound."""
        with self._database.read() as connection:
            return turnover.count(connection, issue_id, default_cadence, categories, earlier)

    def trouble(
        self,
        issue_id: int,
        limit: int = 50,
        *,
        states: Collection[DeliveryState] = TROUBLE,
        after: int = 0,
    ) -> Sequence[Trouble]:
        """Deliveries in `states` that were not accepted, in order of id, from beyond `after` on."""
        with self._database.read() as connection:
            return trouble.find(connection, self._host, issue_id, states, after, limit)


def get(connection: Connection, issue_id: int) -> Issue:
    """One issue with its counts. Raises NotFound."""
    found = issue_rows.load(connection, select(issue).where(issue.c.id == issue_id))
    if not found:
        raise NotFound(f"there is no issue {issue_id}: see `publisher issue list`")
    return found[0]


def take_step(
    connection: Connection,
    issue_id: int,
    event: IssueEvent,
    now: datetime,
    *,
    by: str | None = None,
    reason: str | None = None,
    seen: str = "",
    tell: bool = True,
) -> IssueState:
    """Move an issue and all that hangs on the move; the new state. Raises NotFound, NotAllowed.

    The ledger is told, unless the caller does so once all of it is done.
    """
    row = connection.execute(
        select(issue.c.state, issue.c.released_at, issue.c.hash)
        .where(issue.c.id == issue_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no issue {issue_id}: see `publisher issue list`")
    state = step(IssueState(row.state), event)
    if not row.hash.startswith(seen):
        raise NotAllowed(
            f"issue {issue_id} is not the one you looked at: it was edited since, and its hash is "
            f"{row.hash[:12]} now; look at it again"
        )
    changes: dict[str, Any] = {"state": str(state)}
    if reason is not None or event is IssueEvent.RESUME:
        changes["reason"] = reason
    if event is IssueEvent.APPROVE:
        changes |= {"approved_at": now, "approved_by": by}
    elif event is IssueEvent.EDIT:
        changes |= {"approved_at": None, "approved_by": None}
    elif event is IssueEvent.RELEASE:
        changes["released_at"] = now
        _cancel_erased(connection, issue_id, now)
    elif event is IssueEvent.FINISH:
        _nothing_open(connection, issue_id)
        changes["finished_at"] = now
    elif event is IssueEvent.REOPEN:
        changes["finished_at"] = None
    elif event is IssueEvent.CANCEL:
        _cancel_unsent(connection, issue_id, now)
    connection.execute(update(issue).where(issue.c.id == issue_id).values(changes))
    if state is IssueState.SENDING:
        waking.tell_of_issue(connection, issue_id)
    if tell:
        chaining.moved(connection, issue_id, event, now, by)
    return state


def _nothing_open(connection: Connection, issue_id: int) -> None:
    still = connection.scalar(
        select(func.count())
        .select_from(delivery)
        .where(delivery.c.issue_id == issue_id, state_is(delivery.c.state, *OPEN))
    )
    if still:
        raise NotAllowed(
            f"issue {issue_id} still has {still} messages on their way: "
            "wait for them, or cancel the issue"
        )


def _cancel_unsent(connection: Connection, issue_id: int, now: datetime) -> None:
    connection.execute(
        update(delivery)
        .where(delivery.c.issue_id == issue_id, state_is(delivery.c.state, *_UNSENT))
        .values(
            state=str(DeliveryState.CANCELLED),
            reason="issue cancelled",
            settled_at=now,
            due_at=None,
            leased_by=None,
            leased_until=None,
        )
    )


def _cancel_erased(connection: Connection, issue_id: int, now: datetime) -> None:
    """Readers who were erased in the very moment in which the issue was planned.

    Planning saw them still, and erasing them saw no delivery yet. In SQLite only one of the two
    writes at a time; PostgreSQL looks at all rows once, here, instead of at each as it is planned.
    """
    if connection.dialect.name == "sqlite":
        return
    connection.execute(
        update(delivery)
        .where(
            delivery.c.issue_id == issue_id,
            delivery.c.subscription_id.is_not(None),
            ~exists().where(subscription.c.id == delivery.c.subscription_id),
        )
        .values(
            subscription_id=None,
            state=str(DeliveryState.CANCELLED),
            reason="forgotten",
            settled_at=now,
            due_at=None,
        )
    )


def _replace(connection: Connection, issue_id: int, new: Edition, now: datetime) -> None:
    changed = connection.execute(
        update(edition)
        .where(edition.c.id == new.id, edition.c.issue_id == issue_id)
        .values(
            language=new.language,
            subject=new.subject,
            preheader=new.preheader,
            html=new.html,
            text=new.text,
        )
    )
    if changed.rowcount != 1 or new.id is None:
        raise NotFound(f"issue {issue_id} has no edition {new.id}")
    connection.execute(edition_article.delete().where(edition_article.c.edition_id == new.id))
    planning.write_edition_articles(connection, new.id, new.articles)
    if not new.articles:
        connection.execute(
            update(delivery)
            .where(
                delivery.c.issue_id == issue_id,
                delivery.c.edition_id == new.id,
                state_is(delivery.c.state, *_UNSENT),
            )
            .values(state=str(DeliveryState.CANCELLED), reason="no topics", settled_at=now)
        )
