"""Real counterparts for tests: a browser, Postfix, newsboat. Missing ones skip with one line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def require(program: str, package: str) -> str:
    """The program's path; skips the test where it is missing, fails it in CI."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/bin:/sbin")
    if found:
        return found
    reason = f"{package} is not installed: run scripts/system-packages.sh"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the whole session; tests open their own contexts."""
    path = require("chromium", "chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def postfix_program() -> str:
    """Postfix's own command; it must be started as root."""
    path = require("postfix", "postfix")
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("Postfix can only be started by root")
        pytest.skip("Postfix can only be started by root")
    return path


@pytest.fixture(scope="session")
def newsboat_program() -> str:
    """The feed reader newsboat."""
    return require("newsboat", "newsboat")
