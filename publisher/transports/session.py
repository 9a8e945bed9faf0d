"""One SMTP session, step by step: smtplib's handshake with bounded replies and no hidden moves.

`smtplib.SMTP.sendmail` hides which step failed, and whether the last byte had left by then.
That is the one thing a ledger must know, so the steps are taken here one at a time.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from dataclasses import dataclass
from io import BufferedReader

LINE = 2048
"""Longest reply line in bytes; RFC 5321 §4.5.3.1.5 asks for 512, some servers say more."""
LINES = 128
"""Most lines of one reply."""

_REPLY = re.compile(rb"([2-5][0-9]{2})([ -]|\r?\n)")
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class Lost(Exception):  # an inner signal: `smtp.py` turns it into a TransportUnavailable
    """The session ended, or made no sense any more, in the middle of a step."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of silence that each step bears (RFC 5321 §4.5.3.2)."""

    connect: float
    command: float
    final: float


class Session(smtplib.SMTP):
    """A connection to `host`, greeted. `context` set and `implicit`: TLS from the first byte."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        local_hostname: str,
        timeouts: Timeouts,
        context: ssl.SSLContext | None,
        implicit: bool,
    ) -> None:
        self._timeouts = timeouts
        self._context = context if implicit else None
        super().__init__(host, port, local_hostname, timeouts.connect)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """What smtplib connects with (its own SMTP_SSL overrides it in the same way)."""
        line = socket.create_connection((host, port), timeout)
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                line = self._context.wrap_socket(line, server_hostname=host)
            line.settimeout(self._timeouts.command)
        except BaseException:
            line.close()
            raise
        return line

    def getreply(self) -> tuple[int, bytes]:
        """One reply of any number of lines up to a bound.

        Raises SMTPServerDisconnected, with the line dropped, for silence, an end, or a reply
        that is none (RFC 5321 §4.2: three digits, the same on every line).
        """
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the line is closed")
        if self.file is None:
            self.file = self.sock.makefile("rb")
        texts: list[bytes] = []
        code = b""
        while True:
            line = self._read_line(self.file)
            match = _REPLY.match(line)
            if match is None or (code and match[1] != code) or len(texts) == LINES:
                self.close()
                raise smtplib.SMTPServerDisconnected("the server's reply is malformed")
            code = match[1]
            texts.append(line[4:].strip())
            if match[2] != b"-":
                return int(code), b"\n".join(texts)

    def _read_line(self, file: BufferedReader) -> bytes:
        try:
            line = file.readline(LINE + 1)
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(f"no reply: {error}") from error
        if not line.endswith(b"\n"):
            self.close()
            raise smtplib.SMTPServerDisconnected(
                "the server's reply is too long" if len(line) > LINE else "the server hung up"
            )
        return line

    def write(self, line: str) -> None:
        """One command line. Raises Lost."""
        if self.sock is None:
            raise Lost("the line is closed")
        try:
            self.sock.sendall(line.encode() + b"\r\n")
        except OSError as error:
            self.close()
            raise Lost(f"the command could not be written: {error}") from error

    def reply(self) -> tuple[int, str]:
        """The next reply. Raises Lost."""
        try:
            code, text = self.getreply()
        except smtplib.SMTPServerDisconnected as error:
            raise Lost(str(error)) from error
        return code, text.decode("utf-8", "replace")

    def ask(self, line: str) -> tuple[int, str]:
        """A command and its reply. Raises Lost."""
        self.write(line)
        return self.reply()

    def write_body(self, message: bytes) -> None:
        """The message and the final dot in one write. Raises Lost: then the dot has not left.

        `sendall` fails only while bytes are still to be handed over, and the dot is the last.
        """
        assert self.sock is not None  # noqa: S101 - the reply to DATA has just been read
        try:
            self.sock.sendall(stuffed(message))
        except OSError as error:
            self.close()
            raise Lost(f"the line broke within the message: {error}") from error

    def final_reply(self) -> tuple[int, str]:
        """The reply to the final dot. Raises Lost: then nobody knows what became of it."""
        if self.sock is not None:
            self.sock.settimeout(self._timeouts.final)
        try:
            return self.reply()
        finally:
            if self.sock is not None:
                self.sock.settimeout(self._timeouts.command)


def stuffed(message: bytes) -> bytes:
    """The message as it travels: CRLF lines, dots doubled, the final dot (RFC 5321 §4.5.2).

    A bare CR or LF is made a line end, as RFC 5321 §2.3.8 asks: servers that disagree about
    them are how one message is smuggled inside another.
    """
    if message.count(b"\n") != message.count(b"\r\n") or message.count(b"\r") != message.count(
        b"\r\n"
    ):
        message = _BARE.sub(b"\r\n", message)
    message = message.replace(b"\r\n.", b"\r\n..")
    start = b"." if message.startswith(b".") else b""
    end = b".\r\n" if not message or message.endswith(b"\r\n") else b"\r\n.\r\n"
    return start + message + end
