"""Sending over a line with a round trip of 50 ms, beside others, into a real Postfix.

Postfix runs twice: as it comes, offering CHUNKING, and with that offer taken away, so that
PIPELINING alone is left. All senders go through `benchmarks/delay.py`, in turns, with ten
connections. Ours journals every delivery, the others store nothing. Prints a Markdown table.

`make bench-tools` installs what is compared with.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the sample values live with the tests

from benchmarks import dispatch, peers
from tests.journeys import postfix

HERE = Path(__file__).parent
DELAY = 25
"""Milliseconds in each direction."""


@contextmanager
def server(*, chunking: bool) -> Iterator[int]:
    """A Postfix that takes everything into its queue and discards it from there; its port."""
    folder = Path(tempfile.mkdtemp(prefix="pf", dir="/tmp"))
    folder.chmod(0o755)
    program = peers.program("postfix")
    configure = [peers.program("postconf"), "-c", str(folder / "etc")]
    try:
        with postfix.running(program, folder) as found:
            settings = ["virtual_transport=discard:"]
            settings += [] if chunking else ["smtpd_discard_ehlo_keywords=chunking"]
            subprocess.run([*configure, "-e", *settings], check=True)
            discard = "discard/unix=discard unix - - n - - discard"
            subprocess.run([*configure, "-M", discard], check=True)
            subprocess.run([program, "-c", str(folder / "etc"), "reload"], check=True)
            offers = greeted(found.port)
            assert ("CHUNKING" in offers) is chunking, offers
            assert "PIPELINING" in offers, offers
            yield found.port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def greeted(port: int) -> str:
    """What the server offers."""
    for _ in range(100):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
                line.recv(1000)
                line.sendall(b"EHLO benchmark.example.org\r\n")
                return line.recv(1000).decode()
        except OSError:
            time.sleep(0.05)
    sys.exit("Postfix does not answer")


@contextmanager
def far(port: int) -> Iterator[int]:
    """A port that leads to `port`, with the delay in between."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        near: int = free.getsockname()[1]
    command = [sys.executable, str(HERE / "delay.py"), "--port", str(near), "--to", str(port)]
    process = subprocess.Popen([*command, "--milliseconds", str(DELAY)])
    try:
        greeted(near)
        yield near
    finally:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--connections", type=int, default=10)
    given = parser.parse_args()
    for library in peers.LIBRARIES:
        peers.check(library)
    options = dispatch.Options(given.count, given.runs, given.connections)
    print("| server | sender | messages/s | of nodemailer | runs |\n|---|---|---:|---:|---|")
    for chunking in (True, False):
        rates: dict[str, list[float]] = {}
        with (
            server(chunking=chunking) as port,
            far(port) as near,
            tempfile.TemporaryDirectory() as folder,
        ):
            for _ in range(options.runs):
                for synchronous in ("FULL", "NORMAL"):
                    rate, _ = dispatch.ours(options, synchronous, near, Path(folder))
                    rates.setdefault(f"publisher, synchronous={synchronous}", []).append(rate)
                for library in peers.LIBRARIES:
                    rate = peers.rate(
                        library, near, options.count, options.connections, dispatch.SIZE
                    )
                    rates.setdefault(library, []).append(rate)
                rate = dispatch.smtp_source(options, dispatch.SIZE, near)
                rates.setdefault("Postfix smtp-source -d", []).append(rate)
        yardstick = statistics.median(rates["nodemailer"])
        for name, found in rates.items():
            median, offer = statistics.median(found), "CHUNKING" if chunking else "PIPELINING only"
            runs = ", ".join(f"{rate:,.0f}" for rate in found)
            print(f"| {offer} | {name} | {median:,.0f} | {median / yardstick:.2f}× | {runs} |")


if __name__ == "__main__":
    main()
