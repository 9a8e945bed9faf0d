"""What every command shares: the options before it, the clock, and ways to speak and to ask.

What a build does not need is read where it is used: each call of the program reads this.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

from publisher.cli.starting import reading
from publisher.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from publisher.app import App
    from publisher.domain.finding import Finding
    from publisher.domain.journal import Journal
    from publisher.ports import Content
    from publisher.settings import Settings

PLAIN_WIDTH = 160
"""Columns of a table that no terminal bounds."""


@dataclass(slots=True)
class Session:
    """One call of the program. `started_at` is now, or the instant that --now rehearses."""

    config: Path | None
    started_at: datetime
    as_json: bool
    quiet: bool
    began: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """The present instant; under --now, that instant plus what has passed since."""
        return self.started_at + timedelta(seconds=time.monotonic() - self.began)

    # --- the journal --------------------------------------------------------------------------

    def settings(self, *, keys_needed: bool = False, templates_needed: bool = True) -> Settings:
        """The journal's settings. `keys_needed`: for what signs or reads links;
        `templates_needed`: not for what makes the folder of templates.
        """
        with reading("publisher.settings"):
            from publisher import settings as settings_file

        return settings_file.load(
            self.config,
            os.environ,
            cwd=Path.cwd(),
            keys_needed=keys_needed,
            templates_needed=templates_needed,
        )

    @contextmanager
    def app(
        self,
        *,
        keys_needed: bool = False,
        change: Callable[[Settings], Settings] = lambda settings: settings,
    ) -> Iterator[App]:
        """The journal with its store, brought up to date; closed afterwards.

        `change` puts others in place of its settings.
        """
        app = self.open_app(change(self.settings(keys_needed=keys_needed)))
        try:
            yield app
        finally:
            app.close()

    def open_app(self, settings: Settings) -> App:
        """A journal with its store, brought up to date, for whoever closes it. Raises StoreError.

        Where the store's server does not answer, StoreAway.
        """
        with reading("publisher.app"):
            from publisher.app import open_app

        app = open_app(settings)
        try:
            app.migrate(self.started_at)
        except BaseException:
            app.close()
            raise
        return app

    def content(self, settings: Settings) -> Content:
        """The articles alone; new ids are minted for this journal and this year."""
        from publisher.building import open_content

        return open_content(settings, lambda: mint_id(settings.journal, self.started_at))

    # --- speaking -----------------------------------------------------------------------------

    def say(self, *lines: str) -> None:
        """What goes on meanwhile; silent under --quiet and --json."""
        if not (self.quiet or self.as_json):
            for line in lines:
                typer.echo(line)

    def done(self, document: Mapping[str, Any], *lines: str | Table) -> None:
        """What a command did: `document` under --json, else the lines unless --quiet."""
        if self.as_json or not self.quiet:
            self.answer(document, *lines)

    def answer(self, document: Mapping[str, Any], *lines: str | Table) -> None:
        """What was asked for: `document` under --json, else the lines."""
        if self.as_json:
            typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))
            return
        for line in lines:
            if isinstance(line, str):
                typer.echo(line)
            else:
                from rich.console import Console

                width = None if sys.stdout.isatty() else PLAIN_WIDTH
                Console(file=sys.stdout, width=width, emoji=False).print(line)

    def confirm(self, yes: bool, question: str, *lines: str) -> None:
        """Say what is about to happen, and go on only with a yes. Raises UsageError or Abort."""
        if yes:
            self.say(*lines)
            return
        if self.as_json or not sys.stdin.isatty():
            told = "\n".join(lines)
            raise UsageError(
                f"{told}\nNobody is here to be asked, so nothing was done: add --yes if that is "
                "what you want."
            )
        for line in lines:  # even under --quiet: nobody can agree to what they were not told
            typer.echo(line)
        typer.confirm(question, abort=True)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar on a terminal, a plain line at each tenth otherwise."""
        if self.quiet or self.as_json:
            yield lambda _: None
        elif sys.stdout.isatty():
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
            )

            columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Progress(*columns, transient=True) as bar:
                task = bar.add_task(what, total=total)
                yield lambda done: bar.update(task, completed=done)
        else:
            yield _tenths(what, total)


def _tenths(what: str, total: int) -> Callable[[int], None]:
    last = 0

    def step(done: int) -> None:
        nonlocal last
        tenth = 10 * done // max(total, 1)
        if tenth > last:
            last = tenth
            typer.echo(f"{what}: {done} of {total}")

    return step


def mint_id(journal: Journal, now: datetime) -> str:
    """A new article's permanent id (RFC 4151)."""
    import secrets

    host = urlsplit(journal.url).hostname
    name = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(12))
    return f"tag:{host},{now.astimezone(UTC).year}:a/{name}"


def nonce() -> str:
    """Randomness for a new issue, so that its ids cannot be guessed from outside."""
    import secrets

    return secrets.token_hex(16)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A plain table: no lines, nothing cut off, no markup read."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        made.add_column(header, overflow="fold")
    for row in rows:
        made.add_row(*(_plain(cell) for cell in row))
    return made


def _plain(cell: object) -> str:
    # Rich reads [words] as markup; a backslash keeps them as they are.
    return str(cell).replace("[", r"\[")


def shown(path: Path, settings: Settings) -> str:
    """A path as people know it: from the journal's folder."""
    within = path.is_relative_to(settings.root)
    return path.relative_to(settings.root).as_posix() if within else str(path)


def finding(of: Finding) -> dict[str, object]:
    """A finding as JSON."""
    return {
        "rule": of.rule,
        "severity": of.severity.value,
        "path": of.place.path,
        "line": of.place.line,
        "message": of.message,
        "remedy": of.remedy,
    }


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 person`, `3 people`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
