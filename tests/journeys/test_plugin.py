"""The example package, installed as its user would: found by its entry point, held to the contract."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "http-mail"


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The example's own wheel in a folder of its own, beside this environment's packages."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run(
        [*pip, "--no-deps", "--target", str(target), str(EXAMPLE)], check=True, capture_output=True
    )
    assert list(target.glob("publisher_http_mail-*.dist-info"))
    return {**os.environ, "PYTHONPATH": str(target)}


@pytest.mark.xdist_group("wheel")
def test_its_own_tests_pass(environ: dict[str, str], tmp_path: Path) -> None:
    """The contract that ships in `publisher.testing`, and what the author added."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE / "tests")],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.xdist_group("wheel")
def test_a_journal_uses_it_by_its_kind(environ: dict[str, str], tmp_path: Path) -> None:
    """`kind = "http-mail"` in the settings is all; its mistakes are settings' mistakes."""

    def publisher(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "publisher", *arguments],
            env=environ,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )

    assert publisher("init", "x", cwd=tmp_path).returncode == 0
    journal = tmp_path / "x"
    config = journal / "config" / "publisher.toml"
    folder = '[transports.default]\nkind = "folder"\npath = "var/outbox"\n'
    before = config.read_text("utf-8")
    assert folder in before
    before = before.replace(folder, "")
    table = '\n[transports.default]\nkind = "http-mail"\nurl = "{}"\n{}'
    config.write_text(before + table.format("http://127.0.0.1:9", ""), "utf-8")
    found = json.loads(publisher("--json", "doctor", cwd=journal).stdout)
    (asked,) = [each for each in found["results"] if each["area"] == "transport"]
    assert "transport 'default' (http://127.0.0.1:9) cannot be reached" in asked["sentence"]
    config.write_text(before + table.format("nowhere", "conections = 3\n"), "utf-8")
    refused = publisher("doctor", cwd=journal)
    assert refused.returncode == 2
    assert "did you mean 'connections'?" in refused.stderr
    assert re.search(r"publisher\.toml:\d+: transports\.default\.url: ", refused.stderr)
    assert "Traceback" not in refused.stderr
