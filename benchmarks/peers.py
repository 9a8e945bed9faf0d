"""What benchmarks compare us with: where it is, and how to get it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

MEND = "`make bench-tools` installs what benchmarks compare with"
HERE = Path(__file__).parent
NODEMAILER = HERE.parent / "build/bench"
"""The folder that holds its `node_modules`."""
_PLACES = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"


def program(name: str) -> str:
    """The program's file; the benchmark ends where there is none."""
    found = shutil.which(name) or shutil.which(name, path=_PLACES)
    if found is None:
        sys.exit(f"{name} is missing: {MEND}")
    return found


def nodemailer(folder: Path) -> Path:
    """`folder`, which has nodemailer in it; the benchmark ends where it has not."""
    program("node")
    if not (folder / "node_modules/nodemailer").is_dir():
        sys.exit(f"there is no nodemailer in {folder}: {MEND}")
    return folder


LIBRARIES = ("nodemailer", "aiosmtplib", "smtplib")
"""What programs send mail with, as their own documentation says to send much of it."""


def check(library: str) -> None:
    """The benchmark ends where this one of LIBRARIES is missing."""
    if library == "nodemailer":
        nodemailer(NODEMAILER)
    elif importlib.util.find_spec(library) is None:
        sys.exit(f"{library} is missing: {MEND}")


def rate(library: str, port: int, count: int, connections: int, size: int) -> float:
    """Messages a second of one of LIBRARIES, nothing signed, in a process of its own."""
    if library == "nodemailer":
        return nodemailer_rate(port, count, connections, size)
    return _rate(
        [sys.executable, str(HERE / "clients.py"), library], port, count, connections, size
    )


def nodemailer_rate(
    port: int,
    count: int,
    connections: int,
    size: int,
    *,
    folder: Path = NODEMAILER,
    key: Path | None = None,
) -> float:
    """Messages a second of nodemailer's pool; signed where there is a `key` (a PEM file)."""
    command = [program("node"), str(HERE / "nodemailer.cjs"), str(folder)]
    return _rate(command, port, count, connections, size, *([str(key)] if key else []))


def _rate(command: list[str], *values: int | str) -> float:
    done = subprocess.run(
        [*command, *map(str, values)], check=True, stdout=subprocess.PIPE, text=True
    )
    found: float = json.loads(done.stdout)["rate"]
    return found
