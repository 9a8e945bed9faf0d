"""What the pages with forms share: the verb that answers them, consent, and an even pace."""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from babel import Locale
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from publisher.app import App
from publisher.domain.subscription import Consent
from publisher.domain.template import TemplateSet
from publisher.formats import catalogue, plaintext, templating
from publisher.formats.catalogue import Catalogue
from publisher.subscribe import BadField, Door, Reception, zones
from publisher.subscribe.addresses import offered_topics
from publisher.web import networks

T = TypeVar("T")

PACE = 0.4
"""Seconds. Answers to forms come after a whole number of these: no address takes longer."""

SCRIPT = "web/_time_zone.js"
CONSENT = "web/consent.txt"


class Desk:
    """`current` gives the App in use, `clock` the present instant (aware UTC)."""

    def __init__(
        self, current: Callable[[], App], clock: Callable[[], datetime], pace: float = PACE
    ) -> None:
        self.current = current
        self.clock = clock
        self._pace = pace

    async def evenly(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do it in a thread and answer at the next beat, so that its duration tells nothing."""
        began = time.monotonic()
        try:
            return await run_in_threadpool(work, *arguments)
        finally:
            if self._pace > 0:
                spent = time.monotonic() - began
                await asyncio.sleep(math.ceil(spent / self._pace) * self._pace - spent)

    def reception(self, app: App, templates: TemplateSet) -> Reception:
        """The verb, with randomness of its own."""
        return Reception(
            journal=app.journal,
            templates=templates,
            store=app.store,
            keys=app.settings.keys,
            nonce=lambda: secrets.token_hex(16),
            token_id=lambda: secrets.token_urlsafe(16),
            limits=app.settings.forms.limits,
            route=app.settings.notice_route,
        )

    def door(self, app: App) -> Door:
        """Which addresses the settings let in."""
        return Door(app.settings.forms.role_addresses, app.settings.forms.blocked)

    def network(self, app: App, request: Request) -> str:
        """Where it comes from, as it is kept."""
        found = networks.network(request)
        return networks.kept(found, app.settings.keys, hashed=app.settings.forms.hashed)

    def consent(
        self,
        app: App,
        templates: TemplateSet,
        request: Request,
        page: str,
        language: str | None,
        now: datetime,
    ) -> Consent:
        """What pressing the button means, in the very words beside it."""
        words = wording(app, templates, language)
        came = f"{page} from {origin}" if (origin := _origin(request)) else page
        return Consent(now, "form", words, came, self.network(app, request), version(words))


def wording(app: App, templates: TemplateSet, wanted: str | None) -> str:
    """What is agreed to, as it stands beside the button on a page in this language."""
    language = catalogue.spoken(templates, wanted, app.journal.language)
    env = templating.environment(templates, language=language, zone=app.journal.zone)
    return plaintext.one_line(templating.render(env, templates, CONSENT, journal=app.journal))


def version(words: str) -> str:
    """Changes with the words."""
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def _origin(request: Request) -> str:
    """The site that the form stood on, where the browser says so and it is another than ours."""
    told = request.headers.get("origin", "")[:200]
    parts = urlsplit(told)
    if parts.scheme not in ("http", "https") or parts.netloc == request.headers.get("host"):
        return ""
    return told if told.isprintable() else ""


def problems(errors: Sequence[BadField], words: Catalogue) -> dict[str, str]:
    """What is wrong, by field, in the reader's language."""
    return {each.field: words.gettext(each.message, **each.values) for each in errors}


def choice_values(app: App, fields: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """What `web/_choices.html` shows, with these fields filled in."""
    journal = app.journal
    ticked = set(fields.get("newsletter", ()))

    def first(name: str) -> str:
        return next(iter(fields.get(name, ())), "")

    newsletters = []
    for each in journal.newsletters:
        offered = offered_topics(journal, each)
        kinds = [cadence.kind.value for cadence in each.cadences]
        named = f"topics-{each.slug}" in fields
        on = set(fields.get(f"topic-{each.slug}", ()))
        newsletters.append(
            {
                "slug": each.slug,
                "title": each.title,
                "description": each.description,
                "ticked": each.slug in ticked,
                "cadences": kinds,
                "cadence": first(f"cadence-{each.slug}") or kinds[0],
                "topics": [
                    {"slug": t.slug, "title": t.title, "ticked": t.slug in on or not named}
                    for t in offered
                ]
                if len(offered) > 1
                else [],
            }
        )
    spoken = dict.fromkeys([journal.language, *app.settings.forms.languages])
    return {
        "newsletters": newsletters,
        "languages": [(tag, _name(tag)) for tag in spoken],
        "chosen_language": first("language") or journal.language,
        "zones": zones(),
        "chosen_zone": first("time_zone"),
        "paused_until": first("paused_until"),
    }


def _name(tag: str) -> str:
    locale: Locale = templating.locale(tag)
    return (locale.get_display_name(locale) or tag).capitalize()
