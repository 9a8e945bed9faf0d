"""The command line: `commands` lists the files of commands, `frame` is around them all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

PLACES = {
    "init": "init",
    "new": "site",
    "check": "checking",
    "build": "making",
    "preview": "previewing",
    "status": "status",
    "send": "sending",
    "pause": "sending",
    "resume": "sending",
    "retry": "sending",
    "inbound": "incoming",
    "run": "running",
    "web": "running",
    "worker": "running",
    "scheduler": "running",
    "issue plan": "issues",
}
"""The file of each command that is called often, or that must be small: a call reads that one
alone, because reading them all takes half a second and 20 MB. What is not here is found by reading
them all; of groups only single commands are, because the others may stand in several files."""
EVERY = "commands"
_WITH_VALUE = ("--config", "--now")


def main() -> None:
    """The console script."""
    import_module(f"publisher.cli.{place(sys.argv[1:])}")
    from publisher.cli.frame import cli

    cli()


def place(arguments: Sequence[str]) -> str:
    """The file that a call with these arguments needs; EVERY for help and what is unknown."""
    given = iter(arguments)
    for each in given:
        if each in _WITH_VALUE:
            next(given, None)
        elif each in ("--help", "--version"):
            return EVERY
        elif not each.startswith("-"):
            of_group = f"{each} {next(given, '')}"
            return PLACES.get(each) or PLACES.get(of_group, EVERY)
    return PLACES["status"]
