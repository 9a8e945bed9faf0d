"""Entries of the ledger as text, each bound to the one before by its hash.

An entry is a JSON object written as RFC 8785 (JCS) says: keys in order, no spaces, nothing
escaped that need not be. Only a part of JSON is used, so that nothing is left to interpret:
strings, whole numbers up to 2^53 - 1, true, false, null, lists, and objects with ASCII keys.
Its hash is SHA-256 over `TAG` and the UTF-8 bytes of the text. `previous` is the hash of the
entry before, `number` counts from 1.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from publisher.domain.ledger import Entry, Happening, Head
from publisher.errors import Defect

TAG = b"publisher ledger entry 1\n"
"""What keeps these hashes apart from any other use of SHA-256."""
SEAL = b"publisher ledger approval 1\n"
BEGINNING = "0" * 64
"""What stands for the entry before the first."""
LARGEST = 2**53 - 1
"""RFC 8785 §3.2.2.3: beyond it readers of JSON may round."""
_OWN = frozenset({"at", "happening", "number", "previous"})


class Broken(ValueError):
    """The ledger is not as it was written. `number`: at which entry, counted as it should be."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(why)
        self.number = number


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it is stored."""

    number: int
    body: str
    hash: str


def canonical(value: Any) -> str:
    """A JSON value as RFC 8785 writes it. Raises Defect for what is left out of our part."""
    _plain(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Defect(f"half a character cannot be written down: {error}") from error
    return text


def _plain(value: Any) -> None:
    if isinstance(value, dict):
        for key, held in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise Defect(f"{key!r} is no key of an entry: only ASCII is")
            _plain(held)
    elif isinstance(value, list | tuple):
        for held in value:
            _plain(held)
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > LARGEST:
            raise Defect(f"{value} is too large for an entry")
    elif not (value is None or isinstance(value, str | bool)):
        raise Defect(f"{value!r} has no place in an entry")


def digest(body: str) -> str:
    """The hash of an entry's text."""
    return hashlib.sha256(TAG + body.encode()).hexdigest()


def seal(nonce: str, label: str) -> str:
    """Binds who approved an issue to its entry, without naming them in it.

    HMAC-SHA256 under the issue's random nonce, which is in the issue's row alone: with the row the
    label in it can be checked, without it the ledger tells nobody's name.
    """
    return hmac.digest(nonce.encode(), SEAL + label.encode(), "sha256").hex()


def render(
    head: Head | None, at: datetime, happening: Happening, details: Mapping[str, Any]
) -> Row:
    """The entry that follows `head` (None: the first)."""
    if wrong := _OWN & details.keys():
        raise Defect(f"{', '.join(sorted(wrong))} is said by every entry itself")
    number = head.number + 1 if head else 1
    body = canonical(
        {
            **details,
            "at": instant(at),
            "happening": str(happening),
            "number": number,
            "previous": head.hash if head else BEGINNING,
        }
    )
    return Row(number, body, digest(body))


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with six decimals: the same instant is always the same text."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(row: Row) -> Entry:
    """An entry from its text. Raises Broken for one that we did not write."""
    try:
        told = json.loads(row.body)
        return Entry(
            number=row.number,
            at=datetime.fromisoformat(told["at"]),
            happening=Happening(told["happening"]),
            details={key: value for key, value in told.items() if key not in _OWN},
            hash=row.hash,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Broken(
            row.number,
            f"entry {row.number} cannot be read ({error!r}): it was not written by this program, "
            "or by a newer one",
        ) from error


def follow(rows: Iterable[Row]) -> Iterator[Entry]:
    """The entries, each checked against the one before. Raises Broken at the first that is wrong.

    Keeps one entry in memory, whatever their number.
    """
    expected, previous = 1, BEGINNING
    for row in rows:
        if row.number != expected:
            gone = (
                f"entry {expected} is"
                if row.number == expected + 1
                else (f"entries {expected} to {row.number - 1} are")
            )
            raise Broken(expected, f"{gone} missing: taken out after it was written")
        if digest(row.body) != row.hash:
            raise Broken(
                row.number,
                f"entry {row.number} does not have its hash: it was changed after it was written",
            )
        entry = parse(row)
        told = json.loads(row.body)
        if told.get("previous") != previous:
            before = f"entry {row.number - 1}" if row.number > 1 else "the beginning"
            raise Broken(
                row.number,
                f"entry {row.number} does not follow {before}: what came before it was changed and "
                "given a new hash, or was put in its place",
            )
        if told.get("number") != row.number:
            raise Broken(
                row.number, f"entry {row.number} says that it is number {told.get('number')}"
            )
        expected, previous = row.number + 1, row.hash
        yield entry
