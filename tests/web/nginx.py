"""A real nginx over a built tree, on a socket of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

CONFIG = """\
{user}
daemon off;
worker_processes 1;
pid {root}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    sendfile on;
    keepalive_requests 100000000;
    server {{
        listen {listen};
        root {public};
        include {public}/_nginx.conf;
    }}
}}
"""


def command(program: str, root: Path, public: Path, listen: str) -> list[str]:
    """Write the configuration into `root`; the command that starts nginx with it."""
    root.mkdir(parents=True, exist_ok=True)
    # Started by root its workers would be nobody, who cannot read a temporary folder.
    user = "user root;" if os.geteuid() == 0 else ""
    config = root / "nginx.conf"
    config.write_text(CONFIG.format(user=user, root=root, public=public, listen=listen))
    return [program, "-p", str(root), "-c", str(config), "-e", "stderr"]


@contextmanager
def running(program: str, root: Path, public: Path, listen: str) -> Iterator[None]:
    """nginx while the block lasts; it listens when the block begins."""
    with subprocess.Popen(
        command(program, root, public, listen), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "start worker process " in line:
                break
        else:
            raise AssertionError("nginx did not start: " + "".join(said))
        try:
            yield
        finally:
            process.terminate()
            process.stderr.read()


@contextmanager
def client(program: str, root: Path, public: Path) -> Iterator[httpx.Client]:
    """A client of an nginx that serves `public`; redirects are not followed."""
    socket = root / "socket"
    with (
        running(program, root, public, f"unix:{socket}"),
        httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket)),
            base_url="http://journal.example.org",
            headers={"Accept-Encoding": "identity"},
        ) as opened,
    ):
        yield opened
