"""The program around the commands: options before them, errors as sentences, exit codes."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from publisher import __version__
from publisher.cli.contents import CONTENTS
from publisher.cli.session import Session
from publisher.errors import BadRows, BlockedByFindings, Defect, PublisherError, SettingsError

ROWS = 20
"""Wrong rows of a file that are shown."""
INTERRUPTED = 130
"""What a shell reports for Ctrl-C: 128 + SIGINT."""


class Unread(TyperCommand):
    """A command or group whose files are read when it is called; help shows it without them."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """The context of the command itself, which then takes this one's place."""
        return self.itself().make_context(info_name, args, parent, **extra)

    def itself(self) -> Any:
        """The command that it stands for."""
        read(str(self.name))
        found: Any = typer.main.get_command(cli)
        return found.commands[self.name]


def read(name: str) -> None:
    """Read the files of a command or group."""
    for file in CONTENTS[name].files:
        import_module(f"publisher.cli.{file}")


class Commands(TyperGroup):
    """The group of all commands; whatever a command raises becomes a sentence and a code."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        listed = {name: Unread(name=name, help=each.help) for name, each in CONTENTS.items()}
        self.commands = {**listed, **self.commands}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called. Under --json, not a group alone: that would show its help."""
        found: Any = super().resolve_command(ctx, args)
        name, command, rest = found
        if ctx.params.get("as_json") and not rest:
            group = command.itself() if isinstance(command, Unread) else command
            if group.no_args_is_help:
                ctx.fail(f"name a command of `{name}`: {', '.join(group.commands)}")
        return found

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        """Run, and leave with 0 (done), 1 (findings, failures) or 2 (wrong usage or settings)."""
        given = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in given
        extra |= {"prog_name": "publisher", "standalone_mode": False}
        try:
            code = super().main(given, **extra)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the one place where everything ends
            code = _report(error, as_json)
        if code == INTERRUPTED and not as_json:
            typer.echo("Stopped. Nothing is half done.", err=True)
        sys.exit(code if isinstance(code, int) else 0)


def _report(error: Exception, as_json: bool) -> int:
    """Say what went wrong; the exit code."""
    if isinstance(error, typer.Abort):
        typer.echo("Nothing was done.", err=True)
        return 1
    # Typer carries its own copy of click, or imports it: its usage errors are known by this.
    shown = getattr(error, "format_message", None)
    if shown is not None:
        context = getattr(error, "ctx", None)
        if not (as_json or str(shown()).strip()):
            return 2  # a group without a command, whose help was shown
        hint = f"\nTry: {context.command_path} --help" if context is not None else ""
        said = str(shown()) + _earlier(getattr(error, "option_name", None))
        return _fail("usage", said + ("" if as_json else hint), 2, {}, as_json)
    if isinstance(error, PublisherError) and not isinstance(error, Defect):
        kind = type(error).__name__
        return _fail(kind, _sentence(error, as_json), error.exit_code, _details(error), as_json)
    traceback.print_exception(error)
    return _fail("Defect", f"This is a fault of ours, please report it: {error}", 1, {}, as_json)


def _earlier(option: str | None) -> str:
    """Where an option belongs that was written behind the command."""
    known = (each for given in typer.main.get_command(cli).params for each in given.opts)
    if option is None or option not in known:
        return ""
    return f" (it stands before the command: publisher {option} …)"


def _sentence(error: PublisherError, as_json: bool) -> str:
    if isinstance(error, BadRows) and not as_json:
        shown = [f"  {error.file} row {number}: {why}" for number, why in error.rows[:ROWS]]
        if (more := len(error.rows) - len(shown)) > 0:
            shown.append(f"  and {more:,} more; --json names them")
        return "\n".join([str(error), *shown])
    return str(error)


def _details(error: PublisherError) -> dict[str, Any]:
    if isinstance(error, SettingsError):
        return {"problems": list(error.problems)}
    if isinstance(error, BadRows):
        return {"rows": [{"row": number, "reason": reason} for number, reason in error.rows]}
    if isinstance(error, BlockedByFindings):
        return {"findings": [str(finding) for finding in error.findings]}
    return {}


def _fail(kind: str, message: str, code: int, details: dict[str, Any], as_json: bool) -> int:
    if as_json:
        body = {"error": {"kind": kind, "message": message, "exit_code": code, **details}}
        typer.echo(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        typer.echo(message, err=True)
    return code


cli = typer.Typer(
    name="publisher",
    cls=Commands,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Publish a journal: a web archive, feeds, and digests by email, from Markdown articles.",
    epilog="Example: publisher --now 2026-11-24T09:00+00:00 status",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"publisher {__version__}")
        raise typer.Exit


@cli.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="PATH",
            help="The settings file. Default: config/publisher.toml here or in a folder above.",
        ),
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(
            "--now", metavar="ISO", help="Rehearse: act as if it were this instant (with offset)."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on standard output, nothing else.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but answers and errors.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - Typer acts on it by the callback
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Publish a journal: a web archive, feeds, and digests by email, from Markdown articles."""
    began = datetime.now(UTC)
    if now is not None:
        from publisher.cli import words

        began = words.instant(now)
    session = Session(config, began, as_json, quiet)
    context.obj = session
    if context.invoked_subcommand is None:
        from publisher.cli.status import show_status

        show_status(session)
