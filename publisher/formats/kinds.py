"""The kinds of value that settings hold, each with the sentence for a wrong one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError

from publisher.domain import cadence
from publisher.formats.tables import several
from publisher.formats.taguri import is_id

_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

E = TypeVar("E", bound=StrEnum)
_N = TypeVar("_N", int, timedelta)


# --- text, numbers and choices --------------------------------------------------------------------


def text(value: object) -> str:
    """Text, without spaces around it. Raises ValueError."""
    return exact(value).strip()


def exact(value: object) -> str:
    """Text as it stands, spaces around it included: a password. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("this must be text, in quotation marks")  # noqa: TRY004 - see `Read`
    return value


def path(value: object) -> Path:
    """A file or folder. Raises ValueError."""
    return Path(exact(value))


def bounded(low: Literal[0, 1], high: int) -> Callable[[object], str]:
    """Text of so many characters; `low` 1: it must not be empty."""

    def read(value: object) -> str:
        found = text(value)
        if len(found) < low:
            raise ValueError("nothing is written here")
        if len(found) > high:
            raise ValueError(f"this is longer than {high:,} characters: it has {len(found):,}")
        return found

    return read


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number; a variable holds its digits."""

    def read(value: object) -> int:
        try:
            found = int(value) if isinstance(value, int | str) else None
        except ValueError:
            found = None
        if isinstance(value, float) and value.is_integer():
            found = int(value)
        if found is None:
            raise ValueError("this must be a whole number")
        return _within(found, low, high, str)

    return read


def positive(value: object) -> float:
    """A number above 0. Raises ValueError."""
    try:
        found = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise ValueError("this must be a number")
    if not 0 < found <= _MOST:
        raise ValueError(f"this must be greater than 0, and at most {_MOST:,}")
    return found


_MOST = 1_000_000
_TRUTHS = {
    **dict.fromkeys(("true", "yes", "on", "t", "y", "1"), True),
    **dict.fromkeys(("false", "no", "off", "f", "n", "0"), False),
}


def truth(value: object) -> bool:
    """`true` or `false`; a variable holds the word. Raises ValueError."""
    found = _TRUTHS.get(str(value).lower()) if isinstance(value, bool | int | str) else None
    if found is None:
        raise ValueError("write true or false")
    return found


def choice(*allowed: str) -> Callable[[object], str]:
    """One of these words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(_or(allowed))
        return value

    return read


def member(kind: type[E]) -> Callable[[object], E]:
    """One of an enumeration's words."""
    named = choice(*kind)
    return lambda value: kind(named(value))


def _or(allowed: tuple[str, ...]) -> str:
    quoted = [f"'{each}'" for each in allowed]
    return f"write {', '.join(quoted[:-1])} or {quoted[-1]}"


# --- lengths of time and dates --------------------------------------------------------------------

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(value: object) -> timedelta:
    """`24h`, `30m`, `2d`, `1h30m`. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    packed = str(value).replace(" ", "")
    if not isinstance(value, str) or not re.fullmatch(r"(\d{1,6}[smhd])+", packed, re.ASCII):
        raise ValueError(f"'{value}' is no length of time: write for instance 24h, 30m or 2d")
    parts = re.findall(r"(\d+)([smhd])", packed)
    try:
        return sum((timedelta(**{_UNITS[unit]: int(n)}) for n, unit in parts), timedelta())
    except OverflowError:
        raise ValueError(f"'{value}' is longer than there is time") from None


def span(low: timedelta, high: timedelta = timedelta.max) -> Callable[[object], timedelta]:
    """A length of time within these."""

    def read(value: object) -> timedelta:
        return _within(duration(value), low, high, _shown)

    return read


def span_or_never(low: timedelta) -> Callable[[object], timedelta | None]:
    """A length of time, or None for `never`."""
    read = span(low)
    return lambda value: None if value == "never" else read(value)


def _within(found: _N, low: _N, high: _N, shown: Callable[[_N], str]) -> _N:
    if found < low:
        raise ValueError(f"this must be greater than or equal to {shown(low)}")
    if found > high:
        raise ValueError(f"this must be less than or equal to {shown(high)}")
    return found


def _shown(length: timedelta) -> str:
    """`1 day`, `5 seconds`: in the largest unit that leaves no rest."""
    for unit, name in (("d", "day"), ("h", "hour"), ("m", "minute")):
        number, rest = divmod(length, timedelta(**{_UNITS[unit]: 1}))
        if number and not rest:
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{length.seconds} seconds"


def since(value: object) -> datetime | date | timedelta:
    """A date, or how long ago (`90d`). Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and re.fullmatch(
        r"(\d{1,6}[smhd])+", value.replace(" ", ""), re.ASCII
    ):
        return duration(value)
    try:
        return dated(value)
    except ValueError:
        raise ValueError(
            f"'{value}' is neither a date nor a length of time: write 2026-11-24 or 90d"
        ) from None


def a_cadence(value: object) -> cadence.Cadence:
    """A cadence as people write it. Raises ValueError."""
    if isinstance(value, cadence.Cadence):
        return value
    if not isinstance(value, str):
        raise ValueError("write a cadence as text, for instance 'weekly on Tuesday at 09:00'")  # noqa: TRY004 - see `Read`
    return cadence.parse(value)


def zone(value: object) -> str:
    """The name of an IANA time zone. Raises ValueError."""
    value = text(value)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"'{value}' is no IANA time zone: write one like Europe/London") from None
    return value


def language(value: object) -> str:
    """A language tag that Babel knows. Raises ValueError."""
    value = text(value)
    try:
        Locale.parse(value, sep="-")
    except (UnknownLocaleError, ValueError):
        raise ValueError(f"'{value}' is no language tag: write one like en-GB or de") from None
    return value


def url(value: object) -> str:
    """An absolute web address without a slash at its end. Raises ValueError."""
    value = text(value)
    if "@" in value:  # not repeated: what stands before it may be a password
        raise ValueError("this must be a plain address, without a name or password before an @")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"'{value}' is no web address") from None
    if parts.scheme == "http" and host not in ("localhost", "127.0.0.1"):
        raise ValueError(f"'{value}' is not encrypted: write https:// (http for localhost only)")
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"'{value}' is no web address: write the whole of it, with https://")
    if parts.query or parts.fragment or re.search(r"[\s\"'<>\\]", value):
        raise ValueError(f"'{value}' must be a plain address, without ?, #, spaces or quotes")
    return value.rstrip("/")


_SHORT = 64
_PLAIN_ADDRESS = re.compile(
    rf"[a-z0-9]+([._+-][a-z0-9]+)*@({_LABEL}\.)+(?!arpa|invalid|local|onion|test)[a-z]{{2,20}}"
)
"""Addresses that `email_validator` finds good, and leaves as they are."""


def address(value: object) -> str:
    """An email address, normalised. Raises ValueError."""
    value = text(value)
    if len(value) < _SHORT and _PLAIN_ADDRESS.fullmatch(value):
        return value
    # What judges all others takes long to read, and most journals need it for none.
    from email_validator import EmailNotValidError, validate_email

    try:
        # test_environment: names under .test are as good as any other here.
        found = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"'{value}' is no email address: {error}") from None
    return found.normalized


def network(value: object) -> str:
    """An IP address or network. Raises ValueError."""
    value = text(value)
    try:
        return str(ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"'{value}' is no IP address or network (10.0.0.0/8)") from None


def permanent(value: object) -> str:
    """A `tag:` URI (RFC 4151). Raises ValueError."""
    value = text(value)
    if not is_id(value):
        raise ValueError(f"'{value}' is no tag: URI: write one like tag:example.org,2026:journal")
    return value


def on_one_line(low: Literal[0, 1], high: int) -> Callable[[object], str]:
    """Text of so many characters, none of which controls anything."""
    read_text = bounded(low, high)

    def read(value: object) -> str:
        found = read_text(value)
        if not found.isprintable():
            raise ValueError("write it on one line, without control characters")
        return found

    return read


def written(pattern: str, how: str, high: int = _MOST) -> Callable[[object], str]:
    """Text that a regular expression describes; `how` says so in words."""
    read_text = bounded(0, high)

    def read(value: object) -> str:
        found = read_text(value)
        if not re.search(pattern, found):
            raise ValueError(f"this is not written as it must be: {how}")
        return found

    return read


def dated(value: object) -> datetime | date:
    """A date, or an instant with its offset. Raises ValueError."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"'{value}' is no date: write one like 2026-11-24") from None
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a time needs its offset, for instance 2026-11-24T09:00:00+00:00")
    if not isinstance(value, date):
        raise ValueError("write a date, for instance 2026-11-24")  # noqa: TRY004 - see `Read`
    return value


def day(value: object) -> date:
    """A date alone. Raises ValueError."""
    try:
        if isinstance(value, str):
            value = date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"'{value}' is no date: write one like 2026-11-24") from None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError("write a date alone, for instance 2026-11-24")  # noqa: TRY004 - see `Read`
    return value


def quoted(value: object) -> object:
    """`[dkim.example.org]` would be a table `org` in a table `example`."""
    for name, table in value.items() if isinstance(value, dict) else ():
        path = [name]
        while isinstance(table, dict) and len(table) == 1:
            inner, table = next(iter(table.items()))
            path.append(inner)
        if len(path) > 1 and isinstance(table, dict):
            raise ValueError(f'write the domain in quotation marks: [dkim."{".".join(path)}"]')
    return value


def domain(value: object) -> str:
    """A domain in its ASCII form. Raises ValueError."""
    value = text(value)
    if not re.fullmatch(rf"(?=.{{4,253}}$){_LABEL}(\.{_LABEL})+", value):
        raise ValueError(
            f"'{value}' is no domain: write the part of the sender's address after the @, in "
            "small letters (an international one in its xn-- form)"
        )
    return value


def rule(value: object) -> str:
    """The id of a rule about mails that may be switched off. Raises ValueError."""
    value = text(value)
    from publisher.checks.edition import ALWAYS, RULES

    if value in ALWAYS:
        raise ValueError(f"'{value}' can never be switched off: readers are owed it")
    if value not in RULES:
        near = get_close_matches(value, RULES, 1)
        meant = f"; did you mean '{near[0]}'?" if near else " (docs/email.md lists them)"
        raise ValueError(f"there is no rule '{value}' about mails{meant}")
    return value


def selector(value: object) -> str:
    """What stands before `._domainkey` (RFC 6376 §3.1). Raises ValueError."""
    value = text(value)
    if not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", value):
        raise ValueError(f"'{value}' is no selector: write small letters, digits and hyphens")
    return value


_SMALL = "small letters, digits and hyphens, for instance heart-health"
line = on_one_line(1, 300)
lines = several(line)
words = bounded(1, 5000)
slug = written(r"^[a-z0-9]+(-[a-z0-9]+)*$", _SMALL, 60)
name = written(r"^[a-z0-9]+([-_][a-z0-9]+)*$", _SMALL, 60)
colour = written(r"^#[0-9a-fA-F]{6}$", "a colour as #rrggbb, e.g. #0b5c6b")
port = whole(1, 65_535)
