"""The threat model names tests; each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT)))


@pytest.mark.parametrize(("path", "test"), NAMED, ids=str)
def test_every_named_test_exists(path: str, test: str) -> None:
    """By file and name."""
    source = (ROOT / path).read_text()
    assert not test or re.search(rf"^(?:async )?def {test}\(", source, re.MULTILINE)


def test_every_threat_names_a_test() -> None:
    """No row of the tables is without one."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and "shown by" not in line]
    assert len(rows) > 30
    assert [row for row in rows if "`tests/" not in row] == []
