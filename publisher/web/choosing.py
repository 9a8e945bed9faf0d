"""`/preferences/{token}` and `/address/{token}`: what somebody gets, how often, and where.

A digest gets forwarded, and this link with it: it grows old, the page masks the address, and
nothing is sent to anybody but the address on file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from publisher import subscribe
from publisher.app import App
from publisher.domain.request import PREFERENCES_LIFETIME, Filed, RequestKind
from publisher.domain.subscription import Consent, Subscription, SubscriptionState, masked
from publisher.errors import NotFound
from publisher.formats import token
from publisher.formats.catalogue import Catalogue, mark
from publisher.formats.token import Purpose
from publisher.subscribe import BadField, Reception
from publisher.web.desk import Desk, choice_values, problems
from publisher.web.showing import (
    UNSHOWN,
    Shown,
    Values,
    base,
    fields,
    message,
    not_found,
    read_to_end,
    respond,
)

Fields = dict[str, list[str]]

SAVED = mark("Saved. It counts from the next issue on.")
NEW = mark("For what is new to you we have sent a mail with a link to confirm it.")
LATER = mark(
    "What is new to you must be confirmed by mail, and we write to an address once a day at most: "
    "please tick it again tomorrow."
)
WRITTEN = mark(
    "We have written to the new address. Everything stays as it is until its owner follows the "
    "link in that mail. We write to an address once a day at most."
)


class Choosing:
    """Every GET only shows; what a link may still do is decided by its day."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def form(self, request: Request) -> Response:
        """The choices as they are; for an old link a button that mails a fresh one."""
        return await run_in_threadpool(self._form, request)

    async def save(self, request: Request) -> Response:
        """Put the choices in place of those before."""
        given = await fields(request)
        return await self._desk.evenly(self._save, request, given)

    async def link(self, request: Request) -> Response:
        """Mail a fresh link to the address on file, whoever asks and however old theirs is."""
        await read_to_end(request)
        return await self._desk.evenly(self._link, request)

    async def address(self, request: Request) -> Response:
        """Ask the owner of another address to confirm that it is theirs."""
        given = await fields(request)
        return await self._desk.evenly(self._address, request, given)

    async def moving(self, request: Request) -> Response:
        """GET shows a button; POST moves the subscriptions to the new address."""
        if request.method != "POST":
            return await run_in_threadpool(self._offer, request)
        await read_to_end(request)
        return await run_in_threadpool(self._move, request)

    # --- the page -----------------------------------------------------------------------------

    def _form(
        self,
        request: Request,
        done: Sequence[str] = (),
        error: BadField | None = None,
        given: Fields | None = None,
    ) -> Response:
        app, now = self._desk.current(), self._desk.clock()
        named = token.read_preferences(app.settings.keys, request.path_params["token"], now)
        if named is None:
            return not_found()
        token_id, age = named
        readers = _readers(app, token_id)
        if not readers:
            return respond(app, _nobody(app))
        here = f"{base(app)}/preferences/{request.path_params['token']}"
        if age >= PREFERENCES_LIFETIME:
            return respond(app, _old(f"{here}/link", readers[0].language))
        leave = token.make(app.settings.keys, Purpose.UNSUBSCRIBE, token_id)

        def values(words: Catalogue) -> Values:
            return choice_values(app, _fields(app, readers, now) if given is None else given) | {
                "address": masked(readers[0].address),
                "action": here,
                "leave": f"{base(app)}/u/{leave}",
                "done": [words.gettext(each) for each in done],
                "errors": problems([] if error is None else [error], words),
                "email": next(iter((given or {}).get("email", ())), "")[:320],
                "today": now.astimezone(_zone(app, readers[0])).date().isoformat(),
            }

        status = 200 if error is None else 422
        template = "web/preferences.html"
        return respond(app, Shown(template, UNSHOWN, values, status, readers[0].language))

    def _save(self, request: Request, given: Fields) -> Response:
        app, now = self._desk.current(), self._desk.clock()
        token_id = self._fresh(app, request, now)
        if token_id is None:
            return self._form(request)
        try:
            chosen = subscribe.choices(app.journal, app.settings.forms.languages, given)
            until = subscribe.paused_until(app.journal, given, now)
        except BadField as error:
            return self._form(request, (), error, given)
        try:
            asked = self._reception(app).prefer(
                token_id, chosen, until, self._agreed(app, request, token_id, now), now
            )
        except NotFound:
            return respond(app, _nobody(app))
        if not _readers(app, token_id):
            return respond(app, _gone(app, token_id))
        told = () if asked is None else (NEW if asked is Filed.MAILED else LATER,)
        return self._form(request, (SAVED, *told))

    def _link(self, request: Request) -> Response:
        app, now = self._desk.current(), self._desk.clock()
        named = token.read_preferences(app.settings.keys, request.path_params["token"], now)
        if named is None:
            return not_found()
        agreed = self._agreed(app, request, named[0], now)
        if self._reception(app).send_link(named[0], agreed, now) is None:
            return respond(app, _nobody(app))
        return respond(
            app,
            message(
                mark("Please look into your mail"),
                mark(
                    "A fresh link goes to the address that we write to. We send one a day at most: "
                    "if you have just been sent something by us, use that, or come back tomorrow."
                ),
                wanted=_readers(app, named[0])[0].language,
            ),
        )

    # --- another address ------------------------------------------------------------------------

    def _address(self, request: Request, given: Fields) -> Response:
        app, now = self._desk.current(), self._desk.clock()
        token_id = self._fresh(app, request, now)
        readers = [] if token_id is None else _readers(app, token_id)
        if token_id is None or not readers:
            return self._form(request)  # which says why
        try:
            address, _ = self._desk.door(app).admit(next(iter(given.get("email", ())), ""))
        except BadField as error:
            kept = _fields(app, readers, now) | {"email": given.get("email", [])}
            return self._form(request, (), error, kept)
        agreed = self._agreed(app, request, token_id, now)
        if self._reception(app).ask_address(token_id, address, agreed, now) is None:
            return respond(app, _nobody(app))
        return self._form(request, (WRITTEN,))

    def _offer(self, request: Request) -> Response:
        app = self._desk.current()
        token_id = token.read(app.settings.keys, Purpose.ADDRESS, request.path_params["token"])
        if token_id is None:
            return not_found()
        found = self._reception(app).pending(token_id, RequestKind.MOVE, self._desk.clock())
        if found is None or found.used_at is not None:
            return respond(app, _over())
        return respond(
            app,
            message(
                mark("Write to this address?"),
                mark("From now on everything goes to %(address)s. Your old address is told so."),
                values={"address": masked(found.address)},
                action=f"{base(app)}/address/{request.path_params['token']}",
                label=mark("Yes, this is my address"),
            ),
        )

    def _move(self, request: Request) -> Response:
        app = self._desk.current()
        token_id = token.read(app.settings.keys, Purpose.ADDRESS, request.path_params["token"])
        if token_id is None:
            return not_found()
        if not self._reception(app).move(token_id, self._desk.clock()):
            return respond(app, _over())
        return respond(
            app,
            message(
                mark("Your address has changed"), mark("From now on we write to this one alone.")
            ),
        )

    def _reception(self, app: App) -> Reception:
        return self._desk.reception(app, app.templates.load())

    def _agreed(self, app: App, request: Request, token_id: str, now: datetime) -> Consent:
        found = app.store.subscribers.by_token(token_id)
        wanted = found.language if found else None
        templates = app.templates.load()
        return self._desk.consent(app, templates, request, "/preferences", wanted, now)

    def _fresh(self, app: App, request: Request, now: datetime) -> str | None:
        """Whose preferences a link that is not too old may change."""
        named = token.read_preferences(app.settings.keys, request.path_params["token"], now)
        return named[0] if named is not None and named[1] < PREFERENCES_LIFETIME else None


def _readers(app: App, token_id: str) -> list[Subscription]:
    found = subscribe.all_of(app.store.subscribers, token_id)
    return [each for each in found if each.state is SubscriptionState.CONFIRMED]


def _zone(app: App, reader: Subscription) -> ZoneInfo:
    try:
        return ZoneInfo(reader.time_zone or app.journal.time_zone)
    except (KeyError, ValueError, OSError):
        return app.journal.zone


def _fields(app: App, readers: list[Subscription], now: datetime) -> Fields:
    """The form as it would have to be filled in to change nothing."""
    given: Fields = {"newsletter": [each.newsletter for each in readers]}
    for each in readers:
        if each.cadence:
            given[f"cadence-{each.newsletter}"] = [each.cadence]
        if each.topics is not None:
            given[f"topics-{each.newsletter}"] = ["1"]
            given[f"topic-{each.newsletter}"] = list(each.topics)
    first = readers[0]
    given["language"] = [first.language or ""]
    given["time_zone"] = [first.time_zone or ""]
    if first.paused_until is not None and first.paused_until > now:
        day = first.paused_until.astimezone(_zone(app, first)).date()
        given["paused_until"] = [day.isoformat()]
    return given


def _nobody(app: App) -> Shown:
    return message(
        mark("You are not subscribed"),
        mark("We do not write to you, so there is nothing to choose."),
        link=f"{base(app)}/subscribe",
        link_label=mark("Subscribe"),
    )


def _gone(app: App, token_id: str) -> Shown:
    leave = token.make(app.settings.keys, Purpose.UNSUBSCRIBE, token_id)
    found = app.store.subscribers.by_token(token_id)
    return message(
        mark("You are unsubscribed"),
        mark("We will not write to you again. You can undo it here for one minute."),
        wanted=found.language if found else None,
        action=f"{base(app)}/u/{leave}/undo",
        label=mark("That was a mistake: undo"),
    )


def _old(action: str, wanted: str | None) -> Shown:
    return message(
        mark("This link is too old"),
        mark(
            "Mails get forwarded, so a link to somebody's choices is good for %(days)s days. We "
            "can send a fresh one to the address that we write to."
        ),
        values={"days": PREFERENCES_LIFETIME.days},
        wanted=wanted,
        status=410,
        action=action,
        label=mark("Send me a fresh link"),
    )


def _over() -> Shown:
    return message(
        mark("This link is no longer good"),
        mark(
            "It was too old, it has done its work, or the new address cannot be used. Everything "
            "is as it was; you can ask again on the page of your choices."
        ),
        status=410,
    )
