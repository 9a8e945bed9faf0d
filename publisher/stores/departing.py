"""Departures, written down outside the store before it says so itself (`guarding.py`)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from publisher.errors import StoreError
from publisher.formats.watermark import Entry, Line
from publisher.ports import Watermark
from publisher.stores.tables import meta

WATERMARK = "publisher_watermark"
"""The execution option that holds the watermark."""

_NUMBER = "watermark"
log = logging.getLogger(__name__)


def departed(
    connection: Connection,
    entry: Entry,
    people: Sequence[tuple[str, str]],
    now: datetime,
) -> None:
    """Write down that `people` left, before the transaction that says so is committed.

    Each is an address as compared, and the newsletter that they left or the reason for which
    they are never mailed. Where it cannot be written, they leave all the same: the store is
    what counts day by day.
    """
    mark: Watermark | None = connection.get_execution_options().get(WATERMARK)
    if mark is None or not people:
        return
    own = number_of(connection)
    seconds = int(now.timestamp())
    try:
        with mark.turn():
            last = mark.last()
            if last is None and own:
                return  # it is missing; a new one would hide that
            before, sent = (last.number, last.sent) if last else (0, 0)
            first = max(own, before) + 1
            mark.append(
                Line(first + n, sent, seconds, entry, mark.hashed(key), detail)
                for n, (key, detail) in enumerate(people)
            )
    except StoreError as error:
        log.error("%s", error)  # noqa: TRY400 - an operator's error, said in its own words
        return
    if own >= before:  # else there is more that this store does not know
        raise_to(connection, own, first + len(people) - 1)


def number_of(connection: Connection) -> int:
    """How far this store has come; 0 for one that nothing was ever sent from."""
    value = connection.scalar(select(meta.c.value).where(meta.c.key == _NUMBER))
    return 0 if value is None else int(value)


def raise_to(connection: Connection, own: int, number: int) -> None:
    """How far it has come now; `own` is what it was."""
    if own:
        connection.execute(update(meta).where(meta.c.key == _NUMBER).values(value=str(number)))
    else:
        connection.execute(insert(meta).values(key=_NUMBER, value=str(number)))
