"""Whose export a file is, by its columns, and what that says of each person's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from publisher.errors import UsageError

Given = Mapping[str, str]
"""Meaning → cell."""

CONFIRMED = frozenset({"", "confirmed", "subscribed", "active", "enabled", "true", "yes"})
NOT_CONFIRMED = frozenset(
    {
        *("unsubscribed", "pending", "unconfirmed", "nonsubscribed", "non-subscribed", "inactive"),
        *("transactional", "archived", "deleted", "forgotten", "disabled", "false", "no"),
        *("cleaned", "bounced", "blocklisted", "blacklisted", "complained", "spam", "suppressed"),
    }
)
"""States that are known to be none in which anybody may be mailed."""


def stated(given: Given) -> str | None:
    """None where the row is confirmed, else the state it names. Raises UsageError."""
    state = given.get("state", "").strip().casefold()
    if state in CONFIRMED:
        return None
    if state in NOT_CONFIRMED:
        return state
    raise UsageError(
        f"the state '{state[:60]}' is not known; write confirmed where they agreed to be mailed, "
        "or remove the row"
    )


def _mailchimp(given: Given) -> str | None:
    if given.get("cleaned", "").strip():
        return "cleaned"
    if given.get("left", "").strip():
        return "unsubscribed"
    return None if given.get("agreed_at", "").strip() else "never confirmed"


def _ghost(given: Given) -> str | None:
    if given.get("deleted", "").strip():
        return "deleted"
    wants = given.get("state", "").strip().casefold() in ("true", "1", "yes")
    return None if wants else "not subscribed to emails"


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of file. `marks`: headings that only it has together. `carries`: what it says of
    consent, and what it does not, for whoever is asked to say it.
    """

    name: str
    marks: frozenset[str]
    columns: Mapping[str, str]
    state: Callable[[Given], str | None] = stated
    carries: str = ""


_PLAIN: Mapping[str, str] = {
    "email": "address",
    "email address": "address",
    "address": "address",
    "mail": "address",
    "name": "name",
    "full name": "name",
    "first name": "first",
    "last name": "last",
    "topics": "topics",
    "topic": "topics",
    "categories": "topics",
    "cadence": "cadence",
    "frequency": "cadence",
    "language": "language",
    "lang": "language",
    "time zone": "time_zone",
    "timezone": "time_zone",
    "state": "state",
    "status": "state",
}
"""Spellings of column names, and the columns they mean. Others are left alone."""

PLAIN = Layout("", frozenset(), _PLAIN)

OURS = Layout(
    "publisher",
    frozenset({"email", "newsletter", "state", "consent at", "consent wording"}),
    {
        **{name: _PLAIN[name] for name in ("email", "name", "topics", "cadence", "language")},
        "time zone": "time_zone",
        "state": "state",
        "newsletter": "newsletter",
        "consent at": "agreed_at",
        "consent origin": "origin",
        "consent wording": "wording",
        "consent page": "page",
        "consent network": "network",
        "consent version": "version",
    },
)

LAYOUTS = (
    OURS,
    Layout(
        "Mailchimp",
        frozenset({"member rating", "optin time", "confirm time"}),
        {
            "email address": "address",
            "email": "address",
            "first name": "first",
            "last name": "last",
            "confirm time": "agreed_at",
            "confirm ip": "network",
            "unsub time": "left",
            "clean time": "cleaned",
        },
        _mailchimp,
        "it tells when and from which network each of them confirmed, but not in which words",
    ),
    Layout(
        "Ghost",
        frozenset({"email", "subscribed to emails", "created at"}),
        {
            "email": "address",
            "name": "name",
            "subscribed to emails": "state",
            "deleted at": "deleted",
            "created at": "since",
        },
        _ghost,
        "it tells since when each of them is a member, but not what they agreed to",
    ),
    Layout(
        "listmonk",
        frozenset({"uuid", "email", "attributes", "status"}),
        {"email": "address", "name": "name", "status": "state", "created at": "since"},
        stated,
        "it tells since when each of them is there, but neither whether they confirmed nor what "
        "they agreed to; export the confirmed subscribers of one list",
    ),
)


def words(heading: str) -> str:
    """A heading as it is compared: `E-Mail_Address` is `email address`."""
    text = " ".join(heading.replace("_", " ").replace("-", " ").casefold().split())
    return "email" if text == "e mail" else text.replace("e mail", "email")


def is_address(heading: str) -> bool:
    """Whether this heads a column of addresses."""
    return _PLAIN.get(words(heading)) == "address"


def recognise(header: Sequence[str]) -> Layout:
    """Whose export has such a header; PLAIN for nobody's."""
    there = {words(cell) for cell in header}
    return next((layout for layout in LAYOUTS if layout.marks <= there), PLAIN)


def columns(layout: Layout, header: Sequence[str]) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """Meaning → position, and the headings that are left alone. Raises UsageError."""
    found: dict[str, int] = {}
    ignored: list[str] = []
    names = [words(cell) for cell in header]
    postal = "address" in names and bool({"email", "email address"}.intersection(names))
    for position, name in enumerate(names):
        meaning = None if postal and name == "address" else layout.columns.get(name)
        if meaning is None:
            if name:
                ignored.append(_ignored(header[position].strip()[:60], layout))
        elif meaning in found:
            first = header[found[meaning]]
            raise UsageError(
                f"the columns '{first[:60]}' and '{header[position][:60]}' mean the same; "
                "remove one"
            )
        else:
            found[meaning] = position
    if "address" not in found:
        named = ", ".join(cell.strip()[:30] for cell in header[:20]) if header else "nothing"
        if any("@" in cell for cell in header):
            named = "a person already"
        raise UsageError(
            "the first row must name the columns, one of them 'email' "
            f"(also: name, topics, cadence, language, time zone); it holds {named}"
        )
    return found, tuple(ignored)


def _ignored(name: str, layout: Layout) -> str:
    known = words(name)
    guess = layout is PLAIN and known not in _PLAIN
    near = get_close_matches(known, _PLAIN, 1, 0.8) if guess else []
    return f"{name} (did you mean '{near[0]}'?)" if near else name
