"""Feed polls a second, beside nginx serving the same files on the same machine.

    python -m benchmarks.serve [--count 1000 --count 10000] [--rounds 3] [--seconds 4]

One process of `publisher web` against one worker of nginx, which is configured by
`publisher build --headers nginx`; wrk asks both in turn over 32 kept connections. The polls
are what readers send: a feed they have (304), the whole feed, and the whole feed compressed,
which we hold compressed and nginx compresses each time. Each figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks import peers
from benchmarks.build import our_journal
from publisher import settings as settings_file
from publisher.formats import hosting
from publisher.site import Tree
from tests.web import nginx

CONNECTIONS = 32
POLLS = ("304", "whole feed", "whole feed, gzip")
START_SECONDS = 30


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until it answers."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url)
            return
        time.sleep(0.05)
    raise SystemExit(f"{url} does not answer")


@contextlib.contextmanager
def serving(command: list[str], url: str, **environ: str) -> Iterator[None]:
    """A server while the block lasts."""
    with subprocess.Popen(
        command,
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait(url, process)
            yield
        finally:
            process.terminate()


def headers(poll: str, url: str) -> list[str]:
    """What a poll of this kind sends."""
    if poll == "304":
        return [f"If-None-Match: {httpx.get(url, headers={'Accept-Encoding': ''}).headers['etag']}"]
    return ["Accept-Encoding: gzip"] if poll.endswith("gzip") else []


def rate(url: str, fields: list[str], seconds: int) -> float:
    """Answers a second that wrk counts. Any error ends the benchmark."""
    given = [part for field in fields for part in ("-H", field)]
    said = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "60s", *given, url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None or "Socket errors" in said or "Non-2xx" in said:
        raise SystemExit(said)
    return float(found[1])


def journal(folder: Path, count: int) -> tuple[list[str], Path]:
    """A built journal of so many articles with nginx's configuration; how to serve it."""
    build = our_journal(folder, count)
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    loaded = settings_file.load(folder / "config/publisher.toml", {}, cwd=folder)
    public = loaded.public_dir
    files = {
        path.relative_to(public).as_posix(): path.read_bytes()
        for path in public.rglob("*")
        if path.is_file()
    }
    made = hosting.render("nginx", loaded.journal, files, loaded.serving.cache_control)
    tree = Tree(
        public, url=loaded.journal.url, command=None, check_timeout=loaded.publishing.check_timeout
    )
    tree.write(dict(sorted({**files, **made}.items())))
    return [*build[:-1], "--quiet", "web"], public


def measure(folder: Path, count: int, rounds: int, seconds: int) -> None:
    """Print a row for each poll."""
    ours, public = journal(folder, count)
    here, there = free_port(), free_port()
    urls = {
        "publisher": f"http://127.0.0.1:{here}/feed.xml",
        "nginx": f"http://127.0.0.1:{there}/feed.xml",
    }
    size = (public / "feed.xml").stat().st_size // 1024
    theirs = nginx.command(
        peers.program("nginx"),
        folder / "nginx",
        public,
        f"127.0.0.1:{there}",
    )
    with (
        serving(ours, urls["publisher"], PUBLISHER_SERVING__PORT=str(here)),
        serving(theirs, urls["nginx"]),
    ):
        for poll in POLLS:
            rates: dict[str, list[float]] = {name: [] for name in urls}
            for _ in range(rounds):
                for name, url in urls.items():
                    rates[name].append(rate(url, headers(poll, url), seconds))
            mine, other = (statistics.median(rates[name]) for name in urls)
            what = f"{poll} ({size} KiB)"
            print(
                f"| {count:,} | {what} | {mine:,.0f} | {other:,.0f} | {mine / other:.2f} |",
                flush=True,
            )


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    for name in ("wrk", "nginx"):
        peers.program(name)
    print("\n## Feed polls a second, one process beside one nginx worker\n")
    print("| articles | poll | publisher | nginx | × nginx |\n|---|---|---|---|---|")
    for count in options.count or [1000]:
        with tempfile.TemporaryDirectory() as scratch:
            measure(Path(scratch) / "journal", count, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
