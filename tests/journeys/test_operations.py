"""docs/operations.md is run: its commands, in their order, in journals as `init` makes them."""

from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, closing
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from typer.testing import CliRunner

from publisher import settings
from publisher.app import open_app
from publisher.cli.commands import cli
from publisher.formats.token import Purpose, read
from publisher.stores import open_store, schema
from publisher.stores.sql import SqlStore
from publisher.web import create
from tests.postgres import Server, find_program, postgres
from tests.web.conftest import TestClient

__all__ = ["postgres"]

BORN, SLOT = "2026-11-20T09:00+00:00", "2026-11-24T09:00+00:00"
"""When the sample article appeared, and the Tuesday of its digest."""
PRELUDE = f'publisher() {{ command publisher --now {SLOT} "$@"; }}'
"""Whatever day it is, the commands of the document are typed at the slot."""
PREVIOUS = "0011"
"""A version of the store that this one knows how to bring up to date."""
DOCUMENT = Path(__file__).parents[2] / "docs/operations.md"


def blocks(heading: str) -> list[str]:
    """The ```sh blocks below one heading of the document, in order."""
    text = DOCUMENT.read_text("utf-8")
    (section,) = re.findall(rf"(?ms)^#+ {heading}\n(.*?)(?=^#+ |\Z)", text)
    return re.findall(r"(?ms)^```sh\n(.*?)^```$", section)


@dataclass(slots=True)
class Machine:
    """A folder where somebody types commands; `environ` beside what every shell has."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    def type(self, script: str, words: str = "", code: int = 0) -> str:
        """Run it as a shell would, each line's failure counting; what it printed."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PUBLISHER_", "PG"))}
        path = f"{Path(sys.executable).parent}:{find_program()}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{PRELUDE}\n{script}"],
            cwd=self.root,
            env=inherited | {"PATH": path} | self.environ,
            input=words,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, (script, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def run(self, words: str, code: int = 0, now: str = SLOT) -> str:
        """A command that is not the document's, in this process; what it printed."""
        with chdir(self.root):
            result = CliRunner().invoke(cli, ["--now", now, *shlex.split(words)], env=self.environ)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.output

    def rows(self) -> Mapping[str, int]:
        """How many rows each table has."""
        found: Mapping[str, int] = json.loads(self.run("--json store status"))["rows"]
        return found

    def add(self, *names: str) -> None:
        for name in names:
            self.run(f"subscribers add {name}@example.org --consent 'By phone'")

    def plan(self) -> str:
        """An issue for everybody, by hand; what it is called."""
        self.run("issue plan weekly")
        return "weekly/1"

    def mails(self) -> list[Any]:
        """What left into the folder of the sample journal, oldest first."""
        found = (self.root / "var/outbox").glob("*.eml")
        newest = sorted(found, key=lambda path: path.stat().st_mtime_ns)
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in newest]

    def settings(self) -> settings.Settings:
        return settings.load(
            self.root / "config/publisher.toml", self.environ, cwd=self.root, keys_needed=True
        )


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A journal as `init` makes it, with three readers."""
    for name in [name for name in os.environ if name.startswith("PUBLISHER_")]:
        monkeypatch.delenv(name)
    Machine(tmp_path).run("init journal", now=BORN)
    made = Machine(tmp_path / "journal")
    made.run("store migrate", now=BORN)
    made.add("ada", "brook", "chen")
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def unsubscribe_token(mail: Any) -> str:
    found = re.search(r"/u/([^>\s]+)>", mail["List-Unsubscribe"])
    assert found is not None
    return found[1]


def age(machine: Machine) -> None:
    """Make the store one that an earlier version wrote."""
    store = open_store(f"sqlite:///{machine.root / 'var/store.sqlite3'}")
    assert isinstance(store, SqlStore)
    with store.database.change() as connection:
        command.downgrade(schema._config(connection), PREVIOUS)
    store.close()


def version(path: Path) -> str:
    with closing(sqlite3.connect(path)) as raw:
        return str(raw.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_secrets_can_be_read_by_their_owner_alone(machine: Machine) -> None:
    (block,) = blocks("Secrets")
    machine.type(block, words="correct horse\n")
    assert (machine.root / "var/relay.password").read_text() == "correct horse\n"
    for name in ("relay.password", "secret.key", "suppression.key"):
        assert mode(machine.root / "var" / name) == 0o600


def test_a_backup_of_sqlite_restores_everything_but_who_left(machine: Machine) -> None:
    """The same rows; nothing is sent from it before it is accepted; who left since stays away."""
    sqlite, _ = blocks("Backups")
    here, elsewhere, _ = blocks("Restoring")
    issue = machine.plan()
    rows = machine.rows()
    machine.type(sqlite)
    backup = machine.root.parent / "backup"
    assert mode(backup / "store.sqlite3") == mode(backup / "journal.tar.gz") == 0o600

    machine.run("subscribers unsubscribe ada@example.org --yes")
    machine.run(f"send {issue} --yes")
    sent = machine.mails()
    assert len(sent) == 2

    machine.type(here)
    assert machine.rows() == rows
    assert "accept-restore" in machine.run(f"send {issue} --yes", code=1)
    machine.run(f"issue cancel {issue} --reason 'sent already'")
    assert "Accepted" in machine.run("store accept-restore --yes")
    assert "unsubscribed" in machine.run("subscribers show ada@example.org")
    assert len(machine.mails()) == 2

    other = Machine(machine.root.parent / "other")
    other.root.mkdir()
    other.type(elsewhere)
    assert other.rows() == rows
    assert other.settings().keys == machine.settings().keys
    assert other.settings().suppression_keys == machine.settings().suppression_keys
    assert mode(other.root / "var/secret.key") == 0o600


def test_a_backup_of_postgresql_restores_everything(machine: Machine, postgres: Server) -> None:
    """Planned, dumped while it is there, restored into a new database; the issue leaves from it."""
    _, dump = blocks("Backups")
    *_, restore = blocks("Restoring")
    name = postgres.create()
    restored = "journal_restored"
    postgres.drop(restored)
    base = f"postgresql://publisher@/%s?host={postgres.root}&port={postgres.port}"
    machine.environ |= {
        "PUBLISHER_STORE": postgres.url(name),
        "PUBLISHER_ENGINE": "procrastinate",
        "DATABASE": base % name,
        "RESTORED": base % restored,
    }
    try:
        machine.add("dara", "eli")
        issue = machine.plan()
        rows = machine.rows()
        assert "pg_dump" in machine.run("store backup ../backup/it", code=2)
        machine.type(dump)
        machine.type(blocks("Upgrades")[2])
        assert mode(machine.root.parent / "backup/journal.dump") == 0o600
        postgres.drop(name)
        machine.environ["DATABASE"] = base % "postgres"
        machine.type(restore)
        machine.environ["PUBLISHER_STORE"] = postgres.url(restored)
        assert machine.rows() == rows
        machine.run(f"send {issue} --yes")
        assert len(machine.mails()) == 2
    finally:
        postgres.drop(name)
        postgres.drop(restored)


def test_links_of_mails_that_left_work_after_the_signing_key_changed(machine: Machine) -> None:
    """The old link still ends the subscription, on the real pages."""
    block, *_ = blocks("Changing keys")
    issue = machine.plan()
    machine.run(f"send {issue} --yes")
    old = {mail["To"]: unsubscribe_token(mail) for mail in machine.mails()}
    before = machine.settings().keys
    machine.type(block)
    after = machine.settings().keys
    assert len(after) == 2
    assert after[1:] == before
    assert mode(machine.root / "var/secret-2.key") == 0o600
    for token in old.values():
        assert read(after, Purpose.UNSUBSCRIBE, token)
    app = open_app(machine.settings())
    try:
        with TestClient(create(app, lambda: datetime.fromisoformat(SLOT))) as client:
            token = old["ada@example.org"]
            answer = client.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})
            assert answer.status_code == 200
    finally:
        app.close()
    assert "unsubscribed" in machine.run("subscribers show ada@example.org")


def test_who_was_forgotten_is_known_after_the_suppression_key_changed(machine: Machine) -> None:
    _, block, *_ = blocks("Changing keys")
    machine.run("subscribers forget brook@example.org --yes")
    machine.type(block)
    assert len(machine.settings().suppression_keys) == 2
    said = machine.run("subscribers add brook@example.org --consent 'By phone'", code=1)
    assert "never mailed" in said
    assert "brook@example.org" not in machine.run("subscribers list")


def test_mails_are_signed_by_the_new_dkim_keys(machine: Machine) -> None:
    """Both selectors, both kinds, and no file of the old ones is needed any more."""
    *_, make, change = blocks("Changing keys")
    email = (DOCUMENT.parent / "email.md").read_text("utf-8")
    (first,) = re.findall(r"(?ms)^```sh\n(umask 077.*?dkim.*?)^```$", email)
    (table,) = re.findall(r"(?ms)^```toml\n(\[dkim\..*?)^```$", email)
    machine.type(first)
    with (machine.root / "config/publisher.toml").open("a") as file:
        file.write("\n" + table)
    printed = machine.type(make)
    assert [line[:13] for line in printed.splitlines() if "p=" in line] == [
        "v=DKIM1; k=rs",
        "v=DKIM1; k=ed",
    ]
    machine.type(change)
    for name in ("dkim-rsa.pem", "dkim-ed25519.pem"):
        (machine.root / "var" / name).unlink()
    machine.run(f"send {machine.plan()} --yes")
    for mail in machine.mails():
        signatures = " ".join(mail.get_all("DKIM-Signature"))
        assert sorted(re.findall(r"\bs=([\w-]+)", signatures)) == ["s2027", "s2027-ed"]


def test_an_upgrade_keeps_every_row(machine: Machine) -> None:
    """From a store of the version before: backed up as it was, then brought up to date."""
    backup, upgrade, _ = blocks("Upgrades")
    machine.plan()
    rows = machine.rows()
    age(machine)
    machine.type(backup)
    copy = machine.root.parent / "backup/before-upgrade.sqlite3"
    assert version(copy) == version(machine.root / "var/store.sqlite3") == PREVIOUS
    machine.type(upgrade)
    assert machine.rows() == rows
    assert version(machine.root / "var/store.sqlite3") > PREVIOUS
