"""Messages a second of Python's usual SMTP clients: smtplib in threads, aiosmtplib in tasks.

    python benchmarks/clients.py smtplib|aiosmtplib PORT COUNT CONNECTIONS SIZE

Each connection takes one ready message after the other; nothing is composed, signed or stored.
Prints JSON, as `nodemailer.cjs` does.
"""

from __future__ import annotations

import asyncio
import json
import smtplib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

WIDTH = 76
"""Bytes of a line, its end left out, as ours have."""


def message(size: int) -> bytes:
    """About `size` bytes, ready to leave."""
    head = (
        b"From: journal@example.org\r\nSubject: The digest of the week\r\n"
        b"List-Unsubscribe: <https://journal.example.org/u/token>\r\n\r\n"
    )
    return head + (b"w" * WIDTH + b"\r\n") * ((size - len(head)) // (WIDTH + 2))


def with_smtplib(port: int, number: int, connections: int, content: bytes) -> None:
    """One thread for each connection."""
    turn = count()

    def run() -> None:
        with smtplib.SMTP("127.0.0.1", port) as client:
            while (each := next(turn)) < number:
                client.sendmail("journal@example.org", f"reader{each}@example.org", content)

    with ThreadPoolExecutor(connections) as threads:
        for done in [threads.submit(run) for _ in range(connections)]:
            done.result()  # one that failed must not count as fast


async def with_aiosmtplib(port: int, number: int, connections: int, content: bytes) -> None:
    """One task for each connection."""
    import aiosmtplib

    turn = count()

    async def run() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            while (each := next(turn)) < number:
                await client.sendmail("journal@example.org", f"reader{each}@example.org", content)

    await asyncio.gather(*(run() for _ in range(connections)))


def measure(name: str, port: int, number: int, connections: int, size: int) -> float:
    """Messages a second, opening the sessions included."""
    content = message(size)
    began = time.perf_counter()
    if name == "smtplib":
        with_smtplib(port, number, connections, content)
    else:
        asyncio.run(with_aiosmtplib(port, number, connections, content))
    return number / (time.perf_counter() - began)


if __name__ == "__main__":
    print(json.dumps({"rate": measure(sys.argv[1], *map(int, sys.argv[2:]))}))
