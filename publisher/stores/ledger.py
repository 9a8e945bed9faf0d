"""The ledger on SQL: what is added from outside an issue, reading it, and looking it through."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, tuple_, update

from publisher.domain.ledger import Entry, Happening, Head, Seen, Verdict
from publisher.domain.ledger import mark as marked
from publisher.domain.retraction import Snapshot
from publisher.errors import StoreError
from publisher.formats import chain
from publisher.formats.chain import Broken, Row
from publisher.ports import Anchor
from publisher.stores import chaining
from publisher.stores.database import Database
from publisher.stores.glance import VERSIONS
from publisher.stores.ledger_rows import article_version, ledger
from publisher.stores.tables import issue, meta

PIECE = 1000
"""Entries, or versions, that are read or written at once: memory does not grow."""
TOLD = 200
"""Versions in one entry."""

log = logging.getLogger(__name__)


class SqlLedger:
    """`ports.Ledger` on SQL. `anchor` is the place outside where the head is noted."""

    def __init__(self, database: Database, anchor: Anchor | None) -> None:
        self._database = database
        self._anchor = anchor
        database.on_head = self._note

    # --- adding -------------------------------------------------------------------------------

    def saw(self, versions: Sequence[Seen], now: datetime) -> int:
        """Put down versions that readers may read and that are new; how many."""
        mark = marked((each.article_id, each.version) for each in versions)
        with self._database.read() as connection:
            if connection.scalar(select(meta.c.value).where(meta.c.key == VERSIONS)) == mark:
                return 0
        with self._database.change() as connection:
            fresh = _unknown(connection, versions)
            if fresh:
                connection.execute(
                    insert(article_version),
                    [
                        {"article_id": each.article_id, "version": each.version, "seen_at": now}
                        for each in fresh
                    ],
                )
            for some in _pieces(fresh, TOLD):
                told = {"articles": [_seen(each) for each in some]}
                chaining.append(connection, Happening.VERSIONS, now, told)
            _remember(connection, mark)
        return len(fresh)

    def loaded(self, snapshot: Snapshot, now: datetime) -> bool:
        """Put down which data of retractions are here; False where they were here already."""
        with self._database.change() as connection:
            last = _last(connection, Happening.SNAPSHOT)
            if last is not None and last.details["sha256"] == snapshot.sha256:
                return False
            told = {
                "as_of": snapshot.as_of.isoformat(),
                "sha256": snapshot.sha256,
                "rows": snapshot.rows,
            }
            chaining.append(connection, Happening.SNAPSHOT, now, told)
            return True

    def had_data(self) -> date | None:
        """The day of the last data of retractions that were ever here; None: never any."""
        with self._database.read() as connection:
            last = _last(connection, Happening.SNAPSHOT)
        return None if last is None else date.fromisoformat(last.details["as_of"])

    def found(self, work: str, details: Mapping[str, Any], now: datetime) -> bool:
        """Put down that a work which issues carried was retracted; False where that was known."""
        told = {"work": work, **details}
        with self._database.change() as connection:
            if any(
                entry.details.get("work") == work
                and entry.details.get("articles") == told.get("articles")
                for entry in _telling(connection, Happening.FALLEN)
            ):
                return False
            chaining.append(connection, Happening.FALLEN, now, told)
            return True

    # --- reading ------------------------------------------------------------------------------

    def head(self) -> Head | None:
        """The last entry; None while there is none."""
        with self._database.read() as connection:
            return chaining.head(connection)

    def rows(self) -> Iterator[Row]:
        """Every entry as it is stored, in order, in one snapshot."""
        with self._database.read() as connection:
            yield from _rows(connection)

    def about(self, names: Collection[str], issues: Collection[int] = ()) -> Sequence[Entry]:
        """Entries that name one of these articles, versions or works, or one of these issues."""
        wanted = frozenset(names)
        holding = [
            *map(chain.canonical, sorted(wanted)),
            *(f'"issue":{one},' for one in issues),
            *([_happening(Happening.FALLEN)] if issues else []),
        ]
        if not holding:
            return ()
        with self._database.read() as connection:
            found = [chain.parse(row) for row in _rows(connection, *holding)]
        return [
            entry
            for entry in found
            if not wanted.isdisjoint(_strings(entry.details))
            or entry.details.get("issue") in issues
            or not frozenset(entry.details.get("issues", ())).isdisjoint(issues)
        ]

    def first_seen(self, article_id: str) -> Mapping[str, datetime]:
        """Version → when it was first seen, the first first."""
        v = article_version.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(v.version, v.seen_at)
                .where(v.article_id == article_id)
                .order_by(v.seen_at, v.version)
            )
            return {row.version: row.seen_at for row in rows}

    # --- proving ------------------------------------------------------------------------------

    def verify(self, noted: str = "") -> Verdict:
        """Look through the whole chain, and compare issues with what it says of them.

        `noted`: the hash of an entry, or its beginning, that must be among them; without it the
        head that was noted outside. Raises StoreError where that cannot be read.
        """
        anchored = self._anchor.read() if self._anchor and not noted else None
        latest: dict[int, Entry] = {}
        approvals: dict[int, str] = {}
        last: Head | None = None
        met: Head | None = None
        with self._database.read() as connection:
            try:
                for entry in chain.follow(_rows(connection)):
                    last = Head(entry.number, entry.hash)
                    if noted and entry.hash.startswith(noted):
                        met = last
                    if anchored is not None and entry.number == anchored.number:
                        met = last
                    if "issue" in entry.details:
                        latest[entry.details["issue"]] = entry
                    if entry.happening is Happening.APPROVED:
                        approvals[entry.details["issue"]] = entry.details.get("by", "")
            except Broken as broken:
                return Verdict(last.number if last else 0, last, str(broken), broken.number)
            differing = _differing(connection, latest, approvals)
        wrong = _missing(noted, anchored, met, last)
        return Verdict(last.number if last else 0, last, wrong, None, differing, met)

    def accept(self, now: datetime) -> Head | None:
        """Staff's word: this ledger counts, although another head was noted outside.

        The lost head is put down; None where nothing is lost.
        """
        if self._anchor is None:
            return None
        noted = self._anchor.read()
        with self._database.change() as connection:
            if noted is None or _hash_of(connection, noted.number) == noted.hash:
                return None
            lost = {"lost": {"number": noted.number, "hash": noted.hash}}
            made = chaining.append(connection, Happening.RESTORED, now, lost)
        self._anchor.keep(made)
        return noted

    def _note(self, head: Head) -> None:
        """After a commit: note the head outside, unless what is noted there is not in the chain.

        A failure is logged and stops nobody: an older head that stays noted proves less, not
        something wrong.
        """
        if self._anchor is None:
            return
        try:
            noted = self._anchor.read()
            if noted is not None:
                if noted.number >= head.number:
                    return
                with self._database.read() as connection:
                    if _hash_of(connection, noted.number) != noted.hash:
                        log.error(
                            "the ledger is not the one whose entry %d was noted in %s: run "
                            "publisher ledger verify",
                            noted.number,
                            self._anchor.where,
                        )
                        return
            self._anchor.keep(head)
        except StoreError as error:
            log.error("%s", error)  # noqa: TRY400 - an operator's error, said in its own words


def _missing(noted: str, anchored: Head | None, met: Head | None, last: Head | None) -> str:
    """What the head that was noted outside says against this ledger."""
    number = last.number if last else 0
    if noted and met is None:
        return (
            f"no entry has the hash {noted}: the ledger was cut off before it, rewritten, or an "
            "older store was put in its place"
        )
    if anchored is None:
        return ""
    if met is None:
        return (
            f"entry {anchored.number} was noted outside and the ledger ends at {number}: its end "
            "was cut off, or an older store was put in its place (then: publisher store "
            "accept-restore)"
        )
    if met.hash != anchored.hash:
        return (
            f"entry {anchored.number} is not the one that was noted outside: the ledger was "
            "rewritten, or an older store was put in its place (then: publisher store "
            "accept-restore)"
        )
    return ""


def _differing(
    connection: Connection, latest: Mapping[int, Entry], approvals: Mapping[int, str]
) -> tuple[str, ...]:
    """Issues that are not as the ledger tells: somebody changed their rows by hand."""
    i = issue.c
    found: list[str] = []
    there: set[int] = set()
    for row in connection.execute(
        select(i.id, i.newsletter, i.number, i.state, i.hash, i.nonce, i.approved_by).order_by(i.id)
    ):
        there.add(row.id)
        entry = latest.get(row.id)
        if entry is None:
            continue  # planned before the ledger began, or a slot that made no issue
        name = f"{row.newsletter}/{row.number}"
        for what, value in (("state", row.state), ("hash", row.hash)):
            if entry.details.get(what) != value:
                found.append(
                    f"{name} has the {what} {value[:16]} in the store, and "
                    f"{str(entry.details.get(what))[:16]} in entry {entry.number}"
                )
        sealed = approvals.get(row.id)
        if row.approved_by and sealed and chain.seal(row.nonce, row.approved_by) != sealed:
            found.append(f"{name}: the name that approved it was changed afterwards")
    found += [
        f"issue {entry.details.get('name')} (entry {entry.number}) is not in the store any more"
        for issue_id, entry in latest.items()
        if issue_id not in there
    ]
    return tuple(found)


def _rows(connection: Connection, *holding: str) -> Iterator[Row]:
    """In order; `holding`: only those whose text has one of these in it."""
    after = 0
    c = ledger.c
    query = select(c.number, c.body, c.hash).order_by(c.number).limit(PIECE)
    if holding:
        query = query.where(_any([c.body.contains(each, autoescape=True) for each in holding]))
    while rows := connection.execute(query.where(c.number > after)).all():
        for row in rows:
            yield Row(row.number, row.body, row.hash)
        after = rows[-1].number


def _any(tests: Sequence[Any]) -> Any:
    found = tests[0]
    for test in tests[1:]:
        found = found | test
    return found


def _telling(connection: Connection, happening: Happening) -> Iterator[Entry]:
    for row in _rows(connection, _happening(happening)):
        yield chain.parse(row)


def _last(connection: Connection, happening: Happening) -> Entry | None:
    c = ledger.c
    row = connection.execute(
        select(c.number, c.body, c.hash)
        .where(c.body.contains(_happening(happening), autoescape=True))
        .order_by(c.number.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else chain.parse(Row(row.number, row.body, row.hash))


def _hash_of(connection: Connection, number: int) -> str | None:
    return connection.scalar(select(ledger.c.hash).where(ledger.c.number == number))


def _happening(happening: Happening) -> str:
    return f'"happening":{chain.canonical(str(happening))}'


def _strings(details: Any) -> Iterator[str]:
    if isinstance(details, Mapping):
        for value in details.values():
            yield from _strings(value)
    elif isinstance(details, list):
        for value in details:
            yield from _strings(value)
    elif isinstance(details, str):
        yield details


def _remember(connection: Connection, mark: str) -> None:
    kept = update(meta).where(meta.c.key == VERSIONS).values(value=mark)
    if not connection.execute(kept).rowcount:
        connection.execute(insert(meta).values(key=VERSIONS, value=mark))


def _unknown(connection: Connection, versions: Sequence[Seen]) -> list[Seen]:
    """Those that were never seen, each once, in order."""
    v = article_version.c
    fresh: dict[tuple[str, str], Seen] = {
        (each.article_id, each.version): each for each in versions
    }
    for some in _pieces(list(fresh), TOLD):
        for row in connection.execute(
            select(v.article_id, v.version).where(tuple_(v.article_id, v.version).in_(some))
        ).all():
            del fresh[row.article_id, row.version]
    return [fresh[key] for key in sorted(fresh)]


def _seen(each: Seen) -> dict[str, Any]:
    told: dict[str, Any] = {"id": each.article_id, "version": each.version}
    if each.acknowledged:
        told["acknowledged"] = list(each.acknowledged)
    if each.corrections:
        told["corrections"] = list(each.corrections)
    return told


def _pieces(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[at : at + size] for at in range(0, len(values), size))
