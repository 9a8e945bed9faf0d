"""Cold builds of synthetic journals beside Hugo, in the same run.

    python -m benchmarks.build [--count 1000 --count 10000] [--rounds 3]

Both make one page each, category lists and feeds of the newest 50. Peak memory is the
largest resident set of the process (`ru_maxrss`).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import corpus

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


def run(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak resident MiB of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    taken = time.perf_counter() - start
    if status:
        errors = process.stderr.read().decode() if process.stderr else ""
        raise SystemExit(f"{command[0]} failed: {errors[-2000:]}")
    return taken, usage.ru_maxrss / 1024


def measure(command: list[str], clean: Path, rounds: int) -> tuple[float, float]:
    """Median wall seconds and largest peak of `rounds` cold runs."""
    walls, peaks = [], []
    for _ in range(rounds):
        for leftover in (clean / "public", clean / ".public", clean / "var" / "cache"):
            if leftover.is_symlink():
                leftover.unlink()
            shutil.rmtree(leftover, ignore_errors=True)
        wall, peak = run(command)
        walls.append(wall)
        peaks.append(peak)
    return statistics.median(walls), max(peaks)


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("\n## Cold build, one page an article and all feeds\n")
    print(
        "| articles | | median wall, s | peak memory, MiB | × Hugo's wall |\n|---|---|---|---|---|"
    )
    for count in options.count or [1000]:
        with tempfile.TemporaryDirectory() as scratch:
            base = None
            sites = [("publisher", our_journal)]
            if shutil.which("hugo"):
                sites.insert(0, ("hugo", hugo_site))
            else:
                print(f"| {count:,} | hugo | not installed | | |")
            for name, make in sites:
                folder = Path(scratch) / name
                wall, peak = measure(make(folder, count), folder, options.rounds)
                base = wall if name == "hugo" else base
                ratio = f"{wall / base:.2f}" if base else ""
                print(f"| {count:,} | {name} | {wall:.2f} | {peak:.0f} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
