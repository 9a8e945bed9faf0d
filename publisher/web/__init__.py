"""The web app: the built site from memory, and the few forms that act for one person.

A GET never changes anything: scanners follow links. Nothing sets a cookie.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from publisher.app import App
from publisher.errors import StoreError
from publisher.web.choosing import Choosing
from publisher.web.desk import PACE, Desk
from publisher.web.failures import unavailable
from publisher.web.guards import AccessLog, BodyLimit, SecurityHeaders
from publisher.web.joining import Joining
from publisher.web.leaving import Leaving
from publisher.web.measuring import Measuring
from publisher.web.pages import Pages
from publisher.web.turnstile import Turnstile

log = logging.getLogger("publisher.web")

Clock = Callable[[], datetime]


def create(app: App, clock: Clock, pace: float = PACE) -> Starlette:
    """The web app over `app`; `clock` gives the present instant (aware UTC).

    Forms are answered after a whole number of `pace` seconds.
    """
    return assemble(lambda: app, clock, pace)


def assemble(current: Callable[[], App], clock: Clock, pace: float = PACE) -> Starlette:
    """The same for an App that may be replaced while it runs: `current` is asked each time."""
    leaving = Leaving(current, clock)
    desk = Desk(current, clock, pace)
    joining, choosing = Joining(desk), Choosing(desk)
    pages = Pages(current, clock)
    routes = [
        Route("/healthz", _alive, methods=["GET"]),
        Route("/readyz", _Readiness(current).get, methods=["GET"]),
        Route("/metrics", Measuring(current).get, methods=["GET"]),
        Route("/subscribe", joining.form, methods=["GET"]),
        Route("/subscribe", joining.ask, methods=["POST"]),
        Route("/subscribe/embed", joining.form, methods=["GET"]),
        Route("/confirm/{token}", joining.confirming, methods=["GET", "POST"]),
        Route("/preferences/{token}", choosing.form, methods=["GET"]),
        Route("/preferences/{token}", choosing.save, methods=["POST"]),
        Route("/preferences/{token}/link", choosing.link, methods=["POST"]),
        Route("/preferences/{token}/address", choosing.address, methods=["POST"]),
        Route("/address/{token}", choosing.moving, methods=["GET", "POST"]),
        Route("/u/{token}", leaving.answer, methods=["GET", "POST"]),
        Route("/u/{token}/all", leaving.answer_all, methods=["POST"]),
        Route("/u/{token}/reason", leaving.reason, methods=["POST"]),
        Route("/u/{token}/undo", leaving.undo, methods=["POST"]),
        Route("/{path:path}", pages.get, methods=["GET"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(pages.front),
            Middleware(AccessLog),
            Middleware(SecurityHeaders, current=current),
            Middleware(BodyLimit),
            Middleware(Turnstile, current=current),
        ],
        exception_handlers=unavailable(),
    )


async def _alive(request: Request) -> Response:  # noqa: ARG001 (Starlette's signature)
    """200 as long as the process answers at all: whoever restarts it must not ask for more."""
    return PlainTextResponse("ok\n", 200, {"Cache-Control": "no-store"})


class _Readiness:
    """Says whether pages can be served and clicks be recorded."""

    def __init__(self, current: Callable[[], App]) -> None:
        self._current = current

    def get(self, request: Request) -> Response:  # noqa: ARG002 (Starlette's signature)
        """200 `ok` while the store answers, else 503; what is wrong stands in the log."""
        headers = {"Cache-Control": "no-store"}
        try:
            self._current().store.started_at()
        except StoreError as error:
            log.error("%s", error)  # noqa: TRY400 (an operator's error, said in its own words)
            return PlainTextResponse("the store does not answer\n", 503, headers)
        return PlainTextResponse("ok\n", 200, headers)
