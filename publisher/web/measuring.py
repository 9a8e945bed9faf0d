"""`GET /metrics`: what the store knows, for Prometheus. No address, no reader, no article.

Read from the store at each call, so that one web process tells of every worker. Series are bounded
by newsletters × states. Without `serving.metrics_token_file` there is no such page.
"""

from __future__ import annotations

import hmac
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from publisher.app import App
from publisher.domain.issue import IssueState
from publisher.errors import Restored, SettingsError, StoreError
from publisher.settings import Settings

log = logging.getLogger("publisher.web")

TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPEN = (IssueState.DRAFT, IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED)


def token(settings: Settings) -> str | None:
    """What `/metrics` asks for; None: there is no such page. Raises SettingsError."""
    name = settings.serving.metrics_token_file
    if name is None:
        return None
    make = f"umask 077; openssl rand -hex 32 > {name}, in the journal's folder"
    try:
        found = (settings.root / name).read_text("utf-8").strip()
    except FileNotFoundError:
        why, mend = "it is not there", make
    except UnicodeDecodeError:
        why, mend = "it is no text", make
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        mend = "let the user who runs publisher read it"
    else:
        if found:
            return found
        why, mend = "it is empty", make
    raise SettingsError(
        f"serving.metrics_token_file: {name} cannot be used ({why}), "
        f"so there is no /metrics: {mend}"
    )


class Measuring:
    """Answers `/metrics` to whoever holds the token."""

    def __init__(self, current: Callable[[], App]) -> None:
        self._current = current
        self._told = ""  # what the log says already: anybody may ask, again and again

    def get(self, request: Request) -> Response:
        """The exposition format, version 0.0.4. In a thread, since it reads the store."""
        app = self._current()
        try:
            known = token(app.settings)
        except SettingsError as error:
            if self._told != str(error):
                self._told = str(error)
                log.warning("%s", error)
            known = None
        if known is None:
            return PlainTextResponse("not found\n", 404)
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {known}".encode()):
            wanted = {"WWW-Authenticate": "Bearer"}
            return PlainTextResponse("a token is needed\n", 401, headers=wanted)
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Store(app))
        return Response(
            generate_latest(registry), headers={"Cache-Control": "no-store"}, media_type=TYPE
        )


class _Store:
    """Implements prometheus_client's Collector for one call."""

    def __init__(self, app: App) -> None:
        self._app = app

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: `collect` must not run at registration."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """One family after the other."""
        store = self._app.store
        issues = store.issues.list(states=OPEN)
        yield _family(
            "publisher_issues",
            "Issues that are not at their end",
            Counter((issue.newsletter, issue.state.value) for issue in issues),
        )
        mails: Counter[tuple[str, str]] = Counter()
        for issue in issues:
            for state, number in issue.counts.items():
                mails[issue.newsletter, state] += number
        yield _family("publisher_open_deliveries", "Mails of those issues", mails)
        yield _family(
            "publisher_subscriptions",
            "Subscriptions",
            {
                (newsletter, state): number
                for newsletter, states in store.subscribers.counts().items()
                for state, number in states.items()
            },
        )
        yield _family("publisher_notices", "Mails outside issues", store.notices.counts())
        reasons = store.suppressions.counts()
        yield _family("publisher_suppressions", "Addresses never mailed", reasons, ("reason",))
        stopped = GaugeMetricFamily(
            "publisher_sending_stopped", "1 while a restored store or its watermark stops all mail"
        )
        stopped.add_metric((), float(_stopped(self._app)))
        yield stopped


def _family(
    name: str,
    words: str,
    found: Mapping[tuple[str, str], int] | Mapping[str, int],
    labels: tuple[str, ...] = (),
) -> Metric:
    rows = [((key,) if isinstance(key, str) else key, number) for key, number in found.items()]
    names = labels or ("newsletter", "state")[-len(rows[0][0]) :] if rows else labels
    family = GaugeMetricFamily(name, words, labels=names)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _stopped(app: App) -> bool:
    try:
        app.store.guard.check()
    except (Restored, StoreError):
        return True
    return False
