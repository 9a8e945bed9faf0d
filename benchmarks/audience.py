"""Issues for large audiences: how long planning and sending take, and what memory they hold.

    python -m benchmarks.audience [--readers 10000 --readers 1000000]

The sample journal with that many confirmed readers, half of whom chose topics. Each step is the
command that staff would use, in a process of its own: `issue plan` and `send`
over SMTP into Postfix's smtp-sink; `send` also builds the site first. Messages a second are
those between the first and the last answer. Peak memory is the process's own greatest (`ru_maxrss`).
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.dispatch import processor, sink

ROOT = Path(__file__).resolve().parents[1]
STORE = "var/store.sqlite3"
NOW = "2026-11-24T12:00+00:00"
"""Some hours after a weekly slot of the sample journal."""
JOINED = 1_700_000_000_000_000
PEOPLE = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :readers)
INSERT INTO subscriber (id, address, key, name, created_at)
SELECT i, printf('reader-%d@example.org', i), printf('reader-%d@example.org', i), '', :joined
FROM n
"""
SUBSCRIPTIONS = """
INSERT INTO subscription (subscriber_id, newsletter, state, token_id, topics, created_at,
                          confirmed_at)
SELECT id, 'weekly', 'confirmed', printf('%016x', id),
       CASE WHEN id % 2 THEN NULL ELSE :topics END, :joined, :joined
FROM subscriber
"""


def journal(folder: Path, port: int, readers: int) -> list[str]:
    """The sample journal with its readers; the command that all steps begin with."""
    for name in ("config", "content", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    config = folder / "config" / "publisher.toml"
    text = config.read_text()
    head = text[: text.index("[transports")]
    config.write_text(
        f'{head}\n[transports.default]\nkind = "smtp"\nhost = "127.0.0.1"\nport = {port}\n'
        'security = "none"\nconnections = 10\nmessages_per_connection = 1000000\n'
    )
    publisher = [str(Path(sys.executable).with_name("publisher")), "--config", str(config)]
    publisher += ["--now", NOW, "--json"]
    (folder / "var").mkdir()
    (folder / "var" / "secret.key").write_text(secrets.token_hex(32))
    (folder / "var" / "secret.key").chmod(0o600)
    run([*publisher, "build"])
    run([*publisher, "status"])
    store = folder / STORE
    with closing(sqlite3.connect(store)) as base, base:
        base.execute(PEOPLE, {"readers": readers, "joined": JOINED})
        base.execute(SUBSCRIPTIONS, {"joined": JOINED, "topics": '["cancer", "heart"]'})
        base.execute("UPDATE meta SET value = :at WHERE key = 'started_at'", {"at": str(JOINED)})
    return publisher


def run(command: list[str]) -> tuple[float, float]:
    """Seconds that it took, and the MiB that it held at most."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.stdout.read().decode() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{said[-2000:]}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def measure(readers: int, folder: Path) -> None:
    """One row for each step."""
    with sink() as port:
        publisher = journal(folder, port, readers)
        idle = run([*publisher, "status"])
        steps = (
            ("issue plan", ["issue", "plan", "weekly"]),
            ("send", ["send", "weekly/1", "--yes"]),
        )
        for name, arguments in steps:
            took, peak = run([*publisher, *arguments])
            rate = f"{speed(folder / STORE):,.0f}" if name == "send" else ""
            print(f"| {readers:,} | {name} | {took:.1f} | {rate} | {peak:.0f} |", flush=True)
    print(f"| {readers:,} | status, before | {idle[0]:.1f} | | {idle[1]:.0f} |")
    with closing(sqlite3.connect(folder / STORE)) as base:
        found = dict(base.execute("SELECT state, count(*) FROM delivery GROUP BY state"))
    assert found == {"accepted": readers}, found


def speed(store: Path) -> float:
    """Messages a second between the first and the last that was settled."""
    with closing(sqlite3.connect(store)) as base:
        number, first, last = base.execute(
            "SELECT count(*), min(settled_at), max(settled_at) FROM delivery"
        ).fetchone()
    return float(number / ((last - first) / 1_000_000))


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", type=int, action="append")
    options = parser.parse_args()
    print("\n## Large audiences\n")
    print("| readers | step | s | messages/s | peak memory, MiB |\n|---:|---|---:|---:|---:|")
    for readers in options.readers or [10_000, 100_000]:
        with tempfile.TemporaryDirectory() as scratch:
            measure(readers, Path(scratch))
    print(f"\n{processor()}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
