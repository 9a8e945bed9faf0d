"""`subscribers add|list|show`: who gets what, and what they agreed to."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from publisher.app import App
from publisher.cli import words
from publisher.cli.frame import cli
from publisher.cli.session import Session, table
from publisher.domain.journal import Newsletter
from publisher.domain.segment import Selection
from publisher.domain.subscription import (
    Admission,
    Subscription,
    SubscriptionState,
    Suppression,
    address_key,
)
from publisher.domain.subscription import Consent as Consented
from publisher.errors import NotFound, SettingsError, UsageError
from publisher.people import selection
from publisher.subscribe import add

PAGE = 1000

group = typer.Typer(
    help="Add, import, export, look at, change and forget subscribers.",
    no_args_is_help=True,
    epilog='Example: publisher subscribers import list.csv --consent "Signed at the clinic, 2026"',
)
cli.add_typer(group, name="subscribers")

Which = Annotated[
    str | None, typer.Option("--newsletter", help="Its slug. Default: the only one there is.")
]
Segment = Annotated[
    str | None, typer.Option("--segment", help="Only this segment of the settings.")
]
Address = Annotated[str, typer.Argument(help="The email address.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Rehearse = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
Consent = Annotated[
    str, typer.Option("--consent", help="How they agreed to be mailed, in words, for the record.")
]


def chosen_newsletter(app: App, slug: str | None) -> Newsletter:
    """The newsletter of this slug, or the only one. Raises NotFound, UsageError."""
    known = [each.slug for each in app.journal.newsletters]
    if slug is not None:
        return words.newsletter(app.journal, slug)
    if len(known) != 1:
        raise UsageError(f"say which with --newsletter (there is: {', '.join(known) or 'none'})")
    return app.journal.newsletter(known[0])


def token_id() -> str:
    """The random name of a subscription in links."""
    return secrets.token_urlsafe(16)


def refuse_without_keys(app: App) -> None:
    """Nobody is taken in while forgotten people would not be recognised. Raises SettingsError."""
    if missing := app.store.suppressions.missing_keys():
        raise SettingsError(
            "people who were forgotten could not be recognised: the key that hashed them is not "
            f"in suppression_key_file (its id: {', '.join(sorted(missing))}); bring that file back"
        )


def of_address(app: App, address: str, newsletter: str | None = None) -> list[Subscription]:
    """Subscriptions of an address, or the one to a newsletter. Raises NotFound."""
    if newsletter is not None:
        words.newsletter(app.journal, newsletter)
    every = app.store.subscribers.by_address(address_key(address))
    found = [one for one in every if newsletter in (None, one.newsletter)]
    if not found and every:
        theirs = ", ".join(one.newsletter for one in every)
        raise NotFound(f"{address} is not subscribed to '{newsletter}' (there is: {theirs})")
    if not found:
        raise NotFound(f"nobody is known under {address}")
    return found


def only(app: App, address: str, newsletter: str | None) -> Subscription:
    """The one subscription that is meant. Raises NotFound, UsageError."""
    found = of_address(app, address, newsletter)
    if len(found) > 1:
        theirs = ", ".join(one.newsletter for one in found)
        raise UsageError(f"say which with --newsletter (there is: {theirs})")
    return found[0]


def walk(
    app: App,
    newsletter: str | None,
    state: SubscriptionState | None = None,
    segment: Selection | None = None,
) -> Iterator[Subscription]:
    """All subscriptions that fit, in order; memory stays flat."""
    after = 0
    while page := app.store.subscribers.list(
        newsletter, state, after=after, limit=PAGE, segment=segment
    ):
        yield from page
        after = page[-1].id


@group.command(
    name="add",
    epilog='Example: publisher subscribers add ada@example.org --consent "By phone, 3 May 2026"',
)
def add_one(
    context: typer.Context,
    address: Address,
    consent: Consent = "",
    newsletter: Which = None,
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    topic: Annotated[
        list[str] | None, typer.Option(help="Only this category; may be repeated. Default: all.")
    ] = None,
    cadence: Annotated[str, typer.Option(help="weekly, monthly or each.")] = "",
    language: Annotated[str, typer.Option(help="A language tag, for instance en-GB.")] = "",
) -> None:
    """Add one person who has agreed. Whoever left before, or is suppressed, stays out."""
    session: Session = context.obj
    with session.app() as app:
        refuse_without_keys(app)
        chosen = chosen_newsletter(app, newsletter)
        answer = add(
            app.store.subscribers,
            app.journal,
            chosen,
            address,
            consent=consent,
            origin="publisher subscribers add",
            now=session.now(),
            token_id=token_id,
            name=name,
            topics=topic or (),
            cadence=cadence,
            language=language,
        )
        session.done(
            {"address": address, "newsletter": chosen.slug, "result": answer.value},
            f"{address}: {answer.value} ({chosen.title}).",
        )
        if answer in (Admission.LEFT, Admission.SUPPRESSED):
            raise typer.Exit(1)


@group.command(name="list", epilog="Example: publisher subscribers list --state confirmed")
def list_subscribers(
    context: typer.Context,
    newsletter: Which = None,
    state: Annotated[SubscriptionState | None, typer.Option(help="Only these.")] = None,
    segment: Segment = None,
    after: Annotated[int, typer.Option(min=0, help="Go on after this id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 100,
) -> None:
    """List subscriptions in the order they came."""
    session: Session = context.obj
    with session.app() as app:
        if newsletter is not None:
            words.newsletter(app.journal, newsletter)
        chosen = None if segment is None else selection(app, segment, session.now())
        found = app.store.subscribers.list(
            newsletter, state, after=after, limit=limit, segment=chosen
        )
        lines: list[Any] = [
            table(
                ("id", "address", "newsletter", "state", "cadence", "topics"),
                [
                    (
                        one.id,
                        one.address,
                        one.newsletter,
                        one.state.value,
                        one.cadence or "usual",
                        "all" if one.topics is None else ", ".join(one.topics),
                    )
                    for one in found
                ],
            )
            if found
            else _nobody(newsletter, state, segment, after)
        ]
        if len(found) == limit:
            lines.append(f"More: publisher subscribers list --after {found[-1].id}")
        session.answer({"subscribers": [document(one) for one in found]}, *lines)


def _nobody(*choices: object) -> str:
    if any(choices):
        return "There is nobody of this kind."
    return "There is nobody here yet: publisher subscribers add ADDRESS --consent …"


@group.command(epilog="Example: publisher subscribers show ada@example.org")
def show(context: typer.Context, address: Address) -> None:
    """Show one person: what they get, all they agreed to, whether they may be mailed."""
    session: Session = context.obj
    with session.app() as app:
        key = address_key(address)
        found = app.store.subscribers.by_address(key)
        suppressed = app.store.suppressions.find(key)
        lifts = app.store.suppressions.lifts(key)
        if not found and suppressed is None and not lifts:
            raise NotFound(f"nobody is known under {address}")
        consents = {one.id: app.store.subscribers.consents(one.id) for one in found}
        lines = [line for one in found for line in _description(app, one, consents[one.id])]
        lines += [suppression_line(app, suppressed)] if suppressed is not None else []
        lines += [
            f"{words.when(each.at, app.journal)}, {each.by} lifted a suppression "
            f"({each.was.reason}): {each.why}"
            for each in lifts
        ]
        session.answer(
            {
                "subscriptions": [
                    document(one) | {"consents": [agreement(each) for each in consents[one.id]]}
                    for one in found
                ],
                "suppressions": [
                    {"reason": s.reason.value, "since": words.stamp(s.since), "note": s.note}
                    for s in ([] if suppressed is None else [suppressed])
                ],
                "lifted": [
                    {
                        "reason": each.was.reason.value,
                        "at": words.stamp(each.at),
                        "by": each.by,
                        "why": each.why,
                    }
                    for each in lifts
                ],
            },
            *lines,
        )


def suppression_line(app: App, found: Suppression) -> str:
    """`Never mailed since …: bounce (the mailbox does not exist)`."""
    note = f" ({found.note})" if found.note else ""
    return f"Never mailed since {words.when(found.since, app.journal)}: {found.reason}{note}"


def _description(app: App, one: Subscription, consents: Sequence[Consented]) -> list[str]:
    since = one.unsubscribed_at or one.confirmed_at or one.created_at
    named = f"{one.name} <{one.address}>" if one.name else one.address
    chosen = [
        f"cadence {one.cadence or 'usual'}",
        f"topics {'all' if one.topics is None else ', '.join(one.topics)}",
        *([f"language {one.language}"] if one.language else []),
        *([f"time zone {one.time_zone}"] if one.time_zone else []),
        *([f"paused until {words.when(p, app.journal)}"] if (p := one.paused_until) else []),
    ]
    lines = [f"{named} · {one.newsletter} · {one.state} since {words.when(since, app.journal)}"]
    lines.append(f"  {', '.join(chosen)}")
    if one.reason:
        lines.append(f"  left because: {one.reason}")
    for each in consents:
        where = ", ".join(part for part in (each.origin, each.page, each.network) if part)
        version = f" [version {each.version}]" if each.version else ""
        lines.append(
            f"  agreed {words.when(each.at, app.journal)}, {where}: {each.wording}{version}"
        )
    return lines


def agreement(agreed: Consented) -> dict[str, Any]:
    """A consent record as JSON."""
    return asdict(agreed) | {"at": words.stamp(agreed.at)}


def document(one: Subscription) -> dict[str, Any]:
    """A subscription as JSON."""
    return {
        "id": one.id,
        "address": one.address,
        "name": one.name,
        "newsletter": one.newsletter,
        "state": one.state.value,
        "cadence": one.cadence,
        "topics": None if one.topics is None else list(one.topics),
        "language": one.language,
        "time_zone": one.time_zone,
        "paused_until": words.stamp(one.paused_until),
        "consent": agreement(one.consent),
        "created_at": words.stamp(one.created_at),
        "confirmed_at": words.stamp(one.confirmed_at),
        "unsubscribed_at": words.stamp(one.unsubscribed_at),
        "reason": one.reason,
    }
