"""`subscribers edit|confirm|unsubscribe|forget`: what staff do in a person's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Annotated

import typer

from publisher.cli import words
from publisher.cli.session import Session
from publisher.cli.subscribers import (
    Address,
    Consent,
    Rehearse,
    Which,
    Yes,
    document,
    group,
    of_address,
    only,
    refuse_without_keys,
)
from publisher.domain.journal import Journal
from publisher.domain.subscription import (
    Forgotten,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    address_key,
)
from publisher.errors import NotFound, UsageError
from publisher.people import forget as forget_person
from publisher.subscribe import Changes, end, name_of, normalise, statement, wishes
from publisher.subscribe import confirm as confirm_one

REASON = 500
"""Characters of a reason."""


@group.command(
    epilog="Example: publisher subscribers edit ada@example.org --cadence monthly --topic heart"
)
def edit(
    context: typer.Context,
    address: Address,
    newsletter: Which = None,
    name: Annotated[str | None, typer.Option(help='The name; "" for none.')] = None,
    to: Annotated[str | None, typer.Option("--to", help="Another address of theirs.")] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="Only these; may be repeated. all: every one.")
    ] = None,
    cadence: Annotated[str | None, typer.Option(help='weekly, monthly or each; "": usual.')] = None,
    language: Annotated[str | None, typer.Option(help='A language tag; "": the usual one.')] = None,
    time_zone: Annotated[
        str | None, typer.Option(help='An IANA name, Europe/London; "": the usual one.')
    ] = None,
    pause: Annotated[
        str | None, typer.Option(help='No issues before this day (2026-12-24); "" ends a pause.')
    ] = None,
) -> None:
    """Change what somebody gets, or how they are called and reached, as they asked you to."""
    session: Session = context.obj
    every = topic is not None and [each.casefold() for each in topic] == ["all"]
    changes = Changes(
        None if topic is None else "" if every else "|".join(topic),
        cadence,
        language,
        time_zone,
        pause is not None,
    )
    if not changes and name is None and to is None:
        raise UsageError(
            "say what to change: --name, --to, --topic, --cadence, --language, --time-zone or "
            "--pause"
        )
    with session.app() as app:
        people = app.store.subscribers
        found = of_address(app, address)[0] if not changes else only(app, address, newsletter)
        if pause is not None:
            changes = replace(changes, paused_until=_day(pause, app.journal))
        # Everything is looked at before anything is changed.
        wanted = wishes(app.journal, found, changes)
        called = None if name is None else name_of(name)
        moved = None if to is None else normalise(to)
        if changes:
            people.wish(found.id, wanted)
        if called is not None:
            people.rename(address_key(address), called)
        if moved is not None:
            people.readdress(address_key(address), moved[0])
        (after,) = [
            one
            for one in people.by_address(moved[1] if moved else address_key(address))
            if one.id == found.id
        ]
        session.done(
            document(after), f"{after.address} is changed; it counts from the next slot on."
        )


def _day(text: str, journal: Journal) -> datetime | None:
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"'{text[:60]}' is no day: write one like 2026-12-24") from None
    return datetime.combine(day, time(), journal.zone).astimezone(UTC)


@group.command(
    epilog='Example: publisher subscribers confirm ada@example.org --consent "By phone, 3 May 2026"'
)
def confirm(
    context: typer.Context, address: Address, consent: Consent = "", newsletter: Which = None
) -> None:
    """Confirm somebody who never followed the link, and told you so in another way."""
    session: Session = context.obj
    with session.app() as app:
        refuse_without_keys(app)
        found = only(app, address, newsletter)
        agreed = statement(consent, "publisher subscribers confirm", session.now())
        if found.state is SubscriptionState.CONFIRMED:
            session.done(document(found), f"{found.address} is confirmed already.")
            return
        done = confirm_one(app.store, found, agreed, session.now())
        session.done(document(done), f"{done.address} is confirmed for {done.newsletter}.")


@group.command(epilog="Example: publisher subscribers unsubscribe ada@example.org")
def unsubscribe(
    context: typer.Context,
    address: Address,
    newsletter: Annotated[
        str | None, typer.Option("--newsletter", help="Its slug. Default: every one.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why they left, in their words.")] = "",
    yes: Yes = False,
) -> None:
    """End somebody's subscriptions, as they asked you to. Only they can come back."""
    session: Session = context.obj
    with session.app() as app:
        theirs = of_address(app, address, newsletter)
        live = [one for one in theirs if one.state is not SubscriptionState.UNSUBSCRIBED]
        if live:
            names = ", ".join(one.newsletter for one in live)
            session.confirm(
                yes,
                "Go on?",
                f"{live[0].address} will get nothing more of {names}; what is queued is cancelled.",
            )
        done = [
            end(app.store.subscribers, one, reason.strip()[:REASON], session.now()) for one in live
        ]
        session.done(
            {"ended": [document(one) for one in done]},
            f"{words.count(len(done), 'subscription')} ended."
            if done
            else f"{address} had left already.",
        )


@group.command(epilog='Example: publisher subscribers forget ada@example.org --reason "By letter"')
def forget(
    context: typer.Context,
    address: Address,
    reason: Annotated[str, typer.Option(help="How they asked for it, for the record.")] = "",
    dry_run: Rehearse = False,
    yes: Yes = False,
) -> None:
    """Erase everything about somebody but a keyed hash, so that nobody brings them back."""
    session: Session = context.obj
    with session.app() as app:
        key = address_key(address)
        why = Suppression(address, SuppressionReason.FORGOTTEN, session.now(), reason[:REASON])
        told = app.store.subscribers.forget(key, why, session.now(), dry_run=True)
        before = _told(told or Forgotten(0, 0, 0))
        what = (
            words.count(before["subscriptions"], "subscription") + " and what was agreed to",
            words.count(before["notices"], "notice"),
            "who received "
            + words.count(before["deliveries"], "delivery", "deliveries")
            + "; the counts stay"
            + (f", {before['cancelled']:,} not yet sent are cancelled" * bool(before["cancelled"])),
        )
        if dry_run:
            if told is None:
                raise NotFound(f"nothing is known about {address}")
            session.done(before | {"dry_run": True}, "This would be erased:", *_items(what))
            return
        if told is not None:
            session.confirm(
                yes,
                "Erase it? It cannot be undone.",
                f"Erased of {address}:",
                *_items(what),
                "Backups and exported files are not touched; see docs/people.md.",
            )
        done = forget_person(app, address, why, session.now())
        if done is None:
            raise NotFound(f"nothing is known about {address}")
        session.done(
            before | {"dry_run": False, "files": done.files},
            f"Forgotten. {words.count(done.files, 'file')} of mails to them erased."
            if done.files
            else "Forgotten.",
        )


def _told(found: Forgotten) -> dict[str, int]:
    return {
        "subscriptions": found.subscriptions,
        "deliveries": found.deliveries,
        "cancelled": found.cancelled,
        "notices": found.notices,
    }


def _items(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
