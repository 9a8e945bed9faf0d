"""A journal made by `init`, and a way to run commands in it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from publisher.cli.commands import cli

PUBLISHED = "2026-11-20T09:00+00:00"
BEFORE = "2026-11-23T09:00+00:00"
SLOT = "2026-11-24T09:00+00:00"
"""A Tuesday, 09:00 in London: the first weekly slot after the sample article."""


@dataclass
class Journal:
    """One journal's folder; `run` acts at the slot unless told otherwise."""

    root: Path
    monkeypatch: pytest.MonkeyPatch

    def run(self, *arguments: str, now: str = SLOT, code: int = 0) -> Result:
        """Run a command in this process; its exit code must be `code`."""
        self.monkeypatch.chdir(self.root)
        result = CliRunner().invoke(cli, ["--now", now, *arguments])
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    def json(self, *arguments: str, now: str = SLOT, code: int = 0) -> Any:
        """The one document that --json prints."""
        return json.loads(self.run("--json", *arguments, now=now, code=code).stdout)

    def process(
        self, *arguments: str, environ: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as people do: another process, no terminal."""
        return subprocess.run(
            [sys.executable, "-m", "publisher", *arguments],
            cwd=self.root,
            env=os.environ | (environ or {}),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def add(self, *names: str) -> None:
        """Subscribe NAME@example.org for each name."""
        for name in names:
            self.run("subscribers", "add", f"{name}@example.org", "--consent", "By phone")

    def set(self, old: str, new: str) -> None:
        """Change the settings' text."""
        path = self.root / "config/publisher.toml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    for name in list(os.environ):
        if name.upper().startswith("PUBLISHER_"):
            monkeypatch.delenv(name)
    made = Journal(tmp_path, monkeypatch)
    made.run("init", "j", now=PUBLISHED)
    made.root = tmp_path / "j"
    return made


@pytest.fixture
def planned(journal: Journal) -> Journal:
    """With three readers and weekly/1 planned the day before."""
    journal.add("ada", "brook", "chen")
    journal.run("issue", "plan", "weekly", now=BEFORE)
    return journal
