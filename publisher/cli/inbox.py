"""The mail server of the demo: what arrives becomes a file, and a page to look at it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import escape
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

SHOWN_HEADERS = (
    "From", "To", "Subject", "Date", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
    "Message-ID",
)  # fmt: skip

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem }}
dl, pre, h1 {{ overflow-wrap: anywhere }}
dl {{ display: grid; grid-template-columns: fit-content(40%) minmax(0, 1fr); gap: 0 1rem }}
dt {{ font-weight: 600 }} dd {{ margin: 0 }}
iframe {{ width: 100%; height: 80vh; border: 1px solid #999 }}
pre {{ white-space: pre-wrap }}
</style></head><body>
<h1>{title}</h1>
<dl>{headers}</dl>
<h2>As HTML</h2>
<iframe sandbox title="The mail as HTML" srcdoc="{html}"></iframe>
<h2>As text</h2>
<pre>{text}</pre>
</body></html>
"""


class Inbox:
    """An aiosmtpd handler that keeps each message as `NUMBER-NAME.eml` and `.html`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self.files: list[Path] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's signature
        session: Session,  # noqa: ARG002 - the same
        envelope: Envelope,
    ) -> str:
        """Save one message; the reply that the sender gets."""
        content = envelope.original_content or b""
        with self._lock:
            name = "".join(c if c.isalnum() else "-" for c in envelope.rcpt_tos[0].split("@")[0])
            path = self._folder / f"{len(self.files) + 1}-{name[:40]}.eml"
            path.write_bytes(content)
            path.with_suffix(".html").write_text(view(content), "utf-8")
            self.files.append(path)
        return "250 Kept"


def view(content: bytes) -> str:
    """A page that shows a message's headers, its HTML in a closed frame, and its text."""
    message = message_from_bytes(content, policy=default)
    shown = "".join(
        f"<dt>{name}</dt><dd>{escape(str(message[name]))}</dd>"
        for name in SHOWN_HEADERS
        if message[name] is not None
    )
    return _PAGE.format(
        title=escape(str(message["Subject"] or "A mail")),
        headers=shown,
        html=escape(_part(message, "html"), quote=True),
        text=escape(_part(message, "plain")),
    )


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return part.get_content() if part is not None else ""


@contextmanager
def receiving(folder: Path) -> Iterator[tuple[Inbox, int]]:
    """A mail server on this machine alone, for as long as the block runs; its port."""
    folder.mkdir(parents=True, exist_ok=True)
    inbox = Inbox(folder)
    # aiosmtpd connects to the port it was told, so it must be told a real one.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield inbox, port
    finally:
        controller.stop()
