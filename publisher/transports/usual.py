"""A message on its usual course behind DATA: what nearly every one needs, and no more.

The envelope in one write, three answers that take it, the message, one answer that takes that.
Where anything else is heard, an `Exchange` goes on from there: it knows what every answer comes
to, which costs several times as much as all this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from publisher.transports.exchange import Exchange, Pace

ENVELOPE_TAKEN = re.compile(rb"(?:25[0-2] [^\r\n]{0,500}\r?\n){2}354 [^\r\n]{0,500}\r?\n")
MESSAGE_TAKEN = re.compile(rb"250 ([^\r\n]{0,500})\r?\n")


@dataclass(slots=True)
class Usual:
    """One message. `mail` and `rcpt` are command lines, `message` is to follow them: a plain one.

    Once the envelope was taken, `message` is empty: then it is the server's.
    """

    mail: bytes
    rcpt: bytes
    message: bytes

    def envelope(self) -> bytes:
        """What is said first."""
        return b"".join((self.mail, self.rcpt, b"DATA\r\n"))

    def content(self) -> bytes:
        """What is said then; from now on only the last answer is awaited."""
        content = self.message + b".\r\n"
        self.message = b""
        return content

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
