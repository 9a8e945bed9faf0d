"""The built site over HTTP, from memory: every answer is a file of the tree that is live now.

What is held already is answered before anything else is asked; what is not goes the long way
once, through the same bounds, headers and log as every other request, and is held from then on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from email.utils import formatdate

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from publisher.app import App
from publisher.formats import answers
from publisher.formats.mediatypes import media_type
from publisher.web.conditions import encodings, verdict
from publisher.web.guards import masked
from publisher.web.memory import IDENTITY, File, Form, Gone, Header, Memory, Moved

CHUNK = 256 * 1024
"""Bytes handed to a connection at once: what a slow reader can make us hold."""

_ASKED = frozenset(
    (
        b"accept-encoding",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-unmodified-since",
    )
)

log = logging.getLogger("publisher.web")


class _Shop:
    """One App's memory, and what its settings add to every answer."""

    def __init__(self, app: App, clock: Callable[[], datetime]) -> None:
        self.app = app
        self.base = answers.base(app.journal)
        self.memory = Memory(app.settings.public_dir, clock=clock, dress=self._dress)
        self.cache = (b"cache-control", app.settings.serving.cache_control.encode("latin-1"))
        self.security = tuple(
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in answers.security(app.journal).items()
        )

    def path(self, path: str) -> str:
        """The path below the journal's own, whether or not a proxy took that away."""
        if self.base and path.startswith(f"{self.base}/"):
            return path[len(self.base) :]
        return path

    def _dress(self, file: File, encoding: str, tag: bytes, body: bytes) -> Form:
        vary: tuple[Header, ...] = ((b"vary", b"Accept-Encoding"),) if file.shrinks else ()
        link = answers.link(self.app.journal, file.name)
        about = [
            (b"content-type", media_type(file.name).encode()),
            (b"last-modified", formatdate(file.modified_at, usegmt=True).encode()),
            (b"accept-ranges", b"none"),  # whole files only (RFC 9110 §14.3)
            (b"content-length", str(len(body)).encode()),
        ]
        if encoding != IDENTITY:
            about.append((b"content-encoding", encoding.encode()))
        if link:
            about.append((b"link", link.encode("latin-1")))
        short = ((b"etag", tag), *vary)
        return Form(tag, body, (*short, *about, *self.security), short)


class Pages:
    """Middleware that answers with what is held, and the route that answers with the rest."""

    def __init__(self, current: Callable[[], App], clock: Callable[[], datetime]) -> None:
        self._current = current
        self._clock = clock
        self._shop: _Shop | None = None

    def front(self, app: ASGIApp) -> ASGIApp:
        """`app`, behind what is held already."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
                await app(scope, receive, send)
                return
            shop = self._present()
            file = shop.memory.find(shop.path(scope["path"]))
            if file is None or file.gone:
                await app(scope, receive, send)
                return
            fields = _fields(scope)
            form = file.forms.get(_encoding(file, fields))
            if form is None:
                await app(scope, receive, send)
                return
            status, headers, body = _reply(shop, file, form, fields, scope)
            if log.isEnabledFor(logging.INFO):
                log.info("%s %s %d", scope["method"], masked(scope["path"]), status)
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await _send_body(send, body)

        return answer

    async def get(self, request: Request) -> Response:
        """The file, 304 for one that the client has, 308 to where it moved, 410 or 404."""
        shop = self._present()
        path = shop.path(request.scope["path"])
        fields = _fields(request.scope)
        found = await run_in_threadpool(shop.memory.load, path)
        if isinstance(found, Moved):
            to = answers.location(shop.app.journal, found.to)
            headers = {"Location": to, "Cache-Control": shop.cache[1].decode("latin-1")}
            return Response(status_code=308, headers=headers)
        if isinstance(found, Gone):
            cache = {"Cache-Control": shop.cache[1].decode("latin-1")}
            return PlainTextResponse("This page was withdrawn.\n", 410, cache)
        if found is None:
            return await self._missing(shop, request)
        form = await run_in_threadpool(shop.memory.form, found, _encoding(found, fields))
        if found.gone:
            return _page(request, 410, form, shop.cache)
        status, headers_, body = _reply(shop, found, form, fields, request.scope)
        response = Response(body, status)
        response.raw_headers = headers_
        return response

    def _present(self) -> _Shop:
        app = self._current()
        shop = self._shop
        if shop is None or shop.app is not app:
            shop = self._shop = _Shop(app, self._clock)
        return shop

    async def _missing(self, shop: _Shop, request: Request) -> Response:
        page = await run_in_threadpool(shop.memory.load, f"/{answers.MISSING}")
        if not isinstance(page, File):
            headers = {"Cache-Control": "no-cache"}
            return PlainTextResponse("There is no such page.\n", 404, headers)
        encoding = _encoding(page, _fields(request.scope))
        form = await run_in_threadpool(shop.memory.form, page, encoding)
        return _page(request, 404, form, (b"cache-control", b"no-cache"))


def _fields(scope: Scope) -> dict[bytes, bytes]:
    """The fields that we look at; those that come twice are one list (RFC 9110 §5.3)."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _ASKED:
            found[name] = found[name] + b", " + value if name in found else value
    return found


def _encoding(file: File, fields: dict[bytes, bytes]) -> str:
    return encodings(fields.get(b"accept-encoding"))[0] if file.shrinks else IDENTITY


def _reply(
    shop: _Shop, file: File, form: Form, fields: dict[bytes, bytes], scope: Scope
) -> tuple[int, list[Header], bytes]:
    status = verdict(fields, form.tag, file.modified_at)
    query: bytes = scope["query_string"]
    forever = query.startswith(b"v=") and answers.is_version(
        query[2:].decode("latin-1"), file.digest
    )
    cache = (b"cache-control", answers.FOREVER.encode()) if forever else shop.cache
    if status == 200:
        body = b"" if scope["method"] == "HEAD" else form.body
        return 200, [cache, *form.headers], body
    if status == 304:
        return 304, [cache, *form.unchanged], b""
    return 412, [cache, *form.unchanged, (b"content-length", b"0"), *shop.security], b""


async def _send_body(send: Send, body: bytes) -> None:
    """In pieces, so that a connection takes the next one only when it can."""
    start = 0
    while len(body) - start > CHUNK:
        piece = body[start : start + CHUNK]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        start += CHUNK
    await send({"type": "http.response.body", "body": body[start:] if start else body})


def _page(request: Request, status: int, form: Form, cache: Header) -> Response:
    """A page that stands for something else: it has no tag or date of its own."""
    response = Response(b"" if request.method == "HEAD" else form.body, status)
    mine = (b"etag", b"last-modified", b"accept-ranges", b"link")
    response.raw_headers = [cache, *((n, v) for n, v in form.headers if n not in mine)]
    return response
