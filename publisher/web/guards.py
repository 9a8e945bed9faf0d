"""What holds for every request: bounds, headers, and a log without tokens or addresses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from publisher.app import App
from publisher.formats import answers

MAX_BODY = 64 * 1024
"""Bytes of a request's body; a form of ours has a few hundred."""

TOKEN_PATHS = ("/u/", "/confirm/", "/preferences/", "/address/")
"""What follows these in a path acts for one person and stays out of the log."""

log = logging.getLogger("publisher.web")


def masked(path: str) -> str:
    """The path as it may be logged: on one line, and without a token."""
    for prefix in TOKEN_PATHS:
        if path.startswith(prefix):
            return f"{prefix}…"
    return quote(path)


class AccessLog:
    """One line a request: method, path, status. No address of either kind, no query."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Log when the response begins, or when there is none."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            log.info("%s %s %d", quote(scope["method"]), masked(scope["path"]), status)


class SecurityHeaders:
    """What browsers are told about every answer."""

    def __init__(self, app: ASGIApp, current: Callable[[], App]) -> None:
        self.app = app
        self._current = current

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to whatever the app answers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        fixed = answers.security(self._current().journal)

        async def sending(message: Message) -> None:
            # A 304 stands for an answer that had them (RFC 9110 §15.4.5).
            if message["type"] == "http.response.start" and message["status"] != 304:
                headers = MutableHeaders(scope=message)
                # A page with a policy of its own says there who may frame it.
                own = "content-security-policy" in headers
                for name, value in fixed.items():
                    if name != "X-Frame-Options" or not own:
                        headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, sending)


class _TooLarge(Exception):
    """The body passed its bound while it was read."""


class BodyLimit:
    """Refuse bodies over MAX_BODY with 413, announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is read; nothing is kept."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = PlainTextResponse("The request is too large.\n", 413, {"Connection": "close"})
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > MAX_BODY:
            await refusal(scope, receive, send)
            return
        read = 0
        started = False

        async def receiving() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise _TooLarge
            return message

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receiving, sending)
        except _TooLarge:
            if started:
                raise
            await refusal(scope, receive, send)
