"""Unsubscribing: the page that the link in a digest opens, and RFC 8058's one click."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from publisher import subscribe
from publisher.app import App
from publisher.domain.subscription import Subscription, SubscriptionState
from publisher.errors import TemplateError
from publisher.formats import catalogue, templating
from publisher.formats.catalogue import Catalogue, mark
from publisher.formats.token import Purpose, read

TEMPLATE = "web/unsubscribe.html"

PLAIN = {
    "ask": mark("To unsubscribe, open this page again in a few minutes."),
    "left": mark("You are unsubscribed. We will not write to you again."),
    "back": mark("You are subscribed again."),
    "gone": mark("You are not subscribed. There is nothing to do."),
}
"""What is said when the template of the page fails: the click counts all the same."""

# A token's page is nobody else's: no cache, no search engine, no referrer.
_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}

log = logging.getLogger("publisher.web")


class Leaving:
    """`/u/{token}` and `/u/{token}/undo`."""

    def __init__(self, current: Callable[[], App], clock: Callable[[], datetime]) -> None:
        self._current = current
        self._clock = clock

    async def answer(self, request: Request) -> Response:
        """GET and HEAD show a page with a button and change nothing, whoever follows the link.

        POST unsubscribes, and answers 200 without redirect or cookie (RFC 8058 §3.1). Its
        body, urlencoded or multipart, is read to its end and not looked into: the signed token
        says everything, and nobody who wants to leave is refused over a form's shape.
        """
        if request.method != "POST":
            return await run_in_threadpool(self._ask, request)
        await _read_to_end(request)
        return await run_in_threadpool(self._leave, request)

    async def undo(self, request: Request) -> Response:
        """Take it back within the minute; later, say that it is over."""
        await _read_to_end(request)
        return await run_in_threadpool(self._undo, request)

    def _ask(self, request: Request) -> Response:
        app, token_id = self._read(request)
        if token_id is None:
            return _not_found()
        found = app.store.subscribers.by_token(token_id)
        if found is None:
            return _page(app, request, "gone", None)
        if found.state is SubscriptionState.UNSUBSCRIBED:
            return self._left(app, request, found, "gone")
        return _page(app, request, "ask", found)

    def _leave(self, request: Request) -> Response:
        app, token_id = self._read(request)
        if token_id is None:
            return _not_found()
        found = subscribe.unsubscribe(app.store.subscribers, token_id, self._clock())
        if found is None:
            return _page(app, request, "gone", None)
        return self._left(app, request, found, "left")

    def _undo(self, request: Request) -> Response:
        app, token_id = self._read(request)
        if token_id is None:
            return _not_found()
        found = subscribe.undo(app.store.subscribers, token_id, self._clock())
        if found is None:
            return _page(app, request, "gone", None)
        if found.state is SubscriptionState.CONFIRMED:
            return _page(app, request, "back", found)
        return self._left(app, request, found, "gone")

    def _left(self, app: App, request: Request, found: Subscription, over: str) -> Response:
        """While it can be undone the page says "left" and offers it, afterwards `over`."""
        may_undo = subscribe.may_undo(found, self._clock())
        return _page(app, request, "left" if may_undo else over, found, may_undo=may_undo)

    def _read(self, request: Request) -> tuple[App, str | None]:
        app = self._current()
        return app, read(app.settings.keys, Purpose.UNSUBSCRIBE, request.path_params["token"])


async def _read_to_end(request: Request) -> None:
    async for _ in request.stream():
        pass


def _not_found() -> Response:
    return PlainTextResponse("There is no such page.\n", 404, _HEADERS)


def _page(
    app: App,
    request: Request,
    state: str,
    found: Subscription | None,
    *,
    may_undo: bool = False,
) -> Response:
    journal = app.journal
    slug = found.newsletter if found else None
    titles = {newsletter.slug: newsletter.title for newsletter in journal.newsletters}
    wanted = found.language if found else None
    words = Catalogue(catalogue.SOURCE)
    try:
        templates = app.templates.load()
        language = catalogue.spoken(templates, wanted, journal.language)
        words = catalogue.of(templates, language)
        html = templating.render(
            templating.environment(templates, language=language, zone=journal.zone),
            templates,
            TEMPLATE,
            journal=journal,
            state=state,
            newsletter=titles.get(slug, slug) if slug else None,
            action=f"/u/{request.path_params['token']}",
            may_undo=may_undo,
        )
    except TemplateError as error:
        log.error("%s", error)  # noqa: TRY400 (an operator's error, said in its own words)
        return PlainTextResponse(f"{words.gettext(PLAIN[state])}\n", 200, _HEADERS)
    return HTMLResponse(html, 200, _HEADERS)
