"""What `constraints.txt` pins installs on the first Python that `pyproject.toml` promises."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]


def test_pins_suit_the_first_python() -> None:
    """Debian 12 has 3.11.2, and pip refuses a whole install for one library that wants more."""
    promised = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    (least,) = SpecifierSet(promised)
    assert least.operator == ">="
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    wanting, seen = {}, 0
    for pin in pins:
        try:
            told = metadata(pin.name)
        except PackageNotFoundError:  # of an extra that is not installed here
            continue
        seen += 1
        asked = told["Requires-Python"]
        if asked and not SpecifierSet(asked).contains(f"{least.version}.0"):
            wanting[pin.name] = asked
    assert seen > 100
    assert not wanting
