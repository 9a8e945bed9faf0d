"""Signed tokens for links that act for one person: they name a row, never an address.

`KEYID.PURPOSE.TOKENID.MAC`, all characters safe in a URL path and in quoted-printable.
The MAC is HMAC-SHA256 cut to 128 bits (RFC 2104 §5); its last character is never `-` or
`_`, so no mail client drops the end of the link.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import b2a_base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from publisher.errors import Defect, SettingsError

if TYPE_CHECKING:
    from hashlib import _Hash

MAC_BYTES = 16
_MAC_LENGTH = 22
"""Characters of it in base64, without what fills it up."""

LONGEST = 256
"""Characters; whatever is longer was not made here."""

_DAY = 5
"""Digits of the day in a token for preferences, counted from 1970."""

_SAFE = bytes.maketrans(b"+/", b"-_")  # base64's alphabet for URLs (RFC 4648 §5)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Purpose(StrEnum):
    """What a token may be used for; one made for another purpose does not read."""

    UNSUBSCRIBE = "u"
    PREFERENCES = "p"
    CONFIRM = "c"
    ADDRESS = "a"  # confirms a new address


_PREFERENCES = Purpose.PREFERENCES  # reading it off its class takes long


def make(keys: Sequence[tuple[str, bytes]], purpose: Purpose, token_id: str) -> str:
    """Sign `token_id` (1 to 64 of `A-Z a-z 0-9 _ -`) with the first of `keys` (id, secret).

    Raises SettingsError when there is no usable key, Defect for a token id of another form.
    """
    return written(keys, purpose, token_id).decode()


def written(keys: Sequence[tuple[str, bytes]], purpose: Purpose, token_id: str) -> bytes:
    """What `make` makes, as a mail has it: two for each message."""
    if not keys:
        raise SettingsError("there is no signing key; set `keys` so that links can be signed")
    key_id, secret = keys[0]
    head, inner, outer = _contexts(key_id, secret, purpose)
    if not _NAME.fullmatch(token_id):
        raise Defect("a token id may hold letters, digits, '-' and '_' only")
    name = token_id.encode()
    return b"".join((head, name, b".", _mac(inner, outer, name)))


def read(keys: Sequence[tuple[str, bytes]], purpose: Purpose, token: str) -> str | None:
    """The token id, or None unless one of `keys` signed exactly this token for `purpose`."""
    parts = token.split(".") if len(token) <= LONGEST else []
    if len(parts) != 4 or parts[1] != purpose.value:
        return None
    key_id, _, token_id, mac = parts
    if not _NAME.fullmatch(token_id):
        return None
    given = mac.encode("utf-8", "surrogatepass")
    for known, secret in keys:
        if known == key_id:
            _, inner, outer = _contexts(known, secret, purpose)
            if hmac.compare_digest(_mac(inner, outer, token_id.encode()), given):
                return token_id
    return None


def preferences(keys: Sequence[tuple[str, bytes]], token_id: str, at: datetime) -> str:
    """A token for a subscription's preferences that tells the (UTC) day it was made."""
    return written_preferences(keys, token_id, at).decode()


def written_preferences(keys: Sequence[tuple[str, bytes]], token_id: str, at: datetime) -> bytes:
    """The same as a mail has it."""
    return written(keys, _PREFERENCES, token_id + _days(at))


def read_preferences(
    keys: Sequence[tuple[str, bytes]], token: str, now: datetime
) -> tuple[str, timedelta] | None:
    """The subscription's token id, and how long ago it was made; None as `read` gives it."""
    found = read(keys, Purpose.PREFERENCES, token)
    if found is None or len(found) <= _DAY or not found[-_DAY:].isdecimal():
        return None
    return found[:-_DAY], timedelta(days=_day(now) - int(found[-_DAY:]))


@lru_cache(maxsize=16)
def _days(at: datetime) -> str:
    return f"{_day(at):0{_DAY}d}"


@lru_cache(maxsize=16)
def _day(at: datetime) -> int:
    return int(at.timestamp()) // 86_400


def _mac(inner: _Hash, outer: _Hash, name: bytes) -> bytes:
    first, second = inner.copy(), outer.copy()
    first.update(name)
    second.update(first.digest())
    return b2a_base64(second.digest()[:MAC_BYTES], newline=False)[:_MAC_LENGTH].translate(_SAFE)


@lru_cache(maxsize=16)
def _contexts(key_id: str, secret: bytes, purpose: Purpose) -> tuple[bytes, _Hash, _Hash]:
    """What tokens of a key and a purpose begin with, and HMAC's two hashes (RFC 2104 §4) with the
    key in: most of the work for a short token.
    """
    if not _NAME.fullmatch(key_id):
        raise SettingsError("a signing key's id may hold letters, digits, '-' and '_' only")
    key = (hashlib.sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    signed = f"publisher\0{key_id}\0{purpose.value}\0".encode()
    return (
        f"{key_id}.{purpose.value}.".encode(),
        hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + signed),
        hashlib.sha256(bytes(byte ^ 0x5C for byte in key)),
    )
