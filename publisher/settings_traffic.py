"""Settings about how mail travels: limits of transports, and routes over several of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import time
from difflib import get_close_matches
from typing import Any

from publisher.domain.limits import EVERY_OTHER, LimitPolicy, Limits, QuietHours
from publisher.domain.providers import DIRECT
from publisher.domain.route import Route
from publisher.formats import kinds
from publisher.formats.tables import (
    Table,
    by_name,
    default_table,
    key,
    named_tables,
    optional,
    several,
    texts,
)

DEFAULT = "default"
JOINT = "+"
"""Between the names of a newsletter's transports, as the name of the route that they make."""

_number = kinds.whole(1, 100_000_000)


def destination(value: object) -> str:
    """A recipient domain, a large provider's name or `*`. Raises ValueError."""
    value = kinds.text(value)
    if value == EVERY_OTHER or value in DIRECT:
        return value
    if "." not in value:
        near = get_close_matches(value, DIRECT, 1)
        meant = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(
            f"'{value}' is no recipient domain, and no provider ({', '.join(DIRECT)}){meant}; "
            "write '*' for every other domain"
        )
    try:
        return kinds.domain(value)
    except ValueError:
        raise ValueError(
            f"'{value}' is no domain: write what stands after the @, in small letters"
        ) from None


def quiet(value: object) -> QuietHours:
    """`22:00-07:00`. Raises ValueError."""
    found = re.fullmatch(r"\s*(\d\d?:\d\d)\s*[-–]\s*(\d\d?:\d\d)\s*", str(value))
    try:
        if found is None:
            raise ValueError(value)  # noqa: TRY301 - the same words for every mistake
        start, end = (time.fromisoformat(part.zfill(5)) for part in found.groups())
    except ValueError:
        raise ValueError(f"'{value}' are no hours: write them as 22:00-07:00") from None
    if start == end:
        raise ValueError(f"'{value}' begins when it ends: nothing would ever be sent")
    return QuietHours(start, end)


def quoted(value: object) -> object:
    """`[….domains.example.org]` would be a table `org` in a table `example`. Raises ValueError."""
    for name, table in value.items() if isinstance(value, dict) else ():
        path = [name]
        while (
            isinstance(table, dict) and table and all(isinstance(t, dict) for t in table.values())
        ):
            inner, table = next(iter(table.items()))
            path.append(inner)
        if len(path) > 1:
            raise ValueError(f'write the domain in quotation marks: "{".".join(path)}"')
    return value


class DestinationTable(Table):
    """Limits of what is sent to one recipient domain, or to one provider's domains together."""

    connections = optional(kinds.whole(1, 64))
    messages_per_connection = optional(_number)
    per_second = optional(_number)
    per_minute = optional(_number)
    per_hour = optional(_number)
    per_day = optional(_number)

    def check(self) -> None:
        """It limits something. Raises ValueError."""
        if not self.given:
            raise ValueError(f"limit something: {', '.join(self.keys)}")


class LimitsTable(Table):
    """Limits of everything that leaves by a transport, and of each destination."""

    connections = optional(kinds.whole(1, 10_000))
    per_second = optional(_number)
    per_minute = optional(_number)
    per_hour = optional(_number)
    per_day = optional(_number)
    warm_up = key(several(_number, high=365), ())
    warm_up_from = optional(kinds.day)
    quiet_hours = optional(quiet)
    direct = key(kinds.truth, False)
    domains = named_tables(destination, DestinationTable, first=quoted)

    def check(self) -> None:
        """A warm-up has a beginning. Raises ValueError."""
        if bool(self.warm_up) != (self.warm_up_from is not None):
            raise ValueError(
                "warm_up and warm_up_from go together: how many on each day "
                "([50, 100, 200, 400]), and the first day (2026-12-01)"
            )


class TransportTable(Table):
    """How mails leave. All keys but `kind` and `limits` are that kind's own options."""

    takes_others = True

    kind = key(kinds.line)
    limits = default_table(LimitsTable)


class RouteTable(Table):
    """Several transports under one name."""

    transports = key(several(kinds.name, low=1))
    weights = key(by_name(kinds.name, kinds.positive), {})
    senders = key(several(kinds.line), ())


# --- what they come to --------------------------------------------------------------------------


def policy(table: LimitsTable) -> LimitPolicy:
    """The limits of one transport."""
    return LimitPolicy(
        Limits(
            (table.per_second, table.per_minute, table.per_hour, table.per_day),
            table.connections,
            warm_up=table.warm_up,
            warm_up_from=table.warm_up_from,
            quiet=table.quiet_hours,
        ),
        {
            name: Limits(
                (each.per_second, each.per_minute, each.per_hour, each.per_day),
                each.connections,
                each.messages_per_connection,
            )
            for name, each in table.domains.items()
        },
        table.direct,
    )


def routes(
    transports: Sequence[str],
    tables: Mapping[str, RouteTable],
    newsletters: Sequence[tuple[str, ...]],
) -> Mapping[str, Route]:
    """Every name that mail can be sent by: transports, routes, and newsletters' own lists."""
    found = {name: Route(name, (name,)) for name in transports}
    for name, table in tables.items():
        found[name] = Route(name, table.transports, table.weights)
    for names in newsletters:
        if len(names) > 1:
            found[JOINT.join(names)] = Route(JOINT.join(names), names)
    return found


def route_of(given: tuple[str, ...], sender: str, tables: Mapping[str, RouteTable]) -> str:
    """What a newsletter is sent by: its own choice, else its sender's route, else `default`."""
    if given:
        return JOINT.join(given)
    address = sender.lower()
    for wanted in (address, address.rpartition("@")[2]):
        for name, table in tables.items():
            if wanted in (each.lower() for each in table.senders):
                return name
    return DEFAULT


# --- what several keys promise together -----------------------------------------------------------


def mistakes(values: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(path, what is wrong) about names of transports and routes; `values` are not checked yet."""
    transports = _table(values.get("transports")) or {DEFAULT: {}}
    tables = _table(values.get("routes"))
    yield from _in_routes(transports, tables)
    names = {**transports, **tables}
    sender = str(_table(_table(values.get("journal")).get("sender")).get("address", ""))
    for slug, newsletter in _table(values.get("newsletters")).items():
        table = _table(newsletter)
        path: tuple[str | int, ...] = ("newsletters", slug, "transport")
        given = table.get("transport")
        if _is_list(given):
            chosen = texts(given)
            for index, name in enumerate(chosen):
                if name is not None and name not in transports:
                    yield (
                        (*path, index),
                        f"there is no [transports.{name}]{_near(name, transports)}",
                    )
            if len(set(chosen)) < len(chosen) or not chosen:
                yield path, "name each transport once, at least one, the first choice first"
        elif isinstance(given, str) and given.strip() not in names:
            yield path, f"there is no [transports.{given}]{_near(given, names)}"
        elif given is None and DEFAULT not in names:
            own = str(_table(table.get("sender")).get("address", sender))
            if not _has_route(own, tables):
                yield path[:2], f"there is no [transports.{DEFAULT}]{_near(DEFAULT, names)}"


def _in_routes(
    transports: Mapping[str, Any], tables: Mapping[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    senders: dict[str, str] = {}
    for name, route in tables.items():
        table = _table(route)
        if name in transports:
            yield ("routes", name), f"a transport is called '{name}' too: give the route another"
        given = texts(table.get("transports"))
        for index, each in enumerate(given):
            if each is None:
                continue
            if each not in transports:
                path = ("routes", name, "transports", index)
                yield path, f"there is no [transports.{each}]{_near(each, transports)}"
            elif each in given[:index]:
                yield ("routes", name, "transports", index), f"'{each}' stands here twice"
        for each in _table(table.get("weights")):
            if each not in given:
                yield (
                    ("routes", name, "weights", each),
                    f"'{each}' is none of this route's transports",
                )
        for index, each in enumerate(texts(table.get("senders"))):
            if each is not None and (taken := senders.setdefault(each.lower(), name)) != name:
                path = ("routes", name, "senders", index)
                yield path, f"'{each}' is a sender of [routes.{taken}] already"


def _has_route(sender: str, tables: Mapping[str, Any]) -> bool:
    address = sender.lower()
    known = {
        each.lower()
        for table in tables.values()
        for each in texts(_table(table).get("senders"))
        if each is not None
    }
    return bool({address, address.rpartition("@")[2]} & known)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple) or (
        isinstance(value, str) and value.lstrip().startswith("[")
    )


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _near(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, 1)
    return f"; did you mean '{near[0]}'?" if near else f" (there is: {', '.join(known) or 'none'})"
