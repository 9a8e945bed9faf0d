"""How many posts of one network are looked at in a minute, before anything is worked out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from publisher.app import App
from publisher.web.networks import network

FREE = ("/u/",)
"""Never counted: mailbox providers send one-click posts by the thousand from a few machines."""
MINUTE = 60.0
NETWORKS = 10_000
"""Networks that are told apart within a minute; further ones count as one."""


class Turnstile:
    """429 for posts beyond `forms.posts_per_minute` of one network. Holds counts, no addresses."""

    def __init__(
        self, app: ASGIApp, current: Callable[[], App], now: Callable[[], float] = time.monotonic
    ) -> None:
        self.app = app
        self._current = current
        self._now = now
        self._since = now()
        self._seen: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or answer 429 at once."""
        if (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and not scope["path"].startswith(FREE)
            and self._too_many(network(Request(scope)))
        ):
            text = "There were too many requests from your network. Please wait a minute.\n"
            headers = {"Retry-After": "60", "Cache-Control": "no-store", "Connection": "close"}
            await PlainTextResponse(text, 429, headers)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _too_many(self, name: str) -> bool:
        now = self._now()
        if now - self._since >= MINUTE:
            self._since = now
            self._seen.clear()
        if name not in self._seen and len(self._seen) >= NETWORKS:
            name = "others"
        self._seen[name] += 1
        return self._seen[name] > self._current().settings.forms.posts_per_minute
