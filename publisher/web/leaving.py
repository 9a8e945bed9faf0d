"""Leaving: RFC 8058's one click, and the page with a button for everybody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from publisher import subscribe
from publisher.app import App
from publisher.domain.subscription import Subscription, SubscriptionState
from publisher.formats import colours, token
from publisher.formats.templating import environment, locale, render

NO_STORE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
STYLE = "site/assets/style.css"


class Leaving:
    """The pages behind an unsubscribe link. The token is all that a visitor has to bring."""

    def __init__(self, app: App, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._clock = clock
        self._templates = app.templates.load()
        journal = app.journal
        self._env = environment(self._templates, language=journal.language, zone=journal.zone)

    def style(self, _request: Request) -> Response:
        """The site's own look; the site itself may be on another host."""
        css = colours.stylesheet(self._app.journal.colours).encode()
        css += self._templates.assets.get(STYLE, b"")
        headers = {"Cache-Control": self._app.settings.serving.cache_control}
        return Response(css, media_type="text/css", headers=headers)

    def show(self, request: Request) -> Response:
        """The page with the button. Changes nothing: mail scanners follow links."""
        token_id = self._token_id(request)
        if token_id is None:
            return _not_here()
        found = self._app.store.subscribers.by_token(token_id)
        return self._page(request, found)

    async def leave(self, request: Request) -> Response:
        """Unsubscribe at once (RFC 8058 §3.2), with no redirect and no cookie.

        The body is read for its bound and otherwise not needed: the signed token says what is
        meant, and mail clients send urlencoded or multipart, with or without a charset.
        """
        await request.body()
        token_id = self._token_id(request)
        if token_id is None:
            return _not_here()
        found = await run_in_threadpool(
            subscribe.unsubscribe, self._app.store.subscribers, token_id, self._clock()
        )
        return await run_in_threadpool(self._page, request, found)

    async def undo(self, request: Request) -> Response:
        """Take it back, while the minute lasts."""
        await request.body()
        token_id = self._token_id(request)
        if token_id is None:
            return _not_here()
        found = await run_in_threadpool(
            subscribe.undo, self._app.store.subscribers, token_id, self._clock()
        )
        return await run_in_threadpool(self._page, request, found, undone=True)

    def _token_id(self, request: Request) -> str | None:
        given = request.path_params["token"]
        return token.read(self._app.settings.keys, token.Purpose.UNSUBSCRIBE, given)

    def _page(
        self, request: Request, found: Subscription | None, *, undone: bool = False
    ) -> Response:
        journal = self._app.journal
        subscribed = found is not None and found.state is not SubscriptionState.UNSUBSCRIBED
        titles = {each.slug: each.title for each in journal.newsletters}
        html = render(
            self._env,
            self._templates,
            "web/leave.html",
            journal=journal,
            language=journal.language,
            direction=locale(journal.language).text_direction,
            newsletter=titles.get(found.newsletter, found.newsletter) if found else "",
            gone=found is None,
            subscribed=subscribed,
            undone=undone and subscribed,
            too_late=undone and found is not None and not subscribed,
            may_undo=found is not None and subscribe.may_undo(found, self._clock()),
            action=f"/u/{request.path_params['token']}",
        )
        return HTMLResponse(html, headers=NO_STORE)


def _not_here() -> Response:
    return PlainTextResponse("This page is not here.\n", 404, headers=NO_STORE)
