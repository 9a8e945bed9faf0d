"""What a request makes conditional (RFC 9110 §13) and which encoding it takes (§12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

LONGEST = 4096
"""Bytes of a field that is looked at; a longer one counts as absent."""

LONGEST_DATE = 40
"""The longest of the three forms has 33 (RFC 9110 §5.6.7); two dates are none."""

_TAG = re.compile(rb'(W/)?("[^"]*")')
_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)


def verdict(fields: Mapping[bytes, bytes], tag: bytes, modified_at: int) -> int:
    """200, 304 or 412 for a GET or HEAD of a file with this strong tag (RFC 9110 §13.2.2).

    `modified_at` counts whole seconds since 1970. A date that is none counts as absent.
    """
    if (wanted := fields.get(b"if-match")) is not None:
        if not _matches(wanted, tag, weakly=False):
            return 412
    elif (at := _date(fields.get(b"if-unmodified-since"))) is not None and modified_at > at:
        return 412
    if (known := fields.get(b"if-none-match")) is not None:
        return 304 if known == tag or _matches(known, tag, weakly=True) else 200
    at = _date(fields.get(b"if-modified-since"))
    return 304 if at is not None and modified_at <= at else 200


def _matches(listed: bytes, tag: bytes, *, weakly: bool) -> bool:
    if len(listed) > LONGEST:
        return False
    if listed.strip() == b"*":
        return True
    return any(each == tag and (weakly or not weak) for weak, each in _TAG.findall(listed))


@lru_cache(maxsize=1024)
def _date(value: bytes | None) -> int | None:
    if value is None or len(value) > LONGEST_DATE:
        return None
    try:
        found = parsedate_to_datetime(value.decode("ascii"))
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=256)
def encodings(accepted: bytes | None) -> tuple[str, ...]:
    """The codings that a client takes, best first: of `br`, `gzip` and `identity`.

    Where it likes several equally, the smaller goes first. One that takes none of them, not
    even what is not encoded at all, gets that all the same: it may be able to read it.
    """
    if accepted is None or len(accepted) > LONGEST:
        return ("identity",)
    given: dict[str, float] = {}
    for part in accepted.decode("latin-1").lower().split(","):
        name, _, parameters = part.strip().partition(";")
        if name.strip():
            given[{"x-gzip": "gzip"}.get(name.strip(), name.strip())] = _quality(parameters.strip())
    others = given.get("*", 0.0)
    weights = {
        "br": given.get("br", others),
        "gzip": given.get("gzip", others),
        # Acceptable unless refused, but behind whatever was asked for by name.
        "identity": given.get("identity", others if "*" in given else 0.0001),
    }
    taken = [name for name in sorted(weights, key=lambda n: -weights[n]) if weights[name] > 0]
    return tuple(taken) or ("identity",)


def _quality(parameters: str) -> float:
    if not parameters:
        return 1.0
    found = _QUALITY.fullmatch(parameters)
    # What is no weight at all cannot be meant as a wish for it (RFC 9110 §12.4.2).
    return float(found[1]) if found else 0.0
