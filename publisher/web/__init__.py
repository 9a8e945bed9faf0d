"""The web app: the built site, one-click unsubscribing and a health check.

A GET never changes anything, because mail scanners follow links; a POST with a signed token
does. No cookie is ever set, and no redirect leads off the site.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from publisher.app import App
from publisher.web.leaving import Leaving
from publisher.web.pages import Pages
from publisher.web.safety import Safety

__all__ = ["create"]


def create(app: App, clock: Callable[[], datetime]) -> Starlette:
    """The ASGI application of this journal; `clock` gives the present as aware UTC."""
    pages = Pages(app)
    leaving = Leaving(app, clock)
    middleware = [Middleware(Safety)]
    if app.settings.serving.trusted_proxies:
        trusted = list(app.settings.serving.trusted_proxies)
        middleware.insert(0, Middleware(ProxyHeadersMiddleware, trusted_hosts=trusted))
    return Starlette(
        routes=[
            Route("/healthz", pages.health, methods=["GET"]),
            Route("/-/style.css", leaving.style, methods=["GET"]),
            Route("/u/{token}", leaving.show, methods=["GET"]),
            Route("/u/{token}", leaving.leave, methods=["POST"]),
            Route("/u/{token}/undo", leaving.undo, methods=["POST"]),
            Route("/{path:path}", pages.serve, methods=["GET"]),
        ],
        middleware=middleware,
    )
