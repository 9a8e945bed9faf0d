"""The routes of the preview."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from importlib import resources
from threading import Event, Lock
from urllib.parse import quote
from zoneinfo import ZoneInfo

import anyio
from jinja2 import Template as JinjaTemplate
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from publisher.domain.template import Template, TemplateSet
from publisher.errors import NotFound, PublisherError
from publisher.formats.mediatypes import media_type
from publisher.formats.templating import environment
from publisher.formats.variants import FRAME, VARIANTS, shown
from publisher.plan import Upcoming
from publisher.web.preview import site, views
from publisher.web.preview.guards import Local
from publisher.web.preview.reading import Desk, Reading
from publisher.web.preview.views import View

KEPT = 24
"""How many rendered choices are kept until something changes."""
LOOK_SECONDS = 0.25
"""How often an open page is told, at the most, that something changed."""
PING_SECONDS = 15
PAGE = "page.html"
FILES = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
SITE_POLICY = f"{FRAME}; img-src 'self' data:"


class Preview:
    """The app below `/KEY/`, where only those look who were given the address.

    `version` grows when something changed; open pages then load themselves again.
    """

    def __init__(self, desk: Desk, *, key: str, port: int, stop: Event) -> None:
        self._desk = desk
        self._base = f"/{key}"
        self._stop = stop
        self._views: OrderedDict[str, View] = OrderedDict()
        self._site: tuple[str, Mapping[str, bytes]] | None = None
        self._lock = Lock()
        self._template = _own()
        self._seen = desk.mark()
        self.version = 1
        self.url = f"http://127.0.0.1:{port}{self._base}/"
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    def app(self) -> Starlette:
        """The ASGI app."""
        base = self._base
        routes = [
            Route(f"{base}/", self._front),
            Route(f"{base}/issue/{{newsletter}}/{{cadence}}/{{edition:int}}", self._issue),
            Route(f"{base}/article/{{slug}}", self._article),
            Route(f"{base}/file/{{path:path}}", self._file),
            Route(f"{base}/frame/{{variant}}/{{choice:path}}", self._frame),
            Route(f"{base}/site/{{path:path}}", self._page),
            Route(f"{base}/events", self._events),
            *(Route(f"{base}/{name}", self._static) for name in FILES),
        ]
        return Starlette(
            routes=routes,
            middleware=[Middleware(Local, hosts=self._hosts)],
            exception_handlers={Exception: _broken},
        )

    def look(self) -> None:
        """See whether anything changed since the last look."""
        mark = self._desk.mark()
        if mark != self._seen:
            self._seen = mark
            self.version += 1

    # --- pages --------------------------------------------------------------------------------

    async def _front(self, request: Request) -> Response:  # noqa: ARG002 (Starlette's signature)
        _, reading = await run_in_threadpool(self._desk.read)
        for coming in reading.upcoming:
            if coming.slot is not None:
                return RedirectResponse(_issue_path(self._base, coming, 0))
        return await run_in_threadpool(self._show, "")

    async def _issue(self, request: Request) -> Response:
        return await run_in_threadpool(self._show, _choice("issue", request))

    async def _article(self, request: Request) -> Response:
        return await run_in_threadpool(self._show, _choice("article", request))

    async def _file(self, request: Request) -> Response:
        return await run_in_threadpool(self._show, _choice("file", request))

    def _show(self, choice: str) -> Response:
        reading = self._desk.read()[1]
        status, problem = 200, ""
        view: View | None = None
        try:
            view = self._view(choice) if choice else None
        except NotFound as error:
            status, problem = 404, str(error)
        text = self._template.render(
            base=self._base,
            version=self.version,
            reading=reading,
            journal=reading.app.journal,
            view=view,
            problem=problem,
            choice=choice,
            variants=VARIANTS,
            issue_path=lambda coming, edition=0: _issue_path(self._base, coming, edition),
            quote=quote,
            zone=reading.app.journal.zone,
        )
        return Response(text, status, media_type="text/html")

    async def _frame(self, request: Request) -> Response:
        variant = VARIANTS.get(request.path_params["variant"])
        choice = request.path_params["choice"]
        if variant is None:
            return PlainTextResponse("There is no such view.\n", 404)
        try:
            view = await run_in_threadpool(self._view, choice)
        except NotFound as error:
            return PlainTextResponse(f"{error}\n", 404)
        html = view.mail.html if view.mail else ""
        # A picture of the journal's own is shown from the files here: the site may not have it yet.
        url = self._desk.settings.journal.url
        html = html.replace(f'src="{url}/', f'src="{self._base}/site/')
        headers = {"Content-Security-Policy": variant.policy}
        return Response(shown(html, variant), media_type="text/html", headers=headers)

    async def _page(self, request: Request) -> Response:
        path = request.path_params["path"]
        if not path or path.endswith("/"):
            path += "index.html"
        headers = {"Content-Security-Policy": SITE_POLICY}
        try:
            content = await run_in_threadpool(self._of_site, path)
        except PublisherError as error:
            return PlainTextResponse(f"{error}\n", 200, headers)
        if content is None:
            return PlainTextResponse("There is no such page.\n", 404, headers)
        return Response(content, headers=headers | {"Content-Type": media_type(path)})

    def _of_site(self, path: str) -> bytes | None:
        mark, reading = self._desk.read()
        with self._lock:
            if self._site is None or self._site[0] != mark:
                self._site = (mark, site.pages(reading, f"{self.url}site"))
            leaves = self._site[1]
        return leaves.get(path)

    async def _static(self, request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        return Response(_packed(name), headers={"Content-Type": FILES[name]})

    # --- live ---------------------------------------------------------------------------------

    async def _events(self, request: Request) -> Response:
        """Server-sent events: the version at once, and whenever it grows."""
        return StreamingResponse(self._versions(request), media_type="text/event-stream")

    async def _versions(self, request: Request) -> AsyncIterator[str]:
        told, quiet = 0, 0.0
        while not self._stop.is_set() and not await request.is_disconnected():
            if self.version != told:
                told, quiet = self.version, 0.0
                yield f"retry: 500\ndata: {told}\n\n"
            elif quiet >= PING_SECONDS:
                quiet = 0.0
                yield ": still here\n\n"
            await anyio.sleep(LOOK_SECONDS)
            quiet += LOOK_SECONDS

    # --- choices ------------------------------------------------------------------------------

    def _view(self, choice: str) -> View:
        """What is shown of `issue/weekly/weekly/0`, `article/SLUG` or `file/PATH`, kept until
        something changes. Raises NotFound.
        """
        mark, reading = self._desk.read()
        name = f"{mark} {choice}"
        with self._lock:
            if name not in self._views:
                self._views[name] = _make(reading, choice)
                while len(self._views) > KEPT:
                    self._views.popitem(last=False)
            self._views.move_to_end(name)
            return self._views[name]


def _make(reading: Reading, choice: str) -> View:
    kind, _, rest = choice.partition("/")
    if kind == "issue":
        slug, cadence, edition = rest.split("/")
        for coming in reading.upcoming:
            if (coming.newsletter.slug, coming.cadence.kind.value) == (slug, cadence):
                return views.of_issue(reading, coming, int(edition))
        raise NotFound("There is no such newsletter or cadence any more.")
    if kind == "article":
        for article in reading.library.articles:
            if article.slug == rest:
                return views.of_article(reading, article)
        raise NotFound("There is no such article any more, or its file cannot be read: see below.")
    if rest not in reading.unread:
        raise NotFound("Nothing is wrong with that file any more.")
    return views.of_file(reading, rest)


def _choice(kind: str, request: Request) -> str:
    given = request.path_params
    if kind == "issue":
        return f"issue/{given['newsletter']}/{given['cadence']}/{given['edition']}"
    return f"{kind}/{given['slug' if kind == 'article' else 'path']}"


def _issue_path(base: str, coming: Upcoming, edition: int) -> str:
    return f"{base}/issue/{quote(coming.newsletter.slug)}/{coming.cadence.kind.value}/{edition}"


def _own() -> JinjaTemplate:
    """The preview's own template: no journal's, so that no journal can break it."""
    files = {PAGE: Template(PAGE, _packed(PAGE).decode(), PAGE)}
    env = environment(TemplateSet(files, {}), language="en", zone=ZoneInfo("UTC"))
    return env.get_template(PAGE)


def _packed(name: str) -> bytes:
    return (resources.files("publisher.web.preview") / "page" / name).read_bytes()


async def _broken(request: Request, error: Exception) -> Response:  # noqa: ARG001 (Starlette's signature)
    """A fault of ours: said on the page, explained in the terminal, and the preview goes on."""
    return PlainTextResponse(
        f"This is a fault of ours, please report it: {type(error).__name__}: {error}\n"
        "The terminal says more. The preview goes on.\n",
        500,
    )
