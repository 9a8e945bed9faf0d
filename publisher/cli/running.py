"""`run`, `worker`, `scheduler` and `web`: processes that stay."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import Annotated

import typer

from publisher.app import App, open_app
from publisher.cli import logs, words
from publisher.cli.demo import staged
from publisher.cli.frame import cli
from publisher.cli.sending import stopping
from publisher.cli.session import Session
from publisher.domain.wakeup import ALL, Share
from publisher.errors import UsageError
from publisher.settings import Settings


@cli.command(epilog="Example: publisher run")
def run(context: typer.Context) -> None:
    """Do everything: build when something changes, send digests at their time, serve the site."""
    _stay(context.obj, serve=True, work=True, schedule=True)


@cli.command(epilog="Example: publisher worker --concurrency 2 --newsletter weekly")
def worker(
    context: typer.Context,
    concurrency: Annotated[
        int,
        typer.Option(
            min=1, max=32, help="How many parts of issues at once, with connections each."
        ),
    ] = 1,
    newsletter: Annotated[
        list[str] | None,
        typer.Option("--newsletter", help="Only send this one; may be given several times."),
    ] = None,
    drain: Annotated[
        bool, typer.Option("--drain/--wait", help="End when nothing is waiting, or wait for more.")
    ] = False,
) -> None:
    """Only send what is waiting; any number of these may run at once."""
    session: Session = context.obj
    named = tuple(newsletter or ())
    settings = session.settings(keys_needed=True)
    for name in named:
        words.newsletter(settings.journal, name)
    if settings.engine == "embedded" and (named or concurrency != 1):
        raise UsageError(
            "--concurrency and --newsletter share work out over several workers: "
            'set engine = "procrastinate" for that, or leave them out'
        )
    _stay(
        session,
        serve=False,
        work=True,
        schedule=False,
        share=Share(concurrency, named, drain),
    )


@cli.command(epilog="Example: publisher scheduler")
def scheduler(context: typer.Context) -> None:
    """Only plan what is due, rebuild what has changed, and let issues go at their time."""
    _stay(context.obj, serve=False, work=False, schedule=True)


@cli.command(epilog="Example: publisher web")
def web(
    context: typer.Context,
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve what `publisher demo` made, not the journal.")
    ] = False,
) -> None:
    """Only serve the built site and answer unsubscribe links."""
    _stay(context.obj, serve=True, work=False, schedule=False, demo=demo)


def _stay(
    session: Session,
    *,
    serve: bool,
    work: bool,
    schedule: bool,
    demo: bool = False,
    share: Share = ALL,
) -> None:
    """Until Ctrl-C or SIGTERM: nothing new is begun then, what is under way ends."""
    # Only here: a web server and a scheduler are much to load for `publisher check`.
    from publisher import scheduler as clockwork
    from publisher.scheduler.reaching import reach

    logs.begin(session.settings().log, quiet=session.quiet)

    def change(settings: Settings) -> Settings:
        return staged(settings) if demo else settings

    def reload() -> App:
        return open_app(change(session.settings(keys_needed=True)))

    def on_listening(host: str, port: int) -> None:
        session.say(f"Serving at http://{host}:{port}/")

    settings = change(session.settings(keys_needed=True))
    # Who drains comes to an end, and says why it could not.
    app = (
        session.open_app(settings) if share.drained else reach(partial(session.open_app, settings))
    )
    if app is None:
        session.done({"stopped": True}, "Stopped while the store was waited for.")
        return
    with closing(app), stopping() as stop:
        session.say(f"{words.when(session.now(), app.journal)}. Stop with Ctrl-C.")
        clockwork.run(
            app,
            clock=session.now,
            stop=stop,
            serve=serve,
            work=work,
            schedule=schedule,
            share=share,
            reload=reload,
            on_listening=on_listening,
        )
        session.done({"stopped": True}, "Stopped; what was under way has come to its end.")
