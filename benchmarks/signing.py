"""Sending with DKIM signatures (RSA, 2048 bits), beside nodemailer, into one sink on this machine.

    python -m benchmarks.signing [--count 3000] [--runs 3] [--nodemailer FOLDER]

Both sign each message with the same key, with ten connections, in turns. Ours journals every
delivery. Prints a Markdown table. `make bench-tools` installs nodemailer.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks import dispatch, peers
from publisher.formats import dkim

DOMAIN = "journal.example.org"
"""Of the sample journal's sender."""


def new_key(folder: Path) -> Path:
    """A PEM file with a key of 2048 bits."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=dkim.RSA_BITS)
    path = folder / "key.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--nodemailer", type=Path, default=peers.NODEMAILER)
    given = parser.parse_args()
    peers.nodemailer(given.nodemailer)
    options = dispatch.Options(given.count, given.runs, given.connections)
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        key = new_key(folder)
        signer = dkim.Signer(DOMAIN, (dkim.rsa_key(key.read_bytes(), "sample"),))
        signers = dkim.Signers({DOMAIN: signer})
        for _ in range(options.runs):
            for synchronous in ("FULL", "NORMAL"):
                with dispatch.sink() as port:
                    rate, _ = dispatch.ours(options, synchronous, port, folder, signers)
                rates.setdefault(f"publisher, signed, synchronous={synchronous}", []).append(rate)
            with dispatch.sink() as port:
                rate = peers.nodemailer_rate(
                    port,
                    options.count,
                    options.connections,
                    dispatch.SIZE,
                    folder=given.nodemailer,
                    key=key,
                )
            rates.setdefault("nodemailer, signed, nothing stored", []).append(rate)
    yardstick = statistics.median(rates["nodemailer, signed, nothing stored"])
    print("| sender | messages/s | of nodemailer | runs |\n|---|---:|---:|---|")
    for name, found in rates.items():
        median, runs = statistics.median(found), ", ".join(f"{rate:,.0f}" for rate in found)
        print(f"| {name} | {median:,.0f} | {median / yardstick:.2f}× | {runs} |")


if __name__ == "__main__":
    main()
