"""`/subscribe` and `/confirm/{token}`: asking to join, and confirming it by the link in a mail."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from publisher import subscribe
from publisher.app import App
from publisher.domain.request import LIFETIME, Choice, Filed, RequestKind
from publisher.domain.template import TemplateSet
from publisher.formats import catalogue, token
from publisher.formats.catalogue import Catalogue, mark
from publisher.formats.token import Purpose
from publisher.subscribe import BadField
from publisher.subscribe.reception import titles
from publisher.web.desk import SCRIPT, Desk, choice_values, problems, version, wording
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

TOO_MANY = (Filed.NETWORK_LIMIT, Filed.TOTAL_LIMIT)


class Joining:
    """Everything up to being a reader. No answer depends on whether an address is known."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def form(self, request: Request) -> Response:
        """The empty form; `?newsletter=` ticks one, `?language=` speaks another language."""
        asked = {
            "newsletter": request.query_params.getlist("newsletter")[:50],
            "language": request.query_params.getlist("language")[:1],
        }
        asked["spoken"] = asked["language"]
        framed = request.url.path.endswith("/embed")
        return await run_in_threadpool(self._show, asked, (), framed, 200)

    async def ask(self, request: Request) -> Response:
        """Take the form in. The mail that answers is queued before the answer is given."""
        given = await fields(request)
        return await self._desk.evenly(self._ask, request, given)

    async def confirming(self, request: Request) -> Response:
        """GET shows a button and changes nothing, for scanners follow links; POST confirms."""
        if request.method != "POST":
            return await run_in_threadpool(self._offer, request)
        await read_to_end(request)
        return await run_in_threadpool(self._confirm, request)

    def _ask(self, request: Request, given: Fields) -> Response:
        app, now = self._desk.current(), self._desk.clock()
        framed, wanted = "embed" in given, _first(given, "spoken")
        if any(given.get("website", ())):
            return respond(app, _sent(app, framed, wanted))  # only programs see that field
        templates = app.templates.load()
        if _first(given, "consent") != version(wording(app, templates, wanted)):
            return self._show(given, (), framed, 200)  # these are not the words they have read
        errors: list[BadField] = []
        address = ""
        chosen: tuple[Choice, ...] = ()
        try:
            address, _ = self._desk.door(app).admit(_first(given, "email"))
        except BadField as error:
            errors.append(error)
        try:
            chosen = subscribe.choices(app.journal, app.settings.forms.languages, given)
            if not chosen:
                errors.append(BadField("newsletter", mark("Please choose at least one.")))
        except BadField as error:
            errors.append(error)
        if errors:
            return self._show(given, errors, framed, 422)
        agreed = self._desk.consent(app, templates, request, "/subscribe", wanted, now)
        filed = self._desk.reception(app, templates).join(address, chosen, agreed, now)
        answer = _too_many if filed in TOO_MANY else _sent
        return respond(app, answer(app, framed, wanted))

    def _show(
        self,
        given: Fields,
        errors: Sequence[BadField],
        framed: bool,
        status: int,
    ) -> Response:
        app = self._desk.current()
        templates, wanted = app.templates.load(), _first(given, "spoken")
        words, script = wording(app, templates, wanted), _script(templates)
        if len(app.journal.newsletters) == 1:
            given = given | {"newsletter": [app.journal.newsletters[0].slug]}

        def values(said: Catalogue) -> Values:
            return choice_values(app, given) | {
                "email": _first(given, "email")[:320],
                "errors": problems(errors, said),
                "consent": words,
                "version": version(words),
                "script": script,
                "framed": framed,
            }

        frames = app.settings.forms.frames if framed else ()
        shown = Shown("web/subscribe.html", UNSHOWN, values, status, wanted, script, frames)
        return respond(app, shown, templates)

    def _offer(self, request: Request) -> Response:
        app = self._desk.current()
        token_id = token.read(app.settings.keys, Purpose.CONFIRM, request.path_params["token"])
        if token_id is None:
            return not_found()
        templates = app.templates.load()
        reception = self._desk.reception(app, templates)
        found = reception.pending(token_id, RequestKind.JOIN, self._desk.clock())
        if found is None:
            return respond(app, _over(app))
        wanted = found.choices[0].wishes.language if found.choices else None
        shown = message(
            mark("Get %(newsletters)s?"),
            mark("One click, and you are subscribed. You can leave just as easily."),
            values=_named(app, templates, [each.newsletter for each in found.choices], wanted),
            wanted=wanted,
            action=f"{base(app)}/confirm/{request.path_params['token']}",
            label=mark("Yes, send it to me"),
        )
        return respond(app, shown, templates)

    def _confirm(self, request: Request) -> Response:
        app, now = self._desk.current(), self._desk.clock()
        token_id = token.read(app.settings.keys, Purpose.CONFIRM, request.path_params["token"])
        if token_id is None:
            return not_found()
        templates = app.templates.load()
        reception = self._desk.reception(app, templates)
        joined = reception.confirm(token_id, self._desk.network(app, request), now)
        if not joined.readers:
            return respond(app, _over(app))
        first = joined.readers[0]
        made = token.preferences(app.settings.keys, first.token_id, now)
        slugs = [each.newsletter for each in joined.readers]
        shown = message(
            mark("You are subscribed"),
            mark("From now on you get %(newsletters)s."),
            values=_named(app, templates, slugs, first.language),
            wanted=first.language,
            link=f"{base(app)}/preferences/{made}",
            link_label=mark("See or change what you get"),
        )
        return respond(app, shown, templates)


def _first(given: Fields, name: str) -> str:
    return next(iter(given.get(name, ())), "")


def _script(templates: TemplateSet) -> str:
    found = templates.templates.get(SCRIPT)
    return found.text.strip() if found else ""


def _named(
    app: App, templates: TemplateSet, slugs: Sequence[str], wanted: str | None
) -> dict[str, object]:
    language = catalogue.spoken(templates, wanted, app.journal.language)
    return {"newsletters": titles(app.journal, slugs, language)}


def _sent(app: App, framed: bool, wanted: str) -> Shown:
    return message(
        mark("Please look into your mail"),
        mark(
            "We have written to the address you gave. Open that mail and follow its link within "
            "%(days)s days."
        ),
        mark(
            "Nothing there? Look into the spam folder, and see that the address is right. We "
            "write to an address once a day at most, however often this form is filled in."
        ),
        values={"days": LIFETIME.days},
        wanted=wanted,
        frames=app.settings.forms.frames if framed else (),
    )


def _too_many(app: App, framed: bool, wanted: str) -> Shown:
    return message(
        mark("Not today, we are sorry"),
        mark(
            "This form was filled in too often within a day, from your network or in all. Nothing "
            "was kept of yours. Please come back tomorrow."
        ),
        status=429,
        wanted=wanted,
        frames=app.settings.forms.frames if framed else (),
    )


def _over(app: App) -> Shown:
    return message(
        mark("This link is no longer good"),
        mark(
            "It was good for %(days)s days, or it has done its work. If you want to subscribe, "
            "please fill in the form once more."
        ),
        values={"days": LIFETIME.days},
        status=410,
        link=f"{base(app)}/subscribe",
        link_label=mark("To the form"),
    )
