"""The web app: the built site from memory, and the few forms that act for one person.

A GET never changes anything: scanners follow links. Nothing sets a cookie.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from publisher.app import App
from publisher.errors import StoreError
from publisher.web.failures import unavailable
from publisher.web.guards import AccessLog, BodyLimit, SecurityHeaders
from publisher.web.leaving import Leaving
from publisher.web.pages import Pages

Clock = Callable[[], datetime]


def create(app: App, clock: Clock) -> Starlette:
    """The web app over `app`; `clock` gives the present instant (aware UTC)."""
    return assemble(lambda: app, clock)


def assemble(current: Callable[[], App], clock: Clock) -> Starlette:
    """The same for an App that may be replaced while it runs: `current` is asked each time."""
    leaving = Leaving(current, clock)
    pages = Pages(current, clock)
    routes = [
        Route("/healthz", _Health(current).get, methods=["GET"]),
        Route("/u/{token}", leaving.answer, methods=["GET", "POST"]),
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
        ],
        exception_handlers=unavailable(),
    )


class _Health:
    """Says whether pages can be served and clicks be recorded."""

    def __init__(self, current: Callable[[], App]) -> None:
        self._current = current

    def get(self, request: Request) -> Response:  # noqa: ARG002 (Starlette's signature)
        """200 `ok` while the store answers, else 503; what is wrong stands in the log."""
        headers = {"Cache-Control": "no-store"}
        try:
            self._current().store.started_at()
        except StoreError:
            return PlainTextResponse("the store does not answer\n", 503, headers)
        return PlainTextResponse("ok\n", 200, headers)
