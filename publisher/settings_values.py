"""The kinds of value that settings hold, each with the sentence for a wrong one."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from publisher.domain import cadence
from publisher.formats.parts import is_id

_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


PREFIX = "PUBLISHER_"
DELIMITER = "__"
"""What the names of our variables begin with, and what joins their parts."""


class Table(BaseModel):
    """One table of the file; unknown keys are refused, values never repeated in messages."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        defer_build=True,  # a table is built into the document that has it, and never alone
    )


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(value: object) -> timedelta:
    """`24h`, `30m`, `2d`, `1h30m`. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    text = str(value).replace(" ", "")
    if not isinstance(value, str) or not re.fullmatch(r"(\d{1,6}[smhd])+", text, re.ASCII):
        raise ValueError(f"'{value}' is no length of time: write for instance 24h, 30m or 2d")
    parts = re.findall(r"(\d+)([smhd])", text)
    return sum((timedelta(**{_UNITS[unit]: int(n)}) for n, unit in parts), timedelta())


def duration_or_never(value: object) -> timedelta | None:
    """A length of time, or None for `never`. Raises ValueError."""
    return None if value is None or value == "never" else duration(value)


def since(value: object) -> object:
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
        raise ValueError("write a cadence as text, for instance 'weekly on Tuesday at 09:00'")  # noqa: TRY004 - pydantic collects ValueError
    return cadence.parse(value)


def zone(value: str) -> str:
    """The name of an IANA time zone. Raises ValueError."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"'{value}' is no IANA time zone: write one like Europe/London") from None
    return value


def language(value: str) -> str:
    """A language tag that Babel knows. Raises ValueError."""
    try:
        Locale.parse(value, sep="-")
    except (UnknownLocaleError, ValueError):
        raise ValueError(f"'{value}' is no language tag: write one like en-GB or de") from None
    return value


def url(value: str) -> str:
    """An absolute web address without a slash at its end. Raises ValueError."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"'{value}' is no web address") from None
    if parts.scheme == "http" and host not in ("localhost", "127.0.0.1"):
        raise ValueError(f"'{value}' is not encrypted: write https:// (http for localhost only)")
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"'{value}' is no web address: write the whole of it, with https://")
    if parts.query or parts.fragment or parts.username or re.search(r"[\s\"'<>\\]", value):
        raise ValueError(f"'{value}' must be a plain address, without ?, #, @, spaces or quotes")
    return value.rstrip("/")


_SHORT = 64
_PLAIN_ADDRESS = re.compile(
    rf"[a-z0-9]+([._+-][a-z0-9]+)*@({_LABEL}\.)+(?!arpa|invalid|local|onion|test)[a-z]{{2,20}}"
)
"""Addresses that `email_validator` finds good, and leaves as they are."""


def address(value: str) -> str:
    """An email address, normalised. Raises ValueError."""
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


def network(value: str) -> str:
    """An IP address or network. Raises ValueError."""
    try:
        return str(ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"'{value}' is no IP address or network (10.0.0.0/8)") from None


def listed(value: object) -> object:
    """A list in the environment is written as JSON, or as one value alone."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [value]
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f'this is no JSON list like ["one", "two"]: {error}') from None


def permanent(value: str) -> str:
    """A `tag:` URI (RFC 4151). Raises ValueError."""
    if not is_id(value):
        raise ValueError(f"'{value}' is no tag: URI: write one like tag:example.org,2026:journal")
    return value


def one_line(value: str) -> str:
    """Text without control characters. Raises ValueError."""
    if not value.isprintable():
        raise ValueError("write it on one line, without control characters")
    return value


def dated(value: object) -> object:
    """A date, or an instant with its offset. Raises ValueError."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a time needs its offset, for instance 2026-11-24T09:00:00+00:00")
    if not isinstance(value, date):
        raise ValueError("write a date, for instance 2026-11-24")  # noqa: TRY004 - pydantic collects ValueError
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


def domain(value: str) -> str:
    """A domain in its ASCII form. Raises ValueError."""
    if not re.fullmatch(rf"(?=.{{4,253}}$){_LABEL}(\.{_LABEL})+", value):
        raise ValueError(
            f"'{value}' is no domain: write the part of the sender's address after the @, in "
            "small letters (an international one in its xn-- form)"
        )
    return value


def rule(value: str) -> str:
    """The id of a rule about mails that may be switched off. Raises ValueError."""
    from publisher.checks.edition import ALWAYS, RULES

    if value in ALWAYS:
        raise ValueError(f"'{value}' can never be switched off: readers are owed it")
    if value not in RULES:
        near = get_close_matches(value, RULES, 1)
        meant = f"; did you mean '{near[0]}'?" if near else " (docs/email.md lists them)"
        raise ValueError(f"there is no rule '{value}' about mails{meant}")
    return value


def selector(value: str) -> str:
    """What stands before `._domainkey` (RFC 6376 §3.1). Raises ValueError."""
    if not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", value):
        raise ValueError(f"'{value}' is no selector: write small letters, digits and hyphens")
    return value


Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(one_line)]
Words = Annotated[str, Field(min_length=1, max_length=5000)]
Url = Annotated[str, AfterValidator(url)]
Address = Annotated[str, AfterValidator(address)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=60)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Duration = Annotated[timedelta, BeforeValidator(duration)]
Lines = Annotated[tuple[Line, ...], BeforeValidator(listed)]
Domain = Annotated[str, AfterValidator(domain)]
Rule = Annotated[str, AfterValidator(rule)]
Selector = Annotated[str, AfterValidator(selector)]
