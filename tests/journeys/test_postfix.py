"""The whole journey, from Markdown to a mailbox, through a real Postfix."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from tests.journeys.postfix import Postfix, running

ROOT = Path(__file__).resolve().parents[2]
NOW = "2026-11-24T09:00+00:00"
READERS = ("ada", "brook", "chen")


@pytest.fixture
def postfix(postfix_program: str) -> Iterator[Postfix]:
    """A Postfix of our own; its folder is short and readable, as its daemons drop root."""
    root = Path(tempfile.mkdtemp(prefix="postfix-", dir="/tmp"))
    root.chmod(0o755)
    try:
        with running(postfix_program, root) as found:
            yield found
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_from_markdown_to_the_mailbox(postfix: Postfix, tmp_path: Path) -> None:
    """Staff import readers, plan and send; each mailbox holds one whole digest."""
    shutil.copytree(ROOT / "content", tmp_path / "content")
    shutil.copytree(ROOT / "config", tmp_path / "config")
    text = (tmp_path / "config" / "publisher.toml").read_text()
    relay = f'kind = "smtp"\nhost = "127.0.0.1"\nport = {postfix.port}\nsecurity = "none"'
    text = text.replace('kind = "folder"\npath = "var/outbox"', relay)
    (tmp_path / "config" / "publisher.toml").write_text(text)
    (tmp_path / "readers.csv").write_text(
        "email,name\n" + "".join(f"{name}@example.org,{name.title()}\n" for name in READERS)
    )
    environ = os.environ | {"PUBLISHER_SECRET_KEY": "0123456789abcdef" * 4}

    def publisher(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "publisher", "--now", NOW, *arguments],
            cwd=tmp_path, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    publisher("subscribers", "import", "readers.csv", "--newsletter", "weekly", "--consent", "Form")
    publisher("issue", "plan", "weekly", "--slot", "2026-11-24T09:00")
    assert "3 accepted" in publisher("send", "weekly/1", "--yes")

    messages = [message_from_bytes(raw, policy=default) for raw in postfix.wait_for(len(READERS))]
    assert {m["Delivered-To"] for m in messages} == {f"{n}@example.org" for n in READERS}
    assert len({m["Message-ID"] for m in messages}) == len(READERS)
    assert len({m["List-Unsubscribe"] for m in messages}) == len(READERS)
    for message in messages:
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        html, plain = message.get_body(("html",)), message.get_body(("plain",))
        assert html is not None
        assert plain is not None
        token = message["List-Unsubscribe"].strip("<>").rpartition("/")[2]
        for part in (html.get_content(), plain.get_content()):
            assert token in part
            assert "https://doi.org/10.1056/NEJMoa1910607" in part
            assert "8 of 11 people responded" in part.replace("\n", " ").replace("    ", "")
