"""The built site over HTTP, as RFC 9110 asks: ETag, conditional requests, HEAD, right types."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import PurePosixPath

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from publisher.app import App

TYPES = {
    "feed.xml": "application/rss+xml; charset=utf-8",
    "atom.xml": "application/atom+xml; charset=utf-8",
    "feed.json": "application/feed+json; charset=utf-8",
}
"""By file name, where the ending alone does not say it."""

_TEXT = ("text/", "application/xml", "application/json", "application/javascript")


class Pages:
    """Serves the tree that is live now."""

    def __init__(self, app: App) -> None:
        self._app = app

    def health(self, _request: Request) -> Response:
        """Whether the process answers at all."""
        return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})

    async def serve(self, request: Request) -> Response:
        """One file of the site, its index for a folder, or the site's own 404 page."""
        path = request.path_params["path"]
        name = path + "index.html" if path == "" or path.endswith("/") else path
        content = await run_in_threadpool(self._app.site.read, name)
        if content is not None:
            return self._found(request, name, content)
        if await run_in_threadpool(self._app.site.read, f"{path}/index.html") is not None:
            # `quote`d by Starlette; starts with one slash, so it cannot lead to another host.
            return RedirectResponse("/" + path.lstrip("/") + "/", 308)
        missing = await run_in_threadpool(self._app.site.read, "404.html")
        if missing is None:
            return PlainTextResponse("This page is not here.\n", 404)
        return Response(missing, 404, media_type="text/html")

    def _found(self, request: Request, name: str, content: bytes) -> Response:
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": self._app.settings.serving.cache_control}
        if matches(request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=media_type(name))


def matches(given: str | None, etag: str) -> bool:
    """RFC 9110 §13.1.2: `*`, or any of the listed tags, compared weakly."""
    if given is None:
        return False
    if given.strip() == "*":
        return True
    return any(part.strip().removeprefix("W/") == etag for part in given.split(","))


def media_type(name: str) -> str:
    """The Content-Type of a file of the site, with its charset where it is text."""
    known = TYPES.get(PurePosixPath(name).name)
    if known:
        return known
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith(_TEXT) else guessed
