"""What benchmarks compare us with: where it is, and how to get it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

MEND = "`make bench-tools` installs what benchmarks compare with"
NODEMAILER = Path(__file__).parents[1] / "build/bench"
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
