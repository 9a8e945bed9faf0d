"""The built site over HTTP: every answer is a file of the tree that is live now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from publisher.app import App

FEEDS = {
    "feed.xml": "application/rss+xml; charset=utf-8",
    "atom.xml": "application/atom+xml; charset=utf-8",
    "feed.json": "application/feed+json; charset=utf-8",
}
"""Feeds by file name: their types differ from what their endings say."""

TYPES = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json; charset=utf-8",
    ".opml": "text/x-opml; charset=utf-8",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xml": "application/xml; charset=utf-8",
}
"""Written out: the system's own table differs from machine to machine."""


def media_type(name: str) -> str:
    """The Content-Type of a file."""
    path = PurePosixPath(name)
    return FEEDS.get(path.name) or TYPES.get(path.suffix.lower(), "application/octet-stream")


def file_name(path: str) -> str | None:
    """The file of a request path without its first slash; None where it cannot be one.

    Parts that are empty, begin with a dot (`.well-known` apart) or hold a backslash or a
    control character lead nowhere.
    """
    name = f"{path}index.html" if not path or path.endswith("/") else path
    for part in name.split("/"):
        if not part or (part.startswith(".") and part != ".well-known"):
            return None
        if any(character == "\\" or ord(character) < 32 for character in part):
            return None
    return name


class Pages:
    """Answers GET and HEAD for the site's own files."""

    def __init__(self, current: Callable[[], App]) -> None:
        self._current = current

    def get(self, request: Request) -> Response:
        """The file, 304 for one that the client has, 308 to a folder's page, else 404."""
        app = self._current()
        path: str = request.path_params["path"]
        name = file_name(path)
        content = app.site.read(name) if name else None
        if name and content is not None:
            return _file(request, name, content, app.settings.serving.cache_control)
        if name and not path.endswith("/") and app.site.read(f"{path}/index.html") is not None:
            return RedirectResponse(quote(f"/{path}/"), 308)
        return _missing(app, request)


def _file(request: Request, name: str, content: bytes, cache_control: str) -> Response:
    # Strong: the same bytes, whatever the tree (RFC 9110 §8.8.3).
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": cache_control}
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return _body(request, content, media_type(name), 200, headers)


def _matches(wanted: str, tag: str) -> bool:
    """If-None-Match compares weakly (RFC 9110 §13.1.2)."""
    candidates = [candidate.strip().removeprefix("W/") for candidate in wanted.split(",")]
    return tag in candidates or candidates == ["*"]


def _missing(app: App, request: Request) -> Response:
    page = app.site.read("404.html")
    headers = {"Cache-Control": "no-cache"}
    if page is None:
        return PlainTextResponse("There is no such page.\n", 404, headers)
    return _body(request, page, TYPES[".html"], 404, headers)


def _body(
    request: Request, content: bytes, kind: str, status: int, headers: dict[str, str]
) -> Response:
    """HEAD says everything that GET does, the length included (RFC 9110 §9.3.2)."""
    whole = {**headers, "Content-Type": kind, "Content-Length": str(len(content))}
    return Response(b"" if request.method == "HEAD" else content, status, whole)
