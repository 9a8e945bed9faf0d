"""`doctor`: is the installation in order? Says plainly what it could not ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import httpx
import typer
from jinja2 import TemplateSyntaxError

from publisher.app import App
from publisher.build import build, public_articles
from publisher.building import VANCOUVER
from publisher.checks import retractions
from publisher.cli import dns, words
from publisher.cli.dns import Answer, Verdict
from publisher.cli.frame import cli
from publisher.cli.session import Session
from publisher.domain.article import Source
from publisher.domain.issue import Shaping
from publisher.domain.retraction import Register
from publisher.errors import (
    PublisherError,
    SettingsError,
    StoreError,
    TemplateError,
    TransportUnavailable,
)
from publisher.formats import email
from publisher.formats.templating import environment
from publisher.settings import Settings

WEB_SECONDS = 10

STAYS_HERE = ("folder", "memory")
"""Kinds of transport that mail nobody."""

_WORK = Source(
    key="example",
    title="A work to try the style with",
    kind="randomised trial",
    year=2020,
    authors=("Example, Ann", "Sample, Bo"),
    journal="A journal",
    doi="10.1000/example",
)


class Area(StrEnum):
    """What is looked at, in order."""

    SETTINGS = "settings"
    STYLE = "sources.style"
    RETRACTIONS = "sources.retractions"
    TEMPLATES = "templates"
    STORE = "store"
    TRANSPORT = "transport"
    SPF = "SPF"
    DKIM = "DKIM"
    DMARC = "DMARC"
    PTR = "PTR"
    APP_URL = "app_url"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that was looked at."""

    area: Area
    answer: Answer


@cli.command(epilog="Example: publisher doctor")
def doctor(context: typer.Context) -> None:
    """Look at settings, sources, templates, store, relay, DNS and web pages; change nothing."""
    session: Session = context.obj
    results: list[Result] = []
    with session.app(keys_needed=True) as app:
        for result in _examine(app, session.started_at):
            results.append(result)
            session.say(f"{_SIGNS[result.answer.verdict]}  {result.area}: {result.answer.sentence}")
    wrong = sum(result.answer.verdict is Verdict.WRONG for result in results)
    unasked = sum(result.answer.verdict is Verdict.UNASKED for result in results)
    summary = f"{words.count(wrong, 'thing')} to mend" if wrong else "Nothing to mend"
    tail = f"; {words.count(unasked, 'thing')} could not be asked" if unasked else ""
    session.done(
        {
            "results": [
                {
                    "area": result.area.value,
                    "verdict": result.answer.verdict.value,
                    "sentence": result.answer.sentence,
                }
                for result in results
            ],
            "wrong": wrong,
            "unasked": unasked,
        },
        f"{summary}{tail}.",
    )
    if wrong:
        raise typer.Exit(1)


_SIGNS = {Verdict.WELL: "well    ", Verdict.WRONG: "WRONG   ", Verdict.UNASKED: "unasked "}


def _examine(app: App, now: datetime) -> Iterator[Result]:
    settings = app.settings
    yield Result(Area.SETTINGS, _settings(settings))
    yield Result(Area.STYLE, _judged(lambda: _style(settings)))
    yield Result(Area.RETRACTIONS, _judged(lambda: _retractions(app, now)))
    yield Result(Area.TEMPLATES, _judged(lambda: _templates(app, now)))
    yield Result(Area.STORE, _judged(app.store.check))
    yield Result(Area.STORE, _judged(lambda: _ledger(app)))
    yield Result(Area.STORE, _suppressions(app))
    for transport in app.transports.values():
        yield Result(Area.TRANSPORT, _judged(transport.check))
    for area, answer in _names(settings):
        yield Result(area, answer)
    yield Result(Area.APP_URL, _app_url(settings.journal.app_url))
    yield Result(Area.METRICS, _judged(lambda: _metrics(settings)))


def _metrics(settings: Settings) -> str:
    """Whether `/metrics` is there. Raises SettingsError where it should be and is not."""
    from publisher.web import measuring  # with Prometheus's library, which nothing else here needs

    if measuring.token(settings) is None:
        return "there is no /metrics, since serving.metrics_token_file is not set"
    return "/metrics is there for whoever holds the token"


def _ledger(app: App) -> str:
    """That the ledger is whole. Raises StoreError."""
    found = app.store.ledger.verify()
    if not found.whole:
        why = found.wrong or found.differing[0]
        raise StoreError(f"the ledger is not whole (publisher ledger verify): {why}")
    return f"the ledger is whole: {words.count(found.entries, 'entry', 'entries')}"


def _names(settings: Settings) -> Iterator[tuple[Area, Answer]]:
    """What the DNS says about the sender's domains and the relays."""
    if all(each.kind in STAYS_HERE for each in settings.transports.values()):
        stays = Answer(
            Verdict.UNASKED, "no mail leaves this machine yet, so it was not asked about"
        )
        yield from ((area, stays) for area in (Area.SPF, Area.DKIM, Area.DMARC, Area.PTR))
        return
    sender = settings.bounce_address or settings.journal.sender.address
    yield Area.SPF, dns.spf(sender.rpartition("@")[2])
    yield from ((Area.DKIM, answer) for answer in _signatures(settings))
    yield Area.DMARC, dns.dmarc(settings.journal.sender.address.rpartition("@")[2])
    relays = (each for each in settings.transports.values() if each.kind == "smtp")
    for host in sorted({str(each.options.get("host")) for each in relays}):
        yield Area.PTR, dns.ptr(host)


def _signatures(settings: Settings) -> Iterator[Answer]:
    """Each sender's domain is signed for by us, with keys that the DNS shows, or by the relay."""
    boxes = [settings.journal.sender, *(each.sender for each in settings.journal.newsletters)]
    for domain in sorted({box.address.rpartition("@")[2].lower() for box in boxes if box}):
        signer = settings.signers.by_domain.get(domain)
        if signer is not None:
            yield from (dns.dkim(domain, key) for key in signer.keys)
            continue
        unnamed = f'there is no [dkim."{domain}"]; your relay signs, so ask whoever runs it'
        yield Answer(Verdict.UNASKED, unnamed)


def _settings(settings: Settings) -> Answer:
    folders = [name for name, each in settings.transports.items() if each.kind == "folder"]
    sentence = f"{settings.config} is in order; signing keys: {len(settings.keys)}"
    if folders:
        sentence += f"; [transports.{folders[0]}] writes files, so no mail leaves this machine"
    if settings.journal.staff is None:
        sentence += "; journal.staff is not set, so nobody is told when something needs a person"
    return Answer(Verdict.WELL, sentence)


def _style(settings: Settings) -> str:
    """That it is there and writes a citation, which a build asks of it only where an article was
    read anew. Raises SettingsError.
    """
    if settings.style == VANCOUVER:
        return "citations are in Vancouver style"
    from publisher import csl  # with its processor, which Vancouver does without

    csl.load(settings.style, settings.root).cite(_WORK, settings.journal.language)
    return f"citations are in the style {settings.style}"


def _retractions(app: App, now: datetime) -> str:
    """That the data can be read and are not too old to go on with. Raises StoreError."""
    try:
        register = app.content.load().register
    except StoreError:
        raise
    except PublisherError:  # of articles or their style, which have lines of their own
        register = Register(app.retractions.snapshot(), {}, app.retractions.had())
    snapshot, policy = register.snapshot, app.journal.sources
    found = next(retractions.data(snapshot, policy, now, register.had), None)
    if found is None:
        assert snapshot is not None  # noqa: S101 - or this would be found
        return f"the data of retractions are of {snapshot.as_of}"
    if found.blocks:
        raise StoreError(f"{found.message}: {found.remedy}")
    return f"{found.message}: {found.remedy}"


def _suppressions(app: App) -> Answer:
    """Whether those who were forgotten would be recognised."""
    if missing := app.store.suppressions.missing_keys():
        ids = ", ".join(sorted(missing))
        return Answer(
            Verdict.WRONG,
            "people who were forgotten would not be recognised: the key that hashed them is not in "
            f"suppression_key_file (its id: {ids}); bring that file back",
        )
    if not app.settings.suppression_keys:
        return Answer(
            Verdict.WRONG,
            "nobody can be forgotten yet: that needs a key of its own: umask 077; "
            "openssl rand -hex 32 > var/suppression.key",
        )
    return Answer(Verdict.WELL, "who was forgotten is recognised")


def _judged(ask: Callable[[], str]) -> Answer:
    try:
        return Answer(Verdict.WELL, ask())
    except TransportUnavailable as error:
        return Answer(Verdict.WRONG, f"it cannot be reached: {error}")
    except PublisherError as error:
        return Answer(Verdict.WRONG, str(error))


def _templates(app: App, now: datetime) -> str:
    """All can be read by Jinja2; those of site and mail are rendered, with real articles."""
    templates = app.templates.load()
    env = environment(templates, language=app.journal.language, zone=app.journal.zone)
    for name, template in templates.templates.items():
        try:
            if not name.startswith("init/"):
                env.parse(template.text, name, template.origin)
        except TemplateSyntaxError as error:
            raise TemplateError(f"{template.origin}:{error.lineno}: {error.message}") from error
    own = sum(template.overridden for template in templates.templates.values())
    read = f"{len(templates.templates)} templates compile, {own} of them the journal's own"
    try:
        library = app.content.load()
    except (SettingsError, StoreError):  # of style and retractions, which have lines of their own
        return f"{read}; not rendered, because articles cannot be read until that is mended"
    if any(finding.blocks for finding in library.findings):
        return f"{read}; not rendered, because articles are wrong (`publisher check`)"
    build(app.journal, library, templates, (), now)
    for newsletter in app.journal.newsletters:
        if articles := public_articles(library, now)[: newsletter.maximum]:
            email.render(
                app.journal,
                newsletter,
                number=1,
                slot_at=now,
                articles=articles,
                language=app.journal.language,
                shaping=Shaping(),
                templates=templates,
                register=library.register,
            )
    return f"{read}; site and mail render"


def _app_url(url: str) -> Answer:
    try:
        reply = httpx.get(f"{url}/readyz", timeout=WEB_SECONDS, follow_redirects=False)
    except httpx.HTTPError as error:
        return Answer(
            Verdict.UNASKED, f"{url} could not be asked from here ({type(error).__name__})"
        )
    if reply.status_code == httpx.codes.OK:
        return Answer(Verdict.WELL, f"{url} answers")
    return Answer(
        Verdict.WRONG,
        f"{url}/readyz answers {reply.status_code}: `publisher run` or `publisher web` must be "
        "reachable there, or nobody can unsubscribe",
    )
