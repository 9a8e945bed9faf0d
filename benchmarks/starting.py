"""What a call of the program costs before it does anything: processor time of small commands.

    python -m benchmarks.starting [--rounds 10]

The journal is the one that `publisher init` makes, built; in the second one an issue was sent, so
that its archive comes from the store or from the cache. Nothing is left to do. Processor time of
the process and its children, user and system, medians.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

COMMANDS = ("build", "--version", "--help", "issue --help", "status", "issue list", "check")


def called(folder: Path, *arguments: str) -> float:
    """Call the program in `folder`; the seconds of the processor that it took."""
    publisher = str(Path(sys.executable).with_name("publisher"))
    # Whoever forbids Python to keep compiled modules pays for them at each start.
    kept = {name: each for name, each in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = _spent()
    subprocess.run([publisher, *arguments], cwd=folder, env=kept, check=True, capture_output=True)
    return _spent() - before


def _spent() -> float:
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def median(folder: Path, rounds: int, *arguments: str) -> float:
    """Of so many calls, after one that is not counted."""
    called(folder, *arguments)
    return statistics.median(called(folder, *arguments) for _ in range(rounds))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        plain, sent = Path(scratch, "plain"), Path(scratch, "sent")
        called(Path(scratch), "init", str(plain))
        called(plain, "build")
        shutil.copytree(plain, sent, symlinks=True)
        called(sent, "subscribers", "add", "ada@example.org", "--consent", "By phone")
        # The sample journal's digest goes on Tuesdays; its article is as old as this journal.
        today = datetime.now(UTC)
        tuesday = today + timedelta(days=(1 - today.weekday()) % 7 or 7)
        due = f"{tuesday:%Y-%m-%d}T12:00+00:00"
        called(sent, "issue", "plan", "weekly")
        called(sent, "--now", due, "build")
        called(sent, "--now", due, "send", "weekly/1", "--yes")
        print("\n| call | processor, s |\n|---|---:|")
        for each in COMMANDS:
            print(f"| `publisher {each}` | {median(plain, rounds, *each.split()):.2f} |")
        took = median(sent, rounds, "--now", due, "build")
        print(f"| `publisher build` after an issue was sent | {took:.2f} |")


if __name__ == "__main__":
    main()
