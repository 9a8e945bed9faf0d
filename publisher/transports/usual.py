"""A message on its usual course behind DATA: what nearly every one needs, and no more.

The envelope in one write, three answers that take it, the message, one answer that takes that.
Behind the message the next one's envelope may leave in the same write (RFC 2920 §3.1); then four
answers come at once, and each message takes one round trip. Where anything else is heard, an
`Exchange` goes on from there: it knows what every answer comes to, which costs several times as
much as all this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from publisher.domain.message import Envelope
from publisher.transports.exchange import Exchange, Pace

_ENVELOPE = rb"(?:25[0-2] [^\r\n]{0,500}\r?\n){2}354 [^\r\n]{0,500}\r?\n"
_MESSAGE = rb"250 ([^\r\n]{0,500})\r?\n"
ENVELOPE_TAKEN = re.compile(_ENVELOPE)
MESSAGE_TAKEN = re.compile(_MESSAGE)
BOTH_TAKEN = re.compile(_MESSAGE + _ENVELOPE)
"""The message, and the envelope behind it."""
TAKEN_SO_FAR = re.compile(rb"(?:25[0-2] [^\r\n]{0,500}\r?\n){0,2}[^\r\n]{0,500}\r?")
"""What may yet become `ENVELOPE_TAKEN`."""


@dataclass(slots=True)
class Usual:
    """One message. `mail` and `rcpt` are command lines, `message` is to follow them: a plain one.

    `behind`: what travels behind it. `taken_at`: when the envelope was, before its
    message's turn came; 0 for not yet.
    Once the content was given to be written, `message` is empty: then it is the server's.
    """

    envelope: Envelope
    mail: bytes
    rcpt: bytes
    message: bytes
    behind: Usual | None = None
    taken_at: float = 0.0

    def opening(self) -> bytes:
        """What is said first."""
        return b"".join((self.mail, self.rcpt, b"DATA\r\n"))

    def content(self) -> tuple[bytes, int]:
        """What is said then, and how many bytes at its end belong to what is `behind`.

        From now on only the last answer is awaited.
        """
        message, self.message = self.message, b""
        if self.behind is None:
            return message + b".\r\n", 0
        opening = self.behind.opening()
        return b"".join((message, b".\r\n", opening)), len(opening)

    def exchange(self) -> Exchange:
        """Where this stands, for whatever may come; what it gave to be written is not repeated."""
        begun = bool(self.message)
        content = self.message + b".\r\n" if begun else b""
        exchange = Exchange(self.mail, self.rcpt, content, Pace.GROUP, chunk=False)
        exchange.to_write()
        if not begun:
            exchange.take_usual()
            exchange.to_write()
        return exchange
