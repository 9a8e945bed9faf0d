"""Suppressions: looked up under every form of an address, kept under one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from publisher.domain.subscription import Suppression, SuppressionReason, address_key
from publisher.formats.pepper import Pepper
from publisher.stores.database import Database
from publisher.stores.tables import suppression

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
    return True


def raise_to(connection: Connection, pepper: Pepper, new: Suppression) -> None:
    """Suppress; a bounce gives way to a graver reason, which nothing lifts by itself."""
    key = address_key(new.address)
    if add(connection, pepper, new) or new.reason is SuppressionReason.BOUNCE:
        return
    connection.execute(
        update(suppression)
        .where(
            suppression.c.key == key,
            suppression.c.reason == str(SuppressionReason.BOUNCE),
        )
        .values(reason=str(new.reason), since=new.since, note=new.note)
    )


def lift(connection: Connection, pepper: Pepper, key: str) -> Suppression | None:
    """Take it off the list; what it was, or None."""
    found = find(connection, pepper, key)
    if found is not None:
        connection.execute(delete(suppression).where(suppression.c.key.in_(pepper.forms(key))))
    return found


def lift_bounce(connection: Connection, key: str) -> None:
    """What opting in anew lifts."""
    connection.execute(
        delete(suppression).where(
            suppression.c.key == key,
            suppression.c.reason == str(SuppressionReason.BOUNCE),
        )
    )


def find(connection: Connection, pepper: Pepper, key: str) -> Suppression | None:
    """The suppression of an address (as compared), also of one that was forgotten."""
    row = connection.execute(_FOUND, {"forms": list(pepper.forms(key))}).first()
    if row is None:
        return None
    return Suppression(row.address, SuppressionReason(row.reason), row.since, row.note)


def hide(connection: Connection, pepper: Pepper, key: str, forgotten: Suppression) -> None:
    """Leave of an address nothing but its hash."""
    connection.execute(delete(suppression).where(suppression.c.key.in_(pepper.forms(key))))
    connection.execute(insert(suppression).values(_row(pepper.hashed(key), "", forgotten)))


def _row(key: str, address: str, new: Suppression) -> Mapping[str, object]:
    return {
        "key": key,
        "address": address,
        "reason": str(new.reason),
        "since": new.since,
        "note": new.note,
    }


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
            return [
                (
                    row.key,
                    Suppression(row.address, SuppressionReason(row.reason), row.since, row.note),
                )
                for row in connection.execute(query)
            ]

    def remove(self, key: str) -> Suppression | None:
        """Let an address be mailed again, if it subscribes; what it was suppressed for, or None."""
        with self._database.change() as connection:
            return lift(connection, self._pepper, key)
