"""Unsubscribing: the page that the link in a digest opens, and RFC 8058's one click."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from publisher import subscribe
from publisher.app import App
from publisher.domain.subscription import Subscription, SubscriptionState
from publisher.formats.catalogue import Catalogue, mark
from publisher.formats.token import Purpose, read
from publisher.ports import Subscribers
from publisher.web.showing import Shown, Values, base, fields, not_found, read_to_end, respond

Leave = Callable[[Subscribers, str, datetime], Subscription | None]

TEMPLATE = "web/unsubscribe.html"

PLAIN = {
    "ask": mark("To unsubscribe, open this page again in a few minutes."),
    "left": mark("You are unsubscribed. We will not write to you again."),
    "back": mark("You are subscribed again."),
    "gone": mark("You are not subscribed. There is nothing to do."),
}
"""What is said when the template of the page fails: the click counts all the same."""

REASONS = (
    mark("It comes too often"),
    mark("It is not what I expected"),
    mark("I did not ask for it"),
    mark("I read it elsewhere"),
)
"""What may be ticked; own words are kept too, and nobody has to say anything."""


class Leaving:
    """`/u/{token}` and `/u/{token}/undo`."""

    def __init__(self, current: Callable[[], App], clock: Callable[[], datetime]) -> None:
        self._current = current
        self._clock = clock

    async def answer(self, request: Request) -> Response:
        """GET and HEAD show a page with a button and change nothing, whoever follows the link.

        POST unsubscribes, and answers 200 without redirect or cookie (RFC 8058 §3.1). Its
        body, urlencoded or multipart, is read to its end and not looked into: the signed token
        says everything, and nobody who wants to leave is refused over a form's shape.
        """
        if request.method != "POST":
            return await run_in_threadpool(self._ask, request)
        await read_to_end(request)
        return await run_in_threadpool(self._leave, request, subscribe.unsubscribe)

    async def answer_all(self, request: Request) -> Response:
        """End every subscription of theirs, by one click as well."""
        await read_to_end(request)
        return await run_in_threadpool(self._leave, request, subscribe.unsubscribe_all)

    async def reason(self, request: Request) -> Response:
        """Keep why they left, if they want to say."""
        given = await fields(request)
        said = [*given.get("reason", ())[:1], *given.get("words", ())[:1]]
        return await run_in_threadpool(self._reason, request, ": ".join(filter(None, said)))

    async def undo(self, request: Request) -> Response:
        """Take it back within the minute; later, say that it is over."""
        await read_to_end(request)
        return await run_in_threadpool(self._undo, request)

    def _ask(self, request: Request) -> Response:
        app, token_id = self._read(request)
        if token_id is None:
            return not_found()
        found = app.store.subscribers.by_token(token_id)
        if found is None:
            return _page(app, request, "gone", None)
        if found.state is SubscriptionState.UNSUBSCRIBED:
            return self._left(app, request, found, "gone")
        others = any(
            each.state is SubscriptionState.CONFIRMED
            for each in subscribe.all_of(app.store.subscribers, token_id)[1:]
        )
        return _page(app, request, "ask", found, others=others)

    def _reason(self, request: Request, said: str) -> Response:
        app, token_id = self._read(request)
        if token_id is None:
            return not_found()
        subscribe.give_reason(app.store.subscribers, token_id, said)
        found = app.store.subscribers.by_token(token_id)
        if found is None or found.state is not SubscriptionState.UNSUBSCRIBED:
            return _page(app, request, "gone", None)
        return self._left(app, request, found, "left", thanks=bool(said))

    def _leave(self, request: Request, leave: Leave) -> Response:
        app, token_id = self._read(request)
        if token_id is None:
            return not_found()
        found = leave(app.store.subscribers, token_id, self._clock())
        if found is None:
            return _page(app, request, "gone", None)
        return self._left(app, request, found, "left")

    def _undo(self, request: Request) -> Response:
        app, token_id = self._read(request)
        if token_id is None:
            return not_found()
        found = subscribe.undo(app.store.subscribers, token_id, self._clock())
        if found is None:
            return _page(app, request, "gone", None)
        if found.state is SubscriptionState.CONFIRMED:
            return _page(app, request, "back", found)
        return self._left(app, request, found, "gone")

    def _left(
        self, app: App, request: Request, found: Subscription, over: str, *, thanks: bool = False
    ) -> Response:
        """While it can be undone the page says "left" and offers it, afterwards `over`."""
        may_undo = subscribe.may_undo(found, self._clock())
        state = "left" if may_undo else over
        return _page(app, request, state, found, may_undo=may_undo, thanks=thanks)

    def _read(self, request: Request) -> tuple[App, str | None]:
        app = self._current()
        return app, read(app.settings.keys, Purpose.UNSUBSCRIBE, request.path_params["token"])


def _newsletter(app: App, found: Subscription | None) -> str | None:
    if found is None:
        return None
    titles = {newsletter.slug: newsletter.title for newsletter in app.journal.newsletters}
    return titles.get(found.newsletter, found.newsletter)


def _page(
    app: App,
    request: Request,
    state: str,
    found: Subscription | None,
    *,
    may_undo: bool = False,
    others: bool = False,
    thanks: bool = False,
) -> Response:
    def values(words: Catalogue) -> Values:
        return {
            "state": state,
            "newsletter": _newsletter(app, found),
            "action": f"{base(app)}/u/{request.path_params['token']}",
            "may_undo": may_undo,
            "others": others,
            "thanks": thanks,
            "reasons": [words.gettext(reason) for reason in REASONS],
        }

    wanted = found.language if found else None
    return respond(app, Shown(TEMPLATE, PLAIN[state], values, wanted=wanted))
