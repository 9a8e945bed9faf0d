"""A PostgreSQL server of the tests' own: its own folder, its own socket, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.conftest import require

SETTINGS = (
    # A server that is killed keeps what it wrote; only a power cut would need more.
    "-c fsync=off -c full_page_writes=off "
    "-c max_connections=200 -c shared_buffers=64MB -c log_min_messages=fatal "
)


@dataclass(slots=True)
class Server:
    """A running server. `port` on 127.0.0.1 is for what must cross a network; others use `root`."""

    program: Path
    root: Path
    port: int
    settings: str
    made: int = 0

    def create(self, template: str = "template1") -> str:
        """A new database, like `template`; its name."""
        self.made += 1
        name = f"journal{self.made}"
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return name

    def drop(self, name: str) -> None:
        """Delete a database, whoever is still connected to it."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def connected(self, name: str = "postgres") -> psycopg.Connection:
        """A connection of its own to one database."""
        return psycopg.connect(self.conninfo(name))

    def conninfo(self, name: str) -> str:
        """For psycopg."""
        return f"host={self.root} port={self.port} user=publisher dbname={name}"

    def url(self, name: str, host: str | None = None) -> str:
        """For the setting `store`; over TCP where `host` is given."""
        return f"postgresql+psycopg://publisher@/{name}?host={host or self.root}&port={self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._control("start", "-w", "-l", str(self.root / "log"), "-o", self._options())

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is a crash, `fast` a polite stop."""
        self._control("stop", "-w", "-m", mode)

    def _options(self) -> str:
        return self.settings + f"-c port={self.port} -c listen_addresses=127.0.0.1 -k {self.root}"

    def _control(self, *words: str) -> None:
        command = [str(self.program / "pg_ctl"), "-D", str(self.root / "data"), *words]
        run(command, self.root)


def run(command: list[str], root: Path) -> None:
    """As a user who may run a server: PostgreSQL refuses root."""
    done = subprocess.run(
        command,
        user="postgres" if os.geteuid() == 0 else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=root,
        check=False,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")


def find_program() -> Path:
    """The folder of initdb and pg_ctl; skips the test where there is none, fails it in CI."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if debian:
        return debian[-1]
    return Path(require("initdb", "postgresql")).parent


@contextmanager
def running(port: int, settings: str = SETTINGS) -> Iterator[Server]:
    """A server in a folder of its own."""
    program = find_program()
    root = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(root, user.pw_uid, user.pw_gid)
        run(
            [
                str(program / "initdb"),
                "-D",
                str(root / "data"),
                "-U",
                "publisher",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "--no-instructions",
                "--locale",
                "C.UTF-8",
            ],
            root,
        )
        server = Server(program, root, port, settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for each process of the test run, on a port that nobody else has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with running(port) as server:
        yield server
