"""Builds of synthetic journals beside Hugo, in the same run: cold, and with one article changed.

    python -m benchmarks.build [--count 1000 --count 10000] [--rounds 3]

Both make one page each, category lists and feeds of the newest 50; ours makes each feed in three
formats, and its whole archive. Hugo keeps nothing between builds, so a changed article costs it
a cold build. The two take turns, so that a busy moment hits both alike; medians are printed.

Peak memory is what the process and all its children held at once, shared pages counted once
(the sum of `Pss` in /proc/*/smaps_rollup, asked every 20 ms). Processors in use are CPU seconds
by wall seconds.
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

HUGO_CONFIG = """\
baseURL = "https://journal.example.org/"
languageCode = "en-GB"
title = "Bench"
[frontmatter]
date = ["published"]
[taxonomies]
category = "categories"
[permalinks]
posts = "/articles/:slug/"
[services.rss]
limit = 50
[markup.goldmark.renderer]
unsafe = false
"""

BASE = """\
<!doctype html><html lang="en-GB"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ .Title }} · {{ .Site.Title }}</title>
<meta name="description" content="{{ .Params.summary }}">
<link rel="canonical" href="{{ .Permalink }}">
<link rel="alternate" type="application/rss+xml" href="/index.xml">
</head><body><header><a href="/">{{ .Site.Title }}</a></header>
<main>{{ block "main" . }}{{ end }}</main></body></html>
"""
SINGLE = """\
{{ define "main" }}<article><h1>{{ .Title }}</h1><p>{{ .Params.summary }}</p>
<p><time datetime="{{ .Date.Format "2006-01-02T15:04:05Z07:00" }}">{{ .Date.Format "2 January 2006" }}</time>
{{ .ReadingTime }} min</p>{{ .Content }}<aside><h2>Key takeaway</h2>{{ .Params.key_takeaway }}</aside>
<ol>{{ range .Params.sources }}<li>{{ .title }}. <em>{{ .journal }}</em> {{ .year }}.
<a href="https://doi.org/{{ .doi }}">doi:{{ .doi }}</a></li>{{ end }}</ol></article>{{ end }}
"""
LIST = """\
{{ define "main" }}<h1>{{ .Title }}</h1><ul>{{ range .Pages }}
<li><a href="{{ .RelPermalink }}">{{ .Title }}</a></li>{{ end }}</ul>{{ end }}
"""


def hugo_site(folder: Path, count: int) -> list[str]:
    """A Hugo site of the same articles with a minimal theme; its build command."""
    corpus.write(folder / "content" / "posts", count, for_hugo=True)
    (folder / "config.toml").write_text(HUGO_CONFIG)
    layouts = folder / "layouts" / "_default"
    layouts.mkdir(parents=True)
    (layouts / "baseof.html").write_text(BASE)
    (layouts / "single.html").write_text(SINGLE)
    (layouts / "list.html").write_text(LIST)
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
    """One run: wall and CPU seconds, peak memory in MiB."""

    wall: float
    cpu: float
    peak: float


def run(command: list[str]) -> Run:
    """Run it to its end, and watch its memory meanwhile."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        peak = max(peak, held(process.pid))
        time.sleep(0.02)
    taken = time.perf_counter() - start
    if status:
        errors = process.stderr.read().decode() if process.stderr else ""
        raise SystemExit(f"{command[0]} failed: {errors[-2000:]}")
    return Run(taken, usage.ru_utime + usage.ru_stime, max(peak / 1024, 0))


def held(pid: int) -> int:
    """KiB that a process and its children hold, shared pages counted once."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has just ended
        return 0
    own = next((int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:"), 0)
    return own + sum(held(int(child)) for child in children)


def clear(folder: Path) -> None:
    """Forget every earlier build."""
    for leftover in (folder / "public", folder / ".public", folder / "var" / "cache"):
        if leftover.is_symlink():
            leftover.unlink()
        shutil.rmtree(leftover, ignore_errors=True)


def change(folder: Path, number: int, turn: int) -> None:
    """Edit one article's text."""
    file = next(folder.rglob(f"article-{number}.md"))
    file.write_text(f"{file.read_text()}\nChanged for the {turn}th time.\n")


def measure(count: int, rounds: int, folder: Path) -> dict[tuple[str, str], list[Run]]:
    """All runs by (who, what)."""
    makers = {"hugo": hugo_site, "publisher": our_journal}
    if not shutil.which("hugo"):
        print(f"Hugo is missing: {peers.MEND}", file=sys.stderr)
        del makers["hugo"]
    commands = {name: make(folder / name, count) for name, make in makers.items()}
    runs: dict[tuple[str, str], list[Run]] = {}
    for turn in range(rounds):
        for name, command in commands.items():
            clear(folder / name)
            runs.setdefault((name, "cold"), []).append(run(command))
        # The first build on a cold one gives every file a second name; those after it need not.
        for what in ("one changed, the first time", "one changed"):
            change(folder / "publisher", count // 2, turn)
            runs.setdefault(("publisher", what), []).append(run(commands["publisher"]))
        runs.setdefault(("publisher", "none changed"), []).append(run(commands["publisher"]))
    return runs


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"\n## Building, median of {options.rounds} rounds\n")
    print("| articles | | build | wall, s | × Hugo's cold wall | processors | peak memory, MiB |")
    print("|---:|---|---|---:|---:|---:|---:|")
    for count in options.count or [1000]:
        with tempfile.TemporaryDirectory() as scratch:
            runs = measure(count, options.rounds, Path(scratch))
        cold = runs.get(("hugo", "cold"))
        base = statistics.median(each.wall for each in cold) if cold else None
        for (name, what), found in runs.items():
            wall = statistics.median(each.wall for each in found)
            busy = statistics.median(each.cpu / each.wall for each in found)
            peak = max(each.peak for each in found)
            ratio = f"{wall / base:.2f}" if base else ""
            print(
                f"| {count:,} | {name} | {what} | {wall:.2f} | {ratio} | {busy:.1f} | {peak:.0f} |"
            )
    print(f"\n{machine()}")


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
