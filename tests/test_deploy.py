"""What `deploy/` ships is read by the tools that would read it where it is used."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

from publisher import settings
from publisher.cli.commands import cli
from tests.conftest import require
from tests.postgres import running

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
MOST_EXPOSED = 2.5
"""Of 10, by systemd's own measure; a service without any hardening has 9.2."""


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with a program and a user that are here."""
    found = []
    for unit in UNITS:
        text = unit.read_text().replace("/opt/publisher/bin/publisher", "/bin/true")
        text = re.sub(r"(?m)^(User|Group)=.*$", r"\1=root", text)
        name = unit.name.replace("@.", "@1.")
        (tmp_path / unit.name).write_text(text)
        found.append(tmp_path / name)
        if name != unit.name:
            shutil.copy(tmp_path / unit.name, tmp_path / name)
    return found


def test_systemd_reads_the_units(units: list[Path]) -> None:
    """No unknown key, no dangling dependency."""
    program = require("systemd-analyze", "systemd")
    done = subprocess.run(
        [program, "verify", *map(str, units)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, [w for w in done.stderr.splitlines() if "publisher" in w]) == (0, [])


def test_the_units_are_hardened(units: list[Path]) -> None:
    """A service that is broken into sees and writes little."""
    program = require("systemd-analyze", "systemd")
    for unit in units:
        done = subprocess.run(
            [program, "security", "--offline=yes", "--no-pager", str(unit)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
        assert float(level) <= MOST_EXPOSED, unit.name


def commands_of(text: str) -> list[list[str]]:
    return [line.split() for line in re.findall(r"(?m)^ExecStart=\S+/publisher (.*)$", text)]


def test_every_command_that_is_started_exists() -> None:
    """Units and containers call the program as it is."""
    known = {
        each.name or getattr(each.callback, "__name__", "") for each in cli.registered_commands
    }
    started = [words for unit in UNITS for words in commands_of(unit.read_text())]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    started += [
        list(map(str, each["command"]))
        for each in compose["services"].values()
        if each.get("image") == "publisher"
    ]
    assert {words[0] for words in started} == {"run", "scheduler", "worker", "web"}
    assert {words[0] for words in started} <= known


def test_the_compose_file_holds_no_secret_and_starts_nobody_as_root() -> None:
    """Passwords come from files; the program's containers have no privileges."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert set(compose["services"]) == {"web", "scheduler", "worker", "postgres", "postfix"}
    for name in ("web", "scheduler", "worker"):
        service = compose["services"][name]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert "password" not in str(service["environment"]).lower()
    text = (DEPLOY / "Dockerfile").read_text()
    stages = re.findall(r"(?m)^FROM (.*)$", text)
    assert len(stages) == 2
    assert re.findall(r"(?m)^USER (.*)$", text) == ["publisher"]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    assert "*" in ignored
    for source in re.findall(r"(?m)^COPY (?!--from)(.*) \S+$", text):
        for path in source.split():
            assert (DEPLOY.parent / path).exists(), path
            assert f"!{path.removeprefix('./')}" in ignored, path


def test_the_compose_files_environment_is_made_of_settings(tmp_path: Path) -> None:
    """Each variable is one that the program reads, with a value that it takes."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    environ = compose["services"]["web"]["environment"]
    given = {name: str(value) for name, value in environ.items() if name.startswith("PUBLISHER_")}
    assert len(given) >= 7
    config = DEPLOY.parent / "config" / "publisher.toml"
    found = settings.load(
        config, given | {"PUBLISHER_SECRET_KEY": "0123456789abcdef" * 4}, cwd=tmp_path
    )
    assert found.engine == "procrastinate"
    assert found.transports["default"].options["host"] == "postfix"
    assert found.serving.trusted_proxies == ("172.16.0.0/12",)


def test_nginx_serves_the_app_and_logs_no_token(tmp_path: Path) -> None:
    """The site as shipped, with ports and certificates of the test: TLS, masked log."""
    nginx = require("nginx", "nginx")
    openssl = require("openssl", "openssl")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=journal.example.org", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as upstream, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        text = (DEPLOY / "nginx" / "journal.conf").read_text()
        for old, new in {
            "listen 80;": f"listen unix:{tmp_path}/plain;",
            "    listen [::]:80;\n": "",
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "    listen [::]:443 ssl;\n": "",
            "/etc/ssl/journal.pem": str(tmp_path / "pem"),
            "/etc/ssl/journal.key": str(tmp_path / "key"),
            "/var/log/nginx/journal.log": str(tmp_path / "log"),
            "127.0.0.1:8000": f"127.0.0.1:{upstream.getsockname()[1]}",
        }.items():
            assert old in text
            text = text.replace(old, new)
        user = "user root;" if os.geteuid() == 0 else ""
        (tmp_path / "conf").write_text(
            f"{user} daemon off; pid {tmp_path}/pid; error_log {tmp_path}/errors; events {{}}\n"
            f"http {{ client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;\n{text}\n}}"
        )
        subprocess.run([nginx, "-t", "-c", str(tmp_path / "conf")], check=True, capture_output=True)
        process = subprocess.Popen([nginx, "-c", str(tmp_path / "conf")])
        try:
            curl = ["--silent", "--insecure", "--retry", "20", "--retry-connrefused"]
            asking = subprocess.Popen(
                [require("curl", "curl"), *curl, f"https://127.0.0.1:{port}/u/SECRET.TOKEN"],
                stdout=subprocess.PIPE,
            )
            upstream.settimeout(30)
            line, _ = upstream.accept()
            asked = line.recv(65536).decode()
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            line.close()
            assert asking.communicate(timeout=30)[0] == b"ok"
        finally:
            process.terminate()
            process.wait()
    assert "X-Forwarded-Proto: https" in asked
    assert "X-Forwarded-For: 127.0.0.1" in asked
    logged = (tmp_path / "log").read_text()
    assert "/u/..." in logged
    assert "SECRET" not in logged


def test_postgresql_starts_with_what_is_recommended() -> None:
    """Every setting is one, and has the value that the file gives it."""
    wanted = dict(re.findall(r"(?m)^(\w+) = (\S+)$", (DEPLOY / "postgresql.conf").read_text()))
    options = " ".join(f"-c {name}={value}" for name, value in wanted.items())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(port, options + " ") as server, server.connected() as connection:
        for name, value in wanted.items():
            assert connection.execute(f"SHOW {name}".encode()).fetchone() == (value,)
