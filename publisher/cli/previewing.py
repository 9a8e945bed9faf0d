"""`preview`: what readers will get, on a local page, before they do."""

from __future__ import annotations

import logging
import secrets
import sys
import webbrowser
from typing import Annotated

import typer

from publisher.cli.frame import cli
from publisher.cli.sending import stopping
from publisher.cli.session import Session


@cli.command(epilog="Example: publisher preview --no-browser")
def preview(
    context: typer.Context,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address; open no browser.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 is any that is free.")
    ] = 0,
) -> None:
    """Show the articles and the next issues as readers will get them; changes nothing.

    The page is on this machine alone and shows each change of a file by itself.
    """
    # Only here: a web server is much to load for `publisher check`.
    from publisher.web.preview import Desk, serve

    session: Session = context.obj
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )

    def on_listening(url: str) -> None:
        session.say(f"Preview at {url}", "Stop with Ctrl-C.")
        if not no_browser:
            webbrowser.open(url)

    desk = Desk(session.settings, session.now)
    try:
        with stopping() as stop:
            serve(
                desk,
                key=secrets.token_urlsafe(16),
                port=port,
                stop=stop,
                on_listening=on_listening,
            )
    finally:
        desk.close()
    session.done({"stopped": True}, "Stopped.")
