"""Pages that act for one person: rendered from a template, kept out of caches and indexes."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from publisher.app import App
from publisher.domain.template import TemplateSet
from publisher.errors import TemplateError
from publisher.formats import answers, catalogue, templating
from publisher.formats.catalogue import Catalogue, mark

HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
"""A token's page is nobody else's: no cache, no search engine; no referrer goes for all pages."""

UNSHOWN = mark("This cannot be shown at the moment. Please try again in a few minutes.")

MOST_FIELDS = 2000
MOST_BYTES = 64 * 1024

log = logging.getLogger("publisher.web")


Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Shown:
    """A page to be: its template, its values, and what is said where the template fails.

    `plain` is a message of the catalogue; `wanted` is the reader's language, as far as known.
    """

    template: str
    plain: str
    values: Callable[[Catalogue], Values]
    status: int = 200
    wanted: str | None = None
    script: str = ""
    frames: tuple[str, ...] = ()


def base(app: App) -> str:
    """The path below which forms are answered: `` or `/journal`."""
    return urlsplit(app.journal.app_url).path


def respond(app: App, shown: Shown, templates: TemplateSet | None = None) -> Response:
    """The page as a response. A broken template is the operator's: it is logged, people read on."""
    journal = app.journal
    words = Catalogue(catalogue.SOURCE)
    try:
        loaded = templates or app.templates.load()
        language = catalogue.spoken(loaded, shown.wanted, journal.language)
        words = catalogue.of(loaded, language)
        html = templating.render(
            templating.environment(loaded, language=language, zone=journal.zone),
            loaded,
            shown.template,
            journal=journal,
            base=base(app),
            **shown.values(words),
        )
    except TemplateError as error:
        log.error("%s", error)  # noqa: TRY400 (an operator's error, said in its own words)
        return PlainTextResponse(f"{words.gettext(shown.plain)}\n", shown.status, HEADERS)
    return HTMLResponse(html, shown.status, {**HEADERS, **_policy(app, shown)})


def message(
    title: str,
    *paragraphs: str,
    values: Values = MappingProxyType({}),
    status: int = 200,
    wanted: str | None = None,
    action: str = "",
    label: str = "",
    link: str = "",
    link_label: str = "",
    frames: tuple[str, ...] = (),
) -> Shown:
    """A page that says something, perhaps with one button or one link.

    All words are messages of the catalogue; `values` fill them.
    """

    def said(words: Catalogue) -> Values:
        def say(text: str) -> str:
            return words.gettext(text, **values) if text else ""

        return {
            "title": say(title),
            "words": [say(paragraph) for paragraph in paragraphs],
            "action": action,
            "label": say(label),
            "link": link,
            "link_label": say(link_label),
        }

    return Shown("web/message.html", UNSHOWN, said, status, wanted, frames=frames)


def not_found() -> Response:
    """For a token that we did not sign."""
    return PlainTextResponse("There is no such page.\n", 404, HEADERS)


async def read_to_end(request: Request) -> None:
    """Take in a body that is not looked into."""
    async for _ in request.stream():
        pass


async def fields(request: Request) -> dict[str, list[str]]:
    """The fields of a form, urlencoded or multipart; files are refused with 400."""
    form = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=MOST_BYTES)
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    return found


def _policy(app: App, shown: Shown) -> Mapping[str, str]:
    """The headers of a page with a script of its own, or one that others may frame."""
    if not shown.script and not shown.frames:
        return {}
    headers = answers.security(app.journal)
    policy = headers["Content-Security-Policy"]
    if shown.script:
        digest = hashlib.sha256(shown.script.encode()).digest()
        allowed = f"'sha256-{base64.b64encode(digest).decode()}'"
        policy = policy.replace("script-src 'none'", f"script-src {allowed}")
    if shown.frames:
        policy = policy.replace(
            "frame-ancestors 'none'", f"frame-ancestors {' '.join(shown.frames)}"
        )
        return {"Content-Security-Policy": policy}
    return {"Content-Security-Policy": policy, "X-Frame-Options": headers["X-Frame-Options"]}
