"""Suppressions: looked up under every form of an address, kept under one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from publisher.domain.subscription import Lift, Suppression, SuppressionReason, address_key
from publisher.formats.pepper import MARK, Pepper
from publisher.formats.watermark import Entry
from publisher.stores.database import Database
from publisher.stores.departing import departed
from publisher.stores.tables import lifting, suppression

_FORMS: BindParameter[str] = bindparam("forms", expanding=True)
_FOUND = select(suppression).where(suppression.c.key.in_(_FORMS))
_MOST = 10_000
"""Forms in one statement: below SQLite's 32,766 parameters."""


def reasons(
    connection: Connection, pepper: Pepper, keys: Collection[str]
) -> Mapping[str, SuppressionReason]:
    """Those of `keys` (addresses as compared) that are never mailed, and why."""
    owners = {form: key for key in keys for form in pepper.forms(key)}
    every = list(owners)
    found: dict[str, SuppressionReason] = {}
    for start in range(0, len(every), _MOST):
        for row in connection.execute(_FOUND, {"forms": every[start : start + _MOST]}):
            found[owners[row.key]] = SuppressionReason(row.reason)
    return found


def add(connection: Connection, pepper: Pepper, new: Suppression) -> bool:
    """False when the address is suppressed already, under whatever form."""
    key = address_key(new.address)
    if reasons(connection, pepper, [key]):
        return False
    connection.execute(insert(suppression).values(_row(key, new.address, new)))
    departed(connection, Entry.SUPPRESSED, [(key, str(new.reason))], new.since)
    return True


def add_form(connection: Connection, form: str, new: Suppression) -> bool:
    """As `add`, for an address of which only a keyed hash is known."""
    if connection.scalar(select(func.count()).where(suppression.c.key == form)):
        return False
    connection.execute(insert(suppression).values(_row(form, "", new)))
    return True


def raise_to(connection: Connection, pepper: Pepper, new: Suppression) -> None:
    """Suppress; what opting in lifts gives way to what only staff lift."""
    if add(connection, pepper, new) or new.reason.lifted_by_opting_in:
        return
    connection.execute(
        update(suppression)
        .where(_yields(pepper, address_key(new.address)))
        .values(reason=str(new.reason), since=new.since, note=new.note)
    )


def lift(
    connection: Connection, pepper: Pepper, key: str, at: datetime, by: str, why: str
) -> Suppression | None:
    """Take it off the list, on record; what it was, or None."""
    row = connection.execute(_FOUND, {"forms": list(pepper.forms(key))}).first()
    if row is None:
        return None
    connection.execute(delete(suppression).where(suppression.c.key == row.key))
    was = {"key": row.key, "reason": row.reason, "since": row.since, "note": row.note}
    connection.execute(insert(lifting).values(**was, at=at, by=by, why=why))
    return _value(row)


def lifts(connection: Connection, pepper: Pepper, key: str) -> Sequence[Lift]:
    """What was lifted of an address by staff, the first first."""
    query = select(lifting).where(lifting.c.key.in_(_FORMS)).order_by(lifting.c.id)
    return [
        Lift(
            Suppression("", SuppressionReason(row.reason), row.since, row.note),
            row.at,
            row.by,
            row.why,
        )
        for row in connection.execute(query, {"forms": list(pepper.forms(key))})
    ]


def opt_in(connection: Connection, pepper: Pepper, key: str) -> None:
    """Lift what opting in anew lifts."""
    connection.execute(delete(suppression).where(_yields(pepper, key)))


def _yields(pepper: Pepper, key: str) -> ColumnElement[bool]:
    reasons = [str(each) for each in SuppressionReason if each.lifted_by_opting_in]
    return and_(suppression.c.key.in_(pepper.forms(key)), suppression.c.reason.in_(reasons))


def find(connection: Connection, pepper: Pepper, key: str) -> Suppression | None:
    """The suppression of an address (as compared), also of one that was forgotten."""
    row = connection.execute(_FOUND, {"forms": list(pepper.forms(key))}).first()
    return None if row is None else _value(row)


def erase(connection: Connection, pepper: Pepper, key: str, kept: Suppression | None) -> None:
    """Leave of an address nothing, or the hash that `kept` needs. Raises SettingsError."""
    forms = pepper.forms(key)
    connection.execute(delete(lifting).where(lifting.c.key.in_(forms)))
    if kept is None:
        return
    connection.execute(delete(suppression).where(suppression.c.key.in_(forms)))
    connection.execute(insert(suppression).values(_row(pepper.hashed(key), "", kept)))


def _row(key: str, address: str, new: Suppression) -> Mapping[str, object]:
    return {
        "key": key,
        "address": address,
        "reason": str(new.reason),
        "since": new.since,
        "note": new.note,
    }


def _value(row: Row[Any]) -> Suppression:
    return Suppression(row.address, SuppressionReason(row.reason), row.since, row.note)


class SqlSuppressions:
    """`ports.Suppressions` on SQL."""

    def __init__(self, database: Database, pepper: Pepper) -> None:
        self._database = database
        self._pepper = pepper

    def add(self, new: Suppression) -> bool:
        """Never mail this address again; False when it was suppressed already."""
        with self._database.change() as connection:
            return add(connection, self._pepper, new)

    def find(self, key: str) -> Suppression | None:
        """The suppression of an address (as compared), also of one that was forgotten."""
        with self._database.read() as connection:
            return find(connection, self._pepper, key)

    def list(self, after: str = "", limit: int = 1000) -> Sequence[tuple[str, Suppression]]:
        """A page of (form, suppression) in order of form; `address` is empty for the forgotten."""
        c = suppression.c
        query = select(suppression).where(c.key > after).order_by(c.key).limit(limit)
        with self._database.read() as connection:
            return [(row.key, _value(row)) for row in connection.execute(query)]

    def add_many(self, new: Sequence[Suppression], *, dry_run: bool = False) -> int:
        """`add` for many; how many were not suppressed already."""
        with self._database.change(keep=not dry_run) as connection:
            known = reasons(connection, self._pepper, [address_key(each.address) for each in new])
            fresh = {address_key(each.address): each for each in reversed(new)}
            rows = [
                _row(key, each.address, each) for key, each in fresh.items() if key not in known
            ]
            if rows:
                connection.execute(insert(suppression), rows)
            if rows and not dry_run:
                gone = [(key, str(each.reason)) for key, each in fresh.items() if key not in known]
                departed(connection, Entry.SUPPRESSED, gone, max(each.since for each in new))
            return len(rows)

    def lift(self, key: str, at: datetime, by: str, why: str) -> Suppression | None:
        """Let an address be mailed again, if it subscribes; what it was suppressed for, or None.

        Who did so, and why, stays on record.
        """
        with self._database.change() as connection:
            return lift(connection, self._pepper, key, at, by, why)

    def lifts(self, key: str) -> Sequence[Lift]:
        """What staff lifted of an address (as compared), the first first."""
        with self._database.read() as connection:
            return lifts(connection, self._pepper, key)

    def counts(self) -> Mapping[str, int]:
        """Reason → number."""
        query = select(suppression.c.reason, func.count()).group_by(suppression.c.reason)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def missing_keys(self) -> frozenset[str]:
        """Ids of keys that hashes were made with and that are not given: these know nobody."""
        query = select(suppression.c.key).where(
            suppression.c.key.like(f"{MARK}%"),
            *(~suppression.c.key.like(f"{MARK}{key_id}:%") for key_id, _ in self._pepper.keys),
        )
        with self._database.read() as connection:
            return self._pepper.unknown(connection.scalars(query.limit(_MOST)))
