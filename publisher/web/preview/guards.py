"""Who may look: a browser on this machine that was given the address, and no other site in it."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""For the page itself: its own script and style, its own frames, nothing from anywhere else."""

FIXED = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_OURS = frozenset({"", "none", "same-origin"})


class Local:
    """Refuses what another site could make a browser ask.

    A name that leads here by a trick of the DNS is not one of `hosts` (DNS rebinding); a request
    that another page began says so (Fetch Metadata, https://www.w3.org/TR/fetch-metadata/).
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 for another host, 403 for another site, and say what browsers must know."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in FIXED.items():
                    answer.setdefault(name, value)
                answer.setdefault("Content-Security-Policy", PAGE_POLICY)
            await send(message)

        if headers.get("host", "").lower() not in self._hosts:
            refusal = PlainTextResponse("The preview answers to this machine alone.\n", 421)
            await refusal(scope, receive, sending)
        elif headers.get("sec-fetch-site", "") not in _OURS:
            refusal = PlainTextResponse("Open the address that the command printed.\n", 403)
            await refusal(scope, receive, sending)
        else:
            await self.app(scope, receive, sending)
