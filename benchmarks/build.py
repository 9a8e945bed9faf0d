"""Builds of synthetic journals beside Hugo, in the same run: cold, and with one article changed.

    python -m benchmarks.build [--count 1000 --count 10000] [--rounds 3]

Hugo has two themes (`benchmarks/hugo/`). The one of the *same* makes what we make: each page with
its metadata, JSON-LD and sources, every feed in three formats with full texts, and its archive in
pages of 25; it is written for speed (`partialCached` wherever a partial repeats itself). The
*minimal* one makes shorter pages and RSS feeds of the newest 50 with summaries, and nothing more.
What neither makes: checks, links back from a source, pages of sources, of issues and about feeds.

Hugo keeps nothing between builds, so a changed article costs it a cold build. All take turns, so
that a busy moment hits each alike; medians are printed, of times and of each round's ratios.

Peak memory is what the process and all its children held at once, shared pages counted once
(the sum of `Pss` in /proc/*/smaps_rollup, asked every 20 ms). To ask holds up whoever is asked, so
it has a round of its own, whose times do not count. Processors in use are CPU seconds by wall
seconds.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import corpus, peers

ROOT = Path(__file__).resolve().parents[1]

THEMES = Path(__file__).with_name("hugo")
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
MINIMAL, SAME = "Hugo, minimal", "Hugo, the same"


def hugo_site(folder: Path, count: int, theme: str) -> list[str]:
    """A Hugo site of the same articles with one of our themes for it; its build command."""
    shutil.copytree(THEMES / theme, folder)
    corpus.write(folder / "content" / "posts", count, for_hugo=True)
    return ["hugo", "--quiet", "--source", str(folder), "--destination", str(folder / "public")]


def our_journal(folder: Path, count: int) -> list[str]:
    """A journal of the same articles; its build command."""
    publisher = str(Path(sys.executable).with_name("publisher"))
    subprocess.run([publisher, "init", str(folder)], check=True, capture_output=True)
    shutil.rmtree(folder / "content")
    corpus.write(folder / "content", count)
    shutil.copy(ROOT / "config" / "publisher.toml", folder / "config" / "publisher.toml")
    return [publisher, "--config", str(folder / "config" / "publisher.toml"), "build"]


@dataclass(frozen=True)
class Run:
    """One run: wall and CPU seconds; peak memory in MiB where it was watched, and then no more."""

    wall: float
    cpu: float
    peak: float


def run(command: list[str], *, watched: bool) -> Run:
    """Run it to its end."""
    # Whoever forbids Python to keep compiled modules pays for them at each start.
    kept = {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}
    start = time.perf_counter()
    process = subprocess.Popen(command, env=kept, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    while watched and not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        peak = max(peak, held(process.pid))
        time.sleep(0.02)
    _, status, usage = os.wait4(process.pid, 0)
    taken = time.perf_counter() - start
    if status:
        errors = process.stderr.read().decode() if process.stderr else ""
        raise SystemExit(f"{command[0]} failed: {errors[-2000:]}")
    return Run(taken, usage.ru_utime + usage.ru_stime, peak / 1024)


def held(pid: int) -> int:
    """KiB that a process and its children hold, shared pages counted once."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has just ended
        return 0
    own = next((int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:"), 0)
    return own + sum(held(int(child)) for child in children)


def clear(folder: Path, aside: Path) -> None:
    """Forget every earlier build, but delete nothing.

    ext4 gives no inode away again for minutes after its file was deleted, and whoever makes files
    then looks at each of these first: up to a fifth of a build, and no reader's cold build.
    """
    for leftover in (folder / "public", folder / ".public", folder / "var" / "cache"):
        if leftover.is_symlink():
            leftover.unlink()
        elif leftover.exists():
            aside.mkdir(exist_ok=True)
            leftover.rename(aside / str(len(list(aside.iterdir()))))


def change(folder: Path, number: int, turn: int) -> None:
    """Edit one article's text."""
    file = next(folder.rglob(f"article-{number}.md"))
    file.write_text(f"{file.read_text()}\nChanged for the {turn}th time.\n")


def measure(count: int, rounds: int, folder: Path) -> dict[tuple[str, str], list[Run]]:
    """All runs by (who, what); the first of each was watched."""
    commands = {"publisher": our_journal(folder / "publisher", count)}
    if shutil.which("hugo"):
        commands[SAME] = hugo_site(folder / SAME, count, "same")
        commands[MINIMAL] = hugo_site(folder / MINIMAL, count, "minimal")
    else:
        print(f"Hugo is missing: {peers.MEND}", file=sys.stderr)
    runs: dict[tuple[str, str], list[Run]] = {}
    for turn in range(rounds + 1):

        def took(name: str, what: str, watched: bool = turn == 0) -> None:
            made = run(commands[name], watched=watched)
            runs.setdefault((name, what), []).append(made)

        for name in commands:
            clear(folder / name, folder / "aside")
            took(name, "cold")
        # The first build on a cold one gives every file a second name; those after it need not.
        for what in ("one changed, the first time", "one changed"):
            change(folder / "publisher", count // 2, turn)
            took("publisher", what)
        took("publisher", "none changed")
    return runs


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"\n## Building, median of {options.rounds} rounds\n")
    print(
        "| articles | | build | wall, s | × Hugo, the same | × Hugo, minimal | processors "
        "| peak memory, MiB |"
    )
    print("|---:|---|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as scratch:
        table(options.count or [1000], options.rounds, Path(scratch))
    print(f"\n{machine()}")


def table(counts: list[int], rounds: int, scratch: Path) -> None:
    """Measure, and print a row for each build of each count."""
    for count in counts:
        runs = measure(count, rounds, scratch / str(count))
        for (name, what), found in runs.items():
            wall = median(found)
            busy = statistics.median(each.cpu / each.wall for each in found[1:])
            peak = found[0].peak
            ratios = " | ".join(ratio(found, runs.get((peer, "cold"))) for peer in (SAME, MINIMAL))
            print(
                f"| {count:,} | {name} | {what} | {wall:.2f} | {ratios} | {busy:.1f} | {peak:.0f} |"
            )


def ratio(found: list[Run], peer: list[Run] | None) -> str:
    """The median over the rounds of our time by the peer's in the same round, since a machine is
    now quicker and now slower; nothing where the peer did not run.
    """
    if not peer:
        return ""
    rounds = zip(found[1:], peer[1:], strict=True)
    return f"{statistics.median(ours.wall / theirs.wall for ours, theirs in rounds):.2f}"


def median(runs: list[Run]) -> float:
    """The median of the wall times of those that were not watched."""
    return statistics.median(each.wall for each in runs[1:])


def machine() -> str:
    """What it was measured on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    hugo = subprocess.run(["hugo", "version"], capture_output=True, text=True, check=False).stdout
    return (
        f"{cpu}, {os.cpu_count()} processors, {platform.system()} {platform.release()}; Python "
        f"{platform.python_version()}; {' '.join(hugo.split()[:2])}; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
