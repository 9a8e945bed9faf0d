"""What long-running commands write."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

from publisher.cli import logs


@contextmanager
def written(form: str, *, quiet: bool) -> Iterator[io.StringIO]:
    """What goes to standard error; the root logger is as it was afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("publisher")
    before, level, own = root.handlers[:], root.level, ours.level
    stream = io.StringIO()
    root.handlers[:] = []  # pytest's own
    try:
        with redirect_stderr(stream):
            logs.begin(form, quiet=quiet)
        yield stream
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        ours.setLevel(own)


def test_a_line_of_json_names_the_issue_and_no_address() -> None:
    with written("json", quiet=False) as stream:
        logging.getLogger("publisher.scheduler").info(
            "%s asked", "Ann.O'Neill+x@clinic.example.org", extra={"issue": 12}
        )
    document = json.loads(stream.getvalue())
    assert document["issue"] == 12
    assert document["level"] == "info"
    assert "@" not in document["message"]


def test_a_librarys_traceback_is_masked_too() -> None:
    with written("text", quiet=True) as stream:
        try:
            int("ann@example.org")
        except ValueError:
            logging.getLogger("uvicorn").exception("failed")
        logging.getLogger("publisher").info("not said when quiet")
    said = stream.getvalue()
    assert "Traceback" in said
    assert "<address>" in said
    assert "ann@example.org" not in said
    assert "not said" not in said
