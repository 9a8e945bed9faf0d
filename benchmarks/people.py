"""Large files of people: how long importing and exporting them takes, and what memory they hold.

    python -m benchmarks.people [--rows 100000 --rows 1000000]

A CSV file of that many people with names, some with topics; nine of ten are at a hundred domains.
Each step is the command that staff would use, in a process of its own: `subscribers import` into
an empty store, the same file again (everybody is there already), a rehearsal with one wrong row at
the end, `segments count`, `subscribers export`. Peak memory is the process's own greatest (`ru_maxrss`).
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.dispatch import processor

NOW = "2026-11-24T12:00+00:00"
SEGMENT = '\n[segments.heart]\ntopics = ["heart"]\njoined_since = "30d"\n'
PUBLISHER = str(Path(sys.executable).with_name("publisher"))


def write(path: Path, rows: int, *, wrong: bool = False) -> None:
    """The same people for the same number."""
    chance = random.Random(rows)
    with path.open("w", encoding="utf-8") as file:
        file.write("email,name,topics,language\n")
        for number in range(rows):
            domain = chance.randrange(100) if number % 10 else chance.randrange(rows)
            topics = "heart" if number % 10 == 0 else ""
            file.write(f"reader.{number}@d{domain}.example.org,Reader {number},{topics},\n")
        if wrong:
            file.write("nobody,,,\n")


def run(folder: Path, arguments: list[str], code: int = 0) -> tuple[float, float, float]:
    """Seconds by the wall, seconds of the processor, and the MiB that it held at most."""
    began = time.perf_counter()
    command = [PUBLISHER, "--now", NOW, "--json", *arguments]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = process.stdout.read().decode() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != code:
        raise SystemExit(f"{' '.join(command)} failed:\n{said[-2000:]}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(rows: int, folder: Path) -> None:
    """One row of the table for each step."""
    run(folder, ["init", "j"])
    journal = folder / "j"
    settings = journal / "config" / "publisher.toml"
    settings.write_text(settings.read_text() + SEGMENT)
    write(journal / "people.csv", rows)
    write(journal / "wrong.csv", rows, wrong=True)
    size = (journal / "people.csv").stat().st_size / 2**20
    take = ["subscribers", "import", "people.csv", "--consent", "Signed at the desk"]
    refuse = ["subscribers", "import", "wrong.csv", "--consent", "Signed at the desk"]
    steps = (
        (f"import of {size:,.0f} MiB", take, 0),
        ("the same again", take, 0),
        ("one wrong row at the end", refuse, 1),
        ("segments count", ["segments", "count", "heart"], 0),
        ("export", ["subscribers", "export", "--output", "out.csv"], 0),
    )
    for name, arguments, code in steps:
        wall, cpu, peak = run(journal, arguments, code)
        print(f"| {rows:,} | {name} | {wall:.1f} | {cpu:.1f} | {peak:.0f} |", flush=True)
    store = sqlite3.connect(journal / "var" / "store.sqlite3")
    found = store.execute("SELECT count(*) FROM subscription WHERE state = 'confirmed'").fetchone()
    store.close()
    assert found == (rows,), found


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, action="append")
    options = parser.parse_args()
    print("\n## People\n")
    print("| rows | step | wall, s | processor, s | peak memory, MiB |\n|---:|---|---:|---:|---:|")
    for rows in options.rows or [10_000, 100_000]:
        with tempfile.TemporaryDirectory() as scratch:
            measure(rows, Path(scratch))
    load = os.getloadavg()[0]
    print(
        f"\n{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, load {load:.1f}"
    )


if __name__ == "__main__":
    main()
